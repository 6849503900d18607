"""Programs grouped by what they compute."""

import pytest

from ntpt_pyro import by_behaviour
from tests.inference.posterior.posteriors import table_of


def test_programs_that_compute_the_same_are_one_answer():
    posterior = table_of([[2, 1, 1], [1, 1]])
    found = by_behaviour(posterior, lambda p: (p["c0"] + p["c1"]) % 2, lambda p: 3 - p["c0"])
    assert [(one.probability, one.programs) for one in found] == [(pytest.approx(0.5), 3)] * 2
    assert {one.program["c0"] for one in found} == {2}
    assert sum(one.programs for one in by_behaviour(posterior, str, len, most=4)) == 4
