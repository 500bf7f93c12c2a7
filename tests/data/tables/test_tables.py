"""The input tables: whole ones make the round trip, every fault of a broken one is listed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.data import tables

DAY = datetime(2022, 7, 4, tzinfo=UTC)
FORMATS = pytest.mark.parametrize("name", ["t.parquet", "t.csv"])


def set_cell(frame: pl.DataFrame, row: int, name: str, value: Any, dtype: Any = None):
    cells = frame[name].to_list()
    cells[row] = value
    return frame.with_columns(pl.Series(name, cells, dtype=dtype, strict=False))


def faults(read: Callable[..., object], path: Path, **options: Any):
    with pytest.raises(InputError) as caught:
        read(path, **options)
    return {(f.field, f.rule): f for f in caught.value.faults}


@FORMATS
def test_sessions_make_the_round_trip(
    saved: Callable[..., Path], sessions_table: pl.DataFrame, name: str
):
    sessions = tables.read_sessions(saved(sessions_table, name))
    assert_frame_equal(tables.sessions_frame(sessions), sessions_table)


@FORMATS
def test_sites_make_the_round_trip(
    saved: Callable[..., Path], sites_table: pl.DataFrame, name: str
):
    sites = tables.read_sites(saved(sites_table, name))
    assert np.isinf(sites.import_limit_kw[0])
    assert sites.parent_id[0] == ""
    again = tables.sites_frame(sites)
    assert_frame_equal(again.select(sites_table.columns), sites_table)
    assert tables.read_sites(saved(again, name)).parent.tolist() == [-1, 0]


@FORMATS
def test_prices_make_the_round_trip(
    saved: Callable[..., Path], prices_table: pl.DataFrame, name: str
):
    prices = tables.read_prices(saved(prices_table, name), currency="EUR")
    assert prices.currency == "EUR"
    frame = tables.prices_frame(prices)
    assert_frame_equal(frame.drop("carbon_price_per_mwh"), prices_table)
    assert frame["carbon_price_per_mwh"].sum() == 0


@FORMATS
def test_site_load_makes_the_round_trip(
    saved: Callable[..., Path], load_table: pl.DataFrame, sites_table: pl.DataFrame, name: str
):
    sites = tables.read_sites(saved(sites_table, "sites.parquet"))
    load = tables.read_site_load(saved(load_table.reverse(), name))
    grid = TimeGrid(DAY, 1.0, 2)
    frame = tables.site_load_frame(grid, sites, load.on(grid, sites))
    assert_frame_equal(frame.sort("site_id", "time_utc"), load_table)


@FORMATS
def test_site_generation_makes_the_round_trip(
    saved: Callable[..., Path], generation_table: pl.DataFrame, sites_table: pl.DataFrame, name: str
):
    sites = tables.read_sites(saved(sites_table, "sites.parquet"))
    generation = tables.read_site_generation(saved(generation_table.reverse(), name))
    grid = TimeGrid(DAY, 1.0, 2)
    on_grid = generation.on(grid, sites)
    assert on_grid.tolist() == [[0.0, 0.0], [0.0, 7.5]]
    assert_frame_equal(tables.site_generation_frame(grid, sites, on_grid), generation_table)


def test_a_generation_without_rows_is_none(
    saved: Callable[..., Path], generation_table: pl.DataFrame
):
    assert not len(tables.read_site_generation(saved(generation_table.clear())).site_id)


def test_generation_that_is_negative_or_none_is_refused(
    saved: Callable[..., Path], generation_table: pl.DataFrame
):
    negative = generation_table.with_columns(generation_kw=-pl.col("generation_kw"))
    found = faults(tables.read_site_generation, saved(negative))
    fault = found["generation_kw", "be at least 0 and at most 1e+09 kW in every interval"]
    assert (fault.got, fault.ids, fault.rows) == ((-7.5,), ("depot",), (2,))
    assert len(found) == 1
    assert "turn the sign" in fault.fix
    none = set_cell(generation_table, 1, "generation_kw", None)
    found = faults(tables.read_site_generation, saved(none, "t.csv"))
    assert found["generation_kw", "not be empty"].rows == (2,)


@FORMATS
def test_what_sites_may_leave_out_is_read_where_it_is_given(
    saved: Callable[..., Path], sites_table: pl.DataFrame, name: str
):
    usual = tables.read_sites(saved(sites_table, name))
    assert usual.generation_curtailable.tolist() == [True, True]
    assert usual.demand_charge_period.tolist() == ["month", "month"]
    assert usual.demand_charge_peaks.tolist() == [1, 1]
    told = sites_table.with_columns(
        generation_curtailable=pl.Series([True, False]),
        demand_charge_period=pl.Series(["day", "horizon"]),
        demand_peak_kw=pl.Series([0.0, 12.5]),
        demand_charge_peaks=pl.Series([1, 3]),
    )
    sites = tables.read_sites(saved(told, name))
    assert sites.generation_curtailable.tolist() == [True, False]
    assert sites.demand_charge_period.tolist() == ["day", "horizon"]
    assert sites.demand_peak_kw.tolist() == [0.0, 12.5]
    assert sites.demand_charge_peaks.tolist() == [1, 3]
    again = tables.read_sites(saved(tables.sites_frame(sites), name))
    for column, values in sites.columns().items():
        assert values.tolist() == again.columns()[column].tolist()


@pytest.mark.parametrize(
    ("column", "cells", "rule"),
    [
        ("demand_charge_peaks", [1.0, 2.5], "be a whole number"),
        ("demand_charge_peaks", [1.0, 0.0], "be at least 1"),
        ("demand_charge_peaks", [1.0, None], "not be empty"),
        ("demand_charge_peaks", [1.0, float("inf")], "be a whole number"),
        ("demand_charge_peaks", [1.0, 1e300], "be a whole number"),
        ("demand_charge_period", ["month", "year"], "be one of month, week, day, horizon"),
        ("demand_peak_kw", [0.0, -3.0], "be at least 0 and at most 1e+09"),
    ],
)
def test_a_demand_charge_that_cannot_be_is_refused_with_its_row(
    saved: Callable[..., Path], sites_table: pl.DataFrame, column: str, cells: Any, rule: str
):
    path = saved(sites_table.with_columns(pl.Series(column, cells)), "t.csv")
    assert faults(tables.read_sites, path)[column, rule].rows == (2,)


def test_prices_may_be_hourly_until_a_day_and_quarter_hourly_after(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    last = prices_table["time_utc"][-1]
    quarters = [last + timedelta(minutes=15 * i) for i in range(1, 4)]
    more = prices_table[[3, 3, 3]].with_columns(pl.Series("time_utc", quarters))
    prices = tables.read_prices(saved(prices_table.vstack(more)), currency="EUR")
    on_grid = prices.on(TimeGrid(DAY + timedelta(hours=2), 0.5, 4))
    assert on_grid.import_price_per_mwh.tolist() == [-5.0, -5.0, 80.0, 80.0]


def test_stamps_a_second_late_are_the_minute_and_that_is_told(
    saved: Callable[..., Path], prices_table: pl.DataFrame, generation_table: pl.DataFrame
):
    told: list[str] = []
    late = pl.col("time_utc") + timedelta(seconds=1)
    path = saved(prices_table.with_columns(late), "t.csv")
    prices = tables.read_prices(path, currency="EUR", tell=told.append)
    assert prices.time_utc[0] == np.datetime64("2022-07-04", "us")
    sun = tables.read_site_generation(saved(generation_table.with_columns(late)), tell=told.append)
    assert sun.time_utc.tolist() == [DAY.replace(tzinfo=None, hour=hour) for hour in (0, 1)]
    assert told[0].startswith("4 time stamps of prices lie up to two seconds beside a minute")
    assert "such as 2022-07-04T00:00:01Z" in told[0]
    assert told[1].startswith("2 time stamps of site_generation")
    tables.read_prices(saved(prices_table), currency="EUR", tell=told.append)
    assert len(told) == 2


def test_wear_may_be_left_out_and_is_then_given(
    saved: Callable[..., Path], sessions_table: pl.DataFrame
):
    path = saved(sessions_table.drop("wear_cost_per_kwh", "wear_rise_per_kwh_per_kw"))
    given = tables.read_sessions(path, wear_cost_per_kwh=0.05, wear_rise_per_kwh_per_kw=0.004)
    assert given.wear_cost_per_kwh.tolist() == [0.05] * 3
    assert given.wear_rise_per_kwh_per_kw.tolist() == [0.004] * 3
    assert tables.read_sessions(path).wear_rise_per_kwh_per_kw.tolist() == [0.0] * 3


@FORMATS
def test_budgets_may_be_left_out_or_empty(
    saved: Callable[..., Path], sites_table: pl.DataFrame, name: str
):
    assert np.isinf(tables.read_sites(saved(sites_table, name)).energy_budget_kwh).all()
    some = sites_table.with_columns(energy_budget_kwh=pl.Series([None, 120.0]))
    sites = tables.read_sites(saved(some, name))
    assert sites.energy_budget_kwh.tolist() == [np.inf, 120.0]
    assert tables.sites_frame(sites)["energy_budget_kwh"].to_list() == [None, 120.0]
    below = sites_table.with_columns(energy_budget_kwh=pl.Series([None, -1.0]))
    found = faults(tables.read_sites, saved(below, name))
    assert found["energy_budget_kwh", "be at least 0 kWh"].rows == (2,)


def test_sessions_without_rows_are_none(saved: Callable[..., Path], sessions_table: pl.DataFrame):
    assert len(tables.read_sessions(saved(sessions_table.clear()))) == 0


def test_sites_without_rows_are_refused(saved: Callable[..., Path], sites_table: pl.DataFrame):
    assert ("site_id", "have at least one row") in faults(
        tables.read_sites, saved(sites_table.clear())
    )


def test_a_load_without_rows_is_no_load(saved: Callable[..., Path], load_table: pl.DataFrame):
    assert len(tables.read_site_load(saved(load_table.clear())).site_id) == 0


def test_prices_without_rows_are_refused(saved: Callable[..., Path], prices_table: pl.DataFrame):
    found = faults(tables.read_prices, saved(prices_table.clear()), currency="EUR")
    assert ("time_utc", "have at least one row") in found


def test_every_fault_of_cells_and_record_is_listed_with_its_row(
    saved: Callable[..., Path], sessions_table: pl.DataFrame
):
    dirty = sessions_table.cast({"capacity_kwh": pl.String})
    dirty = set_cell(dirty, 0, "capacity_kwh", "sixty")
    dirty = set_cell(dirty, 1, "efficiency_charge", 93.0)
    dirty = set_cell(dirty, 2, "asset_id", None)
    found = faults(tables.read_sessions, saved(dirty, "t.csv"))
    assert found["capacity_kwh", "be a number"].rows == (1,)
    assert found["capacity_kwh", "be a number"].got == ("sixty",)
    assert found["asset_id", "not be empty"].rows == (3,)
    assert found["efficiency_charge", "be in (0, 1]"].rows == (2,)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("max_charge_kw", -11.0, "be at least 0 and at most 1e+09 kW"),
        ("energy_arrival_kwh", 90.0, "be in [0, capacity_kwh]"),
        ("energy_reserve_kwh", float("nan"), "be a number"),
        ("wear_rise_per_kwh_per_kw", -0.01, "be at least 0 and at most 1e+09"),
        ("wear_rise_per_kwh_per_kw", float("nan"), "be a number"),
        ("departure_utc", DAY - timedelta(hours=1), "be after arrival_utc"),
        ("session_id", "s1", "be unique"),
        ("site_id", None, "not be empty"),
    ],
)
def test_a_broken_session_cell_is_named(
    saved: Callable[..., Path], sessions_table: pl.DataFrame, name: str, value: Any, rule: str
):
    found = faults(tables.read_sessions, saved(set_cell(sessions_table, 1, name, value)))
    assert found[name, rule].rows == (2,)


def test_overlapping_sessions_of_an_asset_are_refused(
    saved: Callable[..., Path], sessions_table: pl.DataFrame
):
    dirty = set_cell(sessions_table, 2, "arrival_utc", DAY + timedelta(hours=7))
    found = faults(tables.read_sessions, saved(dirty))
    assert ("arrival_utc", "not begin before the asset's previous session ended") in found


def test_a_missing_and_a_misspelt_column_are_found_together(
    saved: Callable[..., Path], sessions_table: pl.DataFrame
):
    dirty = sessions_table.rename({"capacity_kwh": "capacity_kw"}).drop("site_id")
    found = faults(tables.read_sessions, saved(dirty))
    assert "Rename capacity_kw?" in found["capacity_kwh", "be a column of the table"].fix
    assert "Did you mean capacity_kwh?" in found["capacity_kw", "be a known column"].fix
    assert ("site_id", "be a column of the table") in found


def test_a_csv_stamp_without_offset_is_refused_with_row_and_way_out(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    text = prices_table.with_columns(pl.col("time_utc").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    dirty = set_cell(text, 2, "time_utc", "2022-07-04T02:00:00")
    found = faults(tables.read_prices, saved(dirty, "t.csv"), currency="EUR")
    fault = found["time_utc", "be an ISO 8601 time stamp with a time zone"]
    assert fault.rows == (3,)
    assert "offset" in fault.fix


def test_a_parquet_stamp_without_zone_is_refused(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    naive = prices_table.with_columns(pl.col("time_utc").dt.replace_time_zone(None))
    found = faults(tables.read_prices, saved(naive), currency="EUR")
    assert found["time_utc", "be an ISO 8601 time stamp with a time zone"].rows == (1, 2, 3, 4)


def test_gaps_repetitions_and_disorder_of_prices_are_refused(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    gap = prices_table[[0, 1, 3]].vstack(
        prices_table[[3]].with_columns(
            time_utc=pl.lit(DAY + timedelta(hours=4)).cast(pl.Datetime("us", "UTC"))
        )
    )
    assert any(
        "follow" in rule for _, rule in faults(tables.read_prices, saved(gap), currency="EUR")
    )
    twice = prices_table[[0, 1, 1, 2]]
    assert ("time_utc", "not repeat") in faults(tables.read_prices, saved(twice), currency="EUR")
    back = prices_table[[0, 2, 1, 3]]
    found = faults(tables.read_prices, saved(back), currency="EUR")
    assert ("time_utc", "rise from row to row") in found


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_price_that_is_none_is_refused_once(
    saved: Callable[..., Path], prices_table: pl.DataFrame, value: Any
):
    path = saved(set_cell(prices_table, 1, "import_price_per_mwh", value))
    assert [f.rows for f in faults(tables.read_prices, path, currency="EUR").values()] == [(2,)]


def test_an_infinite_price_is_refused(saved: Callable[..., Path], prices_table: pl.DataFrame):
    path = saved(set_cell(prices_table, 1, "import_price_per_mwh", float("inf")))
    found = faults(tables.read_prices, path, currency="EUR")
    rule = "be a finite number, at most 1e+09 per MWh up or down"
    assert ("import_price_per_mwh", rule) in found


def test_negative_limits_cycles_and_strangers_in_the_site_tree_are_refused(
    saved: Callable[..., Path], sites_table: pl.DataFrame
):
    negative = set_cell(sites_table, 1, "import_limit_kw", -1.0)
    assert ("import_limit_kw", "be at least 0 kW") in faults(tables.read_sites, saved(negative))
    cycle = set_cell(sites_table, 0, "parent_id", "depot")
    found = faults(tables.read_sites, saved(cycle))
    assert ("parent_id", "not lead back to the site itself") in found
    stranger = set_cell(sites_table, 1, "parent_id", "nowhere")
    assert ("parent_id", "name one of the sites") in faults(tables.read_sites, saved(stranger))


def test_a_site_without_a_name_is_refused_with_its_row(
    saved: Callable[..., Path], sites_table: pl.DataFrame
):
    found = faults(tables.read_sites, saved(set_cell(sites_table, 1, "site_id", None)))
    assert found["site_id", "not be empty"].rows == (2,)


def test_a_limit_that_cannot_be_read_is_not_taken_for_no_limit(
    saved: Callable[..., Path], sites_table: pl.DataFrame
):
    dirty = set_cell(sites_table.cast({"import_limit_kw": pl.String}), 1, "import_limit_kw", "50kW")
    assert found_rows(faults(tables.read_sites, saved(dirty, "t.csv")), "import_limit_kw") == (2,)


def found_rows(found: dict[tuple[str, str], Fault], field: str):
    return next(fault.rows for (name, _), fault in found.items() if name == field)


def test_a_load_given_twice_or_missing_at_one_site_is_refused(
    saved: Callable[..., Path], load_table: pl.DataFrame
):
    twice = load_table.vstack(load_table[[0]])
    found = faults(tables.read_site_load, saved(twice))
    assert found["time_utc", "be given once for each site"].rows == (5,)
    found = faults(tables.read_site_load, saved(load_table[:3]))
    assert found["time_utc", "be given for every site"].ids == ("feeder",)


def test_a_load_with_a_bad_cell_or_stamp_is_refused(
    saved: Callable[..., Path], load_table: pl.DataFrame
):
    path = saved(set_cell(load_table, 2, "load_kw", None))
    assert faults(tables.read_site_load, path)["load_kw", "not be empty"].rows == (3,)
    path = saved(set_cell(load_table, 2, "time_utc", None))
    assert faults(tables.read_site_load, path)["time_utc", "not be empty"].rows == (3,)


@FORMATS
def test_site_limits_make_the_round_trip(
    saved: Callable[..., Path], limits_table: pl.DataFrame, sites_table: pl.DataFrame, name: str
):
    sites = tables.read_sites(saved(sites_table, "sites.parquet"))
    limits = tables.read_site_limits(saved(limits_table.reverse(), name))
    grid = TimeGrid(DAY, 1.0, 2)
    drawn, fed = limits.on(grid, sites)
    frame = tables.site_limits_frame(grid, sites.site_id, drawn, fed)
    assert_frame_equal(frame.sort("site_id", "time_utc"), limits_table)


@FORMATS
def test_an_empty_limit_of_a_site_is_none(
    saved: Callable[..., Path], limits_table: pl.DataFrame, name: str
):
    limits = tables.read_site_limits(saved(limits_table, name))
    assert limits.site_id.tolist() == ["depot", "feeder"]
    assert limits.import_limit_kw.tolist() == [[30.0, np.inf], [-5.0, 40.0]]
    assert limits.export_limit_kw.tolist() == [[np.inf, 0.0], [60.0, np.inf]]
    written = tables.site_limits_frame(
        TimeGrid(DAY, 1.0, 2), limits.site_id, limits.import_limit_kw, limits.export_limit_kw
    )
    assert written["import_limit_kw"].to_list() == [30.0, None, -5.0, 40.0]


def test_limits_without_rows_are_none(saved: Callable[..., Path], limits_table: pl.DataFrame):
    assert len(tables.read_site_limits(saved(limits_table.clear())).site_id) == 0


@pytest.mark.parametrize("name", ["import_limit_kw", "export_limit_kw"])
def test_a_limit_over_time_that_cannot_be_read_is_not_taken_for_no_limit(
    saved: Callable[..., Path], limits_table: pl.DataFrame, name: str
):
    for value, rule in (("50kW", "be a number"), ("nan", "be a number")):
        dirty = set_cell(limits_table.cast({name: pl.String}), 1, name, value)
        found = faults(tables.read_site_limits, saved(dirty, "t.csv"))
        assert found[name, rule].rows == (2,)
    endless = set_cell(limits_table, 1, name, -float("inf"))
    rule = "be a number in every interval, or infinite for no limit"
    assert found_field(faults(tables.read_site_limits, saved(endless)), name).rule == rule


def found_field(found: dict[tuple[str, str], Fault], field: str) -> Fault:
    return next(fault for (name, _), fault in found.items() if name == field)


def test_limits_that_no_power_can_keep_are_refused_with_their_site(
    saved: Callable[..., Path], limits_table: pl.DataFrame
):
    dirty = set_cell(limits_table, 2, "import_limit_kw", -60.5)
    fault = found_field(faults(tables.read_site_limits, saved(dirty)), "import_limit_kw")
    assert "add up to at least 0" in fault.rule
    assert fault.ids == ("feeder",)


def test_limits_given_twice_missing_or_without_a_stamp_are_refused(
    saved: Callable[..., Path], limits_table: pl.DataFrame
):
    twice = limits_table.vstack(limits_table[[0]])
    found = faults(tables.read_site_limits, saved(twice))
    assert found["time_utc", "be given once for each site"].rows == (5,)
    found = faults(tables.read_site_limits, saved(limits_table[:3]))
    assert found["time_utc", "be given for every site"].ids == ("feeder",)
    path = saved(set_cell(limits_table, 2, "time_utc", None))
    assert faults(tables.read_site_limits, path)["time_utc", "not be empty"].rows == (3,)
    path = saved(limits_table.rename({"import_limit_kw": "import_kw"}))
    found = faults(tables.read_site_limits, path)
    assert ("import_limit_kw", "be a column of the table") in found


@pytest.fixture
def weather_table() -> pl.DataFrame:
    """Three days of temperatures."""
    days = pl.date_range(DAY.date(), DAY.date() + timedelta(days=2), eager=True)
    return pl.DataFrame({"day": days, "temperature_c": [10.0, -5.0, 12.5]})


def hourly(hours: int = 72) -> pl.DataFrame:
    """Temperatures that rise by one degree an hour, from midnight in Amsterdam."""
    first = DAY - timedelta(hours=2)
    return pl.DataFrame(
        {
            "time_utc": [first + timedelta(hours=h) for h in range(hours)],
            "temperature_c": [0.1 * h for h in range(hours)],
        }
    )


@FORMATS
def test_weather_makes_the_round_trip(
    saved: Callable[..., Path], weather_table: pl.DataFrame, name: str
):
    weather = tables.read_weather(saved(weather_table, name))
    assert_frame_equal(tables.weather_frame(weather), weather_table)


@FORMATS
def test_readings_are_averaged_over_local_days(saved: Callable[..., Path], name: str):
    weather = tables.read_weather(saved(hourly(), name), time_zone="Europe/Amsterdam")
    assert weather.day.astype(str).tolist() == ["2022-07-04", "2022-07-05", "2022-07-06"]
    np.testing.assert_allclose(weather.temperature_c, [1.15, 3.55, 5.95])


def test_a_day_with_few_readings_has_no_mean(saved: Callable[..., Path]):
    weather = tables.read_weather(saved(hourly(72 - 7)), time_zone="Europe/Amsterdam")
    assert len(weather.day) == 2


def test_every_fault_of_a_weather_table_is_listed(
    saved: Callable[..., Path], weather_table: pl.DataFrame
):
    dirty = weather_table.with_columns(
        pl.Series("day", ["2022-07-04", "4 July", "2022-07-04"]),
        pl.Series("temperature_c", ["10", "mild", "68"]),
    )
    found = faults(tables.read_weather, saved(dirty, "w.csv"))
    assert found["day", "be a date such as 2022-07-04"].rows == (2,)
    assert found["temperature_c", "be a number"].rows == (2,)
    assert found["day", "be unique"].rows == (3,)
    (warm,) = [fault for (_, rule), fault in found.items() if "mean in" in rule]
    assert (warm.got, warm.rows) == ((68.0,), (3,))


@pytest.mark.parametrize("cell", [None, float("nan")])
def test_a_temperature_that_is_missing_is_a_fault(
    saved: Callable[..., Path], weather_table: pl.DataFrame, cell: float | None
):
    dirty = set_cell(weather_table, 1, "temperature_c", cell, pl.Float64)
    (fault,) = faults(tables.read_weather, saved(dirty)).values()
    assert (fault.field, fault.rows) == ("temperature_c", (2,))


def test_a_time_given_twice_is_a_fault(saved: Callable[..., Path]):
    twice = pl.concat([hourly(), hourly().head(1)])
    assert ("time_utc", "be unique") in faults(tables.read_weather, saved(twice))


def test_weather_by_day_and_time_at_once_is_a_fault(saved: Callable[..., Path]):
    both = hourly().with_columns(day=pl.lit(DAY.date()))
    assert ("day", "be a known column") in faults(tables.read_weather, saved(both))
