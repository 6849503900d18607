"""Networks that are shown labels."""

from ntpt_pyro.experiments.ceiling import accuracy, main
from ntpt_pyro.models.nets import net_1
from ntpt_pyro.tasks.data.operators import load_operators


def test_shown_labels_a_network_reads_drawn_operators():
    # Four classes of drawn strokes; chance is a quarter. Each of 20 seeds came to 97 % or 98 %.
    images = {split: load_operators(split) for split in ("train", "test")}
    assert accuracy(net_1, images, 0, augment=False, steps=150) > 0.9


def test_a_record_says_how_it_came_about(tmp_path):
    found = main(["--seeds=2", "--steps=1", f"--out={tmp_path / 'ceiling.json'}"])
    assert set(found["accuracy"]) == {"net_0", "net_1"}
    for ways in found["accuracy"].values():
        assert [len(spread["values"]) for spread in ways.values()] == [2, 2]
    assert found["command"] == "python -m ntpt_pyro.experiments.ceiling --seeds 2 --steps 1 --out OUT"
    assert found["data"]["net_1"]["train"].startswith("drawn operators")
