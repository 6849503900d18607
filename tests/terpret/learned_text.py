"""A text with functions of integers and tensors, and the same model written by hand."""

import pyro
import torch

from ntpt_pyro import Library, choice, one_hot, select, stack, switch, var
from ntpt_pyro.inference import marginal

INSTANCES = 6
DECLARED = """
which = Param(2)
mode = Param(3)
images = Input(Tensor(2, 3))[2]
bit = Input(2)
seen = Var(Tensor(4))[2]
kept = Var(Tensor(4))
late = Var(Tensor(2, 2))
a = Var(3)
b = Var(3)
c = Var(3)
out = Output(3)
other = Output(4)
@Learn([Tensor(2, 3)], Tensor(4), hid_sizes=[5])
def encode(image):
    "What is in an image."
@Learn([Tensor(4), 3, 2], 3, hid_sizes=[6])
def read(features, how, bit): pass
@Learn([3, 4], 4, [7])
def combine(a, b): pass
@Learn([5, Tensor(4)], Tensor(2, 2))
def mix(n, x): pass
@Learn([Tensor(2, 2)], 3)
def last(x): pass
"""
TEXT = (
    DECLARED
    + """
for i in range(2):
    seen[i].set_to(encode(images[i]))
with which as w:
    kept.set_to(seen[w])
a.set_to(read(kept, mode, bit))
b.set_to(read(seen[0], 2, bit))
if a == 0:
    late.set_to(mix(4, kept))
elif a == 1:
    late.set_to(mix(a, seen[1]))
else:
    late.set_to(mix(b, kept))
c.set_to(last(late))
if c == 0:
    out.set_to(a)
else:
    out.set_to(c)
other.set_to(combine(c, bit))
"""
)
SIZES = {"which": 2, "mode": 3}


def by_hand(images, bits, *_, library):
    """The same model in the language's own words."""
    which, mode = choice("which", 2), choice("mode", 3)
    with pyro.plate("instances", len(images)):
        bit = one_hot(bits, 2)
        seen = library["encode"](images).unbind(-2)
        kept = select(which, stack(seen))
        a = var("a", library["read"](kept, mode, bit))
        b = var("b", library["read"](seen[0], torch.eye(3)[2], bit))

        def flat(n, x):
            return library["mix"](n, x).flatten(-2)

        wide = torch.nn.functional.pad(b, (0, 2))
        late = switch(a, [flat(torch.eye(5)[4], kept), flat(torch.eye(5)[1], seen[1]), flat(wide, kept)])
        c = var("c", library["last"](late.unflatten(-1, (2, 2))))
        out = switch(c, [a, torch.eye(3)[1], torch.eye(3)[2]])
        return {"out": out, "other": library["combine"](c, torch.nn.functional.pad(bit, (0, 2)))}


def library(model, seed=0, copies=None):
    """Networks that differ in what they make of their arguments."""
    made = Library(model.functions, seed=seed, copies=copies)
    for parameter in made.parameters():
        parameter.data *= 3
    return made


def data(instances=INSTANCES, observed=False):
    source = torch.Generator().manual_seed(0)
    images = torch.randn(instances, 2, 2, 3, generator=source)
    bits = torch.randint(2, (instances,), generator=source)
    results = [torch.randint(n, (instances,), generator=source) for n in (3, 4)]
    return images, bits, *(results if observed else (None, None))


def soft(restarts=None, seed=1):
    source = torch.Generator().manual_seed(seed)
    batch = () if restarts is None else (restarts, 1)
    return {site: torch.randn(*batch, n, generator=source).softmax(-1) for site, n in SIZES.items()}


def run(program, params, given=None):
    return marginal()(pyro.poutine.condition(program, data=params))(*(given or data()))


def close(mine, theirs, *batch):
    assert set(mine) == set(theirs)
    for site, value in mine.items():
        torch.testing.assert_close(value.expand(*batch, -1), theirs[site].expand(*batch, -1))
