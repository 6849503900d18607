"""In Python: what is made on one device, or before there is a default, is used on another."""

import pyro
import pytest
import torch
from torch import nn

from ntpt_pyro import Library, Task, Tensor, choice, induce, learn, observe, runtime
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Prior, exact_posterior, fit, marginal, relaxed
from ntpt_pyro.models.path_len import compiled
from ntpt_pyro.tasks.examples import drawn_examples
from tests.pretended_device import pretended_device


@pytest.fixture
def elsewhere():
    """A device other than the CPU, which tensors are made on."""
    with pretended_device() as device, device:
        yield device


@runtime([4, 4], 4)
def add(a, b):
    return (a + b) % 4


X = torch.tensor([0, 1, 2, 3, 1, 2])


def shift(x, y):
    by = choice("by", 4)
    with pyro.plate("examples", len(x)):
        observe("y", add(nn.functional.one_hot(x, 4).to(by), by), y)


@pytest.mark.parametrize("compile", ["none", "jit"])
@pytest.mark.parametrize("strategy", [marginal, relaxed])
def test_data_of_the_cpu_are_moved_to_where_choices_are(elsewhere, strategy, compile):
    training = fit(
        shift, (X, (X + 3) % 4), strategy=strategy(), restarts=2, steps=60, compile=compile, kl=0.0
    )
    assert training.guide.probabilities()["by"].argmax(-1).flatten().tolist() == [3, 3]


def test_a_function_made_elsewhere_is_used_here_and_again_there(elsewhere):
    @runtime([3], 3)
    def after(a):
        return (a + 1) % 3

    for device in (elsewhere, "cpu", elsewhere):
        one = torch.eye(3, device=device)
        assert after(one).argmax(-1).tolist() == [1, 2, 0]
        assert after(one).device == torch.device(device)


def test_a_posterior_is_the_same_on_both(elsewhere):
    there = exact_posterior(shift, (X, (X + 3) % 4))
    with torch.device("cpu"):
        here = exact_posterior(shift, (X, (X + 3) % 4))
    assert there.posterior.mode() == here.posterior.mode() == {"by": 3}
    assert there.posterior.log_evidence == pytest.approx(here.posterior.log_evidence)


def test_a_text_in_a_cache_is_of_the_device(elsewhere):
    there = compiled(2, 2)
    with torch.device("cpu"):
        assert compiled(2, 2) is not there
    assert compiled(2, 2) is there


class Last(nn.Module):
    """Reads rows one after the other."""

    def __init__(self):
        super().__init__()
        self.rows, self.out = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, image):
        return self.out(self.rows(image)[0][:, -1])


@learn([Tensor(5, 4)], 3, module=Last)
def reads(image): ...


@pytest.mark.parametrize("copies", [None, 2])
def test_a_recurrent_network_has_the_same_weights_on_both(elsewhere, copies):
    image = torch.rand(7, 5, 4, device="cpu", generator=torch.Generator().manual_seed(0))
    there = Library([reads], seed=1, copies=copies)["reads"](image.to(elsewhere))
    with torch.device("cpu"):
        here = Library([reads], seed=1, copies=copies)["reads"](image)
    assert there.device == elsewhere
    torch.testing.assert_close(there.cpu(), here)


def test_examples_are_drawn_on_the_cpu_and_moved(elsewhere):
    def draw(count, source):
        x = torch.randint(4, (count,), generator=source)
        return x, (x + 1) % 4

    found = drawn_examples("own", draw, 5, torch.Generator().manual_seed(0))
    assert {tensor.device for tensor in found.tensors} == {elsewhere}


def test_a_prior_of_tables_counts_on_both(elsewhere):
    prior = Prior({"by": [0.1, 0.2, 0.3, 0.4]})
    there = exact_posterior(shift, (X, X % 1), prior=prior).posterior
    with torch.device("cpu"):
        here = exact_posterior(shift, (X, X % 1), prior=prior).posterior
    torch.testing.assert_close(there.marginals["by"], here.marginals["by"])


def test_a_text_of_another_device_is_refused_in_a_line(elsewhere):
    with torch.device("cpu"):
        here = compiled(2, 2)
    with pytest.raises(
        UsageError, match=r"text path_len\.terpret: expected torch's default device to be cpu"
    ):
        here(None, None, None)


def test_a_library_is_moved_to_where_a_run_is(elsewhere):
    task = Task(reading, (torch.rand(12, 5, 4, device="cpu"), X.repeat(2) % 3), functions=[reads])
    with torch.device("cpu"):
        library = Library([reads])
    found = induce(task, library=library, restarts=2, steps=3, search=1)
    assert {one.device for one in found.library.parameters()} == {elsewhere}
    assert {one.device.type for one in library.parameters()} == {"cpu"}


def reading(images, results=None, *, library):
    by = choice("by", 3)
    with pyro.plate("examples", len(images)):
        observe("y", of_three(library["reads"](images), by), results)


@runtime([3, 3], 3)
def of_three(a, b):
    return (a + b) % 3


def test_some_restarts_are_taken_by_numbers_of_the_cpu(elsewhere):
    training = fit(shift, (X, X), restarts=3, steps=2)
    kept = training.guide.take(torch.tensor([2, 0], device="cpu")).probabilities()["by"]
    assert torch.equal(kept.cpu(), training.guide.probabilities()["by"].cpu()[[2, 0]])
