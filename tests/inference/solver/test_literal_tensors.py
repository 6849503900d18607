"""Tensors of literals against floats: every operation, at random vertices."""

from functools import partial

import numpy as np
import pytest
import torch

from ntpt_pyro import constant, runtime, select, stack, switch, widen
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.solver.circuit import Circuit, value_of
from ntpt_pyro.inference.solver.literal_tensors import COMPUTES, MOVES, LiteralTensor

aten = torch.ops.aten
TRIED = 6
"""Random vertices that an operation is compared at."""
LAYOUTS = ("C", "F")


class Vertices:
    """Values of a circuit, and each of them as floats at random vertices.

    :param order: of the literals in memory.
    """

    def __init__(self, order="C"):
        self.circuit = Circuit()
        self.order = order
        self.random = np.random.default_rng(0)
        self.true = np.zeros((0, TRIED), dtype=bool)

    def value(self, *shape):
        """A value ``[*batch, n]`` of literals."""
        literals = self.circuit.group(shape[:-1], shape[-1])
        flat = literals.reshape(-1, shape[-1])
        true = np.zeros((self.circuit.variables, TRIED), dtype=bool)
        true[: len(self.true)] = self.true
        for column in range(TRIED):
            chosen = flat[np.arange(len(flat)), self.random.integers(shape[-1], size=len(flat))]
            true[chosen // 2, column] = chosen % 2 == 0
        self.true = true
        return LiteralTensor(torch.from_numpy(np.array(literals, order=self.order)), self.circuit)

    def floats(self, made, column):
        """What literals come to at one of the vertices; anything else as it stands."""
        if isinstance(made, LiteralTensor):
            values = np.zeros(self.circuit.variables, dtype=bool)
            values[: len(self.true)] = self.true[:, column]
            true = value_of(self.circuit.values(values)[:, None], made.array)[..., 0]
            return torch.from_numpy(true).to(torch.get_default_dtype())
        if isinstance(made, (list, tuple)):
            return [self.floats(one, column) for one in made]
        return made

    def compare(self, operation, *given):
        """An operation on literals and on floats."""
        found = operation(*given)
        for column in range(TRIED):
            expected = operation(*self.floats(given, column))
            many = isinstance(expected, (list, tuple))
            for one, other in zip(
                self.floats(found, column) if many else [self.floats(found, column)],
                expected if many else [expected],
                strict=True,
            ):
                torch.testing.assert_close(one, other, check_dtype=False)
        return found


PLACES = torch.tensor([[0, 2], [1, 0]])
MASK = torch.tensor([[True, False, True], [False, False, True]])
MOVED = {  # operations on x [2, 3, 4] that put numbers elsewhere
    aten.alias: aten.alias,
    aten.as_strided: lambda x: aten.as_strided(aten.contiguous(x), [3, 2], [4, 12], 1),
    aten.cat: lambda x: aten.cat([x, torch.eye(4).expand(2, 4, 4), x[:, 1:]], 1),
    aten.clone: aten.clone,
    aten.constant_pad_nd: lambda x: [aten.constant_pad_nd(x, [1, 2, 0, 1], n) for n in (0.0, 1.0)],
    aten.contiguous: lambda x: aten.contiguous(aten.transpose(x, 0, 2)),
    aten.detach: aten.detach,
    aten.diagonal: lambda x: aten.diagonal(x, 1, 0, 2),
    aten.expand: lambda x: aten.expand(x[:, :1], [5, 2, 3, 4]),
    aten.flip: lambda x: aten.flip(x, [0, 2]),
    aten.gather: lambda x: aten.gather(x, 1, PLACES[..., None].expand(2, 2, 4)),
    aten.index: lambda x: aten.index(x, [None, PLACES]),
    aten.index_select: lambda x: aten.index_select(x, 2, PLACES[0]),
    aten.lift_fresh: aten.lift_fresh,
    aten.movedim: lambda x: aten.movedim(x, 0, 2),
    aten.narrow: lambda x: aten.narrow(x, 1, 1, 2),
    aten.permute: lambda x: aten.permute(x, [2, 0, 1]),
    aten.repeat: lambda x: aten.repeat(x, [2, 1, 3]),
    aten.reshape: lambda x: aten.reshape(aten.transpose(x, 0, 1), [6, 4]),
    aten.roll: lambda x: aten.roll(x, [1, 2], [0, 2]),
    aten.select: lambda x: aten.select(x, 1, -1),
    aten.slice: lambda x: aten.slice(x, 2, 1, 4, 2),
    aten.split: lambda x: aten.split(x, 2, 1),
    aten.split_with_sizes: lambda x: aten.split_with_sizes(x, [1, 2], 1),
    aten.squeeze: lambda x: aten.squeeze(x[:1], 0),
    aten.stack: lambda x: aten.stack([x, torch.zeros(2, 3, 4), x], 1),
    aten.t: lambda x: aten.t(x[0]),
    aten.take_along_dim: lambda x: aten.take_along_dim(x, PLACES[..., None], 1),
    aten.transpose: lambda x: aten.transpose(x, 0, 2),
    aten.unbind: lambda x: aten.unbind(x, 1),
    aten.unfold: lambda x: aten.unfold(x, 2, 2, 1),
    aten.unsqueeze: lambda x: aten.unsqueeze(x, 1),
    aten.view: lambda x: aten.view(aten.contiguous(x), [3, 8]),
    aten._unsafe_view: lambda x: aten._unsafe_view(aten.contiguous(x), [3, 8]),
    aten._reshape_alias: lambda x: aten._reshape_alias(aten.contiguous(x), [2, 12], [12, 1]),
    aten.where: lambda x: [aten.where(MASK[..., None], x, other) for other in (x.flip(0), torch.ones(4))],
}
COMPUTED = {  # on x [2, 3, 4], y [3], z [2, 3]; sums of what is never true at once
    aten.mul: lambda x, y, z: [x * z[..., None], x * y[:, None], x.transpose(0, 1) * z.t()[..., None],
                               x * 1, 0.0 * x, torch.eye(4)[:3] * x, x.permute(2, 1, 0) * y[:, None]],
    aten.add: lambda x, y, z: [x[..., 0] + x[..., 3], x[..., 1] * y + x[..., 1] * (1 - y), z + 0,
                               torch.zeros(3) + z],
    aten.sub: lambda x, y, z: [1 - x, torch.ones(4) - x, torch.ones(()) - y],
    aten.rsub: lambda x, y, z: [torch.rsub(x, 1), aten.rsub(y, 1)],
    aten.sum: lambda x, y, z: [x.sum(-1), x[..., 1:].sum(-1), y.sum(), (x * z[..., None]).sum(1),
                               (x * y[:, None]).sum((1, 2)), z.sum(-1, keepdim=True), x.sum(2, keepdim=True),
                               (x[..., 2] * z).sum(1), x[:, 1].sum(1)],
    aten.prod: lambda x, y, z: [x.prod(-1), x.prod(0), x.prod(1, keepdim=True), z.prod(), (1 - x).prod(2)],
    aten.mm: lambda x, y, z: [z @ x[1], torch.mm(z, torch.eye(3)[:, :2]), torch.eye(3) @ x[0],
                              x[0].t().contiguous() * y @ x[1]],
    aten.bmm: lambda x, y, z: [torch.bmm(z[:, None], x), z[:, None] @ x, z[None, :] @ x,
                               torch.bmm(x * z[..., None], torch.eye(4)[:, :3].expand(2, 4, 3))],
    aten.mv: lambda x, y, z: [torch.mv(x[0].t(), y), z @ y, x @ torch.tensor([1.0, 0.0, 1.0, 0.0]),
                              torch.ones(2, 3) @ y],
    aten.dot: lambda x, y, z: [torch.dot(y, z[0]), y @ y, y @ torch.tensor([0.0, 1.0, 1.0])],
    aten.index_add: lambda x, y, z: [torch.zeros(2, 2, 4).index_add(1, torch.tensor([0, 1, 0]),
                                                                    x * z[..., None]),
                                     z.index_add(1, torch.tensor([0]), torch.zeros(2, 1)),
                                     torch.zeros(2).index_add(0, torch.tensor([1, 0, 1]), y)],
    aten.div: lambda x, y, z: [x / 1, x / 1.0, z / torch.ones(2, 1), y / torch.ones(4, 3)],
    aten._to_copy: lambda x, y, z: [x.double(), y.to(torch.float16).float(), z.to("cpu", copy=True)],
    aten.new_zeros: lambda x, y, z: x.new_zeros(2, 5),
    aten.new_ones: lambda x, y, z: x.new_ones((3,)),
    aten.zeros_like: lambda x, y, z: torch.zeros_like(x),
    aten.ones_like: lambda x, y, z: torch.ones_like(z),
    aten.masked_fill: lambda x, y, z: [x.masked_fill(MASK[..., None], 0.0), z.masked_fill(MASK, 1),
                                       x.masked_fill(torch.tensor([True, False, False, True]), 0)],
}  # fmt: skip
LANGUAGE = {
    "select": lambda x, y, z: [select(y, x), select(z, x), select(y, [x[0, 1], constant(2, 4), x[1, 2]])],
    "switch": lambda x, y, z: [switch(y, {2: x, 0: constant(3, 4), 1: x.flip(-2)}),
                               switch(z.unsqueeze(-2), [x, torch.eye(4)[:3], x])],
    "runtime": lambda x, y, z: [remainder(y, x[0, 0]), remainder(z, x[:, 1]), twice(x), remainder(y, y4(y))],
    "stack": lambda x, y, z: [stack([y, constant(1, 3)]), stack([x, x[0], x[1]])],
    "widen": lambda x, y, z: [widen(x, 6), widen(y, 3)],
}  # fmt: skip
EQUATIONS = {  # on values a [2, 3] and b [2, 3, 4]; each a mixture
    "bn,bnm->bm": lambda a, b: (a, b),
    "n,bnm->bm": lambda a, b: (a[0], b),
    "bn,cnm->bcm": lambda a, b: (a, b),
    "bn,bnm->mb": lambda a, b: (a, b),
    "bn,cn->bc": lambda a, b: (a, torch.eye(3)),
    "bi,cj->bcij": lambda a, b: (a, b[:, 0]),
    "bn->nb": lambda a, b: (a,),
}


@runtime([3, 4], 5)
def remainder(x, y):
    return x * y % 5


@runtime([4], 4)
def twice(x):
    return 2 * x % 4


def y4(value):
    return widen(value, 4)


def test_every_operation_is_compared():
    assert set(MOVED) == MOVES
    assert set(COMPUTED) == set(COMPUTES)


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("operation", MOVED.values(), ids=map(str, MOVED))
def test_what_is_moved_is_where_floats_are(operation, order):
    vertices = Vertices(order)
    vertices.compare(operation, vertices.value(2, 3, 4))
    assert vertices.circuit.gates == 0


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("operation", COMPUTED.values(), ids=map(str, COMPUTED))
def test_what_is_computed_is_what_floats_come_to(operation, order):
    vertices = Vertices(order)
    vertices.compare(operation, vertices.value(2, 3, 4), vertices.value(3), vertices.value(2, 3))


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("operation", LANGUAGE.values(), ids=LANGUAGE)
def test_the_language_is_what_it_is_on_floats(operation, order):
    vertices = Vertices(order)
    vertices.compare(operation, vertices.value(2, 3, 4), vertices.value(3), vertices.value(2, 3))


def test_a_large_select_is_contracted_alike():
    # Above the size up to which the language expands a product it takes einsum.
    vertices = Vertices()
    index, items = vertices.value(30, 1, 6), vertices.value(20, 6, 25)
    vertices.compare(lambda i, x: select(i, x)[::7, ::5], index, items)


@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation, order):
    vertices = Vertices(order)
    given = EQUATIONS[equation](vertices.value(2, 3), vertices.value(2, 3, 4))
    vertices.compare(partial(torch.einsum, equation), *given)


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((3,), (3, 4)), ((3,), (2, 3, 4)), ((2, 3), (3,)),
                                    ((5, 2, 3), (3,)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
                                    ((1, 3), (3, 1)), ((5, 1, 2, 3), (2, 3, 4))])  # fmt: skip
