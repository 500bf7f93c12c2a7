"""Waveforms of a black start: three phases that rise from zero, and inrush hard against soft."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

PHASE_COLORS = (theme.BLUE, theme.ORANGE, theme.GREEN)


def rising_voltage(
    time_s: Float[Array, " sample"],
    bus_v: Float[Array, "phase sample"],
    current_a: Float[Array, "phase sample"],
) -> go.Figure:
    """The three phases of the bus while the first unit raises them from zero, with its current.

    Args:
        time_s: From the beginning of the ramp.
        bus_v: Of each phase to earth.
        current_a: Into transformer and loads.
    """
    note = "The transformer is attached from the start, so that its core is never hit by a step."
    figure = panels.sheet("Three-phase voltage rising from zero", note=note, height=520)
    for phase, color in enumerate(PHASE_COLORS):
        for values, axis, unit in ((bus_v, "y", "V"), (current_a, "y2", "A")):
            name = f"phase {'abc'[phase]}"
            figure.add_scatter(
                x=1e3 * time_s,
                y=values[phase],
                yaxis=axis,
                name=name,
                legendgroup=name,
                showlegend=axis == "y",
                mode="lines",
                line={"color": color, "width": 1.2},
                hovertemplate=f"{name}: %{{y:,.1f}} {unit}<extra></extra>",
            )
    return figure.update_layout(
        yaxis={"title": {"text": "Voltage (V)"}, "domain": [0.42, 1.0]},
        yaxis2={"title": {"text": "Current (A)"}, "domain": [0.0, 0.33]},
        xaxis={"title": {"text": "Time (ms)"}, "anchor": "y2"},
        showlegend=True,
    )


def inrush_comparison(
    time_s: Mapping[str, Float[Array, " sample"]],
    current_pu: Mapping[str, Float[Array, "phase sample"]],
    voltage_pu: Mapping[str, Float[Array, "phase sample"]],
) -> go.Figure:
    """Current into the transformer and voltage of the bus, closed hard against started softly.

    Args:
        time_s: Of the samples, by case.
        current_pu: Over the amplitude of the unit's rated current, by case.
        voltage_pu: Over the amplitude of its voltage, by case.
    """
    note = "Of the three phases, the one with the greatest current. An inverter is no stiff "
    note += "source: its voltage gives way."
    figure = panels.sheet("Inrush: closed hard, and started softly", note=note, height=520)
    for (case, current), color in zip(current_pu.items(), (theme.RED, theme.BLUE), strict=False):
        worst = int(np.abs(current).max(axis=1).argmax())
        for values, axis, unit in ((current, "y", "pu"), (voltage_pu[case], "y2", "pu")):
            figure.add_scatter(
                x=1e3 * time_s[case],
                y=values[worst],
                yaxis=axis,
                name=literal(case),
                legendgroup=case,
                showlegend=axis == "y",
                mode="lines",
                line={"color": color, "width": 1.6},
                hovertemplate=f"{literal(case)}: %{{y:.3f}} {unit}<extra></extra>",
            )
    return figure.update_layout(
        yaxis={"title": {"text": "Current (pu)"}, "domain": [0.54, 1.0]},
        yaxis2={"title": {"text": "Voltage (pu)"}, "domain": [0.0, 0.44]},
        xaxis={"title": {"text": "Time (ms)"}, "anchor": "y2"},
        showlegend=True,
    )
