"""How the site is built: ``make docs``; a warning fails it, and every example in it is run."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs
from pydantic import BaseModel
from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import evergrid  # noqa: E402
from docs import generated  # noqa: E402 (found through the line above)

project = "Evergrid"
author = "The Evergrid developers"
copyright = author
release = version = evergrid.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "figures/*.md"]
html_theme = "furo"
html_title = f"Evergrid {release}"
html_static_path = ["_static"]
html_css_files = ["evergrid.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#17669C", "color-brand-content": "#17669C"},
    "dark_css_variables": {"color-brand-primary": "#6DB5E8", "color-brand-content": "#6DB5E8"},
}
copybutton_exclude = ".linenos, .gp, .go"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # a page shows what today's code does
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # the first run on a machine compiles
nb_mime_priority_overrides = [("html", "text/html", 0)]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_use_ivar = True  # attributes of records are described once, in the class
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def _local_plotly(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], _: Any
) -> None:
    """Figures load Plotly from the site itself, not from the network."""
    body = context.get("body", "")
    if "Plotly.newPlot" in body:
        before, *rest = generated.split_scripts(body)
        source = context["pathto"]("_static/plotly.min.js", resource=True)
        context["body"] = before + f'<script src="{source}"></script>' + "".join(rest)


def _write_plotly(app: Sphinx, error: Exception | None) -> None:
    static = Path(app.outdir) / "_static"
    if error is None and static.is_dir():
        (static / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put generated text where a page asks for it."""
    source[0] = generated.fill(source[0])


def _short_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """A configuration record is made from keys, so its constructor is not worth a line."""
    if what == "class" and issubclass(thing, BaseModel):
        return "", returns
    return None


def _quiet_kernels(profiles: Path) -> None:
    """Kernels with settings of their own: none of the user's, and without talk on stderr."""
    settings = profiles / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("c = get_config()\nc.IPKernelApp.log_level = 40\n", encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(profiles)
    logging.getLogger("traitlets").setLevel(logging.WARNING)


def setup(app: Sphinx) -> None:
    """Connect what is generated at build time."""
    os.environ["PLOTLY_RENDERER"] = "notebook_connected"
    _quiet_kernels(Path(app.outdir) / ".ipython")
    app.connect("source-read", _fill)
    app.connect("env-get-outdated", lambda *_: generated.pages(HERE))
    app.connect("html-page-context", _local_plotly)
    app.connect("build-finished", _write_plotly)
    app.connect("autodoc-process-signature", _short_signature)
