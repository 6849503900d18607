"""The site: every public name has an entry that says what a reader needs, pages become what they should."""

import importlib
import inspect
import re
import sys
from types import SimpleNamespace

import pytest

from ntpt_pyro.cli.main import COMMANDS
from tests.pages import ROOT

DOCS = ROOT / "docs"
PARTS = ("public_names", "reference_entries", "page_reading", "command_help", "site_events")
"""The modules of the site's own extension."""
GIVEN = {
    *("Behaviour", "Cost", "Determined", "Difference", "ExactPosterior", "Explanation", "Found", "Induced"),
    *("Iteration", "LearnedResult", "PosteriorResult", "ProgramResult", "Simplicity", "Solution"),
    *("SolvedResult", "Work"),
}
"""Classes that users get and never make: the examples are those of the functions that give them."""
TO_DERIVE_FROM = {"ChoiceTreatment", "Method", "Posterior", "StepOptions", "StepTreatment", "Treatment"}
"""Classes that are nothing by themselves."""


@pytest.fixture(scope="module")
def site():
    sys.path.insert(0, str(DOCS / "_extension"))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in PARTS})
    finally:
        sys.path.remove(str(DOCS / "_extension"))
        for name in PARTS:
            del sys.modules[name]


@pytest.fixture(scope="module")
def names(site):
    return site.public_names.public_names()


def test_every_public_name_has_one_entry(site, names):
    rooms = [
        room
        for page in sorted((DOCS / "reference").glob("*.md"))
        for match in site.page_reading.NAMES.findall(page.read_text(encoding="utf-8"))
        for room in match.split()
    ]
    found = [one.path for room in rooms for one in site.reference_entries.names_of(room)]
    assert sorted(found) == sorted(one.path for one in names)
    assert {"ntpt_pyro.Task", "ntpt_pyro.inference.fit", "ntpt_pyro.errors.RangeError"} <= set(found)


def test_every_name_that_a_package_exports_is_public(names):
    public = {id(one.thing) for one in names}
    for room in ("", ".inference", ".tasks", ".runs", ".terpret", ".models.baselines"):
        package = importlib.import_module(f"ntpt_pyro{room}")
        exported = {name: getattr(package, name) for name in package.__all__}
        assert not [
            n for n, thing in exported.items() if not (inspect.ismodule(thing) or id(thing) in public)
        ]


def test_every_constant_says_what_it_is(site, names):
    constants = [one for one in names if not inspect.isclass(one.thing) and not inspect.isfunction(one.thing)]
    assert {one.name for one in constants} >= {"UNUSED", "STRATEGIES", "Program"}
    assert not [one.path for one in constants if not site.public_names.constant_text(one)]


def test_every_parameter_result_and_example_is_there(site, names):
    lacking = []
    for one in names:
        if site.public_names.constant_text(one) is None:
            lacking += [f"{one.path}: {what}" for what in lacking_of(one)]
    assert not lacking, "\n".join(lacking)


def lacking_of(one):
    """What the docstring of a public function or class does not say."""
    text = inspect.getdoc(one.thing) or ""
    if not text:
        yield "docstring"
    if issubclass_of_error(one.thing):
        return
    if one.name not in TO_DERIVE_FROM:
        texts = [text, *(inspect.getdoc(base) or "" for base in getattr(one.thing, "__mro__", ()))]
        said = set(re.findall(r":param \*{0,2}(\w+):", "\n".join(texts)))
        yield from (f"parameter {name}" for name in parameters(one.thing) if name not in said)
    if inspect.isfunction(one.thing) and returns_something(one.thing) and ":returns:" not in text:
        yield "result"
    ours = one.module.startswith("ntpt_pyro.models.")  # models are shown in the tasks that are made of them
    if ">>>" not in text and one.name not in GIVEN | TO_DERIVE_FROM and not ours:
        yield "example"


def issubclass_of_error(thing):
    return inspect.isclass(thing) and issubclass(thing, Exception)


def parameters(thing):
    """The names that a caller may give."""
    names = inspect.signature(thing).parameters
    return [name for name in names if not name.startswith("_") and name not in ("args", "kwargs")]


def returns_something(function):
    return inspect.signature(function).return_annotation not in (None, "None", inspect.Signature.empty)


def test_errors_have_a_word_each(names):
    errors = [one for one in names if issubclass_of_error(one.thing)]
    assert len(errors) > 8
    texts = [inspect.getdoc(one.thing) for one in errors]
    assert len(set(texts)) == len(texts)


ROLES = re.compile(r":(?:class|func|meth|data|exc|mod):`~?(ntpt_pyro[\w.]*)`")


def test_names_in_docstrings_exist(site):
    wrong = []
    for room in ("ntpt_pyro", "inference", "models", "experiments"):
        for source in sorted((ROOT / room).rglob("*.py")):
            for target in ROLES.findall(source.read_text(encoding="utf-8")):
                if site.site_events.parts(target)[0] is None:
                    wrong.append(f"{source.relative_to(ROOT)}: {target}")
    assert not wrong


def test_every_option_is_in_the_page_of_commands(site):
    page = site.command_help.all_commands()
    for name in COMMANDS:
        part = page.split(f"## ntpt {name}\n")[1].split("\n## ")[0]
        module = importlib.import_module(f"ntpt_pyro.cli.{name}_command")
        assert "| option | what it is | default |" in part
        for option in re.findall(r'"(--[a-z-]+)"', inspect.getsource(module)):
            assert option in part, f"ntpt {name} {option}"
    learn = page.split("## ntpt learn\n")[1].split("\n## ")[0]
    assert re.search(r"`--restarts <\w+>` \| [^|]+ \| `16` \|", learn)


PAGE = """# Title

<!-- cards -->
- [First](first.md): what it
  is about.
- [Part](part/index.md): more.

See [a file](../README.md#two), [a folder](../tests), [the tests folder](../tests) and `x[0](y)`.

```python sums.py
a = [1](2)
```

```python
print(1)
```
```text
1
```
"""


@pytest.fixture
def read(site, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "README.md").write_text("# Read\n\n[here](docs/first.md)\n", encoding="utf-8")
    (docs / "first.md").write_text("# First\n", encoding="utf-8")
    return lambda text, name="index.md": site.page_reading.as_read(text, docs / name, docs)


def test_a_page_becomes_what_sphinx_reads(read):
    text = read(PAGE)
    assert ":::{grid-item-card} First\n:link: first\n:link-type: doc\n\nwhat it is about.\n:::" in text
    assert "```{toctree}\n:hidden:\n\nfirst\npart/index\n```" in text
    assert "[a file](/index.md#two), a folder, the tests folder and `x[0](y)`" in text
    assert "```{code-block} python\n:caption: sums.py\n\na = [1](2)\n```" in text
    assert "print(1)\n```\n```{code-block} text\n:class: printed\n\n1\n```" in text


def test_a_page_that_is_no_index_has_no_contents(read):
    assert "toctree" not in read(PAGE, "page.md")


def test_a_file_of_the_repository_may_be_a_page(read):
    assert read("<!-- file: README.md -->\n", "start.md") == "# Read\n\n[here](first.md)\n"


def test_a_link_to_a_folder_of_one_word_is_shown_as_a_path(read):
    assert read("[tests](../tests)\n", "page.md") == "`tests`\n"
