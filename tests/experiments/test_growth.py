"""How cost grows: laws are found, and every part is measured."""

import json

import pytest
import torch

from ntpt_pyro.experiments import growth


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_law_is_found_where_there_is_one(power):
    sizes = [2, 8, 32, 128, 512]
    a, b, c = growth.law(sizes, [3 + 0.25 * n**power for n in sizes])
    assert (a, b, c) == pytest.approx((3, 0.25, power), rel=0.05)


def test_growth_that_begins_at_nothing_has_no_fixed_cost():
    a, b, c = growth.law([1, 4, 16], [2.0, 8.0, 32.0])
    assert (a, b, c) == pytest.approx((0, 2, 1), abs=0.05)


def test_all_parts_are_measured_and_written(tmp_path, capsys):
    threads = torch.get_num_threads()
    files = ["--out", str(tmp_path / "g.json"), "--plot", str(tmp_path / "g.png")]
    found = growth.main(["--rounds", "1", "--most", "8", *files])
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "g.json").read_text()) == found
    assert set(found["loop"]) == {"2", "4", "8"}
    assert found["programs"] == {}  # the least number of them is larger
    for part in ("restarts", "batch", "loop", "range"):
        assert all(one["milliseconds"] > 0 and one["megabytes"] > 0 for one in found[part].values())
    memory = [one["megabytes"] for one in found["range"].values()]
    assert memory == sorted(memory)
    assert torch.get_num_threads() == threads
    assert "loop (" in capsys.readouterr().out


def test_programs_are_run():
    assert growth._programs(50)["milliseconds"] > 0
