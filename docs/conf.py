"""The site: `make docs`, or ``sphinx-build -W -n docs docs/_build/html``."""

import hashlib
import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extension"))
warnings.filterwarnings("ignore", category=DeprecationWarning)  # of the packages that build the site


def digest_of_package() -> str:
    """What tells one state of the package from another, experiments aside."""
    digest = hashlib.sha256()
    for room in ("ntpt_pyro", "inference", "models"):
        for file in sorted(
            file for file in (HERE.parent / room).rglob("*") if "__pycache__" not in file.parts
        ):
            digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()[:16]


project = "ntpt_pyro"
version = release = version_of("ntpt-pyro")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design", "site_events"]
exclude_patterns = ["_build", "_extension", "**.ipynb_checkpoints"]
highlight_language = "text"
nitpicky = True
nitpick_ignore_regex = [
    # Names of other packages, whose sites are not asked: no build needs a network. Signatures shorten some.
    (
        r"py:.*",
        r"(abc|collections|pathlib|types|typing|np|numpy|pyro|torch|matplotlib|safetensors|xarray)\b.*",
    ),
    (r"py:.*", r"(jaxtyping|Axes|DataTree|Float|Int)\b.*"),
]

# Markdown, and notebooks written as Markdown.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # a notebook is run again where its code, or anything in the package, has changed
nb_execution_cache_path = str(HERE / "_build" / "notebooks" / digest_of_package())
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"  # progress bars, and what packages say of notebooks
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched from elsewhere

# The reference.
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

# How it looks.
html_theme = "sphinx_book_theme"
html_title = "ntpt_pyro"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "home_page_in_toc": False,
    "footer_content_items": [],  # no line of authors, which the site does not name
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_source_button": False,
    "use_issues_button": False,
    "use_repository_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
suppress_warnings = ["myst-nb.lexer"]  # where no notebook is run nobody says in which language it is
