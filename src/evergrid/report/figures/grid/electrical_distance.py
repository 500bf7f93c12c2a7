"""Where along a feeder something is high or low, for feeders that give no places for a map."""

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.report import panels, theme
from evergrid.report.labels import literal

CROWDED = 400  # places from which they are drawn small


def distance_diagram(
    impedance_pu: Float[Array, " bus"],
    before: Int[Array, " bus"],
    value: Float[Array, " bus"],
    name: Shaped[Array, " bus"],
    *,
    title: str,
    axis: str,
    unit: str,
    base_kva: float,
    note: str = "",
    logarithmic: bool = False,
) -> go.Figure:
    """A value of each bus over the impedance between it and the source, wires drawn between.

    Args:
        impedance_pu: Of the way from the source, per unit; NaN where none leads.
        before: Row of the bus before each on that way; -1 where there is none.
        value: What is shown; NaN for buses that only connect.
        name: What each bus is called.
        title: Heading.
        axis: What the value is, for its axis.
        unit: Unit of the value, behind it; empty for none.
        base_kva: Base of the impedance, each phase.
        note: Why there is no map; under the heading.
        logarithmic: Whether values cover orders of magnitude.
    """
    shown = np.isfinite(value) & np.isfinite(impedance_pu)
    if logarithmic:
        shown &= value > 0
    if not shown.any():
        why = "No bus has both a value and a way to the source."
        return panels.empty(panels.sheet(title, note=note), why)
    figure = panels.sheet(title, note=note, height=460)
    percent = 100.0 * impedance_pu
    x, y = _wires(shown, before, percent, value)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": theme.tint(theme.GREY, 0.7), "width": 1.4},
        hoverinfo="skip",
        showlegend=False,
    )
    behind = f" {unit}" if unit else ""
    figure.add_scatter(
        x=percent[shown],
        y=value[shown],
        mode="markers",
        marker={
            "size": 5 if shown.sum() > CROWDED else 9,
            "color": theme.BLUE,
            "line": {"width": 0.5, "color": theme.GREY},
        },
        text=[
            f"{literal(str(n))}: {v:,.4g}{behind}, {far:.3g} % from the source"
            for n, v, far in zip(name[shown], value[shown], percent[shown], strict=True)
        ],
        hoverinfo="text",
        showlegend=False,
    )
    words = f"Impedance from the source (% at {base_kva:,.0f} kVA a phase)"
    figure.update_xaxes(title={"text": words}, rangemode="tozero")
    figure.update_yaxes(title={"text": f"{axis} ({unit})" if unit else axis})
    if logarithmic:
        figure.update_yaxes(type="log", dtick=1)
    return figure


def _wires(
    shown: Shaped[Array, " bus"],
    before: Int[Array, " bus"],
    percent: Float[Array, " bus"],
    value: Float[Array, " bus"],
) -> tuple[list[float], list[float]]:
    """Lines from each bus to the nearest one before it that is shown as well."""
    x, y = [], []
    for bus in np.flatnonzero(shown).tolist():
        nearer = int(before[bus])
        while nearer >= 0 and not shown[nearer]:
            nearer = int(before[nearer])
        if nearer >= 0:
            x += [float(percent[nearer]), float(percent[bus]), np.nan]
            y += [float(value[nearer]), float(value[bus]), np.nan]
    return x, y