@pytest.mark.parametrize("known", [False, True])
def test_matrix_products_of_all_shapes(shapes, known):
    vertices = Vertices()
    left, right = (vertices.value(*shape) for shape in shapes)
    if known:
        right = torch.randint(2, shapes[1]).to(torch.get_default_dtype())
    for product in (torch.matmul, lambda a, b: a @ b, lambda a, b: a.matmul(b)):
        vertices.compare(product, left, right)


def test_products_are_made_in_parts_where_there_are_many(monkeypatch):
    from ntpt_pyro.inference.solver import literal_tensors

    monkeypatch.setattr(literal_tensors, "AT_ONCE", 13)
    vertices = Vertices()
    vertices.compare(lambda a, b: [a @ b, a[0] @ b[1]], vertices.value(2, 5, 3), vertices.value(2, 3, 4))


def test_literals_have_the_type_and_shape_of_values():
    x = Vertices().value(2, 3)
    assert (x.shape, x.dtype, x.is_floating_point()) == ((2, 3), torch.get_default_dtype(), True)
    assert repr(x) == "<LiteralTensor [2, 3]>"
    assert isinstance(x.unbind(0)[0], LiteralTensor)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda x, y: x.exp(), "exp"),
        (lambda x, y: x.log(), "log"),
        (lambda x, y: x / y, "division"),
        (lambda x, y: x / 2, "division"),
        (lambda x, y: 1 / x, "reciprocal"),
        (lambda x, y: x > y, "gt"),
        (lambda x, y: x == y, "eq"),
        (lambda x, y: x > 0.5, "gt"),
        (lambda x, y: x.argmax(-1), "argmax"),
        (lambda x, y: x.max(), "max"),
        (lambda x, y: x[0, 0].item(), "_local_scalar_dense"),
        (lambda x, y: float(x[0, 0]), "_local_scalar_dense"),
        (lambda x, y: x - y, "subtract"),
        (lambda x, y: torch.sub(1, x, alpha=2), "subtract with a factor"),
        (lambda x, y: torch.add(x, y, alpha=2), "add with a factor"),
        (lambda x, y: x.long(), "conversion to integers"),
        (lambda x, y: -x, "neg"),
        (lambda x, y: x.add_(y), "add_"),
        (lambda x, y: torch.zeros(3).__setitem__(0, x[0, 0]), "copy_"),
        (lambda x, y: torch.zeros(2, 3).add_(x), "add_"),
    ],
)
def test_what_values_do_not_have_is_refused_by_name(operation, name):
    vertices = Vertices()
    vertices.circuit.place = "site 'here'"
    with pytest.raises(UsageError) as refused:
        operation(vertices.value(2, 3), vertices.value(2, 3))
    said = str(refused.value)
    assert said.startswith("solver, site 'here': expected products and sums of values")
    assert f"got the operation '{name}' on a value; write it as a runtime function" in said


