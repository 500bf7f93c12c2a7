"""How a signal is followed: power beside the plan over minutes, score and credit over hours."""

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import S_PER_H
from evergrid.report import panels, theme
from evergrid.report.labels import literal
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

SCORE_AIR = 0.01  # above 1 and below the worst score
SHOWN_S = 1800.0  # of the signal, that a reader sees tick by tick
MOST_SAMPLES = 8640  # of all of it: a day by the ten seconds at which responses are scored


def signal_followed(
    grid: TimeGrid,
    target_kw: Float[Array, " tick"],
    response_kw: Float[Array, " tick"],
    *,
    first: int,
    time_zone: str = "UTC",
) -> go.Figure:
    """Half an hour of the signal and of what the fleet delivers, tick by tick.

    Args:
        grid: The ticks.
        target_kw: Award times signal, positive into the grid.
        response_kw: Power beside the plan.
        first: Tick at which the picture begins.
        time_zone: Clock of the axis.
    """
    count = min(round(SHOWN_S / (grid.step_h * S_PER_H)), grid.steps - first)
    part = grid.part(first, first + count)
    axis = TimeAxis(part, time_zone)
    figure = panels.sheet("Half an hour, tick by tick", note=axis.note or "Power beside the plan.")
    rows = [Panel("Power beside the plan (kW)", 2.2), Panel("Missed (kW)")]
    figure = panels.over_time(figure, axis, rows)
    for name, values, color, width in (
        ("signal", target_kw, theme.ORANGE, 3.2),
        ("delivered", response_kw, theme.BLUE, 1.6),
    ):
        shown = axis.mean(values[first : first + count])
        figure.add_scatter(
            x=axis.edges,
            y=held(shown),
            name=name,
            mode="lines",
            line={"color": color, "width": width, "shape": "hv"},
            hovertemplate=f"{name}: %{{y:,.0f}} kW<extra></extra>",
        )
    missed = axis.mean((target_kw - response_kw)[first : first + count])
    figure.add_scatter(
        x=axis.edges,
        y=held(missed),
        yaxis="y2",
        name="missed",
        mode="lines",
        line={"color": theme.PLUM, "width": 1.4, "shape": "hv"},
        hovertemplate="missed: %{y:,.1f} kW<extra></extra>",
        showlegend=False,
    )
    return panels.fit(figure)


def signal_through_the_day(
    grid: TimeGrid,
    target_kw: Float[Array, " tick"],
    response_kw: Float[Array, " tick"],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """All of the signal and of what the fleet delivers, to zoom into down to a minute.

    Args:
        grid: The ticks.
        target_kw: Award times signal, positive into the grid.
        response_kw: Power beside the plan.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone, MOST_SAMPLES)
    every_s = axis.group * grid.step_h * S_PER_H
    note = (
        f"A point is the mean of {every_s:g} s. Drag over a part to see it, double-click to come "
    )
    figure = panels.sheet("All of the signal", note=note + "back.")
    rows = [Panel("Power beside the plan (kW)", 2.2), Panel("Missed (kW)")]
    figure = panels.over_time(figure, axis, rows)
    for name, values, color, axis_name in (
        ("signal", target_kw, theme.ORANGE, "y"),
        ("delivered", response_kw, theme.BLUE, "y"),
        ("missed", target_kw - response_kw, theme.PLUM, "y2"),
    ):
        figure.add_scatter(  # times by their distance: a third of the size of the page
            x0=str(axis.edges[0]),
            dx=1000.0 * every_s,
            y=np.round(axis.mean(values), 2),
            yaxis=axis_name,
            name=name,
            mode="lines",
            line={"color": color, "width": 1.2},
            showlegend=axis_name == "y",
            hovertemplate=f"{name}: %{{y:,.1f}} kW<extra></extra>",
        )
    figure.update_xaxes(hoverformat="%-d %b %Y, %H:%M:%S")
    return panels.fit(figure)


def score_and_credit(
    grid: TimeGrid,
    score: Float[Array, " interval"],
    credit: Float[Array, " interval"],
    award_kw: Float[Array, " interval"],
    *,
    currency: str,
    time_zone: str = "UTC",
) -> go.Figure:
    """Score, award and credit of every interval, above one another.

    Args:
        grid: The intervals.
        score: 0 to 1.
        credit: What each is paid.
        award_kw: Of each.
        currency: ISO 4217 code.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone)
    figure = panels.sheet(
        "Score and credit", note=axis.note or "Each interval that is paid.", height=520
    )
    money = literal(currency)
    titles = [Panel("Score"), Panel("Award (kW)"), Panel(f"Credit ({money})")]
    figure = panels.over_time(figure, axis, titles)
    shown = axis.mean(np.where(award_kw > 0, score, np.nan))
    figure.add_scatter(  # a line of its own for each interval, as a step needs the one after it
        x=np.stack([axis.edges[:-1], axis.edges[1:], axis.edges[1:]], axis=1).ravel(),
        y=np.stack([shown, shown, np.full(len(shown), np.nan)], axis=1).ravel(),
        name="score",
        mode="lines",
        line={"color": theme.GREEN, "width": 2.2},
        hovertemplate="score: %{y:.4f}<extra></extra>",
        showlegend=False,
    )
    for number, (name, values, color, unit) in enumerate(
        (
            ("award", award_kw, theme.GREY, " kW"),
            ("credit", credit, theme.BLUE, f" {money}"),
        ),
        2,
    ):
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            name=name,
            mode="lines",
            line={"color": color, "width": 2.2, "shape": "hv"},
            yaxis=f"y{number}",
            hovertemplate=f"{name}: %{{y:,.3f}}{unit}<extra></extra>",
            showlegend=False,
        )
    panels.fit(figure)
    if (award_kw > 0).any():  # differences near 1 count, and are not seen from 0
        least = float(np.nanmin(shown))
        return figure.update_layout(yaxis={"range": [max(least - SCORE_AIR, 0.0), 1.0 + SCORE_AIR]})
    return figure


def switches_by_charger(switches: Array, limit: int) -> go.Figure:
    """How many chargers open and close their contactors how often on their busiest day."""
    figure = panels.sheet(
        "Contactor operations of a charger in a day",
        note=f"The dotted line is the limit, {limit}.",
        height=360,
    )
    count = np.bincount(switches, minlength=limit + 2)
    figure.add_bar(
        x=np.arange(len(count)),
        y=count,
        marker={"color": theme.BLUE},
        hovertemplate="%{y:,} chargers: %{x} operations<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=limit, line={"color": theme.RED, "width": 1.4, "dash": "dot"})
    figure.update_xaxes(title={"text": "Operations"})
    return figure.update_yaxes(title={"text": "Chargers"})
