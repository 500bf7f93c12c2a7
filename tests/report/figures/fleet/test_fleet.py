# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from datetime import UTC, datetime

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import energy_band, fleet_power


def test_discharge_is_above_zero_and_charge_below(
    grid: TimeGrid, power_kw: Array, price_per_mwh: Array
):
    figure = fleet_power(grid, {"V2G": power_kw}, price_per_mwh, currency="EUR")
    drawn = figure.data[0].y
    assert drawn.min() == -40
    assert drawn.max() == 55
    low, high = figure.layout.yaxis.range
    assert low < -40
    assert high > 55


def test_v2g_is_an_area_drawn_last_over_the_other_strategies(
    grid: TimeGrid, power_kw: Array, price_per_mwh: Array
):
    powers = {"V2G": power_kw, "smart": power_kw / 2, "uncontrolled": power_kw * 0}
    figure = fleet_power(grid, powers, price_per_mwh, currency="EUR")
    assert [trace.name for trace in figure.data] == ["smart", "uncontrolled", "V2G", "Price"]
    widths = [trace.line.width for trace in figure.data[:3]]
    assert widths[2] == max(widths)
    assert [trace.fill for trace in figure.data[:3]] == [None, None, "tozeroy"]


def test_price_has_a_panel_of_its_own_on_the_same_time_axis(
    grid: TimeGrid, power_kw: Array, price_per_mwh: Array
):
    figure = fleet_power(grid, {"V2G": power_kw}, price_per_mwh, currency="EUR")
    assert figure.data[-1].yaxis == "y2"
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    assert figure.layout.yaxis2.overlaying is None
    assert figure.layout.hovermode == "x unified"
    assert figure.layout.hoversubplots == "axis"


def test_axes_name_their_units(grid: TimeGrid, power_kw: Array, price_per_mwh: Array):
    layout = fleet_power(grid, {"V2G": power_kw}, price_per_mwh, currency="NOK").layout
    assert "(kW)" in layout.yaxis.title.text
    assert "(NOK/MWh)" in layout.yaxis2.title.text
    assert "UTC" in layout.xaxis.title.text
    band = energy_band(grid, power_kw, power_kw, power_kw, power_kw).layout
    assert "(kWh)" in band.yaxis.title.text


def test_without_strategies_the_price_still_shows(grid: TimeGrid, price_per_mwh: Array):
    figure = fleet_power(grid, {}, price_per_mwh, currency="EUR")
    assert [trace.name for trace in figure.data] == ["Price"]


def test_a_single_step_is_drawn_with_its_length():
    grid = TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 0.25, 1)
    one = np.ones(1)
    figure = fleet_power(grid, {"V2G": one}, one, currency="EUR")
    assert list(figure.data[0].y) == [1, 1]
    assert energy_band(grid, one, one, one, one).data[0].mode == "markers"


def test_a_year_of_quarters_stays_small_and_says_that_it_is_thinned():
    grid = TimeGrid(datetime(2022, 1, 1, tzinfo=UTC), 0.25, 35_040)
    power = np.sin(np.arange(grid.steps) / 7)
    figure = fleet_power(grid, dict.fromkeys(["a", "b", "V2G"], power), power, currency="EUR")
    assert len(str(figure.to_json())) < 1_000_000
    assert "One point stands for" in figure.layout.title.subtitle.text


def test_strategy_names_are_literal(
    grid: TimeGrid, power_kw: Array, price_per_mwh: Array, hostile: str
):
    figure = fleet_power(grid, {hostile: power_kw}, price_per_mwh, currency=hostile)
    assert "<script" not in figure.to_json().replace("\\u003c", "<")
    assert "<img" not in figure.to_json().replace("\\u003c", "<")


def test_the_band_is_filled_between_lowest_and_highest(grid: TimeGrid):
    ones = np.ones(grid.steps)
    figure = energy_band(grid, 3 * ones, ones, 5 * ones, 6 * ones)
    capacity, lowest, highest, energy = figure.data
    assert highest.fill == "tonexty"
    assert [trace.y[0] for trace in (lowest, energy, highest, capacity)] == [1, 3, 5, 6]
    assert str(energy.x[0]) == "2022-07-04T00:15:00"  # at the end of the first step
