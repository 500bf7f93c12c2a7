"""A service offers by its own past: less where cars left early, and half where there is none."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence

from evergrid.core.errors import StoreError
from evergrid.live.controller.books.awards import COLD_START, HISTORY, Block
from evergrid.live.controller.offers import firm_schedule
from evergrid.live.controller.offers.firm_capacity import NOT_YET, FirmCapacity
from evergrid.live.controller.offers.firm_schedule import FirmRequest, FirmSchedule
from evergrid.live.controller.offers.past_stays import PastStay
from evergrid.live.store.entry import Entry
from tests.live.controller.offers.stay_cases import DAY_S, entries, nights
from tests.live.controller_cases import HOUR_S, START_S, Run, config


def kept(stays: list[PastStay], *, rules: dict[str, object] | None = None) -> FirmCapacity:
    """Promises of stays, made at once."""

    async def read(since_s: float) -> AsyncIterator[Sequence[Entry]]:
        found = [one for one in entries(stays) if one.time_s >= since_s]
        for first in range(0, len(found), 100):
            yield found[first : first + 100]

    async def make(asked: FirmRequest) -> FirmSchedule:
        return firm_schedule.schedule(asked)

    return FirmCapacity(config(offer=rules or {}), read, make)


def second_offer(firm: FirmCapacity) -> Block:
    """The offer of the first whole hour with a plan, with twelve cars plugged in."""

    async def scenario(run: Run) -> None:
        run.ticker.firm = firm
        for station in range(12):
            await run.plug_in(station)
        await run.until(HOUR_S + 10.0)

    run = Run(12)
    run.go(scenario)
    assert run.ticker.awards is not None
    return run.ticker.awards.blocks[1]


def test_offers_follow_what_the_same_cars_did_on_the_nights_before():
    usual, early, none = (
        second_offer(kept(stays)) for stays in (nights(120), nights(120, early_share=0.5), [])
    )
    firm = kept(nights(120, early_share=0.5))
    asyncio.run(refreshed(firm, START_S))
    promise = firm.at(START_S + HOUR_S)
    assert promise is not None
    assert (early.rule, early.binding) == (HISTORY, "firm capacity")
    assert early.offered_kw == math.floor(promise.power_kw)
    assert usual.rule == HISTORY
    assert early.offered_kw < 0.8 * usual.offered_kw
    assert none.rule == COLD_START
    assert none.binding == "50% of what the fleet can hold now"


async def refreshed(firm: FirmCapacity, wall_s: float) -> None:
    firm.refresh(wall_s)
    await firm.wait()


def test_promises_are_made_once_a_local_day_and_not_while_they_are_being_made():
    made: list[float] = []

    async def scene() -> None:
        firm = kept(nights(60))
        make = firm._make

        async def counted(asked: FirmRequest) -> FirmSchedule:
            made.append(asked.now_s)
            await asyncio.sleep(0.01)
            return await make(asked)

        firm._make = counted
        assert firm.at(START_S) is None
        assert firm.lacking == NOT_YET
        for wall_s in (START_S, START_S + HOUR_S):
            firm.refresh(wall_s)
        await firm.wait()
        await refreshed(firm, START_S + 19 * HOUR_S)
        await refreshed(firm, START_S + 20 * HOUR_S + 1.0)

    asyncio.run(scene())
    assert made == [START_S, START_S + 20 * HOUR_S + 1.0]


def test_stays_before_the_history_do_not_count():
    firm = kept(nights(120), rules={"history_days": 60})
    asyncio.run(refreshed(firm, START_S))
    assert 40 < firm.schedule.history_days < 60
    assert START_S % DAY_S == 4 * HOUR_S


def test_a_store_that_cannot_be_read_leaves_a_cold_start_with_its_reason():
    async def read(since_s: float) -> AsyncIterator[Sequence[Entry]]:
        raise StoreError("the disk is gone")
        yield []

    async def make(asked: FirmRequest) -> FirmSchedule:
        raise AssertionError("nothing was read")

    firm = FirmCapacity(config(), read, make)
    asyncio.run(refreshed(firm, START_S))
    assert firm.at(START_S) is None
    assert "the disk is gone" in firm.lacking
