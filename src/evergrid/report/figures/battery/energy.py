"""Where a battery's energy is lost in a year, by strategy and climate."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal, wrapped

COLORS = (theme.ORANGE, theme.BLUE, theme.PLUM)


def energy_lost(
    parts_kwh: Mapping[str, Float[Array, "climate strategy"]],
    *,
    climates: Sequence[str],
    strategies: Sequence[str],
) -> go.Figure:
    """Bars of the energy that each part takes in a year, a panel for each climate."""
    sheet = panels.sheet("Energy lost in a year", height=400)
    figure = make_subplots(cols=len(climates), shared_yaxes=True, figure=sheet)
    for c, climate in enumerate(climates):
        for (label, lost_kwh), color in zip(parts_kwh.items(), COLORS, strict=False):
            figure.add_bar(
                x=[wrapped(name) for name in strategies],
                y=lost_kwh[c],
                name=label,
                legendgroup=label,
                showlegend=c == 0,
                marker={"color": color},
                hovertemplate=f"{label}: %{{y:,.0f}} kWh<extra></extra>",
                row=1,
                col=c + 1,
            )
        figure.update_xaxes(title={"text": literal(climate)}, col=c + 1)
    figure.update_yaxes(title={"text": "kWh a year"}, col=1)
    return figure.update_layout(barmode="stack", showlegend=True)
