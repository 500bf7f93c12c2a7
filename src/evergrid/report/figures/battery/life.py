"""How batteries age over the years, by what, and under which daily use."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evergrid.core.arrays import Array, Bool, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

COLORS = (theme.GREY, theme.BLUE, theme.ORANGE, theme.PLUM, theme.GREEN, theme.RED)
PERCENT = 100.0


def capacity_left(
    band: Float[Array, "climate strategy year end"],
    *,
    climates: Sequence[str],
    strategies: Sequence[str],
    end_of_life: float,
) -> go.Figure:
    """Capacity over the years by strategy, a panel for each climate, with its band.

    Args:
        band: Lower end, middle and upper end of what is left.
        climates: Names of the panels.
        strategies: Names of the lines.
        end_of_life: Where a battery counts as worn out.
    """
    note = "Line: middle. Band: nine of ten batteries, over all models."
    figure = _side_by_side("What is left of the capacity", note, climates)
    year = np.arange(band.shape[2])
    for c in range(len(climates)):
        for s, name in enumerate(strategies):
            color = COLORS[s % len(COLORS)]
            low, middle, high = PERCENT * band[c, s].T
            shared = {"row": 1, "col": c + 1}
            figure.add_scatter(
                x=np.concatenate([year, year[::-1]]),
                y=np.concatenate([high, low[::-1]]),
                mode="lines",
                fill="toself",
                fillcolor=theme.tint(color, 0.1),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
                **shared,
            )
            figure.add_scatter(
                x=year,
                y=middle,
                name=literal(name),
                legendgroup=name,
                showlegend=c == 0,
                mode="lines",
                line={"color": color, "width": 2.4},
                hovertemplate=f"{literal(name)}: %{{y:.1f}} %<extra></extra>",
                **shared,
            )
        figure.add_hline(
            y=PERCENT * end_of_life,
            line={"color": theme.RED, "width": 1.2, "dash": "dot"},
            row=1,  # pyright: ignore[reportArgumentType]
            col=c + 1,  # pyright: ignore[reportArgumentType]
        )
    for c, climate in enumerate(climates):
        figure.update_xaxes(title={"text": f"Years, {literal(climate)}"}, col=c + 1)
    figure.update_yaxes(title={"text": "Capacity left, %"}, col=1)
    return figure.update_yaxes(matches="y")


def capacity_lost(
    by_time: Float[Array, "climate model strategy"],
    by_use: Float[Array, "climate model strategy"],
    extrapolated: Bool[Array, "climate model strategy"],
    *,
    climates: Sequence[str],
    models: Sequence[str],
    strategies: Sequence[str],
) -> go.Figure:
    """Bars of what is lost by time and by use, a panel for each climate above the next.

    Cases that leave the experiments of their model are hatched.
    """
    note = "Hatched: a model outside its experiments." if extrapolated.any() else ""
    height = 200 + 200 * len(climates)
    sheet = panels.sheet("What is lost, by time and by use", note=note, height=height)
    figure = make_subplots(
        rows=len(climates), shared_xaxes=True, vertical_spacing=0.06, figure=sheet
    )
    hatched = np.where(extrapolated, "/", "").reshape(len(climates), -1).tolist()
    names = [
        [literal(model) for model in models for _ in strategies],
        [literal(strategy) for _ in models for strategy in strategies],
    ]
    for c, climate in enumerate(climates):
        for label, lost, color in (
            ("by time", by_time, theme.GREY),
            ("by use", by_use, theme.ORANGE),
        ):
            figure.add_bar(
                x=names,
                y=PERCENT * lost[c].ravel(),
                name=label,
                legendgroup=label,
                showlegend=c == 0,
                marker={"color": color, "pattern": {"shape": hatched[c], "fillmode": "overlay"}},
                hovertemplate=f"{label}: %{{y:.2f}} %<extra></extra>",
                row=c + 1,
                col=1,
            )
        figure.update_yaxes(title={"text": f"{literal(climate)}: lost, %"}, row=c + 1)
    figure.update_layout(barmode="stack", showlegend=True)
    return figure.update_yaxes(matches="y")


def day_of_strategy(
    hour: Float[Array, " point"],
    state_of_charge: Float[Array, "strategy point"],
    *,
    strategies: Sequence[str],
) -> go.Figure:
    """State of charge over a day under each strategy."""
    figure = panels.sheet("A day of each strategy", height=360)
    for s, name in enumerate(strategies):
        figure.add_scatter(
            x=hour,
            y=PERCENT * state_of_charge[s],
            name=literal(name),
            mode="lines",
            line={"color": COLORS[s % len(COLORS)], "width": 2.2},
            hovertemplate=f"{literal(name)}: %{{y:.0f}} %<extra></extra>",
        )
    figure.update_xaxes(title={"text": "Hour of the day"}, dtick=4, range=[0, 24])
    return figure.update_yaxes(title={"text": "State of charge, %"}, range=[0, 100])


def _side_by_side(title: str, note: str, names: Sequence[str]) -> go.Figure:
    """A sheet with a panel for each name, side by side."""
    sheet = panels.sheet(title, note=note, height=460)
    figure = make_subplots(cols=len(names), shared_yaxes=True, figure=sheet)
    return figure.update_layout(showlegend=True)
