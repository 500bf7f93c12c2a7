"""What the good rows of each session format become, reckoned by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.data.sessions import FORMATS
from tests.data.sessions.test_readers import dirty

Tables = Callable[[str], pl.DataFrame]
Saved = Callable[..., Path]

# Of a row with 10, 12 or 5 kWh metered and no other knowledge: 60 kWh of battery, 54 at departure,
# less what reached the cells through 0.93.
ASSUMED = {
    "capacity_kwh": [60.0] * 3,
    "energy_arrival_kwh": [54 - 9.3, 54 - 11.16, 54 - 4.65],
    "energy_departure_kwh": [54.0] * 3,
    "energy_reserve_kwh": [12.0] * 3,
    "max_charge_kw": [11.0] * 3,
    "max_discharge_kw": [11.0] * 3,
    "efficiency_charge": [0.93] * 3,
    "efficiency_discharge": [0.93] * 3,
    "wear_cost_per_kwh": [0.03] * 3,
    "wear_rise_per_kwh_per_kw": [0.0] * 3,
    "calendar_wear_per_kwh_h": [0.0] * 3,
}
# Fast chargers measure both ends: 30 kWh x 0.93 are 60 % of 46.5 kWh.
MEASURED = {
    "capacity_kwh": [46.5] * 3,
    "energy_arrival_kwh": [0.2 * 46.5, 0.3 * 46.5, 0.4 * 46.5],
    "energy_departure_kwh": [0.8 * 46.5, 0.7 * 46.5, 0.9 * 46.5],
    "energy_reserve_kwh": [9.3] * 3,
    "max_charge_kw": [100.0, 90.0, 80.0],
}
# The second row of the company's cars was measured: 12 kWh x 0.93 are 60 % of 18.6 kWh.
COMPANY = {
    "capacity_kwh": [60.0, 18.6, 60.0],
    "energy_arrival_kwh": [54 - 9.3, 3.72, 54 - 4.65],
    "energy_departure_kwh": [54.0, 14.88, 54.0],
    "energy_reserve_kwh": [12.0, 3.72, 12.0],
}
# Assets, sites, arrival and departure in UTC on 4 July 2022, zone, licence, and other columns.
EXPECTED: dict[str, tuple[list[str], list[str], int, int, str, str, dict[str, list[float]]]] = {
    "acn": (["CA-1", "AG-1", "AG-2"], ["caltech", "jpl", "jpl"], 8, 14, "UTC", "A", {}),
    "norway": (["u1", "u2", "u3"], ["ASK", "BAR", "BAR"], 6, 12, "Europe/Oslo", "B", {}),
    "dundee": (
        ["50339/1", "50340/1", "50341/2"],
        ["Ice Arena", "Ice Arena", "Queen Street"],
        7,
        13,
        "Europe/London",
        "B",
        {"max_charge_kw": [7.0, 50.0, 11.0]},
    ),
    "boulder": (["A/1", "B/1", "C/1"], ["boulder"] * 3, 8, 14, "UTC", "B", {}),
    "sap": (["A/1", "B/1", "home-01/1"], ["work", "work", "home"], 8, 14, "UTC", "B", COMPANY),
    "epfl": (["CCS1", "CCS2", "CCS3"], ["epfl"] * 3, 6, 7, "Europe/Zurich", "A", MEASURED),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_column_of_a_session_is_what_its_row_means(saved: Saved, tables: Tables, name: str):
    assets, sites, begin, end, zone, licence, numbers = EXPECTED[name]
    sessions, meta = FORMATS[name](saved(tables(name)))
    midnight, hour = np.datetime64("2022-07-04", "us"), np.timedelta64(1, "h")
    assert sessions.session_id.tolist() == (
        ["a", "b", "c"] if name in ("acn", "norway") else ["1", "2", "3"]
    )
    assert sessions.asset_id.tolist() == assets
    assert sessions.site_id.tolist() == sites
    assert sessions.arrival_utc.tolist() == [(midnight + begin * hour).item()] * 3
    assert sessions.departure_utc.tolist() == [(midnight + end * hour).item()] * 3
    columns = sessions.columns()
    for column, values in (ASSUMED | numbers).items():
        assert columns[column].tolist() == pytest.approx(values), column
    assert (meta.source, meta.time_zone, meta.currency) == (name, zone, None)
    assert meta.licence.startswith(licence)
    assert meta.quality.source == name
    assert meta.quality.rows_read == 3
    assert meta.quality.rows_repaired == 0
    assert all(finding.count == 0 or finding.action == "kept" for finding in meta.quality.findings)


@pytest.mark.parametrize("name", ["epfl", "sap"])
@pytest.mark.parametrize(("end", "soc_pct"), [("arrival", -5.0), ("departure", 120.0)])
def test_a_gauge_out_of_its_range_is_not_believed(
    saved: Saved, tables: Tables, name: str, end: str, soc_pct: Any
):
    column = f"soc_{end}_pct"
    if name == "sap":
        column = "soc_start_pct" if end == "arrival" else "soc_end_pct"
    sessions, _ = FORMATS[name](saved(dirty(tables(name), 1, column, soc_pct)))
    assert sessions.capacity_kwh[1] == 60.0


def test_epfl_gauges_at_both_ends_of_their_range_are_believed(saved: Saved, tables: Tables):
    frame = dirty(tables("epfl"), 1, "soc_arrival_pct", 0.0)
    sessions, _ = FORMATS["epfl"](saved(dirty(frame, 1, "soc_departure_pct", 100.0)))
    assert sessions.capacity_kwh[1] == pytest.approx(0.93 * 20.0)
    assert sessions.energy_arrival_kwh[1] == pytest.approx(0.0)


def test_epfl_chargers_without_a_measured_power_have_the_assumed_one(saved: Saved, tables: Tables):
    frame = tables("epfl").with_columns(energy_wh=pl.lit(5000.0), stay_min=pl.lit(60))
    sessions, _ = FORMATS["epfl"](saved(dirty(frame, 1, "p_max_w", 0)))
    assert sessions.max_charge_kw.tolist() == [100.0, 11.0, 80.0]


def test_dundee_names_the_city_where_the_site_is_missing(saved: Saved, tables: Tables):
    sessions, _ = FORMATS["dundee"](saved(dirty(tables("dundee"), 1, "site", None)))
    assert sessions.site_id.tolist() == ["Ice Arena", "dundee", "Queen Street"]


@pytest.mark.parametrize(
    ("model", "rating_kw"),
    [("22 kW", 22.0), ("7.4kW Fast", 7.4), ("Rapid 0kW", 50.0), ("RAPID", 50.0), ("Slow", 11.0)],
)
def test_a_dundee_model_tells_its_rating(
    saved: Saved, tables: Tables, model: str, rating_kw: float
):
    frame = tables("dundee").with_columns(charger_model=pl.lit(model))
    sessions, _ = FORMATS["dundee"](saved(frame))
    assert set(sessions.max_charge_kw) == {rating_kw}


@pytest.mark.parametrize(
    ("seconds", "kept"), [(21600 + 120, 3), (21600 - 120, 3), (21600 + 121, 2)]
)
def test_boulder_believes_ends_within_two_minutes_of_the_duration(
    saved: Saved, tables: Tables, seconds: int, kept: int
):
    frame = dirty(tables("boulder"), 1, "total_duration_s", seconds)
    sessions, _ = FORMATS["boulder"](saved(frame))
    assert len(sessions) == kept


@pytest.mark.parametrize(("told_h", "differs"), [(6.019, 0), (5.981, 0), (6.03, 1), (5.97, 1)])
def test_norwegian_durations_that_differ_from_the_clock_are_counted_and_kept(
    saved: Saved, tables: Tables, told_h: float, differs: int
):
    sessions, meta = FORMATS["norway"](saved(dirty(tables("norway"), 1, "connection_h", told_h)))
    assert len(sessions) == 3
    assert meta.quality.count("published duration differs from the wall clock") == differs


def test_acn_sessions_without_a_driver_are_counted_and_kept(saved: Saved, tables: Tables):
    _, meta = FORMATS["acn"](saved(tables("acn")))
    assert meta.quality.count("driver gave no inputs (claimed is false)") == 1
    _, meta = FORMATS["acn"](saved(dirty(tables("acn"), 0, "claimed", None)))
    assert meta.quality.count("driver gave no inputs (claimed is false)") == 1
    assert meta.quality.rows_kept == 3
