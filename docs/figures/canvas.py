"""Small charts as SVG text, on light or dark ground, without a plotting library."""

from collections.abc import Sequence
from dataclasses import dataclass

from evergrid.core.arrays import Array, Float
from evergrid.report.theme import FONT, SCHEMES, Scheme, SchemeName

FONT_PX = 15  # readable where a page shows the figure at two thirds of its size


@dataclass(frozen=True)
class Panel:
    """A rectangle in px that shows x from 0 to ``x_max`` and y from ``y_min`` to ``y_max``."""

    left: float
    top: float
    width: float
    height: float
    x_max: float
    y_min: float
    y_max: float

    def x(self, value: float) -> float:
        """Where a value lies across the drawing, px."""
        return self.left + self.width * value / self.x_max

    def y(self, value: float) -> float:
        """Where a value lies down the drawing, px."""
        return self.top + self.height * (self.y_max - value) / (self.y_max - self.y_min)


def text(
    x: float, y: float, words: str, color: str, *, anchor: str = "start", weight: int = 400
) -> str:
    """Words at a point."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{words}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, color: str, *, width: float = 1) -> str:
    """A straight line."""
    return (
        f'<path d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}" stroke="{color}" stroke-width="{width}"/>'
    )


def bar(x: float, y: float, width: float, height: float, color: str) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'
    )


def levels(panel: Panel, ticks: Sequence[float], scheme: Scheme) -> list[str]:
    """Horizontal grid lines with their values; the zero line is stronger."""
    marks = []
    for value in ticks:
        color = scheme.strong_line if value == 0 else scheme.line
        y = panel.y(value)
        marks.append(line(panel.left, y, panel.left + panel.width, y, color))
        marks.append(text(panel.left - 8, y + 5, f"{value:g}", scheme.faint_ink, anchor="end"))
    return marks


def steps(panel: Panel, values: Float[Array, " step"]) -> str:
    """The path of values that each hold over one unit of x."""
    parts = [f"M{panel.x(0):.1f} {panel.y(values[0]):.1f}"]
    for i, value in enumerate(values):
        parts.append(f"V{panel.y(value):.1f} H{panel.x(i + 1):.1f}")
    return " ".join(parts)


def drawing(
    width: float, height: float, scheme_name: SchemeName, title: str, marks: list[str]
) -> str:
    """The whole SVG on the ground of its scheme."""
    scheme = SCHEMES[scheme_name]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'font-family="{FONT}" font-size="{FONT_PX}" fill="none" role="img">'
    )
    ground = f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{scheme.surface}"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, *marks, "</svg>"]) + "\n"
