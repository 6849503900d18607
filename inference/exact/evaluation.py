"""Evaluating a node for many programs at once: only what they need, each different computation once."""

from collections.abc import Callable, Hashable, Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.inference.exact.contents import Contents, Ids, distinct, distinct_keys, mixed
from ntpt_pyro.inference.exact.nodes import Apply, Call, Choice, Data, Node, Select
from ntpt_pyro.inference.exact.programs import Programs, Rows
from ntpt_pyro.language.runtime_functions import RuntimeFunction, outer

AT_ONCE = 2**22
"""Numbers that one computation makes at a time."""

Column = tuple[Node, Ids]
"""A node, and the numbers of its contents for some programs."""
Compute = Callable[[Rows], Tensor]
"""From some rows of columns to what is computed for each."""


class Evaluation:
    """Evaluates nodes; contents, and what was computed from which, are kept."""

    def __init__(self) -> None:
        self._contents: dict[tuple[int, ...], Contents] = {}
        self._known: dict[Hashable, dict[int, int]] = {}
        self._data: dict[tuple[int, tuple[int, ...]], tuple[int, Tensor]] = {}
        self.asked = 0
        """Programs times nodes that were asked for: about what the work is."""

    def forget(self) -> None:
        """Forget what was computed from which; contents are kept."""
        self._known.clear()

    def contents(self, node: Node) -> Contents:
        """All contents of a node's shape.

        :param node: it.
        :returns: they.
        """
        return self._of_shape(node.shape)

    def _of_shape(self, shape: tuple[int, ...]) -> Contents:
        if shape not in self._contents:
            self._contents[shape] = Contents(shape)
        return self._contents[shape]

    def constant(self, value: Tensor, shape: tuple[int, ...]) -> int:
        """The number of a content that is the same for all programs.

        :param value: it, broadcastable to its shape.
        :param shape: of the content.
        :returns: its number among contents of this shape.
        """
        key = (id(value), shape)
        if key not in self._data:
            number = int(self._of_shape(shape).add(value.expand(1, *shape))[0])
            self._data[key] = number, value  # kept, so that no other takes its place in memory
        return self._data[key][0]

    def __call__(self, node: Node, programs: Programs, rows: Rows) -> Rows:
        """Evaluate a node.

        :param node: it; its values are noted with the programs.
        :param programs: whose.
        :param rows: for which of them.
        :returns: these rows, and those that were added because they made choices; where choices are fixed,
            those of them that need no other.
        """
        self.asked += len(rows)
        column = programs.values.get(node)
        if column is None:
            column = programs.values[node] = np.full(len(programs), -1, dtype=np.int32)
        here = column[rows] < 0
        if not here.any():
            return rows
        done, missing = rows[~here], rows[here]
        if isinstance(node, Select):
            missing = self._select(node, programs, missing)
        elif isinstance(node, Data):
            programs.values[node][missing] = self.constant(node.value, node.shape)
        elif isinstance(node, Choice):
            missing = programs.choose(node.site, node.size, missing)
            vertices = self.contents(node).add(torch.eye(node.size).unsqueeze(1))
            programs.values[node][missing] = vertices[programs.choices[node.site][missing]]
        else:
            assert isinstance(node, (Apply, Call))
            for value in dict.fromkeys(node.read()):
                missing = self(value, programs, missing)
            columns = [(value, programs.values[value][missing]) for value in node.read()]
            if len(missing):
                ids = self.applied(node, columns) if isinstance(node, Apply) else self._called(node, columns)
                programs.values[node][missing] = ids
        return np.concatenate([done, missing])

    def _select(self, node: Select, programs: Programs, rows: Rows) -> Rows:
        rows = self(node.index, programs, rows)
        if not len(rows):
            return rows
        chosen = self.contents(node.index).vertices(programs.values[node.index][rows])
        found = [
            self._picked(node, int(place), programs, rows[chosen == place])
            for place in np.unique(chosen[chosen >= 0])
        ]
        if (chosen < 0).any():
            found.append(self._mixture(node, programs, rows[chosen < 0]))
        return np.concatenate(found)

    def _picked(self, node: Select, place: int, programs: Programs, rows: Rows) -> Rows:
        """Select where every example has the same item."""
        item = node.items[place]
        if isinstance(item, Tensor):
            programs.values[node][rows] = self.constant(item, node.shape)
            return rows
        rows = self(item, programs, rows)
        ids = programs.values[item][rows]
        if item.shape != node.shape and len(rows):
            columns = [(item, ids)]
            widened = self._by_contents(_Widened(node.shape), columns)
            ids = self._computed((_Widened, node.shape, item.shape), columns, node, widened)
        programs.values[node][rows] = ids
        return rows

    def _mixture(self, node: Select, programs: Programs, rows: Rows) -> Rows:
        """Select where examples have different items, or mixtures: of the items only those that may be."""
        for place, item in enumerate(node.items):
            if isinstance(item, Node):
                wanted = self.contents(node.index).support(programs.values[node.index][rows])[:, place]
                rows = np.concatenate([rows[~wanted], self(item, programs, rows[wanted])])
        if not len(rows):
            return rows
        index = programs.values[node.index][rows]
        support = self.contents(node.index).support(index)
        columns: list[Column] = [(node.index, index)]
        for place, item in enumerate(node.items):
            if isinstance(item, Node):
                known = programs.values.get(item)
                ids = np.full(len(rows), -1, np.int32) if known is None else known[rows]
                columns.append((item, np.where(support[:, place], ids, np.int32(-1))))
        fixed = [item if isinstance(item, Tensor) else None for item in node.items]
        key = (_Mixture, tuple(map(id, fixed)), node.shape, _shapes(columns))
        programs.values[node][rows] = self._computed(
            key, columns, node, self._by_contents(_Mixture(fixed), columns)
        )
        return rows

    def applied(self, node: Apply, columns: list[Column]) -> Ids:
        """Results of a runtime function.

        :param node: with the function.
        :param columns: each operand that is a node.
        :returns: numbers of contents of the node.
        """
        data = [None if isinstance(one, Node) else one for one in node.operands]
        key = (node.function, node.shape, _shapes(columns), tuple(map(id, data)))
        if len(columns) < len(data) or len(data) < 3:
            whole = self._by_contents(_Applied(node.function, data), columns)
            return self._computed(key, columns, node, whole)
        return self._computed(key, columns, node, self._last_argument_last(node.function, columns))

    def _last_argument_last(self, function: RuntimeFunction, columns: list[Column]) -> Compute:
        """A function of three arguments or more: what comes of all but the last is computed once for each."""
        *before, (last, last_ids) = columns

        def compute(rows: Rows) -> Tensor:
            first, inverse = distinct([ids[rows] for _, ids in before])
            joint = reduce(outer, [self.contents(node)[ids[rows][first]] for node, ids in before])
            indicator = function.indicator(joint.dtype, joint.device).reshape(joint.shape[-1], -1)
            partial = (joint @ indicator).unflatten(-1, (function.ranges[-1], function.out_range))
            value = self.contents(last)[last_ids[rows]]
            made: Tensor = (value.unsqueeze(-2) @ partial[torch.from_numpy(inverse)]).squeeze(-2)
            return made

        return compute

    def _called(self, node: Call, columns: list[Column]) -> Ids:
        return self._computed(node.kind, columns, node, self._by_contents(node.apply, columns))

    def _by_contents(self, function: Callable[..., Tensor], columns: list[Column]) -> Compute:
        """A function of the contents of all columns."""
        return lambda rows: function(*(self.contents(node)[ids[rows].clip(0)] for node, ids in columns))

    def _computed(self, kind: Hashable, columns: list[Column], node: Node, compute: Compute) -> Ids:
        """Numbers of what is computed from columns; from equal rows it is computed once."""
        known = self._known.setdefault(kind, {})
        keys, bound = _keys([ids for _, ids in columns])
        first, inverse = distinct_keys(keys, bound)
        kinds = keys[first]
        found = np.array([known.get(one, -1) for one in kinds.tolist()], dtype=np.int32)
        new = np.flatnonzero(found < 0)
        if len(new):
            new = new[np.argsort(kinds[new])]  # so that rows that begin alike are together
            shapes = [node.shape, *_shapes(columns)]
            numbers = 8 * max(int(np.prod(shape)) for shape in shapes)
            made = [
                self.contents(node).add(compute(rows).expand(len(rows), *node.shape))
                for rows in np.array_split(first[new], max(1, len(new) * numbers // AT_ONCE))
            ]
            found[new] = np.concatenate(made)
            known.update(zip(kinds[new].tolist(), found[new].tolist(), strict=True))
        ids: Ids = found[inverse]
        return ids


def _shapes(columns: Sequence[Column]) -> tuple[tuple[int, ...], ...]:
    return tuple(node.shape for node, _ in columns)


def _keys(columns: list[Ids]) -> tuple[Rows, int]:
    """A number for each row of columns, the same whatever other rows there are, and a bound on it or 0.

    One or two columns are exact; more are mixed to 64 bits.
    """
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    if len(columns) <= 2:  # a number has 31 bits
        bits = 62 // len(columns)
        for column in columns:
            keys = (keys << bits) + (column + 1)
        return keys, int(keys.max(initial=0)) + 1 if len(columns) == 1 else 0
    for place, column in enumerate(columns):
        keys = mixed(keys + (column.astype(np.int64) + 2) * (2 * place + 1))
    return keys, 0


class _Widened:
    """A content seen as one of a larger shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __call__(self, value: Tensor) -> Tensor:
        missing = len(self.shape) + 1 - value.ndim
        return value.reshape(len(value), *(1,) * missing, *value.shape[1:]).expand(-1, *self.shape)


class _Applied:
    """A runtime function, some of whose arguments are data."""

    def __init__(self, function: RuntimeFunction, data: Sequence[Tensor | None]) -> None:
        self.function = function
        self.data = data

    def __call__(self, *contents: Tensor) -> Tensor:
        given = iter(contents)
        return self.function(*(next(given) if one is None else one for one in self.data))


class _Mixture:
    """A mixture of items, some of which are data."""

    def __init__(self, fixed: Sequence[Tensor | None]) -> None:
        self.fixed = fixed

    def __call__(self, index: Tensor, *items: Tensor) -> Tensor:
        given = iter(items)
        values = [next(given) if item is None else item for item in self.fixed]
        return reduce(
            torch.add, (index[..., place : place + 1] * value for place, value in enumerate(values))
        )
