"""What each of several processes does in tests of shared runs; in a module, so that they find it."""

import contextlib
import io
import os
import sys

from ntpt_pyro.cli import main, streams
from ntpt_pyro.inference import sharing_restarts
from ntpt_pyro.inference.training.ranks import ranks_now
from ntpt_pyro.runs import induce
from tests.runs.reading import reading_task

SETTINGS = {"restarts": 3, "steps": 30, "search": 10, "rounds": 1, "examples": 60, "look": 5}


def induced(out=None, *, resume=False, end_at=None, **changes):
    """Induce a small task's program; gives what this process found, as numbers and words.

    :param out: the folder of the run.
    :param resume: go on with it.
    :param end_at: the phase and the step after which the second process ends.
    :param changes: of the settings.
    """
    with sharing_restarts():
        ends = [] if end_at is None else [Ending(*end_at)]
        found = induce(reading_task(), out=out, resume=resume, callbacks=ends, **{**SETTINGS, **changes})
        return {
            "program": found.program,
            "right": found.result.restarts_correct,
            "accuracy": found.result.test_accuracy,
            "marginals": {name: probs.tolist() for name, probs in found.posterior.marginals.items()},
            "snapshots": [(one.step, one.best, len(one.log_likelihoods)) for one in found.snapshots],
        }


class Ending:
    """A callback by which the second process ends."""

    def __init__(self, phase, step, now=None):
        self.phase, self.step, self.now = phase, step, now

    def in_phase(self, phase):
        """The same in one of the trainings of a run."""
        return Ending(self.phase, self.step, phase)

    def __call__(self, training):
        """End where it is time."""
        ranks = ranks_now()
        if ranks is not None and not ranks.first and (self.now, training.step) == (self.phase, self.step):
            os._exit(1)


def command(*words):
    """A command as a process of torchrun runs it: its exit code, and what it prints to either stream."""
    streams.PATIENCE = 0.0
    sys.argv = ["ntpt", *words]
    printed, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    return code, printed.getvalue(), told.getvalue()
