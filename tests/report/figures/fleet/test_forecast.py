# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import forecast_against_actual


def test_the_note_tells_the_mean_absolute_error(grid: TimeGrid, price_per_mwh: Array):
    missed = price_per_mwh + np.where(np.arange(grid.steps) % 2, 3.0, -5.0)
    figure = forecast_against_actual(grid, price_per_mwh, missed, currency="EUR")
    assert figure.layout.title.subtitle.text == "Mean absolute error 4.00 EUR/MWh."


def test_both_lines_hold_over_their_steps(grid: TimeGrid, price_per_mwh: Array):
    figure = forecast_against_actual(grid, price_per_mwh, price_per_mwh, currency="EUR")
    assert [trace.name for trace in figure.data] == ["Actual", "Forecast"]
    assert {trace.line.shape for trace in figure.data} == {"hv"}
    assert len(figure.data[0].y) == grid.steps + 1
    assert "(EUR/MWh)" in figure.layout.yaxis.title.text


def test_the_currency_is_literal(grid: TimeGrid, price_per_mwh: Array, hostile: str):
    figure = forecast_against_actual(grid, price_per_mwh, price_per_mwh, currency=hostile)
    assert "<script" not in figure.to_json().replace("\\u003c", "<")
