"""Carbon by strategy with its band, the frontier of cost and carbon, and carbon in batteries."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import literal
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held


@dataclass(frozen=True)
class CarbonBar:
    """One strategy against the baseline.

    Attributes:
        label: What it is called.
        tonnes: More than the baseline emits; below 0 for less.
        low: Lower end of its band.
        high: Upper end.
    """

    label: str
    tonnes: float
    low: float
    high: float


def carbon_bars(bars: Sequence[CarbonBar], *, baseline: str, level: float) -> go.Figure:
    """What each strategy emits more than the baseline, with how sure that is.

    Args:
        bars: From top to bottom.
        baseline: What they are held against.
        level: Probability of the band.
    """
    figure = panels.sheet(
        f"Emissions against {literal(baseline)}",
        note=f"Blue emits less, orange more. The line is the band of {level:.0%}.",
        height=170 + 46 * max(len(bars), 1),
    )
    figure.add_bar(
        orientation="h",
        y=[literal(bar.label) for bar in bars],
        x=[bar.tonnes for bar in bars],
        marker={"color": [theme.BLUE if bar.tonnes <= 0 else theme.ORANGE for bar in bars]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [bar.high - bar.tonnes for bar in bars],
            "arrayminus": [bar.tonnes - bar.low for bar in bars],
            "color": theme.GREY,
            "thickness": 1.5,
        },
        hovertemplate="%{y}: %{x:+,.3f} t<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(autorange="reversed")
    return figure.update_xaxes(title={"text": "t CO2 more than the baseline"}, zeroline=True)


def carbon_frontier(
    tonnes: Float[Array, " point"],
    net_cost: Float[Array, " point"],
    price_per_tonne: Float[Array, " point"],
    *,
    knee: int,
    currency: str,
) -> go.Figure:
    """What plans cost and emit at rising prices of carbon.

    Args:
        tonnes: Emitted by each plan.
        net_cost: Without the price of carbon.
        price_per_tonne: At which it was planned.
        knee: Which one is at the knee.
        currency: ISO 4217 code.
    """
    money = literal(currency)
    figure = panels.sheet(
        "What less carbon costs", note=f"Each point is a plan at a price of a tonne, in {money}."
    )
    figure.add_scatter(
        x=tonnes,
        y=net_cost,
        mode="lines+markers+text",
        text=[f"{price:,.0f}" for price in price_per_tonne],
        textposition="top right",
        cliponaxis=False,
        line={"color": theme.BLUE, "width": 2.0},
        marker={
            "size": [13 if k == knee else 8 for k in range(len(tonnes))],
            "color": [theme.ORANGE if k == knee else theme.BLUE for k in range(len(tonnes))],
        },
        hovertemplate=f"%{{x:,.2f}} t for %{{y:,.2f}} {money}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title={"text": "t CO2, by marginal factors"})
    return figure.update_yaxes(title={"text": f"Net cost ({money})"})


def carbon_over_time(
    grid: TimeGrid,
    factors: dict[str, Float[Array, " step"]],
    power_kw: dict[str, Float[Array, " step"]],
    stored_kg_per_mwh: Float[Array, " step"] | None,
    *,
    time_zone: str,
) -> go.Figure:
    """Factors, what the fleet does, and the carbon of what is stored.

    Args:
        grid: The steps.
        factors: By name, kg/MWh.
        power_kw: Power of the fleet by strategy, positive into the grid.
        stored_kg_per_mwh: Of the energy in batteries; None where it is not counted.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone)
    figure = panels.sheet("Carbon and power over time", note=axis.note or "")
    rows = [Panel("kg CO2 per MWh"), Panel("Fleet power (kW)")]
    figure = panels.over_time(figure, axis, rows)
    lines = dict(factors)
    if stored_kg_per_mwh is not None:
        lines["in batteries"] = stored_kg_per_mwh
    colors = (theme.ORANGE, theme.GREY, theme.GREEN, theme.PLUM)
    for (name, values), color in zip(lines.items(), colors, strict=False):
        _line(figure, axis, name, values, color, row=1)
    for (name, values), color in zip(
        power_kw.items(), (theme.GREY, theme.BLUE, theme.PLUM), strict=False
    ):
        _line(figure, axis, name, values, color, row=2)
    return panels.fit(figure)


def _line(
    figure: go.Figure,
    axis: TimeAxis,
    name: str,
    values: Float[Array, " step"],
    color: str,
    *,
    row: int,
) -> None:
    figure.add_scatter(
        x=axis.edges,
        y=held(axis.mean(np.asarray(values))),
        name=literal(name),
        mode="lines",
        line={"color": color, "width": 1.8, "shape": "hv"},
        hovertemplate=f"{literal(name)}: %{{y:,.0f}}<extra></extra>",
        yaxis="y" if row == 1 else f"y{row}",
    )
