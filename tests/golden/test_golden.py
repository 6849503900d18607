"""Golden runs: small runs through the command line, recorded, that must come out the same bit for bit.

Each run of :data:`RUNS` is made in process, and what it left is compared with ``NAME.json`` beside this file:
every ``result.json``, ``choices.json`` and ``history.json`` without times and versions, and a digest of all
tensors and losses that it ever wrote, torch's random state among them. Whatever was recorded must be there
and be equal; what is new beside it may be anything.

Floating-point numbers are the same to the last bit only with the same release of torch and the same kind of
processor. So each file also holds a fingerprint of some seeded computations. Where this machine's fingerprint
is the recorded one everything must be equal exactly. Where it is another, only this is compared: files, keys,
kinds of values, lengths of lists of numbers, what a run was asked to do, the tensors' number and shapes in
the first checkpoint, and, for runs that begin without another run's library, the first five losses to 0.1 %.

Record anew, where numbers change on purpose, and look at what differs in git::

    GOLDEN_RECORD=1 python -m pytest tests/golden
    GOLDEN_RECORD=1 python -m pytest tests/golden -k terpret_circuit
"""

import hashlib
import io
import json
import math
import os
import re
import reprlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from torch import Tensor

from ntpt_pyro import _files, cli

FOLDER = Path(__file__).parent
TEXTS = Path(_files.__file__).parent / "models" / "terpret"
RECORD = bool(os.environ.get("GOLDEN_RECORD"))

# The runs: what is typed after `ntpt`; `--out FOLDER` is added. In braces: the folder of texts, the schedule
# below, or the folder of another run, which is made first.
GRID = "--device cpu --lines 2 --rounds 1"
SMALL = "--device cpu --examples 64 --rounds 1 --batch-size 8"
CIRCUIT = "{texts}/circuit.terpret {texts}/circuit.hypers.json {texts}/circuit.swap.json"
TURING = "{texts}/turing.terpret {texts}/turing.hypers.json {texts}/turing.invert.json"
COMPARED = "--strategy fmgd,relaxed-joint --steps 75 --examples 80 --batch-size 16"
RUNS = {
    "learn_add": "learn add2x2/top --device cpu --lines 2 --rounds 2 "
    "--examples 100 --batch-size 16 --restarts 3 --steps 120 --search 40",
    "learn_apply": f"learn apply2x2/left --library {{learn_add}} {GRID} "
    "--examples 80 --batch-size 16 --restarts 3 --steps 90 --search 30",
    "learn_math": f"learn math --library {{learn_apply}} {SMALL} "
    "--restarts 3 --steps 81 --search 27 --settle-batch 12",
    "learn_path_len": f"learn path_len {SMALL} "
    "--restarts 3 --steps 45 --search 15 --settle-batch 8 --choice-lr 0.6",
    "learn_exact": f"learn add2x2/top --strategy em {GRID} "
    "--examples 100 --batch-size 16 --steps 60 --search 20",
    "learn_shared": f"learn add2x2/left --library {{learn_add}} --lines 2 {SMALL} "
    "--restarts 3 --steps 45 --search 15",
    "learn_relaxed": f"learn add2x2/top --strategy relaxed --lines 2 {SMALL} "
    "--restarts 2 --steps 45 --search 15",
    "learn_enumerated": f"learn add2x2/top --strategy enumerated-choices --lines 2 {SMALL} "
    "--restarts 2 --steps 36 --search 12",
    "learn_single": f"learn add2x2/bottom --restarts 1 --lines 3 {SMALL} --steps 50 --seed 1",
    "terpret_circuit": f"terpret {CIRCUIT} --restarts 16 --steps 200",
    "terpret_circuit_3": f"terpret {CIRCUIT} --restarts 16 --steps 200 --seed 3",
    "terpret_turing": f"terpret {TURING} --restarts 8 --steps 45",
    "terpret_turing_3": f"terpret {TURING} --restarts 8 --steps 45 --seed 3",
    "terpret_exact": f"terpret {TURING} --strategy exhaustive",
    "posterior": "posterior add2x2/top --library {learn_add} --lines 2 --examples 8",
    "lifelong": "lifelong --models ntpt,mtnn-1,pnn --no-references --schedule {schedule} --batches 120 "
    "--every 40 --search 14 --restarts 3 --lines 2 --batch-size 16 --examples 80 --operator-examples 80",
    "restarts": f"restarts add2x2/top {COMPARED} --restarts 8",
    "restarts_trained": f"restarts add2x2/top {COMPARED} --restarts 8 --library {{learn_exact}}",
}
SCHEDULE = {
    "knots": [
        {"at": 0.0, "tasks": {"add2x2/top": 1.0}},
        {"at": 0.4, "tasks": {"add2x2/top": 1.0}},
        {"at": 0.6, "tasks": {"apply2x2/top": 1.0}},
        {"at": 1.0, "tasks": {"apply2x2/top": 1.0}},
    ]
}

