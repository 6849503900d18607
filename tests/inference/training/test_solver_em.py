"""Networks taught by programs that a solver proposes."""

from functools import partial

import pyro
import pytest
import torch

from ntpt_pyro import LearnedFunction, Library, Tensor, by_behaviour, choice, observe, runtime, select, stack
from ntpt_pyro.errors import BudgetError, RunError, UsageError
from ntpt_pyro.inference import fit
from ntpt_pyro.inference.solver.proposal_settings import ProposalSettings
from ntpt_pyro.inference.training import solver_em
from ntpt_pyro.inference.training.solver_em import SolverEMOptions, SolverEMSettings, teach_by_solver

CELLS, SYMBOLS = 3, 2

READ = LearnedFunction("read", (Tensor(6),), SYMBOLS, (16,))


@runtime([SYMBOLS, SYMBOLS], 2 * SYMBOLS - 1)
def total(x: int, y: int) -> int:
    return x + y


def adder(images, sums, *, library):
    """Which two of three cells are added? Nothing says what an image shows."""
    left, right = choice("left", CELLS), choice("right", CELLS)
    with pyro.plate("examples", len(images), dim=-1):
        cells = stack([library["read"](images[:, cell]) for cell in range(CELLS)])
        observe("sum", total(select(left, cells), select(right, cells)), sums, noise=0.01)


def examples(count, *, sense=True):
    """Noisy pictures of symbols, and sums of the first and the last of three; or sums of nothing shown."""
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randn(SYMBOLS, 6, generator=generator)
    shown = torch.randint(SYMBOLS, (count, CELLS), generator=generator)
    images = pictures[shown] + 0.2 * torch.randn(count, CELLS, 6, generator=generator)
    if not sense:
        shown = torch.randint(SYMBOLS, (count, CELLS), generator=generator)
    return images, shown[:, 0] + shown[:, 2]


def split(**what):
    images, sums = examples(300, **what)
    return (images[:40], sums[:40]), (images[40:], sums[40:])


def by_sum(posterior):
    """The order of the arguments does not matter."""
    return by_behaviour(posterior, lambda p: tuple(sorted(p.values())), lambda p: 1)


def learned(library=None, data=None, **settings):
    library = library or Library([READ], seed=0)
    held_back, training = data or split()
    settings = {"behaviours": by_sum, "library_lr": 1e-2, "proposed_from": 16, **settings}
    model = partial(adder, library=library)
    return library, teach_by_solver(model, held_back, training, library=library, **settings)


def test_the_program_and_what_images_show_are_learned_together():
    library, iterations = learned()
    last = iterations[-1]
    assert last.examples == 40
    assert sorted(last.behaviours[0].program.values()) == [0, 2]
    assert last.behaviours[0].probability >= 0.99
    candidates = iterations[0].posterior
    behaviours = [tuple(sorted(p.values())) for p, _ in candidates.top(candidates.programs())]
    assert len(behaviours) == len(set(behaviours)) > 1
    assert all(left != right for left, right in behaviours)  # twice one cell is no odd sum
    images, sums = examples(1000)
    with torch.no_grad():
        read = library["read"](images).argmax(-1)
    assert (read[:, 0] + read[:, 2] == sums).float().mean() > 0.9
    assert [one.step for one in iterations] == [50 * n for n in range(1, len(iterations) + 1)]


def test_it_is_never_sure_by_the_fit_of_what_it_learned_from():
    """Networks learn sums of nothing shown by heart; of the pool one is the best, and that is not enough."""
    data = split(sense=False)
    asked = []

    def right(iteration):
        asked.append(iteration)
        return False

    rounds = {"rounds": 2, "iterations": 5, "sure": 0.0}
    _, iterations = learned(data=data, enough=right, **rounds)
    assert {one.round for one in iterations} == {0, 1}
    assert asked
    assert all(one.examples == 40 for one in asked)  # all that are held back
    shares = [one.posterior.programs() for one in iterations if one.round == 0]
    assert shares == [max(1, shares[0] // 2**n) for n in range(5)]  # the less likely half goes


def test_a_further_round_begins_with_fresh_networks_and_other_programs():
    library, iterations = learned(rounds=2, iterations=1, sure=2.0, pool=1)
    first, second = iterations
    assert (first.round, second.round) == (0, 1)
    assert (first.step, second.step) == (50, 100)
    assert first.posterior.programs() == second.posterior.programs() == 1
    assert sorted(first.posterior.mode().values()) != sorted(second.posterior.mode().values())
    before = Library([READ], seed=0).state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in library.state_dict().items())


def test_networks_that_are_trained_stay_as_they_are():
    other = LearnedFunction("other", (Tensor(6),), SYMBOLS, (4,))
    library = Library([READ, other], seed=0)
    library.steps["other"] = 1
    before = {name: value.clone() for name, value in library["other"].state_dict().items()}
    learned(library)
    assert all(torch.equal(value, before[name]) for name, value in library["other"].state_dict().items())


LONG = {"sure": 2.0, "rounds": 2, "iterations": 2}


def test_an_interrupted_run_has_the_same_result(tmp_path, monkeypatch):
    whole, expected = learned(seed=1, **LONG)
    begun = []

    def interrupted(*args, **settings):
        begun.append(settings["checkpoint"])
        if len(begun) == 2:
            raise KeyboardInterrupt
        return fit(*args, **settings)

    monkeypatch.setattr(solver_em, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        learned(seed=1, **LONG, checkpoint=lambda part: tmp_path / part)
    monkeypatch.setattr(solver_em, "fit", fit)
    again, found = learned(seed=1, **LONG, checkpoint=lambda part: tmp_path / part)
    assert len(found) == len(expected)
    assert torch.equal(found[-1].posterior.log_probs, expected[-1].posterior.log_probs)
    for name, value in again.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name])
    with pytest.raises(RunError, match="seed"):
        learned(seed=2, **LONG, checkpoint=lambda part: tmp_path / part)


def test_no_program_at_all_is_refused():
    data = examples(40)[0], torch.zeros(40, dtype=torch.int64)

    def never(images, sums, *, library):
        """What it reads is 1 or 2."""
        choice("left", 2)
        with pyro.plate("examples", len(images), dim=-1):
            read = library["read"](images[:, 0])
            observe("sum", torch.nn.functional.pad(read, (1, 0)), sums)

    library = Library([READ], seed=0)
    with pytest.raises(BudgetError, match=r"solver, proposals: expected a program .* got none in 2 rounds"):
        teach_by_solver(
            partial(never, library=library),
            data,
            data,
            library=library,
            behaviours=by_sum,
            rounds=2,
            proposals=ProposalSettings(failures=1),
        )


def test_a_trained_library_is_refused():
    library = Library([READ], seed=0)
    library.count_steps(10)
    with pytest.raises(UsageError, match=r"library: expected an untrained function, .* ask the solver"):
        learned(library)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"iterations": 0}, "iterations: expected a whole number of at least 1, got 0"),
        ({"rounds": 0}, "rounds: expected a whole number of at least 1, got 0"),
        ({"pool": 0}, "pool: expected a whole number of at least 1, got 0"),
        ({"proposed_from": 0}, "proposed_from: expected a whole number of at least 1, got 0"),
        ({"steps": -1}, "steps: expected a whole number of at least 0, got -1"),
        ({"sure": float("nan")}, "sure: expected a finite number of at least 0, got nan"),
        ({"seconds": 0.0}, "seconds: expected a finite number above 0, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        learned(**wrong)


def test_every_setting_is_a_keyword():
    assert set(SolverEMSettings.__dataclass_fields__) <= SolverEMOptions.__annotations__.keys()
