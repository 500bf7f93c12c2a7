"""Who is on hold is written down first, and is on hold again after a restart."""

import asyncio
from collections.abc import Sequence

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.controller.operators.holds import KIND, Holds
from evergrid.live.controller.operators.service_commands import ServiceCommands, Upkeep
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.maintenance import ConnectionDetail, Renewal
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.store.entry import Entry
from evergrid.live.view import AbstractCommands
from tests.live.controller_cases import START_S, MemoryLog, Run, SimpleMaintenance, service_view

CLOCK = VirtualClock(START_S)


def test_a_restart_holds_whom_an_operator_held_last():
    async def work() -> None:
        log, before = MemoryLog(), SimpleMaintenance()
        holds = Holds(before, log, CLOCK)
        for station, on_hold in (("s0", True), ("s1", True), ("s1", False), ("s2", True)):
            await holds.set(station, on_hold)
        assert holds.stations == {"s0", "s2"}
        assert before.asked[-2:] == [("s1", "let go"), ("s2", "hold")]
        after = SimpleMaintenance(registered=("s0", "s1"))  # s2 was removed meanwhile
        again = Holds(after, log, CLOCK)
        await again.restore(log.entries)
        assert again.stations == {"s0"}
        assert after.asked == [("s0", "hold")]

    asyncio.run(work())


def test_it_is_written_down_before_the_station_hears_of_it():
    class Full(MemoryLog):
        async def append(self, entries: Sequence[Entry]) -> int:
            raise OSError("the disk is full")

    async def work() -> None:
        care = SimpleMaintenance()
        holds = Holds(care, Full(), CLOCK)
        with pytest.raises(OSError, match="full"):
            await holds.set("s0", True)
        assert care.asked == []
        assert holds.stations == set()

    asyncio.run(work())


def commands(run: Run, care: SimpleMaintenance) -> AbstractCommands:
    async def forget(station: str) -> None:
        care.asked.append((station, "forget"))

    upkeep = Upkeep(care, Holds(care, run.log, run.clock), forget)
    return ServiceCommands(run.controller, UtilityLimits({}, run.log, run.clock), upkeep)


def test_what_an_operator_asks_of_an_outlet_is_asked_of_its_station():
    async def scenario(run: Run) -> None:
        care = SimpleMaintenance()
        asked = commands(run, care)
        await asked.hold("s1", True)
        for nothing in ("s9", "battery-1"):
            with pytest.raises(InputError, match="be a charging station"):
                await asked.hold(nothing, True)
        await asked.renew_password("s1#2")
        await asked.renew_certificate("s1#2")
        await asked.forget_certificates("s1#2")
        assert care.asked == [
            ("s1", "hold"),
            ("s1", "password"),
            ("s1", "certificate"),
            ("s1", "forget"),
        ]
        assert run.log.kinds()[KIND] == 1

    Run(4).go(scenario)


def test_a_renewal_that_is_not_taken_is_refused_with_its_reason():
    async def scenario(run: Run) -> None:
        care = SimpleMaintenance(result=Renewal(OrderResult.REJECTED, "it does not ask for one"))
        with pytest.raises(InputError, match=r"new certificate.*does not ask for one"):
            await commands(run, care).renew_certificate("s0")
        with pytest.raises(InputError, match="new password"):
            await commands(run, care).renew_password("s0")

    Run(4).go(scenario)


def test_a_station_is_shown_with_what_its_connection_knows_and_its_alarms():
    async def scenario(run: Run) -> None:
        known = ConnectionDetail(pending=True, security_profile=2, reason="why not")
        run.controller.raise_alarm("der_VoltVar", "s0", "it tripped")
        run.controller.raise_alarm("grid_function_unresponsive", "s0 VoltVar", "it does nothing")
        run.controller.raise_alarm("clock_skew", "s1", "of another")
        run.controller.raise_alarm("clock_skew", "s0", "over")
        run.controller.end_alarm("clock_skew", "s0")
        found = await service_view(run, SimpleMaintenance(known=known)).station("s0")
        assert found is not None
        assert {one.kind for one in found.alarms} == {"der_VoltVar", "grid_function_unresponsive"}
        assert (found.pending, found.security_profile, found.not_known) == (True, 2, "why not")
        assert await service_view(run).station("s9") is None

    Run(4).go(scenario)