KEPT = ("result.json", "choices.json", "history.json")
TIMES = {"seconds", "search_seconds", "seconds_at_most", "seconds_a_success", "least_seconds"}
TIMES |= {"at_equal_cost"}
LEFT_OUT = TIMES | {"versions", "commit", "commits", "options", "command", "format", "data"}
LEFT_OUT |= {"checksum", "of", "files", "found_by"}  # what files are sealed with, and where texts lie
"""Keys whose values may be another every time."""
SECONDS = re.compile(r", [0-9.]+ s$")
"""A time at the end of what is said in words."""
ASKED = {"task", "strategy", "model", "seed", "restarts", "trials"}
"""Keys whose values are what a run was asked to do, on any machine."""
LAST_WRITES = 6
"""Written files that a record tells of one by one, besides the first."""
FIRST_LOSSES = 5
GONE = object()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All runs, each made once."""
    return Runs(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_as_recorded(runs, name):
    file, found = FOLDER / f"{name}.json", runs.record(name)
    if RECORD:
        file.write_text(laid_out(found, depth=3) + "\n", encoding="utf-8")
        pytest.skip("recorded")
    recorded = json.loads(file.read_text(encoding="utf-8"))
    if recorded["numerics"] == found["numerics"]:
        expect_none(differences({part: recorded[part] for part in ("files", "writes")}, found))
    else:
        expect_none(structural_differences(recorded["files"], found["files"], "files"))
        own_start = "--library" not in RUNS[name]
        expect_none(
            first_differences(recorded["writes"]["first"], found["writes"]["first"], losses=own_start)
        )


def test_every_record_is_of_a_run():
    assert {file.stem for file in FOLDER.glob("*.json")} == set(RUNS)


def test_what_differs_is_named():
    recorded = {"a": [1, {"b": 0.5}], "c": "text"}
    assert not list(differences(recorded, {**recorded, "kind": "new"}))
    assert list(differences(recorded, {"a": [1, {"b": 0.25}]})) == ["/a/1/b: was 0.5, is 0.25", "/c: is gone"]
    assert list(differences(recorded, {"a": [1], "c": 2})) == [
        "/a: was [1, {'b': 0.5}], is [1]",
        "/c: was 'text', is 2",
    ]


def test_on_another_machine_only_what_is_robust_counts():
    recorded = {"restarts": 2, "choices": [0.5, 0.5], "programs": [{"right": True}]}
    other = {"restarts": 2, "choices": [0.1, 0.9], "programs": [{"right": False}, {"right": True}]}
    assert not list(structural_differences(recorded, other))
    other = {"restarts": 3, "choices": [1.0], "programs": [{"wrong": 1}]}
    assert [line.split(":")[0] for line in structural_differences(recorded, other)] == [
        "/restarts",
        "/choices",
        "/programs/0/right",
    ]


def expect_none(found: Iterable[str]) -> None:
    """Fail where there are differences, with the first of them."""
    lines = list(found)
    if lines:
        pytest.fail("\n".join([f"{len(lines)} differences from the record:", *lines[:10]]), pytrace=False)


# Making runs


class Runs:
    """The runs, each made when it is first asked for.

    :param folder: to make them in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._records: dict[str, dict[str, Any]] = {}
        schedule = folder / "schedule.json"
        schedule.write_text(json.dumps(SCHEDULE), encoding="utf-8")
        self._given = {"texts": TEXTS, "schedule": schedule}

    def __getitem__(self, name: str) -> Path:
        """What a command names in braces."""
        if name in self._given:
            return self._given[name]
        self.record(name)
        return self.folder / name

    def record(self, name: str) -> dict[str, Any]:
        """What is recorded of a run."""
        if name not in self._records:
            words = [word.format_map(self) for word in RUNS[name].split()]
            out = self.folder / name
            with watched_writes() as writes:
                ntpt(*words, "--out", str(out))
            self._records[name] = {
                "command": RUNS[name],
                "numerics": fingerprint(),
                "files": files_left(out),
                "writes": summary_of(writes),
            }
        return self._records[name]


