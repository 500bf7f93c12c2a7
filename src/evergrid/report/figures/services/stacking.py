"""Services sold together: what is held of each over time, and what is offered at which price."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import literal
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

COLORS = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PLUM, theme.RED, theme.GREY)
DASHES = ("solid", "dash", "dot", "dashdot")
USUAL = 50.0  # percentile of the blocks that the line of a bid curve shows
BAND = (10.0, 90.0)  # percentiles of its band


def awards_over_time(
    grid: TimeGrid, award_kw: Mapping[str, Float[Array, " step"]], *, time_zone: str = "UTC"
) -> go.Figure:
    """What is sold of each service in each step.

    Args:
        grid: The steps.
        award_kw: By the name of the service.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone)
    figure = panels.sheet("What is sold", note=axis.note or "Each service by itself.")
    figure = panels.over_time(figure, axis, [Panel("Award (kW)")])
    for number, (name, values) in enumerate(award_kw.items()):
        dash = DASHES[number // len(COLORS) % len(DASHES)]
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            name=literal(name),
            mode="lines",
            line={
                "color": COLORS[number % len(COLORS)],
                "width": 2.0,
                "shape": "hv",
                "dash": dash,
            },
            hovertemplate=f"{literal(name)}: %{{y:,.0f}} kW<extra></extra>",
        )
    return panels.fit(figure)


def bid_curve(
    price_per_mw: Float[Array, " price"], award_kw: Float[Array, "price block"], *, currency: str
) -> go.Figure:
    """How much is offered at each price: the median block, and a band of most of them.

    Args:
        price_per_mw: Prices, rising.
        award_kw: Offered at each in each block.
        currency: ISO 4217 code.
    """
    figure = panels.sheet(
        "What is offered at which price",
        note="The line is the median block, the band holds four of five.",
    )
    low, high = np.percentile(award_kw, BAND, axis=1)
    fill = theme.tint(theme.BLUE, 0.2)
    for values, options in (
        (low, {"line": {"width": 0, "shape": "hv"}}),
        (high, {"line": {"width": 0, "shape": "hv"}, "fill": "tonexty", "fillcolor": fill}),
    ):
        figure.add_scatter(
            x=price_per_mw, y=values, mode="lines", hoverinfo="skip", showlegend=False, **options
        )
    money = literal(currency)
    figure.add_scatter(
        x=price_per_mw,
        y=np.percentile(award_kw, USUAL, axis=1),
        mode="lines+markers",
        line={"color": theme.BLUE, "width": 2.2, "shape": "hv"},
        hovertemplate=f"%{{y:,.0f}} kW from %{{x:,.2f}} {money}/MW on<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title={"text": f"Price ({money}/MW and hour)"})
    return figure.update_yaxes(title={"text": "Offered (kW)"}, rangemode="tozero")
