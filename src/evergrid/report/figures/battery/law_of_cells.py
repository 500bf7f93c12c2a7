"""How a law of ageing fits the cells that it was fitted to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

PERCENT = 100.0


@dataclass(frozen=True)
class CellCurve:
    """Cells of one condition, and what the law expects of them.

    Attributes:
        label: The condition.
        amount: Days or cycles of each measurement.
        fade: What was measured.
        at: Days or cycles, ascending, of the law.
        band: Lower end, middle and upper end of what it expects there.
    """

    label: str
    amount: Float[Array, " row"]
    fade: Float[Array, " row"]
    at: Float[Array, " point"]
    band: Float[Array, "point end"]


def cell_tests(parts: Mapping[str, Sequence[CellCurve]]) -> go.Figure:
    """Measured fade as points and the law as lines with bands, a panel for each part.

    Args:
        parts: Title of each panel's axis, with its conditions.
    """
    rows = len(parts)
    note = "Points: your cells. Line and band: the law, and nine of ten cells of this make."
    sheet = panels.sheet("Your cells and the law", note=note, height=180 + 240 * rows)
    figure = make_subplots(rows=rows, vertical_spacing=0.16 / rows + 0.03, figure=sheet)
    for row, (title, curves) in enumerate(parts.items(), 1):
        for number, curve in enumerate(curves):
            color = theme.COLORWAY[number % len(theme.COLORWAY)]
            _draw(figure, row, curve, color)
        figure.update_xaxes(title={"text": literal(title)}, row=row)
        figure.update_yaxes(title={"text": "Fade, %"}, rangemode="tozero", row=row)
    return figure.update_layout(showlegend=True)


def _draw(figure: go.Figure, row: int, curve: CellCurve, color: str) -> None:
    """The points, the line and the band of one condition."""
    low, middle, high = PERCENT * curve.band.T
    shared = {"row": row, "col": 1}
    figure.add_scatter(
        x=np.concatenate([curve.at, curve.at[::-1]]),
        y=np.concatenate([high, np.maximum(low, 0.0)[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=theme.tint(color, 0.12),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        **shared,
    )
    figure.add_scatter(
        x=curve.at,
        y=middle,
        mode="lines",
        line={"color": color, "width": 2.2},
        name=literal(curve.label),
        hovertemplate="law: %{y:.1f} %<extra></extra>",
        **shared,
    )
    figure.add_scatter(
        x=curve.amount,
        y=PERCENT * curve.fade,
        mode="markers",
        marker={"color": color, "size": 4},
        hovertemplate="measured: %{y:.1f} %<extra></extra>",
        showlegend=False,
        **shared,
    )