@pytest.mark.parametrize(
    ("operation", "number", "name"),
    [
        (lambda x: x * 0.5, "0.5", "mul"),
        (lambda x: 2 * x, "2", "mul"),
        (lambda x: x + 0.25, "0.25", "add"),
        (lambda x: torch.full((3, 3), -1.0) @ x.t(), "-1", "matmul"),
        (lambda x: torch.cat([x, torch.full((1, 3), 0.3)]), "0.3", "cat"),
        (lambda x: torch.where(MASK, x, torch.tensor(3.0)), "3", "where"),
        (lambda x: torch.nn.functional.pad(x, (0, 1), value=0.7), "0.7", "constant_pad_nd"),
        (lambda x: x.masked_fill(MASK, 0.1), "0.1", "masked_fill"),
    ],
)
def test_numbers_other_than_zeros_and_ones_are_refused(operation, number, name):
    with pytest.raises(
        UsageError, match="expected integers of the program, computed with zeros and ones only"
    ) as refused:
        operation(Vertices().value(2, 3))
    assert f"got the number {number} in the operation" in str(refused.value)
    assert name in str(refused.value)


def test_a_plain_tensor_is_left_as_it_was_by_a_refused_write():
    plain, x = torch.zeros(2, 3), Vertices().value(2, 3)
    with pytest.raises(UsageError, match="copy_"):
        plain[:] = x
    assert not plain.any()
