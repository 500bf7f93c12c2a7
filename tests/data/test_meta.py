"""The period of a source is that of its rows, and long holes in it are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.data import meta
from evergrid.data.prices import FORMATS as PRICES


def instants(*texts: str):
    return np.array(texts, dtype="datetime64[us]")


def test_a_period_ends_with_the_day_of_the_last_instant_before_midnight():
    begin = instants("2019-05-03T07", "2019-05-01T08", "2019-05-02T09")
    end = instants("2019-05-04T00", "2019-05-01T09", "2019-05-02T10")
    assert meta.period(begin, end) == "2019-05-01 to 2019-05-03"
    assert meta.period(begin[:1], begin[:1] + np.timedelta64(1, "h")) == "2019-05-03"


def test_a_period_names_its_longest_holes_in_their_order():
    begin = instants("2019-01-01", "2019-01-31", "2019-03-03", "2019-05-03", "2019-06-04T01")
    end = begin + np.timedelta64(1, "h")
    assert meta.period(begin, end).endswith(
        "(no row begins from 2019-01-31 to 2019-03-03 or 2019-03-03 to 2019-05-03"
        " or 2019-05-03 to 2019-06-04)"
    )
    assert meta.period(begin[:2], end[:2]) == "2019-01-01 to 2019-01-31"


def test_prices_tell_the_days_that_were_kept(saved: Callable[..., Path]):
    time = pl.datetime_range(pl.datetime(2030, 1, 1), pl.datetime(2030, 1, 9), "1h", eager=True)
    frame = pl.DataFrame({"time_utc": time.dt.replace_time_zone("UTC"), "price_eur_mwh": 1.0})
    window = {"start": "2030-01-03T00:00Z", "end": "2030-01-05T00:00Z"}
    _, told = PRICES["nl_dayahead"](saved(frame), **window)
    assert told.period == "2030-01-03 to 2030-01-04"
