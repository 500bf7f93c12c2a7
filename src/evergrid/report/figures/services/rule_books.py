"""One fleet under many rule books: what each lets it sell, when, and what holding longer costs."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import literal
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

COLORS = {
    "sold": theme.BLUE,
    "power": theme.PLUM,
    "energy": theme.ORANGE,
    "block": theme.GREEN,
    "size": theme.GREY,
}
NAMES = {
    "sold": "sold",
    "power": "power in hand",
    "energy": "energy that must last",
    "block": "least of the block",
    "size": "least size and steps",
}


def award_bars(products: Sequence[str], parts: Mapping[str, Float[Array, " product"]]) -> go.Figure:
    """What each product lets the fleet sell of its power, and what the rest is lost to.

    Args:
        products: Names, from top to bottom.
        parts: Mean MW sold, and lost by cause.
    """
    figure = panels.sheet(
        "Mean award by product",
        note="Blue is sold; with what is lost it makes the power in the product's directions.",
        height=190 + 22 * max(len(products), 1),
    )
    if not products:
        return panels.empty(figure, "No product is in force.")
    for name, values in parts.items():
        figure.add_bar(
            orientation="h",
            y=[literal(product) for product in products],
            x=values,
            name=NAMES[name],
            marker={"color": COLORS[name]},
            hovertemplate=f"%{{y}}, {NAMES[name]}: %{{x:,.3f}} MW<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.3, legend={"traceorder": "normal"})
    figure.update_xaxes(title={"text": "MW, mean of the horizon"}, rangemode="tozero")
    return figure.update_yaxes(autorange="reversed", automargin=True)


def award_by_hour(
    grid: TimeGrid, awards: Mapping[str, Float[Array, " step"]], *, time_zone: str = "UTC"
) -> go.Figure:
    """The award in force, step by step, of one product of each market.

    Args:
        grid: The steps.
        awards: By title, in MW; NaN outside whole blocks.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone)
    figure = panels.sheet(
        "Award hour by hour", note=axis.note or "The product that sells most in each market."
    )
    figure = panels.over_time(figure, axis, [Panel("Award (MW)")])
    for number, (name, values) in enumerate(awards.items()):
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            name=literal(name),
            mode="lines",
            line={
                "color": theme.COLORWAY[number % len(theme.COLORWAY)],
                "width": 2.0,
                "shape": "hv",
                "dash": "solid" if number < len(theme.COLORWAY) else "dot",
            },
            hovertemplate=f"{literal(name)}: %{{y:,.3f}} MW<extra></extra>",
        )
    return panels.fit(figure)


def power_by_duration(
    hours: Float[Array, " duration"],
    up_kw: Float[Array, " duration"],
    down_kw: Float[Array, " duration"],
) -> go.Figure:
    """Mean power that the fleet holds for longer and longer.

    Args:
        hours: For how long.
        up_kw: Held above the plan, into the grid.
        down_kw: Held below it.
    """
    figure = panels.sheet(
        "What lasts, and for how long", note="Mean of the horizon, beside the plan.", height=360
    )
    for name, values, color in (("up", up_kw, theme.BLUE), ("down", down_kw, theme.ORANGE)):
        figure.add_scatter(
            x=hours,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2.2},
            hovertemplate=f"{name}: %{{y:,.0f}} kW for %{{x:.2f}} h<extra></extra>",
        )
    figure.update_xaxes(title={"text": "Hours that it must last"})
    return panels.fit(figure).update_yaxes(title={"text": "Power (kW)"})
