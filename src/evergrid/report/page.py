"""One HTML file that shows a study to a reader: self-contained, safe, readable, printable."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from evergrid.core.text.printable import printable
from evergrid.report import theme

LONGEST_TEXT = 2_000  # characters of a text in the page
TITLE_HEIGHT = 40  # pixels a figure loses with its title, which becomes a caption
NUMBER = re.compile("[-+\u2212]?[0-9,.]+")  # with either minus sign


@dataclass(frozen=True)
class Headline:
    """One number a reader should leave with, on a card.

    Attributes:
        label: What it is.
        value: The number, already written out.
        unit: Its unit, shown beside it.
        hint: What to compare it with, or what it means; a short line.
    """

    label: str
    value: str
    unit: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text under column names; all cells are shown as they are."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class MissingFigure:
    """Stands where a figure should: a sentence that names it and says why it is missing."""

    why: str


@dataclass(frozen=True)
class Section:
    """A heading, a sentence on how to read what follows, and a figure or a table.

    Attributes:
        heading: What the section shows.
        text: How to read it; also what a screen reader says of the figure.
        content: A figure, why there is none, a table, or nothing.
    """

    heading: str
    text: str
    content: go.Figure | MissingFigure | Table | None = None


@dataclass(frozen=True)
class About:
    """What stands around the results.

    Attributes:
        question: The question the study answers; under the title.
        settings: Settings and assumptions, in a table that folds away.
        provenance: Name and value of versions, seeds and hashes, for the footer.
        answer: The answer in a sentence or two, right below the question; empty for none.
    """

    question: str = ""
    settings: Table | None = None
    provenance: Sequence[tuple[str, str]] = ()
    answer: str = ""


def page(
    title: str,
    *,
    headline: Sequence[Headline] = (),
    notes: Sequence[str] = (),
    sections: Sequence[Section] = (),
    about: About | None = None,
) -> str:
    """A whole page as HTML text.

    It asks nothing of any network: a content security policy forbids it, and lets only the two
    scripts written here run. Every given text is shown letter by letter.

    Args:
        title: Title of the page and its first heading.
        headline: The numbers on cards.
        notes: What the reader must know before trusting the numbers.
        sections: The results, in reading order.
        about: The question, the settings and the provenance.
    """
    about = about or About()
    body = [
        _header(title, about.question, about.answer),
        "<main>",
        _cards(headline),
        _notes(notes),
        *(_section(i, section) for i, section in enumerate(sections, 1)),
        _settings(about.settings),
        "</main>",
        _footer(about.provenance),
    ]
    drawn = any(isinstance(section.content, go.Figure) for section in sections)
    scripts = [_plotly_js(), _asset("page.js")] if drawn else []
    return "\n".join([_head(title, scripts), *filter(None, body), _scripts(scripts), "</html>\n"])


def _text(text: str) -> str:
    """The text letter by letter, without control characters, and not for ever."""
    return html.escape(printable(text, LONGEST_TEXT))


def _head(title: str, scripts: Sequence[str]) -> str:
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(title)}</title>
<style>
{_colors()}
{_asset("page.css")}</style>
</head>
<body>"""


def _colors() -> str:
    """The two schemes as CSS variables; the reader's setting picks, page.js only follows."""
    light, dark = (theme.SCHEMES[name] for name in ("light", "dark"))
    lines = [
        f"  --{name.replace('_', '-')}: light-dark({value}, {getattr(dark, name)});"
        for name, value in vars(light).items()
        if isinstance(value, str)
    ]
    return "\n".join([":root {", *lines, f"  --font: {theme.FONT};", "}"])


def _header(title: str, question: str, answer: str) -> str:
    lead = f'\n<p class="question">{_text(question)}</p>' if question else ""
    lead += f'\n<p class="answer">{_text(answer)}</p>' if answer else ""
    return f'<header>\n<p class="brand">Evergrid</p>\n<h1>{_text(title)}</h1>{lead}\n</header>'


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{_text(note)}</li>" for note in notes)
    return f'<aside class="notes" aria-label="Notes to the reader">\n<ul>{items}</ul>\n</aside>'


def _cards(headline: Sequence[Headline]) -> str:
    if not headline:
        return ""
    cards = "\n".join(_card(item) for item in headline)
    return f'<dl class="cards" aria-label="Main results">\n{cards}\n</dl>'


