"""Files of hypers and of instances that go with a program text, changed at random: what `text_fuzz` tries."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from ntpt_pyro.experiments.text_functions import Size
from ntpt_pyro.experiments.text_grammar import Target
from ntpt_pyro.experiments.text_mutations import with_junk

VALUES: tuple[Any, ...] = (
    *(0, 1, 2, 3, -1, -2, 1.0, 1.5, 1e300, float("nan"), float("inf")),
    *(10**20, 10**401, 10**4200, -(10**20), True, False, None, "1", "1.0", "train", "", "\u00e9\n\x1b"),
    *([], {}, [[]], [1], [0, 1], [1, [2]], {"x": 1}, "x" * 5000, [0] * 1000),
)
"""What a part of a file is changed to."""
KEYS = (
    *("hypers", "instances", "batch_name", "x", "y", "Y", "o", "last", "v", "p"),
    *("n", "", "train", "a\nb", "_", "i4", "o7", "z" * 3000),
)
"""What a name is changed to."""


def files(random: Random, declared: Sequence[Target], hypers: Mapping[str, int]) -> tuple[str, str]:
    """A file of hypers and one of instances for a text, changed.

    :param random: decides.
    :param declared: the inputs and outputs of the text.
    :param hypers: that it needs.
    :returns: their contents, to be encoded with surrogates escaped.
    """
    settings = {f"s{number}": dict(hypers) for number in range(random.randint(1, 2))}
    batches = [
        {
            "batch_name": name,
            "hypers": random.choice(list(settings)),
            "instances": [_instance(random, declared) for _ in range(random.randint(1, 3))],
        }
        for name in ("train", "test")[: random.randint(1, 2)]
    ]
    return changed_files(random, settings, batches)


def changed_files(random: Random, settings: Any, batches: Any) -> tuple[str, str]:
    """Files of hypers and of instances, changed in a few places or in none.

    :param random: decides.
    :param settings: of hypers.
    :param batches: of instances.
    :returns: their contents.
    """
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        if random.random() < 0.25:
            settings = changed(settings, random)
        else:
            batches = changed(batches, random)
    return _written(settings, random), _written(batches, random)


def _instance(random: Random, declared: Sequence[Target]) -> dict[str, Any]:
    """Values of inputs, and of outputs that are observed."""
    found: dict[str, Any] = {}
    for one in declared:
        observed = not one.name.startswith("o") or random.random() < 0.8
        found |= {one.name: _value(random, one.size, one.dims)} if observed else {}
    return found


def _value(random: Random, size: Size, dims: Sequence[int]) -> Any:
    if dims:
        return [_value(random, size, dims[1:]) for _ in range(dims[0])]
    if isinstance(size, int):
        return random.randrange(size)
    return [_value(random, size[1:], ()) for _ in range(size[0])] if size else random.random()


def changed(value: Any, random: Random) -> Any:
    """Something that JSON holds, changed in one place.

    :param value: before; left as it is.
    :param random: decides.
    :returns: it with a part replaced, left out, doubled or renamed.
    """
    if isinstance(value, dict) and value:
        name = random.choice(list(value))
        how = random.random()
        if how < 0.6:
            return {**value, name: changed(value[name], random)}
        if how < 0.75:
            return {other: one for other, one in value.items() if other != name}
        other = random.choice((*KEYS, name.upper(), name + " "))
        if how < 0.9:
            return {(other if key == name else key): one for key, one in value.items()}
        return {**value, other: random.choice((value[name], random.choice(VALUES)))}
    if isinstance(value, list) and value:
        place, how = random.randrange(len(value)), random.random()
        if how < 0.7:
            return [changed(one, random) if number == place else one for number, one in enumerate(value)]
        if how < 0.85:
            return value[:place] + value[place + 1 :]
        return [*value, random.choice((value[place], random.choice(VALUES)))]
    return random.choice((*VALUES, [value], {"x": value}, str(value)))


def _written(content: Any, random: Random) -> str:
    """As JSON, now and then not quite."""
    text, how = json.dumps(content), random.random()
    if how < 0.02:
        return text[: random.randrange(len(text))]
    if how < 0.05:
        return with_junk(text, random)
    if how < 0.06:
        return "[" * random.choice((50, 500, 5000, 200000)) + text
    return text
