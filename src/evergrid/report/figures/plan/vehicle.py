"""What one vehicle does while it is plugged in: its price, its power, its energy."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import S_PER_H
from evergrid.report import panels, theme
from evergrid.report.labels import joined, literal, price_title, shortened
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held, runs

HOURS_AROUND = 3  # shown before and after the stay


@dataclass(frozen=True)
class VehicleRun:
    """One session as it was planned.

    Attributes:
        power_kw: Power at the plug, positive into the grid.
        energy_kwh: Energy in the cells at the end of each step.
        plugged: Whether it is connected during any part of the step.
        price_per_mwh: Price at the plug.
        energy_departure_kwh: Least energy owed at departure.
        energy_reserve_kwh: Energy that discharging must leave.
        capacity_kwh: Usable capacity.
    """

    power_kw: Float[Array, " step"]
    energy_kwh: Float[Array, " step"]
    plugged: Bool[Array, " step"]
    price_per_mwh: Float[Array, " step"]
    energy_departure_kwh: float
    energy_reserve_kwh: float
    capacity_kwh: float


def vehicle_day(
    grid: TimeGrid, run: VehicleRun, *, name: str, currency: str, time_zone: str = "UTC"
) -> go.Figure:
    """Price, power and energy of one session, over the time it is plugged in.

    The energy owed is marked at the end of the last step that it is plugged in.
    """
    axis = TimeAxis(grid, time_zone)
    stay = _stay(axis, run)
    notes = ["It is not plugged in during this time" if stay is None else "Shaded: plugged in"]
    if stay and stay != (0, len(axis.edges) - 1):
        notes.append("Double-click to see the whole time")
    note = joined(*notes, axis.note)
    figure = panels.sheet(f"Plan for {literal(shortened(name, 40))}", note=note, height=640)
    rows = [
        Panel(price_title(currency)),
        Panel("Power into<br>the grid (kW)"),
        Panel("Energy (kWh)", 1.3),
    ]
    panels.over_time(figure, axis, rows)
    _shade_plugged(figure, axis, run)
    _add_price(figure, axis, run, currency)
    _add_power(figure, axis, run)
    _add_energy(figure, axis, run)
    if stay:
        figure.update_layout(xaxis_range=[str(axis.edges[end]) for end in stay])
    return panels.fit(figure.update_layout(barmode="overlay"))


def _stay(axis: TimeAxis, run: VehicleRun) -> tuple[int, int] | None:
    """Edges of the view: the time plugged in and some hours around it; None if it never is."""
    if not run.plugged.any():
        return None
    stays = runs(_plugged(axis, run))
    around = round(HOURS_AROUND / axis.grid.step_h / axis.group)
    return max(stays[0][0] - around, 0), min(stays[-1][1] + around, len(axis.edges) - 1)


def _plugged(axis: TimeAxis, run: VehicleRun) -> Bool[Array, " point"]:
    return axis.extreme(run.plugged.astype(float)) > 0


def _shade_plugged(figure: go.Figure, axis: TimeAxis, run: VehicleRun) -> None:
    for first, stop in runs(_plugged(axis, run)):
        figure.add_shape(
            type="rect",
            x0=str(axis.edges[first]),
            x1=str(axis.edges[stop]),
            y0=0,
            y1=1,
            yref="paper",
            fillcolor=theme.tint(theme.GREY, 0.16),
            line_width=0,
            layer="below",
        )


def _add_price(figure: go.Figure, axis: TimeAxis, run: VehicleRun, currency: str) -> None:
    figure.add_scatter(
        x=axis.edges,
        y=held(axis.mean(run.price_per_mwh)),
        name="Price",
        mode="lines",
        line={"color": theme.PLUM, "width": 2, "shape": "hv"},
        hovertemplate=f"%{{y:,.2f}} {literal(currency)}/MWh",
    )


def _add_power(figure: go.Figure, axis: TimeAxis, run: VehicleRun) -> None:
    power_kw = axis.mean(run.power_kw)
    width_ms = axis.group * axis.grid.step_h * S_PER_H * 1000
    for name, values, color in (
        ("Discharging", np.maximum(power_kw, 0.0), theme.BLUE),
        ("Charging", np.minimum(power_kw, 0.0), theme.ORANGE),
    ):
        figure.add_bar(
            x=axis.edges[:-1],
            y=np.where(values == 0, np.nan, values),
            width=width_ms,
            offset=0,
            yaxis="y2",
            name=name,
            marker={"color": color, "line": {"color": color, "width": 0.6}},
            hovertemplate="%{y:,.2f} kW",
        )


def _add_energy(figure: go.Figure, axis: TimeAxis, run: VehicleRun) -> None:
    ends = axis.edges[1:]
    shown = np.where(axis.last(run.plugged), axis.last(run.energy_kwh), np.nan)
    alone = int(run.plugged.sum()) == 1
    figure.add_scatter(
        x=ends,
        y=shown,
        yaxis="y3",
        name="Energy",
        mode="lines+markers" if alone else "lines",
        line={"color": theme.BLUE, "width": 2.6},
        hovertemplate="%{y:,.1f} kWh",
    )
    for name, level, dash, color in (
        ("Capacity", run.capacity_kwh, "dash", theme.GREY),
        ("Reserve", run.energy_reserve_kwh, "dot", theme.RED),
    ):
        figure.add_scatter(
            x=axis.edges[[0, -1]],
            y=[level, level],
            yaxis="y3",
            name=name,
            mode="lines",
            line={"color": color, "width": 1.6, "dash": dash},
            hovertemplate="%{y:,.1f} kWh",
        )
    if run.plugged.any():
        _, departure = runs(_plugged(axis, run))[-1]
        figure.add_scatter(
            x=[axis.edges[departure]],
            y=[run.energy_departure_kwh],
            yaxis="y3",
            name="Owed at departure",
            mode="markers",
            marker={"symbol": "diamond", "size": 11, "color": theme.GREEN},
            cliponaxis=False,
            hovertemplate="%{y:,.1f} kWh",
        )
