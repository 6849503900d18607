"""The words of a program's text that stand for choices: found where they stand, with their probabilities."""

from dataclasses import replace

import pytest
import torch

from ntpt_pyro import Line, MeanFieldPosterior, find_task, induce
from ntpt_pyro.runs import RunFolder
from ntpt_pyro.runs.believed_words import MOST, believed_lines, said_lines
from tests.small import keep_run
from tests.two_registers import execute, sum_task

APPLY = {"net_choice": 1, "instr_1": 2, "instr_2": 5, "left_2": 0, "op_2": 3, "right_2": 1, "return": 5}
MATH = {
    "instr_0": 0, "net_choice_0": 0, "goto_0": 2,
    "instr_1": 0, "net_choice_1": 1, "goto_1": 0,
    "instr_2": 1, "left_2": 2, "right_2": 2, "op_2": 2, "goto_2": 1,
    "return": 2,
}  # fmt: skip
PATH = {"instr_0": 0, "goto_0": 2, "instr_1": 2, "goto_1": 1, "instr_2": 1, "goto_2": 2}

TEXTS = {
    "add2x2/top": (
        {"instr_1": 2, "instr_2": 5, "left_2": 0, "right_2": 0, "return": 2},
        {3: "R1 = [MOVE_EAST]", 4: "R2 = [ADD]([R0], [R0])", 5: "return [R2]"},
    ),
    "apply2x2/left": (APPLY, {0: "# initialization, READ and MOVE with [net_1]:", -1: "return [R5]"}),
    "math": (
        MATH,
        {1: "L0: R0 = [MOVE]([net_0]) goto [L2]", 3: "L2: R2 = [APPLY]([R2], [R2], [R2]) goto [L1]"},
    ),
    "path_len": (PATH, {2: "L1: reg = [INC](reg) goto [L1]", 3: "L2: at = [MOVE](at, heading) goto [L2]"}),
}
"""By task a program, and some lines of it with the words in brackets, blanks drawn together."""


def run_of(folder, lines, choices, words, posterior):
    """The believed lines of a program."""
    made = RunFolder(keep_run(folder, "task", choices, words=words)).program_result()
    return believed_lines(replace(made, lines=lines), posterior)


def evenly(sizes, said=None):
    """A posterior in which each choice's alternatives are as probable, or one is said."""
    marginals = {site: torch.full((size,), 1 / size) for site, size in sizes.items()}
    return MeanFieldPosterior({**marginals, **(said or {})})


def words_of(line):
    return [(piece.site, piece.text) for piece in line.pieces if piece.site]


def marked(line):
    """The text with the words in brackets."""
    return "".join(f"[{piece.text}]" if piece.site else piece.text for piece in line.pieces)


@pytest.mark.parametrize(
    ("name", "program", "said"), [(name, *given) for name, given in TEXTS.items()], ids=TEXTS
)
def test_words_are_found_in_the_texts_of_the_tasks(tmp_path, name, program, said):
    task = find_task(name, lines=2) if "x2" in name else find_task(name)
    lines = task.lines(program)
    sizes = {site: integer + 1 for site, integer in program.items()}
    words = {site: [task.word(site, n) for n in range(size)] for site, size in sizes.items()}
    found = run_of(tmp_path / "run", lines, program, words, evenly(sizes))
    assert [line.text for line in found] == [line.text for line in lines]
    assert [line.dead for line in found] == [line.dead for line in lines]
    for number, text in said.items():
        assert " ".join(marked(found[number]).split()) == text
    for line, given in zip(found, lines, strict=True):
        assert words_of(line) == [(site, words[site][program[site]]) for site in given.sites]
        assert not line.beside


