"""The site and its neighbours over time: each with a frequency and a voltage until they join."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.figures.resilience.black_start_course import SHADES, Mark, add_marks
from evergrid.report.labels import literal, wrapped


def section_course(
    time_s: Float[Array, " sample"],
    names: Sequence[str],
    frequency_hz: Float[Array, "sample section"],
    voltage_pu: Float[Array, "sample section"],
    marks: Sequence[Mark],
    *,
    nominal_hz: float,
) -> go.Figure:
    """Frequency and voltage of each section through every step.

    Args:
        time_s: From the loss of the grid.
        names: Of the sections; the site first.
        frequency_hz: NaN while a section is dead.
        voltage_pu: At the bus of each.
        marks: Closings between sections, and with the grid.
        nominal_hz: Of all.
    """
    note = "Thin lines: what is energised or joined; hover to read. Dotted: nominal frequency."
    figure = panels.sheet("Site and other sections", note=note, height=560)
    for place, name in enumerate(names):
        color = SHADES[place % len(SHADES)]
        for values, axis, form in (
            (frequency_hz[:, place], "y", ".4f} Hz"),
            (voltage_pu[:, place], "y2", ".3f} pu"),
        ):
            figure.add_scatter(
                x=time_s,
                y=values,
                yaxis=axis,
                name=wrapped(name),
                legendgroup=name,
                showlegend=axis == "y",
                mode="lines",
                line={"color": color, "width": 2.2 if place == 0 else 1.6},
                hovertemplate=f"{literal(name)}: %{{y:{form}<extra></extra>",
            )
    known = np.append(frequency_hz[np.isfinite(frequency_hz)], nominal_hz)
    air = 0.08 * max(float(np.ptp(known)), 0.02)
    low, high = float(known.min()) - air, float(known.max()) + air
    top = max(1.1, float(np.nanmax(voltage_pu)) * 1.05)
    figure.add_scatter(
        x=[float(time_s[0]), float(time_s[-1])],
        y=[nominal_hz, nominal_hz],
        mode="lines",
        line={"color": theme.GREY, "width": 1.3, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    add_marks(figure, marks, {"y": (low, high), "y2": (0.0, top)})
    return figure.update_layout(
        yaxis={"title": {"text": "Frequency (Hz)"}, "domain": [0.5, 1.0], "range": [low, high]},
        yaxis2={"title": {"text": "Voltage (pu)"}, "domain": [0.0, 0.4], "range": [0.0, top]},
        xaxis={"title": {"text": "Time from the loss of the grid (s)"}, "anchor": "y2"},
        showlegend=True,
    )