def ntpt(*words: str) -> None:
    """Run the command line in process, quietly, from the same random state every time."""
    pyro.set_rng_seed(0)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.setattr(sys, "argv", ["ntpt", *words])
        patch.delenv("NTPT_DATA", raising=False)
        with redirect_stderr(io.StringIO()) as errors, pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code, errors.getvalue()


@contextmanager
def watched_writes() -> Iterator[list[dict[str, Any]]]:
    """Digests of the safetensors files that are written meanwhile, in order."""
    writes: list[dict[str, Any]] = []
    save = _files.save

    def watched(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
        writes.append(digest_of(tensors, metadata or {}))
        return save(tensors, metadata)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_files, "save", watched)
        yield writes


# What is recorded


def files_left(out: Path) -> dict[str, Any]:
    """The content of the files that count, by their path below a run's folder."""
    files = sorted(file for file in out.rglob("*.json") if file.name in KEPT)
    return {
        file.relative_to(out).as_posix(): lasting(json.loads(file.read_text(encoding="utf-8")))
        for file in files
    }


def lasting(content: Any) -> Any:
    """JSON without the keys whose values may be another every time, and without times in words."""
    if isinstance(content, dict):
        return {key: lasting(value) for key, value in content.items() if key not in LEFT_OUT}
    if isinstance(content, list):
        return [lasting(value) for value in content]
    return SECONDS.sub("", content) if isinstance(content, str) else content


def digest_of(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, Any]:
    """What is recorded of one safetensors file; tensors' names do not count."""
    found = list(losses_in([loaded(text) for text in metadata.values()]))
    return {
        "tensors": len(tensors),
        "shapes": sha256(sorted(map(layout_of, tensors.values()))),
        "sha256": sha256(sorted(map(sha256_of, tensors.values()))),
        "losses": [
            {
                "count": len(losses),
                "first": losses[:FIRST_LOSSES],
                "last": losses[-1] if losses else None,
                "sha256": sha256(losses),
            }
            for losses in found
        ],
    }


def summary_of(writes: list[dict[str, Any]]) -> dict[str, Any]:
    """What is recorded of all files that a run wrote."""
    return {
        "count": len(writes),
        "sha256": sha256(
            [[one["sha256"], *(losses["sha256"] for losses in one["losses"])] for one in writes]
        ),
        "first": writes[0] if writes else None,
        "last": writes[-LAST_WRITES:],
    }


def losses_in(content: Any) -> Iterator[list[float]]:
    """Every list of losses in JSON."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "losses" and isinstance(value, list):
                yield value
            else:
                yield from losses_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from losses_in(value)


def loaded(text: str) -> Any:
    """JSON, or a text that is none as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def sha256(content: Any) -> str:
    """The hash of JSON, which holds floating-point numbers to the last bit."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def sha256_of(tensor: Tensor) -> str:
    """The hash of a tensor's type, shape and numbers."""
    return hashlib.sha256(layout_of(tensor).encode() + tensor.detach().numpy().tobytes()).hexdigest()


def layout_of(tensor: Tensor) -> str:
    """A tensor's type and shape."""
    return f"{tensor.dtype} {list(tensor.shape)}"


def laid_out(content: Any, depth: int) -> str:
    """JSON with a line for each entry of dictionaries, down to a depth."""
    if not depth or not isinstance(content, dict):
        return json.dumps(content, allow_nan=False)
    entries = [f"{json.dumps(key)}: {laid_out(value, depth - 1)}" for key, value in content.items()]
    return "{\n" + ",\n".join(entries) + "\n}"


# What this machine computes


