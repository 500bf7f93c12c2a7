"""The sheet that figures are drawn on: panels above one another over one time axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array
from evergrid.report import theme
from evergrid.report.time_axis import TimeAxis

AIR = 0.07  # share of the range left free above and below
DAY_MS = 24 * 3600 * 1000
TICK_FORMATS = [  # short enough to stand side by side on a small screen
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S\n%-d %b"},
    {"dtickrange": [60_000, DAY_MS - 1], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [DAY_MS, 28 * DAY_MS], "value": "%-d %b"},
    {"dtickrange": ["M1", None], "value": "%b\n%Y"},
]
GAP = 0.08  # share of the height between panels


@dataclass(frozen=True)
class Panel:
    """One panel: the title of its vertical axis, with the unit, and its share of the height."""

    title: str
    share: float = 1.0


def sheet(title: str, *, note: str = "", height: int = 420) -> go.Figure:
    """An empty figure with a title, and a note below it on how to read it."""
    return go.Figure(
        layout={
            "template": theme.template("light"),
            "height": height,
            "title": {
                "text": title,
                "subtitle": {"text": note},
                "yref": "container",
                "y": 1 - 24 / height,
                "yanchor": "top",
            },
            "margin": {"l": 12, "r": 16, "t": 112 if note else 92, "b": 12},
        }
    )


def over_time(figure: go.Figure, axis: TimeAxis, panels: Sequence[Panel]) -> go.Figure:
    """Lay panels out from top to bottom, on axes y, y2, ..., over one shared time axis.

    All panels share one horizontal axis, so hovering reads all of them at one instant.
    """
    whole = sum(panel.share for panel in panels)
    room = 1 - GAP * (len(panels) - 1)
    top, axes = 1.0, {}
    for i, panel in enumerate(panels):
        bottom = top - room * panel.share / whole
        name = f"yaxis{i + 1}" if i else "yaxis"
        domain = [max(bottom, 0.0), top]
        axes[name] = {"title": {"text": panel.title}, "domain": domain}
        top = bottom - GAP
    lowest = f"y{len(panels)}" if len(panels) > 1 else "y"
    return figure.update_layout(
        **axes,
        hovermode="x unified",
        hoversubplots="axis",
        xaxis={
            "type": "date",
            "title": {"text": axis.title},
            "anchor": lowest,
            "range": [str(axis.edges[0]), str(axis.edges[-1])],
            "ticks": "outside",
            "tickangle": 0,
            "tickformatstops": TICK_FORMATS,
            "hoverformat": "%-d %b %Y, %H:%M",
            "showline": True,
        },
    )


def fit(figure: go.Figure) -> go.Figure:
    """Give each vertical axis the range of its lines and bars, zero included, with some air.

    Plotly leaves no air beside filled areas, so that a peak or a limit would hide on the edge.
    """
    values: dict[str, list[Array]] = {}
    traces: Any = figure.data  # Plotly's property has no usable type
    for trace in traces:
        values.setdefault(trace.yaxis or "y", []).append(np.asarray(trace.y, float))
    axes = {}
    for name, parts in values.items():
        finite = np.concatenate([part[np.isfinite(part)] for part in parts] + [np.zeros(1)])
        low, high = float(finite.min()), float(finite.max())
        air = AIR * ((high - low) or 1.0)
        ends = [low - air if low < 0 else 0.0, high + air if high > 0 or low == 0 else 0.0]
        axes[name.replace("y", "yaxis")] = {"range": ends}
    return figure.update_layout(axes)


def empty(figure: go.Figure, why: str) -> go.Figure:
    """Say in the middle of a figure why nothing is drawn."""
    figure.update_layout(
        xaxis={"visible": False}, yaxis={"visible": False}, height=180, showlegend=False
    )
    return figure.add_annotation(
        text=why, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"size": 15}
    )
