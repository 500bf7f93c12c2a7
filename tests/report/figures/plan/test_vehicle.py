# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import VehicleRun, vehicle_day


def traces(grid: TimeGrid, run: VehicleRun) -> dict:
    return {trace.name: trace for trace in vehicle_day(grid, run, name="ev", currency="EUR").data}


def test_discharging_is_above_zero_and_charging_below(grid: TimeGrid, vehicle: VehicleRun):
    drawn = traces(grid, vehicle)
    assert np.nanmin(drawn["Discharging"].y) > 0
    assert np.nanmax(drawn["Charging"].y) < 0
    assert drawn["Charging"].width == 15 * 60 * 1000


def test_the_stay_is_shaded_and_the_view_opens_around_it(grid: TimeGrid, vehicle: VehicleRun):
    figure = vehicle_day(grid, vehicle, name="ev", currency="EUR", time_zone="Europe/Oslo")
    (shade,) = figure.layout.shapes
    assert (shade.x0, shade.x1) == ("2022-07-04T07:00:00", "2022-07-04T17:00:00")
    assert figure.layout.xaxis.range == ("2022-07-04T04:00:00", "2022-07-04T20:00:00")
    assert "Double-click" in figure.layout.title.subtitle.text


def test_the_energy_owed_is_marked_at_departure(grid: TimeGrid, vehicle: VehicleRun):
    owed = traces(grid, vehicle)["Owed at departure"]
    assert owed.x[0] == np.datetime64("2022-07-04T15:00:00")
    assert owed.y[0] == 40
    assert owed.mode == "markers"


def test_energy_is_shown_only_while_plugged_in(grid: TimeGrid, vehicle: VehicleRun):
    energy = traces(grid, vehicle)["Energy"]
    np.testing.assert_array_equal(np.isfinite(energy.y), vehicle.plugged)


def test_reserve_and_capacity_are_lines(grid: TimeGrid, vehicle: VehicleRun):
    drawn = traces(grid, vehicle)
    assert list(drawn["Reserve"].y) == [10, 10]
    assert list(drawn["Capacity"].y) == [60, 60]


def test_axes_name_their_units(grid: TimeGrid, vehicle: VehicleRun):
    layout = vehicle_day(grid, vehicle, name="ev", currency="EUR").layout
    titles = [axis.title.text for axis in (layout.yaxis, layout.yaxis2, layout.yaxis3)]
    assert ["EUR/MWh" in titles[0], "(kW)" in titles[1], "(kWh)" in titles[2]] == [True] * 3


def test_a_vehicle_that_never_plugs_in_says_so(grid: TimeGrid, vehicle: VehicleRun):
    away = replace(vehicle, plugged=np.zeros(grid.steps, bool))
    figure = vehicle_day(grid, away, name="ev", currency="EUR")
    assert "not plugged in" in figure.layout.title.subtitle.text
    assert not figure.layout.shapes


def test_a_single_step_is_drawn():
    one = np.ones(1)
    run = VehicleRun(one, one, np.ones(1, bool), one, 1.0, 0.0, 2.0)
    grid = TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 1.0, 1)
    assert traces(grid, run)["Energy"].mode == "lines+markers"


def test_its_name_is_literal(grid: TimeGrid, vehicle: VehicleRun, hostile: str):
    text = vehicle_day(grid, vehicle, name=hostile, currency=hostile).to_json()
    assert "<script" not in text.replace("\\u003c", "<")
