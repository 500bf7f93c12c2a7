"""Waveforms of a black start: a voltage that rises from zero, inrush, flux of the cores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

PHASES = (("phase a", theme.BLUE), ("phase b", theme.ORANGE), ("phase c", theme.GREEN))
MOST_POINTS = 6000  # of a line; a hundred for each of 60 cycles
GAP = 0.14  # share of the height between panels, with room for a heading
AIR = 1.08  # of the largest value, up to which an axis reaches
SHOWN_CYCLES = 3


@dataclass(frozen=True)
class EnergisationRun:
    """One way to energise a transformer.

    Attributes:
        name: Of it.
        time_s: From the closing, or from the start of the ramp.
        current_a: Into the transformer.
        flux_pu: Of its cores, over the amplitude at nominal voltage.
    """

    name: str
    time_s: Float[Array, " sample"]
    current_a: Float[Array, "phase sample"]
    flux_pu: Float[Array, "phase sample"]


def rising_voltage(
    time_s: Float[Array, " sample"],
    voltage_v: Float[Array, "phase sample"],
    *,
    nominal_peak_v: float,
    nominal_hz: float,
) -> go.Figure:
    """Three phases from the dead bus to nominal voltage, and the last cycles by themselves.

    Args:
        time_s: From the start.
        voltage_v: Of each phase to earth.
        nominal_peak_v: Amplitude at nominal voltage.
        nominal_hz: Of the island.
    """
    note = "Above: the whole start. Below: its last cycles. Dashed: amplitude at nominal voltage."
    figure = panels.sheet("Voltage of the bus", note=note, height=620)
    late = time_s >= time_s[-1] - SHOWN_CYCLES / nominal_hz
    for row, chosen in enumerate((np.ones(len(time_s), bool), late)):
        _phases(figure, row, time_s[chosen], voltage_v[:, chosen], "V", ",.0f")
        for sign in (1.0, -1.0):
            _level(
                figure, row, time_s[chosen], sign * nominal_peak_v, "nominal amplitude", sign > 0
            )
    top = AIR * max(nominal_peak_v, float(np.abs(voltage_v).max()))
    return _rows(figure, "Voltage (V)", [top, top], linked=False)


def inrush_current(runs: Sequence[EnergisationRun], *, rated_peak_a: float) -> go.Figure:
    """Current into the transformer, one panel for each way to energise it, on one scale.

    Args:
        runs: Two or three.
        rated_peak_a: Amplitude of the inverter's rated current.
    """
    note = "Dashed: amplitude of the inverter's rated current."
    return _by_run(
        runs,
        lambda run: run.current_a,
        panels.sheet("Inrush of the transformer", note=note, height=620),
        ("Current (A)", "A", ",.1f"),
        (rated_peak_a, "rated current"),
    )


def core_flux(runs: Sequence[EnergisationRun], *, knee_pu: float) -> go.Figure:
    """Flux of each core, one panel for each way to energise it, on one scale.

    Args:
        runs: Two or three.
        knee_pu: Flux at which a core saturates.
    """
    note = "1 is the amplitude at nominal voltage. Dashed: the knee, beyond which a core saturates."
    return _by_run(
        runs,
        lambda run: run.flux_pu,
        panels.sheet("Flux of the cores", note=note, height=620),
        ("Flux (pu)", "pu", ".3f"),
        (knee_pu, "knee"),
    )


def _by_run(
    runs: Sequence[EnergisationRun],
    values: Callable[[EnergisationRun], Array],
    figure: go.Figure,
    words: tuple[str, str, str],
    level: tuple[float, str],
) -> go.Figure:
    """Panels of runs above one another; all have the range of the largest value."""
    title, unit, form = words
    most = [float(np.nanmax(np.abs(values(run)))) for run in runs]
    for row, run in enumerate(runs):
        _phases(figure, row, run.time_s, values(run), unit, form)
        for sign in (1.0, -1.0):
            named = row == 0 and sign > 0
            _level(figure, row, run.time_s, sign * level[0], level[1], named)
    _rows(figure, title, [AIR * max(level[0], *most)] * len(runs), linked=True)
    for row, run in enumerate(runs):
        figure.add_annotation(
            text=f"{literal(run.name)}: at most {_short(most[row])} {unit}",
            xref="paper",
            yref=f"y{row + 1} domain" if row else "y domain",
            x=0.0,
            y=1.0,
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            font={"size": 14},
        )
    # the heading of the first panel stands between it and the legend
    return figure.update_layout(legend={"y": 1.08}, margin={"t": 140}, height=650)


def _phases(
    figure: go.Figure,
    row: int,
    time_s: Float[Array, " sample"],
    values: Float[Array, "phase sample"],
    unit: str,
    form: str,
) -> None:
    """Three lines in one panel; the legend names them once."""
    step = max(1, -(-len(time_s) // MOST_POINTS))
    for (name, color), line in zip(PHASES, values, strict=True):
        figure.add_scatter(
            x=1000.0 * time_s[::step],
            y=line[::step],
            xaxis=f"x{row + 1}" if row else "x",
            yaxis=f"y{row + 1}" if row else "y",
            name=name,
            legendgroup=name,
            showlegend=row == 0,
            mode="lines",
            line={"color": color, "width": 1.5},
            hovertemplate=f"{name}: %{{y:{form}}} {unit}<extra></extra>",
        )


def _level(
    figure: go.Figure,
    row: int,
    time_s: Float[Array, " sample"],
    level: float,
    words: str,
    named: bool,
) -> None:
    """A dashed line across a panel; only one of them stands in the legend."""
    figure.add_scatter(
        x=[1000.0 * float(time_s[0]), 1000.0 * float(time_s[-1])],
        y=[level, level],
        xaxis=f"x{row + 1}" if row else "x",
        yaxis=f"y{row + 1}" if row else "y",
        name=words,
        legendgroup=words,
        showlegend=named and row == 0,
        mode="lines",
        line={"color": theme.RED, "dash": "dash", "width": 1.4},
        hoverinfo="skip",
    )


def _rows(figure: go.Figure, title: str, tops: Sequence[float], *, linked: bool) -> go.Figure:
    """Lay panels out above one another; linked ones are zoomed together."""
    height = (1.0 - GAP * (len(tops) - 1)) / len(tops)
    axes: dict[str, dict[str, Any]] = {}
    for row, top in enumerate(tops):
        number = str(row + 1) if row else ""
        high = 1.0 - row * (height + GAP)
        axes[f"yaxis{number}"] = {
            "title": {"text": title},
            "domain": [max(high - height, 0.0), high],
            "range": [-top, top],
            "anchor": f"x{number}",
        }
        axes[f"xaxis{number}"] = {"anchor": f"y{number}", "ticks": "outside"} | (
            {"matches": "x"} if linked and row else {}
        )
    axes[f"xaxis{len(tops)}"]["title"] = {"text": "Time (ms)"}
    return figure.update_layout(axes, hovermode="x unified", showlegend=True)


def _short(value: float) -> str:
    """Three figures, and no power of ten for large ones."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
