"""Signs as models/terpret/two_scripts.signs.json has them: drawn, and what they mean."""

import random

SIGNS = (
    (".###.", "#...#", "#...#", "#...#", ".###."),
    ("..#..", ".##..", "..#..", "..#..", ".###."),
    ("#...#", ".#.#.", "..#..", ".#.#.", "#...#"),
    ("#####", ".....", "#####", ".....", "#####"),
)
MEANS = ((0, 1, 2, 3), (2, 0, 3, 1))
"""By script what each sign means."""
COUNTS = 1
"""The place of the sign that counts."""


def drawn(sign, source):
    """A picture of a sign, a twentieth of its dots wrong."""
    return [[int((dot == "#") != (source.random() < 0.05)) for dot in row] for row in SIGNS[sign]]


def instances(count, source):
    found = []
    for _ in range(count):
        signs = [source.randrange(4) for _ in range(3)]
        script, number = source.randrange(2), source.randrange(4)
        pictures = [drawn(sign, source) for sign in signs]
        result = (MEANS[script][signs[COUNTS]] - number) % 4
        found.append({"pictures": pictures, "script": script, "number": number, "result": result})
    return found


def batches():
    source = random.Random(0)
    return [
        {"batch_name": name, "hypers": "only", "instances": instances(count, source)}
        for name, count in (("train", 200), ("test", 100))
    ]


def labelled(count, seed):
    """Pictures, scripts, and what the signs mean there."""
    source = random.Random(seed)
    signs, scripts = ([source.randrange(n) for _ in range(count)] for n in (4, 2))
    meanings = [MEANS[script][sign] for script, sign in zip(scripts, signs, strict=True)]
    return [drawn(sign, source) for sign in signs], scripts, meanings
