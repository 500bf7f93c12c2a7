"""Where on the feeder something is high or low: lines between buses, coloured by a number."""

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.report import panels, theme
from evergrid.report.labels import literal

MOST_SIZE, LEAST_SIZE = 12.0, 5.0  # of a bus, points
CROWDED = 400  # buses from which they are drawn small
HEIGHT = 560
MARGIN = 0.06  # of the longer side, left free around the map


def feeder_map(
    x: Float[Array, " bus"],
    y: Float[Array, " bus"],
    ends: Int[Array, "line 2"],
    value: Float[Array, " bus"],
    name: Shaped[Array, " bus"],
    *,
    title: str,
    unit: str,
    note: str = "",
    scale: tuple[float, float] | None = None,
    source: int | None = None,
    colors: tuple[str, ...] | None = None,
) -> go.Figure:
    """A feeder drawn from the coordinates of its buses, each coloured by a value.

    Buses without coordinates are left out, and lines to them; where none has any, the figure
    says so. Those without a value are drawn small. Both directions have one scale.

    Args:
        x: Horizontal coordinate of each bus; NaN where there is none.
        y: Vertical coordinate.
        ends: Buses at the two ends of each line and transformer.
        value: What colours each bus; NaN for those that only connect.
        name: What each bus is called.
        title: Heading.
        unit: Unit of the value, behind it.
        note: What is missing on the map; under the heading.
        scale: Values at the two ends of the colours; of the values by default.
        source: Bus that feeds the others.
        colors: From the lowest to the highest value.
    """
    placed = np.isfinite(x) & np.isfinite(y)
    if not placed.any():
        empty = panels.sheet(title)
        return panels.empty(empty, "The files give no coordinates of buses.")
    figure = panels.sheet(title, note=note, height=HEIGHT)
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
    _connecting(figure, x[placed & ~shown], y[placed & ~shown], name[placed & ~shown])
    if shown.any():
        _coloured(figure, x[shown], y[shown], value[shown], name[shown], unit, scale, colors)
    if source is not None and placed[source]:
        figure.add_scatter(
            x=[x[source]],
            y=[y[source]],
            mode="markers",
            marker={"symbol": "square", "size": 14, "color": theme.RED},
            text=["source"],
            hoverinfo="text",
            name="Source",
            showlegend=False,
        )
    return _framed(figure, x[placed], y[placed])


def _connecting(
    figure: go.Figure,
    x: Float[Array, " bus"],
    y: Float[Array, " bus"],
    name: Shaped[Array, " bus"],
) -> None:
    """Buses that have no value, as small points."""
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        marker={"size": 3, "color": theme.GREY},
        text=[literal(str(n)) for n in name],
        hoverinfo="text",
        showlegend=False,
    )


def _coloured(
    figure: go.Figure,
    x: Float[Array, " bus"],
    y: Float[Array, " bus"],
    value: Float[Array, " bus"],
    name: Shaped[Array, " bus"],
    unit: str,
    scale: tuple[float, float] | None,
    colors: tuple[str, ...] | None,
) -> None:
    """Buses that have a value, with the scale of colours below the map."""
    low, high = scale or (float(value.min()), float(value.max()))
    if low == high:  # one colour for one value, in the middle of a scale that has a length
        low, high = low - 0.5 * abs(low or 1.0), high + 0.5 * abs(high or 1.0)
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        marker={
            "size": LEAST_SIZE if len(value) > CROWDED else MOST_SIZE,
            "color": value,
            "colorscale": list(colors) if colors else "Cividis",
            "cmin": low,
            "cmax": high,
            "colorbar": {
                "title": {"text": unit, "side": "top"},
                "orientation": "h",
                "thickness": 12,
                "y": -0.02,
                "yanchor": "top",
            },
            "line": {"width": 0.5, "color": theme.GREY},
        },
        text=[
            f"{literal(str(n))}: {v:,.4g} {unit}".rstrip() for n, v in zip(name, value, strict=True)
        ],
        hoverinfo="text",
        showlegend=False,
    )


def _framed(figure: go.Figure, x: Float[Array, " bus"], y: Float[Array, " bus"]) -> go.Figure:
    """Both axes around the map, whatever its shape: Plotly would give a straight line ends of 1."""
    sides = np.array([np.ptp(x), np.ptp(y)], dtype=float)
    longest = float(sides.max()) or 1.0
    air = MARGIN * longest
    for update, at in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        update(visible=False, range=[float(at.min()) - air, float(at.max()) + air])
    return figure.update_yaxes(scaleanchor="x", scaleratio=1)