@cache
def fingerprint() -> dict[str, str]:
    """What seeded computations come to on this machine, in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            results = [*drawn(), *computed(), *trained()]
    finally:
        torch.set_num_threads(threads)
    return {"torch": torch.__version__, "sha256": sha256([sha256_of(result) for result in results])}


def drawn() -> Iterator[Tensor]:
    """Random numbers of several distributions, and what numpy makes images of."""
    yield torch.rand(1000)
    yield torch.randn(1000)
    yield torch.empty(1000).exponential_()
    yield torch.rand(50, 10).multinomial(20, replacement=True)
    normal = np.random.default_rng(0).normal(size=(28, 28))
    points = np.linalg.norm(normal, axis=-1), np.arctan2(normal, normal.T), normal @ normal.T
    for numbers in (normal, np.sin(normal), np.cos(normal), np.exp(normal), *points):
        yield torch.from_numpy(numbers)


def computed() -> Iterator[Tensor]:
    """The functions that networks and interpreters are made of, at the sizes that they have."""
    images, hidden, layer = torch.rand(3, 64, 784), torch.randn(3, 784, 256), torch.randn(256, 10)
    for rows in (8, 12, 16, 64):
        yield torch.baddbmm(torch.randn(3, 1, 256), images[:, :rows].expand(3, rows, 784), hidden)
        yield torch.addmm(torch.randn(1, 10), images[0, :rows] @ hidden[0], layer)
    logits = 4 * torch.randn(200, 10)
    for numbers in (logits, logits.double()):
        yield from (numbers.softmax(-1), numbers.log_softmax(-1), numbers.logsumexp(-1))
        yield from (numbers.exp(), numbers.abs().log(), numbers.sigmoid(), numbers.tanh(), numbers.sum(0))
        yield from (numbers.prod(-1), numbers.cumsum(0), numbers.mean(), numbers.abs().sqrt())
    left, right = logits.softmax(-1), logits.flip(0).softmax(-1)
    yield torch.einsum("ni,nj->nij", left, right)
    yield torch.einsum("ni,nj,ijk->nk", left, right, torch.rand(10, 10, 19))


def trained(steps: int = 20) -> Iterator[Tensor]:
    """The weights of a small network after some steps of Adam."""
    network = torch.nn.Sequential(
        torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(256, 10)
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    images, labels = torch.rand(32, 784), torch.arange(32) % 10
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    yield from network.parameters()


# Comparing


def differences(recorded: Any, found: Any, where: str = "") -> Iterator[str]:
    """What was recorded and is not there, or is not the same to the last bit."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for key, value in recorded.items():
            yield from differences(value, found.get(key, GONE), f"{where}/{key}")
    elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for number, (value, other) in enumerate(zip(recorded, found, strict=True)):
            yield from differences(value, other, f"{where}/{number}")
    elif found is GONE:
        yield f"{where}: is gone"
    elif type(recorded) is not type(found) or recorded != found:
        yield changed(recorded, found, where)


def structural_differences(recorded: Any, found: Any, where: str = "") -> Iterator[str]:
    """The same, of what does not depend on the last bits; of lists of what was found only the first entry."""
    if where.rpartition("/")[2] in ASKED or found is GONE:
        yield from differences(recorded, found, where)
    elif isinstance(recorded, dict) and isinstance(found, dict):
        for key, value in recorded.items():
            yield from structural_differences(value, found.get(key, GONE), f"{where}/{key}")
    elif isinstance(recorded, list) and isinstance(found, list):
        if kind_of(recorded) == kind_of(found) == "numbers" and len(recorded) != len(found):
            yield changed(recorded, found, where)
        for value, other in list(zip(recorded, found, strict=False))[:1]:
            yield from structural_differences(value, other, f"{where}/0")
    elif None not in (recorded, found) and kind_of(recorded) != kind_of(found):
        yield changed(recorded, found, where)


def first_differences(recorded: Any, found: Any, *, losses: bool) -> Iterator[str]:
    """How the first checkpoint of a training differs, beyond rounding."""
    before, now = first_losses(recorded), first_losses(found)
    if not before:
        return
    layout = {key: recorded[key] for key in ("tensors", "shapes")}
    yield from differences(layout, found, "writes/first")
    close = len(before) == len(now) and all(map(lambda a, b: math.isclose(a, b, rel_tol=1e-3), before, now))
    if losses and not close:
        yield changed(before, now, "writes/first/losses")


def first_losses(write: dict[str, Any] | None) -> list[float]:
    """The first losses that a file tells of."""
    return [loss for losses in (write or {}).get("losses", ()) for loss in losses["first"]]


def kind_of(value: Any) -> str:
    """What sort of JSON a value is; a number stays one whether it is whole or not."""
    if isinstance(value, list):
        return "numbers" if value and all(kind_of(one) == "number" for one in value) else "list"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def changed(recorded: Any, found: Any, where: str) -> str:
    """A line that tells of a difference."""
    return f"{where}: was {reprlib.repr(recorded)}, is {reprlib.repr(found)}"
