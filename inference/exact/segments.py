"""Where programs that run together may be merged: the values and choices that what follows still reads."""

from dataclasses import dataclass

from ntpt_pyro.inference.exact.model_record import Recording
from ntpt_pyro.inference.exact.nodes import Call, Choice, Data, Node, Select


@dataclass(frozen=True)
class Segment:
    """A part of a model's computation.

    :param live: values that later parts read; the results at the end.
    :param dead: choices that no later part reads, and that this or an earlier one may.
    :param unread: choices that only later parts read.
    """

    live: tuple[Node, ...]
    dead: frozenset[str]
    unread: frozenset[str]


def segments(recording: Recording) -> list[Segment]:
    """Cut a model's computation where programs may be merged.

    A cut is where the model says that a step ends (``carry``, ``step_end``); in one that does not say, where
    a variable is done, choices have been read for the last time, and as few as anywhere are half read.

    :param recording: of the model.
    :returns: at least one; the last ends with what is observed.
    """
    needed = _needed(recording)
    users = _Users(needed)
    for observed in recording.observed.values():
        value = observed.value
        if isinstance(value, Node) and value in users.derived:  # a choice observed itself: read at the end
            users.read_at(users.derived[value], len(recording.nodes))
    results = tuple(dict.fromkeys(o.value for o in recording.observed.values() if isinstance(o.value, Node)))
    cuts = _cuts(recording, needed, users)
    found = []
    for cut in cuts:
        live = tuple(
            node
            for node in needed
            if node.number < cut
            and node not in users.derived
            and not isinstance(node, Data)
            and (users.last.get(node, -1) >= cut or node in results)
        )
        dead = frozenset(site for site, last in users.last_read.items() if last < cut)
        unread = frozenset(site for site, first in users.first_read.items() if first >= cut)
        found.append(Segment(live, dead, unread))
    return [*found, Segment(results, frozenset(recording.choices), frozenset())]


def _cuts(recording: Recording, needed: list[Node], users: "_Users") -> list[int]:
    places = list(dict.fromkeys(recording.steps)) or _between_choices(recording.variables, users)
    while places and not _computes(needed, users, places[-1]):
        places.pop()
    return places


def _between_choices(variables: list[int], users: "_Users") -> list[int]:
    """Where a variable is done, choices have been read for the last time, and few are half read."""
    half_read, read = {}, {}
    for place in dict.fromkeys(variables):
        first = {site for site, number in users.first_read.items() if number < place}
        last = {site for site, number in users.last_read.items() if number < place}
        if last and first != set(users.first_read):
            half_read[place], read[place] = len(first - last), len(last)
    fewest = min(half_read.values(), default=0)
    found, done = [], 0
    for place, number in half_read.items():
        if number == fewest and read[place] > done:
            found.append(place)
            done = read[place]
    return found


def _computes(needed: list[Node], users: "_Users", place: int) -> bool:
    """Whether anything after a place is more than picking by a choice."""
    after = [node for node in needed if node.number >= place and node not in users.derived]
    return any(not (isinstance(node, Select) and node.index in users.derived) for node in after)


def _needed(recording: Recording) -> list[Node]:
    """The nodes that what is observed is computed from, in order."""
    found: set[Node] = set()
    waiting = [o.value for o in recording.observed.values() if isinstance(o.value, Node)]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.read())
    return sorted(found, key=lambda node: node.number)


class _Users:
    """Who reads what."""

    def __init__(self, needed: list[Node]) -> None:
        self.derived: dict[Node, str] = {}
        """Nodes that are one choice, perhaps of another shape."""
        self.last: dict[Node, int] = {}
        self.first_read: dict[str, int] = {}
        self.last_read: dict[str, int] = {}
        for node in needed:
            if isinstance(node, Choice):
                self.derived[node] = node.site
                continue
            read = list(node.read())
            if isinstance(node, Call) and len(read) == 1 and read[0] in self.derived:
                self.derived[node] = self.derived[read[0]]
                continue
            for other in read:
                if other in self.derived:
                    self.read_at(self.derived[other], node.number)
                self.last[other] = node.number

    def read_at(self, site: str, number: int) -> None:
        """Note that a choice is read.

        :param site: the choice.
        :param number: of the node that reads it.
        """
        self.first_read.setdefault(site, number)
        self.last_read[site] = number
