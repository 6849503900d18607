"""How a solver proposes programs, each number with its default and its range."""

from dataclasses import dataclass

from ntpt_pyro.bounds import check_count, check_number


@dataclass(frozen=True)
class ProposalSettings:
    """How programs are proposed.

    :param begin: examples that a search begins with, at least 1.
    :param exactly: examples that a candidate explains by the circuit, at least 1; of the others forward
        marginals say whether it may, which they do too often where a value is read twice.
    :param share: of the examples that a candidate may leave unexplained, from 0 to below 1. Candidates that
        explain more are looked for first: none unexplained, then a quarter of the share, a half, all of it.
    :param least: a trained function may read an integer at least so many times as probable as the most
        probable one, from 0 to 1.
    :param near: programs of one other choice that are tried between two that the solver finds, at least 0.
    :param inputs: synthetic ones that behaviours are told apart by, at least 1.
    :param failures: searches one after the other that may find that there is nothing, at least 1.
    :param call: the most seconds that one question to the solver may take, above 0; then another search
        begins, which often has it easier.
    :raises UsageError: names the first field that is out of its range.
    """

    begin: int = 2
    exactly: int = 8
    share: float = 0.25
    least: float = 0.1
    near: int = 6
    inputs: int = 8
    failures: int = 4
    call: float = 5.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("begin", "exactly", "inputs", "failures"):
            check_count(name, getattr(self, name), at_least=1)
        check_count("near", self.near, at_least=0)
        check_number("share", self.share, at_least=0, below=1)
        check_number("least", self.least, at_least=0)
        check_number("call", self.call, above=0)
