"""A black start over time: voltage, frequency, served power, who carries, which block is on."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Bool, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal, wrapped

TIER_COLORS = {
    "life_safety": theme.RED,
    "critical": theme.ORANGE,
    "comfort": theme.BLUE,
}
SHADES = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PLUM, theme.RED, theme.GREY)


class Mark(NamedTuple):
    """Something that happens, as a thin line with a word.

    Attributes:
        time_s: When.
        words: What, for the reader who hovers.
        color: Of the line.
    """

    time_s: float
    words: str
    color: str


def add_marks(
    figure: go.Figure, marks: Sequence[Mark], axes: Mapping[str, tuple[float, float]]
) -> None:
    """Draw each mark as a thin line from end to end of every axis."""
    for mark in marks:
        for axis, ends in axes.items():
            figure.add_scatter(
                x=[mark.time_s, mark.time_s],
                y=list(ends),
                yaxis=axis,
                mode="lines",
                line={"color": theme.tint(mark.color, 0.7), "width": 1},
                hovertemplate=f"{literal(mark.words)}<extra></extra>",
                showlegend=False,
            )


def island_course(
    time_s: Float[Array, " sample"],
    voltage_pu: Float[Array, " sample"],
    frequency_hz: Float[Array, " sample"],
    marks: Sequence[Mark],
    *,
    nominal_hz: float,
    pick_up_voltage_pu: float,
) -> go.Figure:
    """Voltage and frequency of the island through every step.

    Args:
        time_s: From the loss of the grid.
        voltage_pu: At the main bus.
        frequency_hz: NaN while the island is dead.
        marks: Steps, as thin lines.
        nominal_hz: Of the island.
        pick_up_voltage_pu: Below which a pick-up would have been refused.
    """
    note = "Thin lines: blocks in orange, units in green, what goes wrong in red; hover to read."
    figure = panels.sheet("Voltage and frequency through the start", note=note, height=560)
    for name, values, axis, color, form in (
        ("voltage", voltage_pu, "y", theme.PLUM, ".3f} pu"),
        ("frequency", frequency_hz, "y2", theme.BLUE, ".4f} Hz"),
    ):
        figure.add_scatter(
            x=time_s,
            y=values,
            yaxis=axis,
            name=name,
            mode="lines",
            line={"color": color, "width": 1.8},
            hovertemplate=f"{name}: %{{y:{form}<extra></extra>",
        )
    _across(figure, time_s, pick_up_voltage_pu, "least at a pick-up", "y")
    _across(figure, time_s, nominal_hz, "nominal frequency", "y2")
    low, high = _range(frequency_hz, nominal_hz)
    top = max(1.1, float(np.nanmax(voltage_pu)) * 1.05)
    add_marks(figure, marks, {"y": (0.0, top), "y2": (low, high)})
    return figure.update_layout(
        yaxis={"title": {"text": "Voltage (pu)"}, "domain": [0.56, 1.0], "range": [0.0, top]},
        yaxis2={"title": {"text": "Frequency (Hz)"}, "domain": [0.0, 0.46], "range": [low, high]},
        xaxis={"title": {"text": "Time from the loss of the grid (s)"}, "anchor": "y2"},
        showlegend=True,
    )


def _range(values: Float[Array, " sample"], nominal: float) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low = min(float(known.min()), nominal) if len(known) else nominal - 0.1
    high = max(float(known.max()), nominal) if len(known) else nominal + 0.1
    air = 0.08 * max(high - low, 0.02)
    return low - air, high + air


def _across(
    figure: go.Figure, time_s: Float[Array, " sample"], level: float, words: str, axis: str
) -> None:
    figure.add_scatter(
        x=[float(time_s[0]), float(time_s[-1])],
        y=[level, level],
        yaxis=axis,
        mode="lines",
        name=words,
        line={"color": theme.GREY, "width": 1.3, "dash": "dot"},
        hoverinfo="skip",
    )


def pick_up_details(
    names: Sequence[str],
    time_s: Sequence[Array],
    frequency_hz: Sequence[Array],
    voltage_pu: Sequence[Array],
    *,
    nominal_hz: float,
) -> go.Figure:
    """Frequency and voltage around the closing of each block, laid over one another.

    Args:
        names: Of the blocks.
        time_s: From the closing of each.
        frequency_hz: At those times.
        voltage_pu: At the main bus.
        nominal_hz: Of the island.
    """
    note = "Each block closes at 0. Droop leaves the frequency lower; the dip passes."
    figure = panels.sheet("Each pick-up, close by", note=note, height=520)
    if not names:
        return panels.empty(figure, "No block was picked up.")
    for name, at, hertz, volts, color in zip(
        names, time_s, frequency_hz, voltage_pu, _colors(len(names)), strict=True
    ):
        for values, axis, form in ((volts, "y", ".3f} pu"), (hertz, "y2", ".4f} Hz")):
            figure.add_scatter(
                x=1e3 * at,
                y=values,
                yaxis=axis,
                name=literal(name),
                legendgroup=name,
                showlegend=axis == "y",
                mode="lines",
                line={"color": color, "width": 2},
                hovertemplate=f"{literal(name)}: %{{y:{form}<extra></extra>",
            )
    low, high = _range(np.concatenate(frequency_hz), nominal_hz)
    return figure.update_layout(
        yaxis={"title": {"text": "Voltage (pu)"}, "domain": [0.56, 1.0]},
        yaxis2={"title": {"text": "Frequency (Hz)"}, "domain": [0.0, 0.46], "range": [low, high]},
        xaxis={"title": {"text": "Time from closing (ms)"}, "anchor": "y2"},
        showlegend=True,
        hovermode="x unified",
    )


def _colors(count: int) -> list[str]:
    return [SHADES[i % len(SHADES)] for i in range(count)]


def block_timeline(
    names: Sequence[str],
    tiers: Sequence[str],
    power_kw: Float[Array, " block"],
    time_s: Float[Array, " sample"],
    connected: Bool[Array, "sample block"],
    units: Sequence[tuple[str, float]],
    *,
    duration_s: float,
) -> go.Figure:
    """When each block is on, and when each unit joins.

    Args:
        names: Of the blocks.
        tiers: Of each.
        power_kw: Of each.
        time_s: Of the samples.
        connected: Whether each block has supply.
        units: Name of each unit and the time at which it joins, infinite where it never does.
        duration_s: Until when all is followed.
    """
    figure = panels.sheet(
        "Who is on when",
        note="Units above, blocks below with their power.",
        height=190 + 26 * (len(names) + len(units)),
    )
    labels = []
    for name, since_s in units:
        labels.append(literal(name))
        if np.isfinite(since_s):
            _bar(figure, literal(name), since_s, duration_s, theme.GREEN, "feeds")
    for block, (name, tier) in enumerate(zip(names, tiers, strict=True)):
        label = f"{literal(name)}, {power_kw[block]:,.4g} kW"
        labels.append(label)
        edges = np.flatnonzero(np.diff(connected[:, block].astype(int)))
        ends = [0, *(edges + 1).tolist(), len(time_s)]
        for first, last in pairwise(ends):
            if connected[first, block]:
                until_s = float(time_s[last]) if last < len(time_s) else duration_s
                color = TIER_COLORS[tier]
                words = tier.replace("_", " ")
                _bar(figure, label, float(time_s[first]), until_s, color, words)
    figure.update_yaxes(
        categoryorder="array", categoryarray=labels[::-1], range=[-0.6, len(labels) - 0.4]
    )
    figure.update_xaxes(
        title={"text": "Time from the loss of the grid (s)"}, range=[0.0, duration_s]
    )
    for words, color in (
        ("unit", theme.GREEN),
        *((tier.replace("_", " "), TIER_COLORS[tier]) for tier in TIER_COLORS if tier in tiers),
    ):
        figure.add_bar(x=[0.0], y=[labels[0]], orientation="h", name=words, marker={"color": color})
    return figure.update_layout(barmode="overlay", bargap=0.35, showlegend=True)


def _bar(
    figure: go.Figure, label: str, from_s: float, until_s: float, color: str, words: str
) -> None:
    figure.add_bar(
        x=[until_s - from_s],
        base=[from_s],
        y=[label],
        orientation="h",
        marker={"color": color, "line": {"width": 0}},
        hovertemplate=f"{label}, {words}: from {from_s:.2f} to {until_s:.2f} s<extra></extra>",
        showlegend=False,
    )


def served_power(
    time_s: Float[Array, " knot"],
    served_kw: Float[Array, " knot"],
    demand_kw: float,
    thresholds: Sequence[tuple[float, float]],
    *,
    duration_s: float,
    missing_kwh: float,
) -> go.Figure:
    """Served power against demand, with the recovery times and the energy that is missing.

    Args:
        time_s: At which served power changes; the first is the loss of the grid.
        served_kw: From each on.
        demand_kw: Of all blocks.
        thresholds: Share of the demand and the time at which it is back for good, NaN where it
            never is.
        duration_s: Until when all is followed.
        missing_kwh: M_D, the area between both.
    """
    figure = panels.sheet(
        "Served power, recovery time and degradation",
        note=f"The shaded area is M_D, {missing_kwh:,.4g} kWh that were demanded and not served.",
    )
    x = np.append(time_s, duration_s)
    y = np.append(served_kw, served_kw[-1])
    figure.add_scatter(
        x=x,
        y=y,
        name="served",
        mode="lines",
        line={"color": theme.BLUE, "width": 2.4, "shape": "hv"},
        hovertemplate="served: %{y:,.4g} kW<extra></extra>",
    )
    figure.add_scatter(
        x=x,
        y=np.full(len(x), demand_kw),
        name="demand",
        mode="lines",
        line={"color": theme.GREY, "width": 1.6, "shape": "hv"},
        fill="tonexty",
        fillcolor=theme.tint(theme.ORANGE, 0.18),
        hovertemplate="demand: %{y:,.4g} kW<extra></extra>",
    )
    for (share, at_s), color in zip(thresholds, (theme.PLUM, theme.GREEN, theme.RED), strict=False):
        name = f"{share:.0%}: " + (f"{at_s:.1f} s" if np.isfinite(at_s) else "not reached")
        figure.add_scatter(
            x=[0.0, duration_s],
            y=[share * demand_kw] * 2,
            name=f"T_r {name}",
            mode="lines",
            line={"color": color, "width": 1.4, "dash": "dash"},
            hoverinfo="skip",
        )
        if np.isfinite(at_s):
            figure.add_scatter(
                x=[at_s],
                y=[share * demand_kw],
                mode="markers",
                marker={"size": 11, "color": color, "symbol": "diamond"},
                hovertemplate=f"T_r {name}<extra></extra>",
                showlegend=False,
            )
    figure.update_xaxes(
        title={"text": "Time from the loss of the grid (s)"}, range=[0.0, duration_s]
    )
    figure.update_yaxes(title={"text": "Power (kW)"}, range=[0.0, 1.1 * demand_kw])
    return figure.update_layout(showlegend=True)


def unit_shares(
    time_s: Float[Array, " sample"],
    names: Sequence[str],
    power_kw: Float[Array, "sample line"],
    current_pu: Float[Array, "sample unit"],
) -> go.Figure:
    """Power of each unit over time, and the greatest current of any.

    Args:
        time_s: From the loss of the grid.
        names: Of the units, or of several together.
        power_kw: Filtered.
        current_pu: Of each unit that forms the grid, over its rated current.
    """
    note = "A unit joins without power and takes its share in a second."
    figure = panels.sheet("How the units share", note=note, height=520)
    for unit, name in enumerate(names):
        figure.add_scatter(
            x=time_s,
            y=power_kw[:, unit],
            name=wrapped(name),
            mode="lines",
            line={"color": SHADES[unit % len(SHADES)], "width": 1.6},
            hovertemplate=f"{literal(name)}: %{{y:,.2f}} kW<extra></extra>",
        )
    figure.add_scatter(
        x=time_s,
        y=current_pu.max(axis=1),
        yaxis="y2",
        name="greatest current",
        mode="lines",
        line={"color": theme.RED, "width": 1.6},
        hovertemplate="greatest current: %{y:.2f} pu<extra></extra>",
    )
    figure.update_layout(
        yaxis={"title": {"text": "Power (kW)"}, "domain": [0.42, 1.0]},
        yaxis2={"title": {"text": "Current (pu)"}, "domain": [0.0, 0.33]},
        xaxis={"title": {"text": "Time from the loss of the grid (s)"}, "anchor": "y2"},
        hovermode="x unified",
        showlegend=True,
    )
    return panels.fit(figure)
