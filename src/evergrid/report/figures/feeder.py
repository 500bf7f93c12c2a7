"""Where on the feeder something is high or low: lines between buses, coloured by a number."""

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.report import panels, theme
from evergrid.report.labels import literal

MOST_SIZE, LEAST_SIZE = 12.0, 5.0  # of a bus, points
CROWDED = 400  # buses from which they are drawn small
HEIGHT = 560


def feeder_map(
    x: Float[Array, " bus"],
    y: Float[Array, " bus"],
    ends: Int[Array, "line 2"],
    value: Float[Array, " bus"],
    name: Shaped[Array, " bus"],
    *,
    title: str,
    unit: str,
    scale: tuple[float, float] | None = None,
    source: int | None = None,
    colors: tuple[str, ...] | None = None,
) -> go.Figure:
    """A feeder drawn from the coordinates of its buses, each coloured by a value.

    Buses without coordinates are left out, and lines to them; where none has any, the figure
    says so.

    Args:
        x: Horizontal coordinate of each bus; NaN where there is none.
        y: Vertical coordinate.
        ends: Buses at the two ends of each line and transformer.
        value: What colours each bus; NaN for those that only connect.
        name: What each bus is called.
        title: Heading.
        unit: Unit of the value, behind it.
        scale: Values at the two ends of the colours; of the values by default.
        source: Bus that feeds the others.
        colors: From the lowest to the highest value.
    """
    placed = np.isfinite(x) & np.isfinite(y)
    if not placed.any():
        empty = panels.sheet(title)
        return panels.empty(empty, "The files give no coordinates of buses.")
    figure = panels.sheet(title, height=HEIGHT)
    drawn = ends[placed[ends].all(axis=1)]
    gap = np.full(len(drawn), np.nan)
    wire_x = np.column_stack([x[drawn[:, 0]], x[drawn[:, 1]], gap]).ravel()
    wire_y = np.column_stack([y[drawn[:, 0]], y[drawn[:, 1]], gap]).ravel()
    figure.add_scatter(
        x=wire_x,
        y=wire_y,
        mode="lines",
        line={"color": theme.tint(theme.GREY, 0.7), "width": 1.6},
        hoverinfo="skip",
        showlegend=False,
    )
    shown = placed & np.isfinite(value)
    low, high = scale or (float(np.min(value[shown])), float(np.max(value[shown])))
    size = LEAST_SIZE if shown.sum() > CROWDED else MOST_SIZE
    texts = [
        f"{literal(str(n))}: {v:,.4g} {unit}"
        for n, v in zip(name[shown], value[shown], strict=True)
    ]
    figure.add_scatter(
        x=x[shown],
        y=y[shown],
        mode="markers",
        marker={
            "size": size,
            "color": value[shown],
            "colorscale": list(colors) if colors else "Cividis",
            "cmin": low,
            "cmax": high,
            "colorbar": {"title": {"text": unit}, "thickness": 14},
            "line": {"width": 0.5, "color": theme.GREY},
        },
        text=texts,
        hoverinfo="text",
        showlegend=False,
    )
    if source is not None and placed[source]:
        figure.add_scatter(
            x=[x[source]],
            y=[y[source]],
            mode="markers",
            marker={"symbol": "square", "size": 14, "color": theme.RED},
            text=["source"],
            hoverinfo="text",
            name="Source",
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x", scaleratio=1)
    return figure  # not fitted: coordinates may lie far from zero
