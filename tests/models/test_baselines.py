"""The defining properties of the baselines (Gaunt et al. 2017, section 5.1)."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from ntpt_pyro.models.baselines import Independent, Multitask, Progressive
from ntpt_pyro.models.baselines.baseline import side_by_side

TASKS = {"add2x2/top": 0, "apply2x2/top": 3, "add2x2/left": 0}
LAYERS = {"add2x2/top": 1, "apply2x2/top": 3, "add2x2/left": 1}
GRIDS = torch.rand((6, 4, 28, 28), generator=torch.Generator().manual_seed(0))
INTEGERS = torch.tensor([[1, 2, 3]] * 6)
MODELS = [Independent, Progressive, lambda tasks: Multitask(tasks, LAYERS)]


def logits(model, task):
    return model(task, GRIDS, INTEGERS if TASKS[task] else None)


def step(model, task):
    """One step on a task; the names of the parameters that moved."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    cross_entropy(logits(model, task), torch.arange(6)).backward()
    optimiser.step()
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("task", TASKS)
def test_every_baseline_gives_nineteen_results_and_says_what_it_trains(build, task):
    torch.manual_seed(0)
    model = build(TASKS)
    assert logits(model, task).shape == (6, 19)
    moved = step(model, task)
    named = {id(p): name for name, p in model.named_parameters()}
    said = {named[id(p)] for p in [*model.specific(task), *model.shared(task)]}
    assert moved == said


@pytest.mark.parametrize("build", MODELS)
def test_images_share_one_embedding(build):
    """The same image in another cell is embedded the same way: moving it moves its ten numbers."""
    torch.manual_seed(0)
    model = build(TASKS)
    sizes = [tuple(p.shape) for p in model.specific("add2x2/top") + model.shared("add2x2/top")]
    assert (256, 784) in sizes
    assert (10, 256) in sizes
    assert not any(shape[-1] == 4 * 784 for shape in sizes)


def test_independent_columns_share_nothing():
    model = Independent(TASKS)
    columns = [{id(p) for p in model.specific(task)} for task in TASKS]
    assert len(set.union(*columns)) == sum(map(len, columns))
    assert all(not model.shared(task) for task in TASKS)
    before = logits(model, "add2x2/left").detach()
    step(model, "add2x2/top")
    assert torch.equal(logits(model, "add2x2/left"), before)


def test_multitask_embeddings_are_one_object_and_the_first_task_sees_net_0_alone():
    model = Multitask(TASKS, LAYERS)
    net_0 = {id(p) for p in model.net_0.parameters()}
    both = net_0 | {id(p) for p in model.net_1.parameters()}
    assert {id(p) for p in model.shared("add2x2/top")} == net_0
    for later in ("apply2x2/top", "add2x2/left"):
        assert {id(p) for p in model.shared(later)} == both
    before = logits(model, "add2x2/left").detach()
    step(model, "apply2x2/top")
    assert not torch.equal(logits(model, "add2x2/left"), before)  # what forgetting comes from


@pytest.mark.parametrize("task", TASKS)
def test_a_multitask_head_has_the_layers_it_was_given(task):
    model = Multitask(TASKS, LAYERS)
    weights = [p for p in model.specific(task) if p.ndim == 2]
    assert len(weights) == LAYERS[task] + 1
    inputs = (10 if task == "add2x2/top" else 20) * 4 + 10 * TASKS[task]
    assert [tuple(w.shape) for w in weights] == [(128, inputs), *[(128, 128)] * (LAYERS[task] - 1), (19, 128)]


def test_frozen_columns_of_a_progressive_network_do_not_move():
    torch.manual_seed(0)
    model = Progressive(TASKS)
    before = logits(model, "add2x2/top").detach()
    moved = step(model, "apply2x2/top")
    assert moved
    assert all(name.startswith("columns.apply2x2/top.") for name in moved)
    assert torch.equal(logits(model, "add2x2/top"), before)


def test_laterals_of_a_progressive_network_carry_signal():
    """With its own weights at zero a later column sees through the earlier ones alone."""
    torch.manual_seed(0)
    model = Progressive(TASKS)
    assert len(model.columns["add2x2/top"].laterals) == 0
    column = model.columns["add2x2/left"]
    assert len(column.laterals) == len(column.scales) == len(column.layers) - 1
    with torch.no_grad():
        for layer in column.layers:
            layer.weight.zero_()
    before = logits(model, "add2x2/left").detach()
    assert len({tuple(row.tolist()) for row in before}) == 6  # it still tells the grids apart
    with torch.no_grad():
        for parameter in model.specific("add2x2/top"):
            parameter.add_(0.1)
    assert not torch.equal(logits(model, "add2x2/left"), before)


def test_earlier_columns_of_a_progressive_network_see_the_integers_too():
    model = Progressive({"apply2x2/top": 3, "add2x2/top": 0, "apply2x2/left": 3})
    seen = []
    model.columns["apply2x2/top"].register_forward_hook(lambda *call: seen.append(call[2][-1]))
    for integers in (INTEGERS, 9 - INTEGERS):
        model("apply2x2/left", GRIDS, integers)
    model("add2x2/top", GRIDS)
    assert not torch.equal(seen[0], seen[1])
    assert seen[2].shape == (6, 19)


def test_only_the_active_column_of_a_progressive_network_drops_units():
    torch.manual_seed(0)
    model = Progressive(TASKS, image_dropout=(0.2, 0.3)).train()
    seen = []
    model.columns["add2x2/top"].register_forward_hook(lambda *call: seen.append(call[2][-1]))
    for _ in range(2):
        logits(model, "add2x2/left")
        logits(model, "add2x2/top")
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[1], seen[3])


def test_integers_enter_as_one_hot_vectors_after_the_embeddings():
    embedded = torch.arange(8.0).reshape(1, 4, 2)
    features = side_by_side(embedded, torch.tensor([[9, 0]]))
    assert features.shape == (1, 28)
    assert torch.equal(features[0, :8], torch.arange(8.0))
    assert features[0, 8:].nonzero()[:, 0].tolist() == [9, 10]
