"""Ways of inducing by their names: each is one algorithm, whoever asks."""

import pytest

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import STRATEGIES, relaxed
from ntpt_pyro.runs import METHODS, method_names
from ntpt_pyro.runs.methods.named import method_of
from ntpt_pyro.runs.methods.restarts_method import RestartsMethod


def test_every_strategy_trains_restarts_and_the_others_have_names_of_their_own():
    assert method_names() == [*STRATEGIES, *METHODS]
    assert len(set(method_names())) == len(method_names())
    for name in STRATEGIES:
        method = method_of(name)
        assert isinstance(method, RestartsMethod)
        assert method.strategy.describe() == STRATEGIES[name]().describe()
    for name, kind in METHODS.items():
        assert type(method_of(name)) is kind


def test_a_strategy_of_ones_own_trains_restarts():
    own = relaxed(0.5)
    method = method_of(own)
    assert isinstance(method, RestartsMethod)
    assert method.strategy is own


@pytest.mark.parametrize("name", ["exact", "mcmc", 3])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(UsageError, match=f"strategy: expected .*, solver, got {name!r}"):
        method_of(name)
