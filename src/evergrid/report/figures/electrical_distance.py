"""Where along a feeder something is high or low, for feeders that give no places for a map."""

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.report import panels, theme
from evergrid.report.labels import literal

CROWDED = 400  # places from which they are drawn small
BASES_KVA = (1.0, 10.0, 100.0, 1000.0, 10_000.0)  # of which one gives impedances of some per cent
FULL_PERCENT = 100.0  # largest impedance that an axis should need


def distance_diagram(
    impedance_per_kva: Float[Array, " bus"],
    before: Int[Array, " bus"],
    value: Float[Array, " bus"],
    name: Shaped[Array, " bus"],
    *,
    title: str,
    axis: str,
    unit: str,
    note: str = "",
    logarithmic: bool = False,
) -> go.Figure:
    """A value of each bus over the impedance between it and the source, wires drawn between.

    Args:
        impedance_per_kva: Of the way from the source, per unit on 1 kVA; NaN where none leads.
        before: Row of the bus before each on that way; -1 where there is none.
        value: What is shown; NaN for buses that only connect.
        name: What each bus is called.
        title: Heading.
        axis: What the value is, for its axis.
        unit: Unit of the value, behind it; empty for none.
        note: Why there is no map; under the heading.
        logarithmic: Whether values cover orders of magnitude.
    """
    shown = np.isfinite(value) & np.isfinite(impedance_per_kva)
    if logarithmic:
        shown &= value > 0
    if not shown.any():
        why = "No bus has both a value and a way to the source."
        return panels.empty(panels.sheet(title, note=note), why)
    figure = panels.sheet(title, note=note, height=460)
    base_kva = _base(float(impedance_per_kva[shown].max()))
    percent = 100.0 * base_kva * impedance_per_kva
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


def _base(longest_per_kva: float) -> float:
    """The largest base at which the furthest bus is less than 100 % away."""
    fit = [kva for kva in BASES_KVA if 100.0 * kva * longest_per_kva <= FULL_PERCENT]
    return max(fit, default=BASES_KVA[0])


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
