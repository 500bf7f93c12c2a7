"""Stated departures are found by session, and wrong ones are refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.data.sessions import stated

NAMES = np.array(["c", "a", "b"], dtype=object)
ARRIVAL = np.full(3, np.datetime64("2024-01-10T08:00", "us"))


def frame(ids: list[str], hours: list[int | None], column: str = "departure_stated_utc"):
    times = [None if hour is None else datetime(2024, 1, 10, hour, tzinfo=UTC) for hour in hours]
    return pl.DataFrame({"session_id": ids, column: times})


def stated_hours(times: Array) -> list[int | None]:
    midnight = np.datetime64("2024-01-10", "us")
    return [None if np.isnat(t) else int((t - midnight) / np.timedelta64(1, "h")) for t in times]


def test_departures_are_found_whatever_the_order_and_unknown_sessions_ignored(
    saved: Callable[..., Path],
) -> None:
    # "x" would be refused if it were one of ours: it leaves before anybody arrives.
    path = saved(frame(["b", "x", "a"], [18, 1, 17]))
    found = stated.read(path, "table", NAMES, ARRIVAL)
    assert stated_hours(found) == [None, 17, 18]
    assert found.dtype == np.dtype("datetime64[us]")


def test_an_empty_cell_is_not_stated(saved: Callable[..., Path]) -> None:
    path = saved(frame(["a", "b", "c"], [17, None, 19]))
    assert stated_hours(stated.read(path, "table", NAMES, ARRIVAL)) == [19, 17, None]


def test_a_departure_before_the_arrival_is_refused_and_its_session_named(
    saved: Callable[..., Path],
) -> None:
    path = saved(frame(["a", "b", "c"], [17, 7, 8]))
    with pytest.raises(
        InputError, match=r"departure_stated_utc must be after arrival_utc"
    ) as caught:
        stated.read(path, "table", NAMES, ARRIVAL)
    assert set(caught.value.faults[0].ids) == {"b", "c"}
    assert "07:00:00Z for b" in str(caught.value)


def test_a_session_told_twice_is_refused(saved: Callable[..., Path]) -> None:
    path = saved(frame(["a", "b", "a"], [17, 18, 19]))
    with pytest.raises(InputError, match="session_id must be unique, got a"):
        stated.read(path, "table", NAMES, ARRIVAL)


def test_cells_that_are_no_time_are_refused(saved: Callable[..., Path]) -> None:
    rows = {"session_id": ["a", "b"], "departure_stated_utc": ["2024-01-10T17:00Z", "late"]}
    with pytest.raises(InputError, match=r"departure_stated_utc(.|\n)*late"):
        stated.read(saved(pl.DataFrame(rows)), "table", NAMES, ARRIVAL)


def test_a_missing_column_is_refused(saved: Callable[..., Path]) -> None:
    path = saved(frame(["a"], [17], column="departure_utc"))
    with pytest.raises(InputError, match="departure_stated_utc must be a column"):
        stated.read(path, "table", NAMES, ARRIVAL)


def test_what_acn_drivers_did_not_claim_is_not_stated(saved: Callable[..., Path]) -> None:
    rows = frame(["a", "b", "c"], [17, 7, 19], column="estimated_departure_utc")
    path = saved(rows.with_columns(claimed=pl.Series([True, False, True])))
    # Not even an impossible one of them matters.
    assert stated_hours(stated.read(path, "acn", NAMES, ARRIVAL)) == [19, 17, None]
