"""Test 19 of the live service: clocks that are wrong or stepped, and nights of a change."""

import asyncio
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from evergrid.live.clock import VirtualClock
from evergrid.live.controller.ticker import GRACE_S
from evergrid.live.devices.adapter import MeterReading, TransactionPart
from evergrid.live.ocpp.wire.times import utc_s, utc_text
from tests.live.controller_cases import START_S, Run
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import StationClient

HOUR_S, DAY_S = 3600.0, 86_400.0
WRONG = {
    "an hour ahead": START_S + HOUR_S,
    "an hour behind": START_S - HOUR_S,
    "a day ahead": START_S + DAY_S,
    "a day behind": START_S - DAY_S,
    "1970": 0.0,
    "2099": 4_070_908_800.0,
}
NIGHTS = ("2026-03-29T00:00:00", "2026-10-25T00:00:00")  # of the change, in Berlin


@pytest.mark.parametrize("name", WRONG)
def test_19_a_station_whose_clock_is_wrong_is_flagged_and_paid_by_its_registers(name: str):
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.until(10.0)
        skew_s = WRONG[name] - START_S
        for kwh in (10.0, 12.0, 15.0):
            moment_s = run.clock.now_s() + skew_s
            reading = MeterReading(moment_s, drawn_kwh=kwh)
            await run.event(0, TransactionPart.UPDATED, readings=(reading,), time_s=moment_s)
        alarms = run.controller.alarms.newest_first()
        assert "clock_skew" in {one.kind for one in alarms if one.ended_s is None}
        before = len(run.stations.orders)
        await run.until(20.0)
        assert len(run.stations.orders) >= before
        moment_s = run.clock.now_s() + skew_s
        await run.event(0, TransactionPart.ENDED, time_s=moment_s)

    run = Run(1)
    run.go(scenario)
    (line,) = (one for one in run.lines.values() if one.item == "energy drawn")
    assert line.quantity == pytest.approx(5.0)
    assert abs(line.time_s - START_S) < 60.0  # booked by our clock


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_19_a_step_of_our_own_clock_loses_no_tick(step_s: float):
    run = Run(2)
    clock = run.clock
    ticks: list[float] = []
    real: Any = run.ticker.tick

    async def counted() -> None:
        ticks.append(clock.monotonic_s())
        if len(ticks) == 10:
            clock._start_s += step_s  # an operator sets the clock of the wall
        await real()

    run.ticker.tick = counted

    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.until(60.0)

    run.go(scenario)
    gaps = [later - earlier for earlier, later in pairwise(ticks)]
    assert len(ticks) >= 29
    assert max(gaps) <= run.ticker.tick_s + GRACE_S + 1e-6
    assert run.ticker.late == 0


@pytest.mark.parametrize("night", NIGHTS)
def test_19_a_night_of_the_change_has_every_hour_once(night: str):
    begin = datetime.fromisoformat(night).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    texts = [utc_text(begin.timestamp() + HOUR_S * hour) for hour in range(6)]
    assert len(set(texts)) == 6
    assert [utc_s(text) - begin.timestamp() for text in texts] == [HOUR_S * h for h in range(6)]
    assert utc_s(begin.isoformat()) == begin.timestamp()


def test_19_the_answer_to_a_boot_tells_a_station_the_time():
    async def one() -> None:
        clock = VirtualClock(1.8e9)
        async with running(registered("cp-1"), clock=clock) as (_, _, port):
            station = StationClient("cp-1")
            await station.connect(port, secret=SECRET)
            assert utc_s((await station.boot())["currentTime"]) == pytest.approx(1.8e9)
            await station.close()

    asyncio.run(one())
