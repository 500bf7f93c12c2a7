"""Eigenvalues of the island before each closing, in the complex plane."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

LEFT_PER_S = -120.0  # of the plane; what decays faster tells nothing of stability
DAMPING = 0.05


def closing_modes(closings: Sequence[str], eigenvalue_per_s: Sequence[Array]) -> go.Figure:
    """Slow modes before each closing; right of zero they grow.

    Args:
        closings: Names of the breakers.
        eigenvalue_per_s: Of what would then be connected, for each.
    """
    note = "Left of zero a mode decays, right of it grows. The last closing is drawn large."
    figure = panels.sheet("Eigenvalues before each closing", note=note, height=480)
    if not any(len(values) for values in eigenvalue_per_s):
        return panels.empty(figure, "No closing was looked at.")
    last = len(closings) - 1
    high, right = 40.0, 10.0
    explained: set[str] = set()
    for number, (name, values) in enumerate(zip(closings, eigenvalue_per_s, strict=True)):
        slow = values[np.real(values) > LEFT_PER_S]
        if not len(slow):
            continue
        high = max(high, float(np.abs(np.imag(slow)).max()))
        right = max(right, 1.3 * float(np.real(slow).max()))
        color = theme.BLUE if number < last else theme.ORANGE
        for part, shown in (
            (slow[np.real(slow) < 0], color),
            (slow[np.real(slow) >= 0], theme.RED),
        ):
            if not len(part):
                continue
            grows = shown == theme.RED
            first, explained = shown not in explained, explained | {shown}
            figure.add_scatter(
                x=np.real(part),
                y=np.imag(part) / (2.0 * np.pi),
                mode="markers",
                name="grows" if grows else "before the last" if number == last else "earlier",
                legendgroup=shown,
                showlegend=first,
                marker={
                    "color": shown,
                    "size": 11 if number == last or grows else 6,
                    "symbol": "x" if grows else "circle",
                    "opacity": 1.0 if number == last or grows else 0.45,
                },
                hovertemplate=f"before {literal(name)}: %{{x:.2f}} 1/s, %{{y:.2f}} Hz"
                "<extra></extra>",
            )
    top = 1.1 * high / (2.0 * np.pi)
    figure.add_scatter(
        x=[0.0, 0.0],
        y=[-top, top],
        mode="lines",
        line={"color": theme.RED, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    reach = 2.0 * np.pi * top * DAMPING / np.sqrt(1.0 - DAMPING**2)
    for sign in (1.0, -1.0):
        figure.add_scatter(
            x=[0.0, -reach],
            y=[0.0, sign * top],
            mode="lines",
            name="damping of 5 %",
            line={"color": theme.GREY, "width": 1.2, "dash": "dot"},
            hoverinfo="skip",
            showlegend=sign > 0,
        )
    figure.update_xaxes(title={"text": "Real part (1/s)"}, range=[LEFT_PER_S, right])
    figure.update_yaxes(title={"text": "Imaginary part over 2 pi (Hz)"}, range=[-top, top])
    return figure.update_layout(showlegend=True)


def foretold_swing(
    time_s: Float[Array, " sample"],
    swing_kw: Float[Array, " sample"],
    *,
    eigenvalue_per_s: complex,
    closing: str,
) -> go.Figure:
    """How a swing grows after an unstable closing, beside the growth that was foretold.

    Args:
        time_s: From the closing, up to the first trip.
        swing_kw: Size of what the power of the unit does beside its mean.
        eigenvalue_per_s: With the greatest real part, known before.
        closing: Name of the breaker.
    """
    note = "On a logarithmic scale a growing mode is a straight line, until limits bend it."
    figure = panels.sheet("As the eigenvalues foretold", note=note)
    figure.add_scatter(
        x=time_s,
        y=swing_kw,
        name="simulated",
        mode="lines",
        line={"color": theme.BLUE, "width": 1.8},
        hovertemplate="simulated: %{y:.3g} kW<extra></extra>",
    )
    middle = len(time_s) // 3
    level = float(np.max(swing_kw[middle : middle + max(len(time_s) // 10, 1)]))
    growth = eigenvalue_per_s.real
    line_kw = level * np.exp(growth * (time_s - time_s[middle]))
    seen = line_kw < 3.0 * float(np.max(swing_kw))
    figure.add_scatter(
        x=time_s[seen],
        y=line_kw[seen],
        name=f"foretold: {growth:+.3g} 1/s at {abs(eigenvalue_per_s.imag) / (2 * np.pi):.3g} Hz",
        mode="lines",
        line={"color": theme.RED, "width": 2, "dash": "dash"},
        hovertemplate="foretold: %{y:.3g} kW<extra></extra>",
    )
    figure.update_xaxes(title={"text": f"Time from the closing of {literal(closing)} (s)"})
    figure.update_yaxes(title={"text": "Swing of its power (kW)"}, type="log", dtick=1)
    return figure.update_layout(showlegend=True)
