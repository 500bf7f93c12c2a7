"""How strong a feeder is, and what inverters with droop do on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.report import panels, theme
from evergrid.report.labels import literal, shortened

MOST_BARS = 40  # inverters that a figure tells apart


def scr_curve(
    name: Shaped[Array, " bus"],
    scr: Float[Array, " bus"],
    x_over_r: Float[Array, " bus"],
    *,
    weak_scr: float,
    rating_kva: float,
) -> go.Figure:
    """Buses from the weakest to the strongest, by the short-circuit ratio of one inverter.

    Args:
        name: Of each bus.
        scr: Its ratio; NaN where it is not judged.
        x_over_r: Reactance over resistance there.
        weak_scr: Ratio below which a bus counts as weak.
        rating_kva: Of the inverter.
    """
    order = np.argsort(scr, kind="stable")[: int(np.isfinite(scr).sum())]
    note = f"One inverter of {rating_kva:,.4g} kVA at each bus, alone. Both axes are logarithmic."
    figure = panels.sheet("From the weakest bus to the strongest", note=note)
    figure.add_scatter(
        x=np.arange(1, len(order) + 1),
        y=scr[order],
        mode="lines+markers",
        marker={"size": 6, "color": theme.BLUE},
        line={"color": theme.tint(theme.BLUE, 0.5), "width": 1.5},
        customdata=[
            f"{literal(str(name[i]))}: SCR {scr[i]:,.3g}, X/R {x_over_r[i]:,.3g}" for i in order
        ],
        hovertemplate="%{customdata}<extra></extra>",
        name="bus",
    )
    _level(figure, np.array([1.0, len(order)]), weak_scr, f"weak below {weak_scr:g}", theme.RED)
    figure.update_layout(showlegend=True)
    figure.update_xaxes(type="log", title={"text": "Buses, counted from the weakest"}, dtick=1)
    figure.update_yaxes(type="log", title={"text": "Short-circuit ratio"}, dtick=1)
    return figure


def loop_gains(
    name: Shaped[Array, " connection"],
    own: Float[Array, " connection"],
    with_others: Float[Array, " connection"],
    *,
    stable_gain: float,
    most_gain: float,
) -> go.Figure:
    """Loop gain of each inverter alone, and with all others, against what is stable.

    Args:
        name: Of each inverter.
        own: Gain alone.
        with_others: Gain when all others of the same slope move with it.
        stable_gain: Gain at which hunting begins.
        most_gain: Gain that the advised slopes keep.
    """
    order = np.argsort(-with_others, kind="stable")[:MOST_BARS]
    left = len(name) - len(order)
    note = "With the slope asked for. Together they count, not alone."
    note += f" The {left:,} with the lowest gain are left out." if left else ""
    figure = panels.sheet("Loop gain of each inverter", note=note)
    labels = [literal(shortened(str(name[i]), 14)) for i in order]
    bars: dict[str, Any] = {"x": np.arange(len(order)), "customdata": labels}
    for words, value, color in (
        ("alone", own, theme.BLUE),
        ("with all others", with_others, theme.ORANGE),
    ):
        hover = "%{customdata}: %{y:.3g}"
        figure.add_bar(
            y=value[order], name=words, marker={"color": color}, hovertemplate=hover, **bars
        )
    across = np.array([-0.5, len(order) - 0.5])
    _level(figure, across, stable_gain, "hunting begins", theme.RED)
    _level(figure, across, most_gain, "as advised", theme.GREEN)
    figure.update_xaxes(tickvals=bars["x"], ticktext=labels, title={"text": "Inverter"})
    figure.update_yaxes(title={"text": "Loop gain"})
    top = 1.1 * max(float(with_others.max()), float(own.max()), stable_gain)
    figure.update_layout(showlegend=True, yaxis={"range": [0, top]})
    return figure


def droop_response(
    time_s: Float[Array, " instant"],
    voltage_pu: Mapping[str, Float[Array, " instant"]],
    *,
    name: str,
) -> go.Figure:
    """Voltage of one inverter after a step of the source, under several settings.

    Args:
        time_s: Of each instant; the step comes at 0.
        voltage_pu: By setting; NaN from where it collapsed.
        name: Of the inverter.
    """
    note = "The source's voltage steps up at 0. Hunting goes on; a calm loop settles."
    figure = panels.sheet(f"Voltage at {literal(name)} after a step", note=note)
    colors = (theme.RED, theme.BLUE, theme.GREEN, theme.PLUM)
    for (setting, values), color in zip(voltage_pu.items(), colors, strict=False):
        figure.add_scatter(
            x=time_s,
            y=values,
            name=literal(setting),
            mode="lines+markers",
            marker={"size": 4},
            line={"color": color, "width": 1.8},
            hovertemplate="%{y:.4f} pu",
        )
    figure.update_layout(hovermode="x unified", showlegend=True)
    figure.update_xaxes(title={"text": "Time (s)"})
    figure.update_yaxes(title={"text": "Voltage (pu)"})
    return figure


def _level(
    figure: go.Figure, across: Float[Array, " end"], level: float, words: str, color: str
) -> None:
    """A dashed line at a level, explained in the legend, where nothing can lie over its name."""
    figure.add_scatter(
        x=across,
        y=np.full(len(across), level),
        mode="lines",
        name=words,
        line={"color": color, "dash": "dash", "width": 2},
        hoverinfo="skip",
    )
