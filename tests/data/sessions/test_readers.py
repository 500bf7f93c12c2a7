"""What every session reader does alike, on small tables with one dirty row."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.sessions import FORMATS, screen
from evergrid.data.sessions.assumptions import Assumptions

NAMES = ["acn", "norway", "dundee", "boulder", "sap", "epfl"]
END = {
    "acn": "departure_utc",
    "norway": "plugout_local",
    "epfl": "departure_local",
    "dundee": "end_local",
    "boulder": "end_utc",
    "sap": "end_utc",
}
ENERGY = {"acn": "delivered_kwh", "epfl": "energy_wh"}
every_reader = pytest.mark.parametrize("name", NAMES)


def dirty(frame: pl.DataFrame, row: int, column: str, value: Any):
    cells = frame[column].to_list()
    cells[row] = value
    return frame.with_columns(pl.Series(column, cells, dtype=frame[column].dtype, strict=False))


def end_moved(name: str, frame: pl.DataFrame, hours: float):
    end = END[name]
    return dirty(frame, 1, end, frame[end][1] + timedelta(hours=hours))


@every_reader
def test_good_rows_are_all_kept(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    sessions, meta = FORMATS[name](saved(tables(name)))
    assert len(sessions) == meta.quality.rows_kept == 3
    assert meta.quality.rows_rejected == 0


@every_reader
def test_csv_and_parquet_give_the_same_sessions(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    frame = tables(name)
    stamps = {
        column: (pl.col(column).dt.strftime("%Y-%m-%d %H:%M:%S%:z"))
        if column.endswith("_utc")
        else pl.col(column).dt.strftime("%Y-%m-%d %H:%M:%S")
        for column in frame.columns
        if frame[column].dtype.is_temporal()
    }
    text, _ = FORMATS[name](saved(frame.with_columns(**stamps), "t.csv"))
    binary, _ = FORMATS[name](saved(frame))
    for column, values in binary.columns().items():
        assert values.tolist() == text.columns()[column].tolist()


@every_reader
@pytest.mark.parametrize("blank", ["end", "energy"])
def test_an_open_session_is_rejected(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str, blank: str
):
    column = END[name] if blank == "end" else ENERGY.get(name, "energy_kwh")
    _, meta = FORMATS[name](saved(dirty(tables(name), 1, column, None)))
    assert meta.quality.count(screen.OPEN) == meta.quality.rows_rejected == 1


@every_reader
@pytest.mark.parametrize(
    ("energy_kwh", "rule"),
    [(0.0, screen.NO_ENERGY), (-75.0, screen.NO_ENERGY), (1430.0, screen.TOO_MUCH)],
)
def test_an_impossible_energy_is_rejected(
    saved: Callable[..., Path],
    tables: Callable[[str], pl.DataFrame],
    name: str,
    energy_kwh: float,
    rule: str,
):
    scale = 1000 if name == "epfl" else 1
    column = ENERGY.get(name, "energy_kwh")
    _, meta = FORMATS[name](saved(dirty(tables(name), 1, column, energy_kwh * scale)))
    assert meta.quality.count(rule) == meta.quality.rows_rejected == 1


@every_reader
@pytest.mark.parametrize(("hours", "rule"), [(-9, screen.BACKWARDS), (60, screen.too_long(48.0))])
def test_an_impossible_stay_is_rejected(
    saved: Callable[..., Path],
    tables: Callable[[str], pl.DataFrame],
    name: str,
    hours: float,
    rule: str,
):
    _, meta = FORMATS[name](saved(end_moved(name, tables(name), hours)))
    assert meta.quality.count(rule) == meta.quality.rows_rejected == 1


@pytest.mark.parametrize("name", ["acn", "norway", "dundee", "sap", "epfl"])
def test_the_longest_stay_is_the_users_choice(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    path = saved(end_moved(name, tables(name), 60))
    sessions, _ = FORMATS[name](path, max_stay_h=None)
    assert len(sessions) == 3
    with pytest.raises(InputError, match=r"longer than 0\.9 h"):  # no row is left
        FORMATS[name](path, max_stay_h=0.9)


@every_reader
def test_a_repeated_id_is_rejected(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    frame = tables(name)
    key = {"dundee": "charging_event", "boulder": "object_id", "sap": "transaction_id"}
    column = key.get(name, "session" if name == "epfl" else "session_id")
    _, meta = FORMATS[name](saved(dirty(frame, 1, column, frame[column][0])))
    assert meta.quality.count(screen.DUPLICATE) == meta.quality.rows_rejected == 1


@every_reader
def test_a_missing_column_is_named(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    with pytest.raises(InputError) as caught:
        FORMATS[name](saved(tables(name).drop(END[name])))
    assert caught.value.field == END[name]


@every_reader
def test_a_cell_that_cannot_be_read_rejects_its_row(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    frame = tables(name)
    column = ENERGY.get(name, "energy_kwh")
    cells = frame[column].cast(pl.String).to_list()
    cells[1] = "n/a"
    _, meta = FORMATS[name](saved(frame.with_columns(pl.Series(column, cells))))
    assert meta.quality.count(screen.UNREADABLE) == meta.quality.rows_rejected == 1


@every_reader
def test_assumptions_reach_the_sessions_and_the_summary(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    assumed = Assumptions(max_discharge_kw=7.0, wear_cost_per_kwh=0.11)
    sessions, meta = FORMATS[name](saved(tables(name)), assumed)
    assert set(sessions.max_discharge_kw) == {7.0}
    assert set(sessions.wear_cost_per_kwh) == {0.11}
    assert meta.assumptions["max_discharge_kw"] == 7.0
    assert meta.to_dict()["currency"] is None
    assert meta.licence[0] in "AB"


def test_norwegian_users_bring_their_estimates(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    users = pl.DataFrame(
        {
            "user_id": ["u1", "u2"],
            "charging_power_kw_estimated": [3.6, None],
            "battery_capacity_kwh_estimated": [24.8, None],
        }
    )
    path = saved(tables("norway"))
    alone, meta = FORMATS["norway"](path)
    assert set(alone.capacity_kwh) == {60.0}
    assert "assumed" in str(meta.assumptions["battery"])
    beside = saved(users, "norway_residential_users.csv")
    for sessions, meta in (FORMATS["norway"](path), FORMATS["norway"](path, users=beside)):
        assert sessions.capacity_kwh.tolist() == [24.8, 60.0, 60.0]
        assert sessions.max_charge_kw.tolist() == [3.6, 11.0, 11.0]
        assert "estimated by the authors" in str(meta.assumptions["battery"])


def test_a_user_with_two_cars_at_once_keeps_the_first(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    frame = tables("norway").with_columns(user_id=pl.lit("u1"), location=pl.lit("ASK"))
    sessions, meta = FORMATS["norway"](saved(frame))
    assert meta.quality.count(screen.OVERLAP) == 2
    assert sessions.session_id.tolist() == ["a"]


def test_boulder_rejects_ends_that_disagree_and_repeated_rows(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    frame = dirty(tables("boulder"), 1, "total_duration_s", 60)
    _, meta = FORMATS["boulder"](saved(frame))
    assert meta.quality.rows_rejected == 1
    twice = dirty(dirty(tables("boulder"), 1, "station", "A"), 1, "energy_kwh", 10.0)
    _, meta = FORMATS["boulder"](saved(twice))
    assert meta.quality.rows_rejected == 1


def test_sap_uses_the_gauge_where_the_car_reported_both_ends(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    sessions, _ = FORMATS["sap"](saved(tables("sap")))
    assert sessions.capacity_kwh.tolist() == pytest.approx([60.0, 0.93 * 12.0 / 0.6, 60.0])
    falling = dirty(tables("sap"), 1, "soc_end_pct", 10.0)
    sessions, meta = FORMATS["sap"](saved(falling))
    assert sessions.capacity_kwh[1] == 60.0
    assert meta.quality.rows_repaired == 1


def test_epfl_reproduces_the_measured_states_of_charge(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    sessions, _ = FORMATS["epfl"](saved(tables("epfl")))
    soc = sessions.energy_arrival_kwh / sessions.capacity_kwh
    assert soc.tolist() == pytest.approx([0.2, 0.3, 0.4])
    assert sessions.max_charge_kw.tolist() == [100.0, 90.0, 80.0]


def test_a_dundee_session_over_the_autumn_change_lasts_an_hour_longer(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    frame = tables("dundee").with_columns(
        start_local=pl.lit("2017-10-28 22:00").str.to_datetime(),
        end_local=pl.lit("2017-10-29 01:30").str.to_datetime(),
    )
    sessions, meta = FORMATS["dundee"](saved(frame))
    assert set(sessions.stay_h) == {3.5}  # the first of the two 01:30
    assert meta.quality.count(screen.CLOCK) == 3


def test_dundee_ratings_come_from_the_name_of_the_charger(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    sessions, _ = FORMATS["dundee"](saved(tables("dundee")))
    assert sessions.max_charge_kw.tolist() == [7.0, 50.0, 11.0]
