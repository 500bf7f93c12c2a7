"""What is written of a stay, and what is read back of it."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.live.controller import recovery
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.offers import past_stays
from evergrid.live.controller.offers.past_stays import PastStay, StayReader, StayTable
from evergrid.live.devices.adapter import TransactionPart
from evergrid.live.store.entry import Entry
from tests.live.controller.offers.stay_cases import a_stay, entries, nights
from tests.live.controller_cases import HOUR_S, START_S, Run, prices


def table(stays: list[PastStay], *, since_s: float = 0.0) -> StayTable:
    reader = StayReader()
    for first in range(0, len(stays), 7):
        reader.take(entries(stays[first : first + 7]), since_s=since_s)
    return reader.table()


def written(run: Run) -> list[Entry]:
    return [one for one in run.log.entries if one.kind == past_stays.KIND]


def read(run: Run) -> PastStay:
    (entry,) = written(run)
    assert (entry.station, entry.transaction) == ("s0", "t0")
    return past_stays._stay.decode(entry.body)


def test_stays_come_back_as_sessions_with_what_was_stated():
    stays = nights(3, 4, early_share=0.5)
    sessions, stated = table(stays).sessions(0.9)
    assert len(sessions) == len(stays)
    order = sorted(stays, key=lambda one: (int(one.station[1:]), one.arrival_s))
    by_station = np.argsort([int(name[1:]) for name in sessions.asset_id], kind="stable")
    assert [str(name) for name in sessions.asset_id[by_station]] == [one.station for one in order]
    for name, values in (
        ("departure_s", sessions.departure_utc),
        ("arrival_s", sessions.arrival_utc),
        ("stated_s", stated),
    ):
        found = values[by_station].astype(np.int64) / 1e6
        np.testing.assert_allclose(found, [getattr(one, name) for one in order], atol=1e-6)
    assert set(sessions.energy_departure_kwh) == {45.0}
    assert set(sessions.efficiency_charge) == {0.9}


def test_two_stays_of_a_station_do_not_overlap_and_moments_are_left_out():
    stays = [a_stay("s0", 1000.0, 9000.0), a_stay("s0", 5000.0, 12_000.0)]
    stays.append(replace(a_stay("s1", 2000.0, 9000.0), departure_s=2030.0))
    sessions, _ = table(stays).sessions(0.95)
    assert len(sessions) == 2
    assert (sessions.departure_utc[:-1] <= sessions.arrival_utc[1:]).all()


def test_stays_that_ended_before_a_moment_are_not_read():
    stays = [a_stay("s0", 1000.0, 9000.0), a_stay("s0", 10_000.0, 20_000.0)]
    assert len(table(stays, since_s=15_000.0)) == 1


def test_a_vehicle_that_leaves_is_written_once_with_what_it_asked_for_at_first():
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.controller.finished()
        needs = run.controller.transactions["s0"].needs
        assert needs is not None
        await run.controller.needs(replace(needs, departure_s=START_S + 2 * HOUR_S))
        await run.controller.finished()
        await run.clock.run(3600.0)
        await run.event(0, TransactionPart.ENDED, trigger="EVDeparted")

    run = Run(1)
    run.go(scenario)
    stay = read(run)
    assert stay.arrival_s == START_S
    assert stay.departure_s == pytest.approx(START_S + HOUR_S, abs=1e-3)
    assert stay.stated_s == START_S + 10 * HOUR_S
    assert (stay.energy_arrival_kwh, stay.capacity_kwh) == (30.0, 60.0)
    assert stay.energy_departure_kwh == pytest.approx(45.6)  # and a hundredth of the capacity
    assert (stay.max_charge_kw, stay.max_discharge_kw) == (11.04, 11.04)


@pytest.mark.parametrize("cancel", ["priority", "opted_out"])
def test_from_the_moment_a_driver_cancels_a_vehicle_was_not_there(cancel: str):
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.controller.finished()
        await run.clock.run(600.0)
        change = run.controller.set_priority if cancel == "priority" else run.controller.opt_out
        await change("s0", True)
        await run.clock.run(900.0)
        await change("s0", False)
        await run.clock.run(7200.0)
        await run.event(0, TransactionPart.ENDED, trigger="EVDeparted")

    run = Run(1)
    run.go(scenario)
    assert read(run).departure_s == pytest.approx(START_S + 600.0, abs=1e-3)


def test_what_a_driver_cancelled_is_known_after_a_restart():
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.controller.finished()
        await run.clock.run(600.0)
        await run.controller.set_priority("s0", True)
        drivers = run.controller.drivers
        fresh = Controller(
            run.config, run.clock, run.log, run._post, run.devices, drivers, prices()
        )
        recovery.restore(fresh, run.log.entries)
        assert fresh.transactions["s0"].cancelled_s == pytest.approx(START_S + 600.0, abs=1e-3)

    Run(1).go(scenario)


def test_a_vehicle_that_was_never_under_orders_is_nobodys_capacity():
    async def scenario(run: Run) -> None:
        await run.controller.connected("s0", "ocpp2.1")
        await run.event(0, TransactionPart.STARTED)
        await run.event(0, TransactionPart.ENDED, trigger="EVDeparted")

    run = Run(1)
    run.go(scenario)
    assert written(run) == []