def test_a_word_on_the_left_of_a_line_is_no_choice(tmp_path):
    lines = [Line("write[0, 0] = 0", sites=("a",)), Line("R3 = ADD(R3, R3)", sites=("i", "l", "r"))]
    words = {"a": ["0", "1"], "i": ["ADD"], "l": ["R3"], "r": ["R3"]}
    choices = dict.fromkeys(words, 0)
    found = run_of(tmp_path / "run", lines, choices, words, evenly({"a": 2, "i": 1, "l": 1, "r": 1}))
    assert [marked(line) for line in found] == ["write[0, 0] = [0]", "R3 = [ADD]([R3], [R3])"]


def test_whole_tokens_in_any_order_and_what_is_not_there_stands_beside(tmp_path):
    lines = [Line("x1 >= 1 ? R10 + R1 : 1.5", sites=("cmp", "reg", "sum", "one", "gone"))]
    words = {"cmp": [">="], "reg": ["R1"], "sum": ["+"], "one": ["1"], "gone": ["R7"]}
    choices = dict.fromkeys(words, 0)
    (line,) = run_of(tmp_path / "run", lines, choices, words, evenly(dict.fromkeys(words, 1)))
    assert marked(line) == "x1 [>=] [1] ? R10 [+] [R1] : 1.5"
    assert [(word.site, word.text) for word in line.beside] == [("gone", "R7")]


def test_names_are_taken_as_they_are(tmp_path):
    words = {"a<b>&\"'": ["<i>", '"&"'], "": ["", " "]}
    lines = [Line('a<b>&"\' = "&"', sites=("a<b>&\"'",)), Line(" = ", sites=("",))]
    posterior = evenly({"a<b>&\"'": 2, "": 2})
    found = run_of(tmp_path / "run", lines, {"a<b>&\"'": 1, "": 0}, words, posterior)
    assert marked(found[0]) == 'a<b>&"\' = ["&"]'
    assert found[0].pieces[1].alternatives == (("<i>", 0.5),)
    assert (found[1].text, found[1].beside[0].text) == (" = ", "")


def test_alternatives_come_most_probable_first_and_those_of_nothing_are_left_out(tmp_path):
    probs = torch.tensor([0.5, 0.1, 0.0001, 0.2, 0.1999])
    lines, words = [Line("a = zero", sites=("a",))], {"a": ["zero", "one", "two", "three"]}
    found = run_of(tmp_path / "run", lines, {"a": 0}, words, MeanFieldPosterior({"a": probs}))
    piece = found[0].pieces[-1]
    assert piece.probability == pytest.approx(0.5)
    assert [word for word, _ in piece.alternatives] == ["three", "4", "one"]
    assert [p for _, p in piece.alternatives] == pytest.approx([0.2, 0.1999, 0.1])
    many = run_of(tmp_path / "many", [Line("0", sites=("a",))], {"a": 0}, {}, evenly({"a": 100}))
    assert len(many[0].pieces[0].alternatives) == MOST


@pytest.mark.parametrize(
    ("how", "known"), [({"restarts": 2, "steps": 30}, True), ({"strategy": "solver"}, False)]
)
def test_a_solver_does_not_say_how_probable_words_are(how, known):
    found = induce(sum_task(execute=execute), **how)
    lines = believed_lines(found.result, found.posterior)
    assert [line.text for line in lines] == found.text.splitlines()
    for site, line in zip(found.program, lines, strict=True):
        word = line.pieces[-1]
        assert word.site == site
        expected = float(found.posterior.marginals[site][found.program[site]]) if known else None
        assert word.probability == (pytest.approx(expected) if known else None)
        assert known or word.alternatives == ()


def test_the_text_of_a_behaviour_has_no_probabilities():
    found = induce(sum_task(execute=execute), strategy="exhaustive")
    other = found.result.behaviours[0]
    lines = said_lines(found.result, other.lines, other.choices)
    assert [line.text for line in lines] == [line.text for line in other.lines]
    words = [piece for line in lines for piece in line.pieces if piece.site]
    assert [(word.site, word.probability) for word in words] == [(site, None) for site in other.choices]
