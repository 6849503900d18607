"""Programs grouped by what they compute."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Program


@dataclass(frozen=True)
class Behaviour:
    """Programs that compute the same.

    :param program: the shortest of them; of several as short the most probable.
    :param probability: of all of them together.
    :param programs: how many they are.
    """

    program: dict[str, int]
    probability: float
    programs: int


def by_behaviour(
    posterior: Posterior,
    behaviour: Callable[[Program], Hashable],
    length: Callable[[Program], int],
    *,
    most: int = 10_000,
) -> list[Behaviour]:
    """The posterior over what programs compute.

    Programs that differ only in dead lines, or in the order or the names of registers, are one behaviour.

    :param posterior: over programs.
    :param behaviour: from a program something that is equal for those that compute the same.
    :param length: of a program.
    :param most: how many programs are grouped, the most probable ones; the probability of the others is in
        no behaviour.
    :returns: behaviours, the most probable first.

    >>> import torch
    >>> from ntpt_pyro import MeanFieldPosterior
    >>> posterior = MeanFieldPosterior({"left": torch.tensor([0.5, 0.5]), "right": torch.tensor([0.5, 0.5])})
    >>> found = by_behaviour(posterior, lambda p: p["left"] + p["right"], lambda p: 1)
    >>> [(one.program, one.probability, one.programs) for one in found][0]
    ({'left': 0, 'right': 1}, 0.5, 2)
    """
    groups: dict[Hashable, list[tuple[dict[str, int], float]]] = {}
    for program, probability in posterior.top(min(most, posterior.programs())):
        groups.setdefault(behaviour(program), []).append((program, probability))
    found = [
        Behaviour(
            min(members, key=lambda member: length(member[0]))[0],
            sum(probability for _, probability in members),
            len(members),
        )
        for members in groups.values()
    ]
    return sorted(found, key=lambda one: -one.probability)
