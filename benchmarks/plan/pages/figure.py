"""Time over sessions as a drawing: one small chart per family, one line per solver."""

import math
from collections.abc import Sequence

from benchmarks.plan.case import Row
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.pages.ratios import time_of
from benchmarks.plan.solvers.registry import DEVICE, SOLVERS
from docs.figures import canvas
from docs.figures.canvas import Panel
from evergrid.report import theme
from evergrid.report.theme import Scheme, SchemeName

WIDTH, ACROSS, LEFT, CHART, DOWN = 960.0, 3, 62.0, 226.0, 190.0  # px
GAP_X, GAP_Y, BOTTOM = 92.0, 76.0, 36.0  # px between charts, and below the last
LEGEND_TOP, LEGEND_ROW, BELOW_LEGEND = 26.0, 22.0, 32.0  # px
STYLES = {  # colour, width, dashes; others are not drawn
    "simplex": (theme.ORANGE, 2.0, ""),
    "ipm": (theme.PLUM, 2.0, ""),
    "pdlp": (theme.GREEN, 2.0, ""),
    "site_by_site": (theme.GREY, 2.0, ""),
    "evergrid_1e-3": (theme.BLUE, 2.0, "5 4"),
    "evergrid_1e-4": (theme.BLUE, 3.0, ""),
    DEVICE: (theme.RED, 2.0, "5 4"),
}


def drawing(rows: Sequence[Row], scheme_name: SchemeName) -> str:
    """The whole SVG. A line that ends in a triangle exceeded its limit at the next size."""
    scheme = theme.SCHEMES[scheme_name]
    families = [name for name in FAMILIES if any(row.family == name for row in rows)]
    names = [name for name in STYLES if any(row.solver == name for row in rows)]
    marks = _legend(names, scheme)
    first = LEGEND_TOP + LEGEND_ROW * math.ceil(len(names) / ACROSS) + BELOW_LEGEND
    for i, family in enumerate(families):
        left = LEFT + (i % ACROSS) * (CHART + GAP_X)
        top = first + (i // ACROSS) * (DOWN + GAP_Y)
        marks += _chart(rows, family, _panel(rows, left, top), scheme)
    height = first + math.ceil(len(families) / ACROSS) * (DOWN + GAP_Y) - GAP_Y + BOTTOM
    title = "Time to a certified plan over the number of sessions, by family and solver"
    return canvas.drawing(WIDTH, height, scheme_name, title, marks)


def _panel(rows: Sequence[Row], left: float, top: float) -> Panel:
    """Decades of sessions across, decades of seconds down; the same for every family."""
    sizes = [math.log10(row.sessions) for row in rows]
    found = [math.log10(time.value) for row in rows if (time := time_of(row))]
    low, high = math.floor(min(found)), math.ceil(max(found))
    across = max(max(sizes) - min(sizes), 1.0)
    return Panel(left, top, CHART, DOWN, across, low, max(high, low + 1))


def _chart(rows: Sequence[Row], family: str, panel: Panel, scheme: Scheme) -> list[str]:
    smallest = math.log10(min(row.sessions for row in rows))
    marks = _grid(panel, smallest, scheme)
    words = family.replace("_", " ")
    marks.append(canvas.text(panel.left, panel.top - 12, words, scheme.ink, weight=600))
    for name, (color, width, dashes) in STYLES.items():
        own = [row for row in rows if (row.family, row.solver) == (family, name)]
        marks += _line(sorted(own, key=_size), panel, smallest, color, width, dashes)
    return marks


def _line(
    own: Sequence[Row], panel: Panel, smallest: float, color: str, width: float, dashes: str
) -> list[str]:
    """Points of the sizes that were solved, and a triangle where the limit was exceeded first."""
    points, marks = [], []
    for row in own:
        time = time_of(row)
        if time is None:
            continue
        x = panel.x(math.log10(row.sessions) - smallest)
        y = panel.y(math.log10(time.value))
        points.append(f"{x:.1f} {y:.1f}")
        if time.at_least:
            marks.append(
                f'<path d="M{x - 5:.1f} {y:.1f} h10 l-5 -9 Z" stroke="{color}" stroke-width="1.5"/>'
            )
            break
        marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>')
    if points:
        path = " L".join(points)
        marks.append(
            f'<path d="M{path}" stroke="{color}" stroke-width="{width}" '
            f'stroke-dasharray="{dashes or "none"}"/>'
        )
    return marks


def _grid(panel: Panel, smallest: float, scheme: Scheme) -> list[str]:
    marks = []
    for decade in range(int(panel.y_min), int(panel.y_max) + 1):
        y = panel.y(decade)
        marks.append(canvas.line(panel.left, y, panel.left + panel.width, y, scheme.line))
        words = f"{10.0**decade:g} s"
        marks.append(canvas.text(panel.left - 8, y + 5, words, scheme.faint_ink, anchor="end"))
    bottom = panel.top + panel.height
    for decade in range(math.ceil(smallest), math.floor(smallest + panel.x_max) + 1):
        x = panel.x(decade - smallest)
        marks.append(canvas.line(x, panel.top, x, bottom, scheme.line))
        words = _count(decade)
        marks.append(canvas.text(x, bottom + 20, words, scheme.faint_ink, anchor="middle"))
    return marks


def _legend(names: Sequence[str], scheme: Scheme) -> list[str]:
    marks = []
    for place, name in enumerate(names):
        color, width, dashes = STYLES[name]
        x = LEFT + (place % ACROSS) * (CHART + GAP_X)
        y = LEGEND_TOP + LEGEND_ROW * (place // ACROSS)
        marks.append(
            f'<path d="M{x:.1f} {y:.1f} h28" stroke="{color}" stroke-width="{width}" '
            f'stroke-dasharray="{dashes or "none"}"/>'
        )
        marks.append(canvas.text(x + 38, y + 5, SOLVERS[name].label, scheme.ink))
    return marks


def _size(row: Row) -> int:
    return row.sessions


def _count(decade: int) -> str:
    """A power of ten in few letters: 100, 10k, 1M."""
    letters = ("", "k", "M", "G")
    return f"{10 ** (decade % 3)}{letters[decade // 3]}"
