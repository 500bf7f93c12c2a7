"""What the whole fleet does: its power under each strategy, and the energy it holds."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import joined, literal, price_title
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

STRATEGY_STYLE: dict[str, dict[str, Any]] = {
    "uncontrolled": {"line": {"color": theme.GREY, "width": 1.6, "dash": "dot", "shape": "hv"}},
    "smart": {"line": {"color": theme.ORANGE, "width": 1.8, "shape": "hv"}},
    "V2G": {
        "line": {"color": theme.BLUE, "width": 2.6, "shape": "hv"},
        "fill": "tozeroy",
        "fillcolor": theme.tint(theme.BLUE, 0.26),
    },
}


def fleet_power(
    grid: TimeGrid,
    power_kw: Mapping[str, Float[Array, " step"]],
    price_per_mwh: Float[Array, " step"],
    *,
    currency: str,
    time_zone: str = "UTC",
) -> go.Figure:
    """Power of the fleet under each strategy, over the price it answers.

    Args:
        grid: The steps.
        power_kw: Fleet power by strategy, positive into the grid. "uncontrolled", "smart" and
            "V2G" have looks of their own; V2G is drawn last, as an area.
        price_per_mwh: Price of energy.
        currency: ISO 4217 code.
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone)
    note = joined("Above zero the fleet feeds the grid, below it charges", axis.note)
    figure = panels.sheet("Fleet power and price", note=note, height=500)
    rows = [Panel("Power into the grid (kW)", 2.2), Panel(price_title(currency))]
    panels.over_time(figure, axis, rows)
    for name in sorted(power_kw, key=lambda name: name == "V2G"):
        style = STRATEGY_STYLE.get(name, {"line": {"width": 1.8, "shape": "hv"}})
        values = held(axis.mean(power_kw[name]))
        hover = "%{y:,.1f} kW"
        figure.add_scatter(
            x=axis.edges, y=values, name=literal(name), mode="lines", hovertemplate=hover, **style
        )
    figure.add_scatter(
        x=axis.edges,
        y=held(axis.mean(price_per_mwh)),
        yaxis="y2",
        name="Price",
        mode="lines",
        line={"color": theme.PLUM, "width": 2, "shape": "hv"},
        hovertemplate=f"%{{y:,.2f}} {literal(currency)}/MWh",
    )
    return panels.fit(figure)


def energy_band(
    grid: TimeGrid,
    energy_kwh: Float[Array, " step"],
    lowest_kwh: Float[Array, " step"],
    highest_kwh: Float[Array, " step"],
    capacity_kwh: Float[Array, " step"],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """Energy in the plugged-in vehicles, inside the band that it may move in.

    All are sums over the vehicles plugged in, at the end of each step.

    Args:
        grid: The steps.
        energy_kwh: What the plan holds.
        lowest_kwh: The least that still honours every reserve and departure.
        highest_kwh: The most that chargers and cells allow.
        capacity_kwh: Usable capacity.
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone)
    note = joined("Sums over the vehicles plugged in, at the end of each step", axis.note)
    figure = panels.sheet("Energy in the plugged-in fleet", note=note, height=420)
    panels.over_time(figure, axis, [Panel("Energy in the cells (kWh)")])
    ends = axis.edges[1:]
    edge = {"color": theme.tint(theme.BLUE, 0.55), "width": 1}
    hover = "%{y:,.1f} kWh"
    for name, values, style in (
        ("Capacity", capacity_kwh, {"line": {"color": theme.GREY, "width": 1.4, "dash": "dash"}}),
        ("Lowest allowed", lowest_kwh, {"line": edge, "showlegend": False}),
        (
            "Allowed band",
            highest_kwh,
            {"line": edge, "fill": "tonexty", "fillcolor": theme.tint(theme.BLUE, 0.16)},
        ),
        ("Energy planned", energy_kwh, {"line": {"color": theme.BLUE, "width": 2.6}}),
    ):
        figure.add_scatter(
            x=ends,
            y=axis.last(values),
            name=name,
            mode="lines" if len(ends) > 1 else "markers",
            hovertemplate="Highest allowed %{y:,.1f} kWh<extra></extra>"
            if name == "Allowed band"
            else hover,
            **style,
        )
    return panels.fit(figure)
