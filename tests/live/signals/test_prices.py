"""Prices follow their file, stay when it breaks, and say where they are those of a day before."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.data.tables.prices import read_prices
from evergrid.live.clock import VirtualClock
from evergrid.live.signals.prices import PriceFile, on_grid
from evergrid.model.prices import Prices

START = datetime(2026, 7, 1, tzinfo=UTC)
HOURS = np.datetime64("2026-07-01T00:00", "us") + np.arange(24) * np.timedelta64(1, "h")


def day(first: float = 0.0):
    values = first + np.arange(24.0)
    return Prices(HOURS.astype("datetime64[us]"), values, values - 5.0, np.zeros(24), "EUR")


def write(path: Path, prices: Prices):
    lines = ["time_utc,import_price_per_mwh,export_price_per_mwh"]
    rows = zip(
        prices.time_utc, prices.import_price_per_mwh, prices.export_price_per_mwh, strict=True
    )
    path.write_text("\n".join([*lines, *(f"{a}Z,{b},{c}" for a, b, c in rows)]) + "\n")


def file(path: Path, clock: VirtualClock):
    return PriceFile(path, partial(read_prices, currency="EUR"), clock)


def test_within_the_file_prices_are_those_of_the_file():
    found = on_grid(day(), TimeGrid(START, 0.5, 48))
    assert found.prices.import_price_per_mwh.tolist() == np.repeat(np.arange(24.0), 2).tolist()
    assert not found.estimated.any()


def test_beyond_the_file_prices_are_those_of_a_day_before_and_that_is_told():
    grid = TimeGrid(datetime(2026, 7, 1, 12, tzinfo=UTC), 1.0, 60)
    found = on_grid(day(), grid)
    hours = np.arange(12, 72) % 24
    assert found.prices.import_price_per_mwh.tolist() == hours.tolist()
    assert found.prices.export_price_per_mwh.tolist() == (hours - 5.0).tolist()
    assert found.estimated.tolist() == [False] * 12 + [True] * 48


@pytest.mark.parametrize(
    ("start", "rule"),
    [
        (datetime(2026, 6, 30, 23, tzinfo=UTC), "begin by"),
        (datetime(2026, 7, 9, 1, tzinfo=UTC), "end less than 7 days before"),
    ],
)
def test_prices_of_another_time_are_refused(start: datetime, rule: str):
    with pytest.raises(InputError, match=rule):
        on_grid(day(), TimeGrid(start, 1.0, 4))


def test_less_than_a_day_is_not_repeated():
    short = day().part(0, 23)
    with pytest.raises(InputError, match="be there for a whole day"):
        on_grid(short, TimeGrid(START, 1.0, 24))


def test_a_file_is_read_again_when_it_changes_and_stays_when_it_breaks(tmp_path: Path):
    path = tmp_path / "prices.csv"

    async def run():
        clock = VirtualClock(0.0)
        prices = file(path, clock)
        with pytest.raises(InputError, match="have been read once"):
            prices.on(TimeGrid(START, 1.0, 24))
        assert not await prices.look()
        assert "no file" in prices.failure.lower() or "prices.csv" in prices.failure
        write(path, day())
        seen = [await prices.look(), await prices.look()]
        write(path, day(100.0))
        seen.append(await prices.look())
        path.write_text("time_utc,import_price_per_mwh,export_price_per_mwh\n2026")
        seen.append(await prices.look())
        assert prices.failure
        known = prices.on(TimeGrid(START, 1.0, 24)).prices.import_price_per_mwh[0]
        write(path, day(200.0))
        seen.append(await prices.look())
        assert prices.failure == ""
        return seen, known

    seen, known = asyncio.run(run())
    assert seen == [True, False, True, False, True]
    assert known == 100.0


def test_a_file_is_watched_on_the_services_clock(tmp_path: Path):
    path = tmp_path / "prices.csv"

    async def run():
        clock = VirtualClock(0.0)
        prices = file(path, clock)
        task = asyncio.create_task(prices.watch(60.0))
        await clock.run(30.0)
        before = prices.read_s
        write(path, day())
        await clock.run(61.0)
        task.cancel()
        return before, prices.read_s

    assert asyncio.run(run()) == (None, 60.0)
