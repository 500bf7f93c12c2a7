"""How much fits on a feeder: probability curves, what stops more, and the room over a day."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal, wrapped

MOST_STOPPERS = 12


def violation_curve(
    vehicles: Float[Array, " level"],
    probability: Mapping[str, Float[Array, " level"]],
    low: Mapping[str, Float[Array, " level"]],
    high: Mapping[str, Float[Array, " level"]],
) -> go.Figure:
    """How likely some limit is violated, by how many vehicles there are; bands of 95 %.

    Args:
        vehicles: Vehicles at each level.
        probability: By case.
        low: Lower end of the band, by case.
        high: Upper end, by case.
    """
    figure = panels.sheet("Probability that a limit is violated", note="Bands: 95 % confidence")
    for n, (name, values) in enumerate(probability.items()):
        colour = theme.COLORWAY[n % len(theme.COLORWAY)]
        figure.add_scatter(
            x=[*vehicles, *vehicles[::-1]],
            y=[*(100 * low[name]), *(100 * high[name])[::-1]],
            fill="toself",
            fillcolor=theme.tint(colour, 0.2),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=vehicles,
            y=100 * values,
            mode="lines+markers",
            marker={"size": 5},
            line={"color": colour, "width": 2.2},
            name=literal(name),
            hovertemplate="%{x:,.0f} vehicles: %{y:.1f} %<extra></extra>",
        )
    figure.update_xaxes(title={"text": "Vehicles on the feeder"})
    figure.update_yaxes(title={"text": "Draws that pass a limit (%)"}, range=[-2, 102])
    return figure


def stopper_bars(rows: Sequence[tuple[str, str, str, float]]) -> go.Figure:
    """What stops the next vehicles, the most frequent elements of every case.

    Args:
        rows: Case, limit, element and share of the draws, the most frequent first.
    """
    figure = panels.sheet(
        "What stops more vehicles", height=160 + 30 * min(len(rows), MOST_STOPPERS)
    )
    if not rows:
        return panels.empty(figure, "Everybody may have a vehicle in every draw.")
    shown = sorted(rows, key=lambda row: -row[3])[:MOST_STOPPERS]
    height = np.arange(len(shown), dtype=float)
    for n, case in enumerate(dict.fromkeys(row[0] for row in rows)):
        own = [i for i, row in enumerate(shown) if row[0] == case]
        figure.add_bar(
            y=height[own],
            x=[100 * shown[i][3] for i in own],
            orientation="h",
            width=0.7,
            name=literal(case),
            marker={"color": theme.COLORWAY[n % len(theme.COLORWAY)]},
            customdata=[literal(f"{shown[i][1]} {shown[i][2]}") for i in own],
            hovertemplate="%{customdata}: %{x:.0f} % of the draws<extra></extra>",
        )
    labels = [wrapped(f"{limit} {element}", width=30, lines=1) for _, limit, element, _ in shown]
    figure.update_xaxes(title={"text": "Share of the draws (%)"})
    figure.update_yaxes(tickvals=height, ticktext=labels, range=[len(shown) - 0.4, -0.6])
    return figure.update_layout(barmode="overlay", showlegend=True)


def headroom_over_day(
    hours: Float[Array, " step"],
    import_kw: Float[Array, " step"],
    export_kw: Float[Array, " step"],
) -> go.Figure:
    """What every vehicle may draw or feed at once at each time of the day.

    Args:
        hours: Local time of the day.
        import_kw: Greatest power that each may draw.
        export_kw: Greatest power that each may feed.
    """
    figure = panels.sheet("Headroom of every vehicle at once")
    for name, values, colour in (
        ("Feed", export_kw, theme.BLUE),
        ("Draw", -import_kw, theme.ORANGE),
    ):
        figure.add_scatter(
            x=hours,
            y=values,
            name=name,
            mode="lines",
            line={"color": colour, "width": 2.2, "shape": "hv"},
            fill="tozeroy",
            fillcolor=theme.tint(colour, 0.15),
            hovertemplate="%{x:.2f} h: %{y:,.2f} kW<extra></extra>",
        )
    figure.update_xaxes(title={"text": "Hour of the day"}, dtick=3)
    figure.update_yaxes(title={"text": "Power of each vehicle into the grid (kW)"})
    return panels.fit(figure)
