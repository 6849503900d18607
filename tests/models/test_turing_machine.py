"""The Turing machine that says what joint control may keep: it computes what the text does."""

import json

import pytest
import torch

from ntpt_pyro.experiments.exploration import FOLDER
from ntpt_pyro.experiments.turing_task import joint_task
from ntpt_pyro.inference import JointControl, Training, marginal
from ntpt_pyro.models.turing_machine import turing_machine
from ntpt_pyro.tasks import find_task

HYPERS = json.loads((FOLDER / "turing.hypers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["decrement", "invert", "prepend"])
def test_it_computes_what_the_text_does(name):
    text = find_task(f"{FOLDER / 'turing.terpret'}:{name}")
    task = joint_task(text, HYPERS[name])
    examples = task.draw(5, torch.Generator())
    assert task.check() >= 20 * len(examples)
    texts = text.draw(5, torch.Generator())
    assert set(task.alternatives(None, examples)) == set(text.alternatives(None, texts))


def test_a_decided_machine_is_the_same_with_joint_control():
    model, tapes, found = turing_machine(**HYPERS["decrement"]), torch.tensor([[1, 0, 0, 1, 2]]), []
    results = torch.tensor([[1, 0, 0, 0, 2, 1]])
    for strategy in (marginal(), marginal(steps=JointControl())):
        training = Training(model, (tapes, results), strategy=strategy, kl=0.0)
        for logits in training.guide.logits().values():
            logits.copy_(60.0 * torch.eye(logits.shape[-1])[1])
        found.append(training.learn(tapes, results))
    assert found[0] == pytest.approx(found[1])
