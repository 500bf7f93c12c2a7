"""In which states of charge and temperatures a battery ages."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

PERCENT = 100.0
COLORSCALE = [[0.0, theme.tint(theme.ORANGE, 0.0)], [1.0, theme.ORANGE]]


def stress_map(
    share: Float[Array, "climate strategy state celsius"],
    hours: Float[Array, "climate strategy state celsius"],
    *,
    state_ends: Float[Array, " state_end"],
    celsius_ends: Float[Array, " celsius_end"],
    climates: Sequence[str],
    strategies: Sequence[str],
) -> go.Figure:
    """Heat maps of calendar stress by state and temperature: climates beside, strategies below.

    Args:
        share: Share of a year's stress in each bin.
        hours: Share of the year spent there.
        state_ends: Ends of the bins of the state of charge.
        celsius_ends: Ends of the bins of the temperature.
        climates: Names of the columns.
        strategies: Names of the rows.
    """
    note = "Fuller colour: more of the year's ageing by time (hours there times its rate)."
    rows, columns = len(strategies), len(climates)
    sheet = panels.sheet("Where time ages the cells", note=note, height=200 + 130 * rows)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=0.05 / rows + 0.02,
        figure=sheet,
    )
    used = np.flatnonzero(hours.any(axis=(0, 1, 2)))
    ends = celsius_ends[used[0] : used[-1] + 2]
    columns_used = slice(used[0], used[-1] + 1)
    most = PERCENT * float(share.max())
    for s, strategy in enumerate(strategies):
        for c in range(columns):
            there = hours[c, s, :, columns_used] > 0
            stress = np.where(there, PERCENT * share[c, s, :, columns_used], np.nan)
            figure.add_heatmap(
                x=ends,
                y=PERCENT * state_ends,
                z=stress,
                zmin=0.0,
                zmax=most,
                colorscale=COLORSCALE,
                showscale=s == 0 and c == 0,
                colorbar={"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
                customdata=PERCENT * hours[c, s, :, columns_used],
                hovertemplate=(
                    "%{x} C, %{y} %: %{z:.1f} % of the ageing in "
                    f"%{{customdata:.1f}} % of the time<extra>{literal(strategy)}</extra>"
                ),
                hoverongaps=False,
                row=s + 1,
                col=c + 1,
            )
        figure.add_annotation(
            text=literal(strategy),
            x=0.02,
            y=0.04,
            xref="x domain",
            yref="y domain",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            row=s + 1,  # pyright: ignore[reportArgumentType]
            col=1,  # pyright: ignore[reportArgumentType]
        )
    for c, climate in enumerate(climates):
        title = {"text": f"Cells, C, {literal(climate)}"}
        figure.update_xaxes(title=title, row=rows, col=c + 1)
    middle = (rows + 1) // 2
    figure.update_yaxes(title={"text": "State of charge, %"}, row=middle, col=1)
    return figure.update_yaxes(range=[0, PERCENT], dtick=50)