def _card(item: Headline) -> str:
    signed = re.sub(r"^-(?=[0-9])", "\u2212", item.value)  # a hyphen is no minus sign
    label, value, unit, hint = (_text(text) for text in (item.label, signed, item.unit, item.hint))
    beside = f' <span class="unit">{unit}</span>' if unit else ""
    below = f'<dd class="hint">{hint}</dd>' if hint else ""
    return f'<div class="card"><dt>{label}</dt><dd class="value">{value}{beside}</dd>{below}</div>'


def _section(number: int, section: Section) -> str:
    heading = f'<h2 id="section-{number}">{_text(section.heading)}</h2>'
    text = f"<p>{_text(section.text)}</p>" if section.text else ""
    match section.content:
        case go.Figure() as figure:
            content = _figure(number, section, figure)
        case MissingFigure() as missing:
            content = f'<p class="failed" role="status">{_text(missing.why)}</p>'
        case Table() as table:
            content = _table(table, label=section.heading)
        case _:
            content = ""
    return f'<section aria-labelledby="section-{number}">\n{heading}\n{text}\n{content}\n</section>'


def _figure(number: int, section: Section, figure: go.Figure) -> str:
    """The place of a figure and its data; titles become captions, which wrap on small screens."""
    drawing = figure.to_dict()
    layout = drawing["layout"]
    layout.pop("template", None)  # page.js gives it the template of the reader's scheme
    title = layout.pop("title", {})
    shown = html.unescape(title.get("text") or "")
    note = html.unescape((title.get("subtitle") or {}).get("text") or "")
    caption = _caption("" if shown == section.heading else shown, note)
    layout["margin"] = {**layout.get("margin", {}), "t": 40}
    layout["height"] = height = int(layout.get("height") or 420) - TITLE_HEIGHT
    label = _text(f"Figure: {section.heading}. {section.text}")
    return f"""<figure>
{caption}<div class="plot" id="plot-{number}" role="img" aria-label="{label}"
 style="height:{height}px"></div>
<script type="application/json" class="drawing" data-plot="plot-{number}">{_json(drawing)}</script>
</figure>"""


def _caption(title: str, note: str) -> str:
    strong = f"<strong>{_text(title)}</strong> " if title else ""
    small = f"<small>{_text(note)}</small>" if note else ""
    return f"<figcaption>{strong}{small}</figcaption>\n" if strong or small else ""


def _json(value: object) -> str:
    """JSON that cannot end the element it stands in, whatever texts it holds."""
    text = str(to_json_plotly(value, engine="json"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _table(table: Table, *, label: str) -> str:
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in table.columns)
    rows = "\n".join(_row(row) for row in table.rows)
    return f"""<div class="table" role="region" tabindex="0" aria-label="{_text(label)}">
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""


def _row(cells: Sequence[str]) -> str:
    texts = [_text(cell) for cell in cells]
    first = "".join(_cell(text, "th", ' scope="row"') for text in texts[:1])
    return f"<tr>{first}{''.join(map(_cell, texts[1:]))}</tr>"


def _cell(text: str, tag: str = "td", more: str = "") -> str:
    """A cell; a number is never broken over two lines, and takes no more room than it needs."""
    number = ' class="number"' if NUMBER.fullmatch(text) else ""
    return f"<{tag}{more}{number}>{text}</{tag}>"


def _settings(settings: Table | None) -> str:
    if settings is None:
        return ""
    title = "Settings and assumptions"
    return f"<details>\n<summary>{title}</summary>\n{_table(settings, label=title)}\n</details>"


def _footer(provenance: Sequence[tuple[str, str]]) -> str:
    items = "\n".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in provenance
    )
    return f"<footer>\n<dl>\n{items}\n</dl>\n</footer>" if items else ""


def _scripts(scripts: Sequence[str]) -> str:
    if not scripts:
        return "</body>"
    templates = {name: theme.template(name).to_plotly_json() for name in theme.SCHEMES}
    missing = '<noscript><p class="noscript">The figures need JavaScript.</p></noscript>'
    data = f'<script type="application/json" id="templates">{_json(templates)}</script>'
    return "\n".join([missing, data, *(f"<script>{code}</script>" for code in scripts), "</body>"])


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _plotly_js() -> str:
    # A browser reads line ends as \n before it compares the script with its hash.
    return get_plotlyjs().replace("\r\n", "\n").replace("\r", "\n")


def _asset(name: str) -> str:
    return resources.files("evergrid.report").joinpath("assets", name).read_text("utf-8")
