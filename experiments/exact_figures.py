"""What exact posteriors over all programs say, and what they take.

    python -m ntpt_pyro.experiments.exact_figures --part posteriors --data DATA --library LIBRARY
        --out experiments/results/exact/posteriors.json

Parts: `posteriors` (tasks whose networks a library has), `lines` (what is said where programs are too many),
`counts` (programs of the texts in models/terpret that fit their instances, counted twice). What is measured
is written after each figure; the same command goes on where it was interrupted.
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from ntpt_pyro.experiments.exact_counts import count_figures
from ntpt_pyro.experiments.exact_posteriors import line_figures, posterior_figures, summaries
from ntpt_pyro.experiments.recording import Figures, main_of, parts_of, parts_parser, record, record_parts

FIGURES = "exact_figures"
PARTS = ("posteriors", "lines", "counts")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure the parts and write the figures.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    :raises UsageError: where a part is unknown or lacks its library, or the file is another recording.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    seeds, of_task = range(options.seeds), (options.data, options.library)
    made: dict[str, Callable[[], Figures]] = {
        "posteriors": partial(posterior_figures, *of_task, seeds),
        "lines": partial(line_figures, *of_task),
        "counts": count_figures,
    }
    found = record_parts(FIGURES, options, parts_of(options.part, made))
    if "posteriors" in found:
        found = record(FIGURES, options, **found | {"summary": summaries(found["posteriors"])})
    return found


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parts_parser(__doc__, PARTS).parse_args(arguments)


if __name__ == "__main__":
    main_of(__spec__)
