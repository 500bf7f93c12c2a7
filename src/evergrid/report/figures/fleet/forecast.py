"""How good a forecast was: beside what came, and by how much it missed."""

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import amount, joined, literal, price_title
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held


def forecast_against_actual(
    grid: TimeGrid,
    actual_per_mwh: Float[Array, " step"],
    forecast_per_mwh: Float[Array, " step"],
    *,
    currency: str,
    time_zone: str = "UTC",
) -> go.Figure:
    """The forecast price and the price that came; the note tells the mean absolute error."""
    axis = TimeAxis(grid, time_zone)
    error = amount(float(np.abs(forecast_per_mwh - actual_per_mwh).mean()), decimals=2)
    unit = f"{literal(currency)}/MWh"
    note = joined(f"Mean absolute error {error} {unit}", axis.note)
    figure = panels.sheet("Price forecast against what came", note=note, height=380)
    panels.over_time(figure, axis, [Panel(price_title(currency))])
    for name, values, line in (
        ("Actual", actual_per_mwh, {"color": theme.PLUM, "width": 2.4}),
        ("Forecast", forecast_per_mwh, {"color": theme.ORANGE, "width": 1.8, "dash": "dash"}),
    ):
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            name=name,
            mode="lines",
            line={**line, "shape": "hv"},
            hovertemplate=f"%{{y:,.2f}} {unit}",
        )
    return panels.fit(figure)
