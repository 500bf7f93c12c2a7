"""A stationary battery in the fleet: planned, awarded, following the signal, paid to its owner."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np

from evergrid.live.clock import VirtualClock
from evergrid.live.controller.books.awards import Awards
from evergrid.live.controller.books.drivers import Driver, Drivers
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.plan import planning
from evergrid.live.controller.plan.planning import MadePlan, PlanRequest
from evergrid.live.controller.plan.plans import Plans
from evergrid.live.controller.ticker import Ticker
from evergrid.live.devices.adapter import Device
from evergrid.live.sunspec.adapter import SunSpecAdapter, device_of
from evergrid.live.sunspec.simulated import SimulatedBattery
from evergrid.live.sunspec.simulated_map import BatterySize
from tests.live.controller_cases import START_S, FunctionFeed, MemoryLog, config, market, prices
from tests.live.sunspec.cases import entry


def test_a_battery_follows_the_signal_and_its_owner_is_paid() -> None:
    async def scene() -> None:
        clock, settings, log, booked = VirtualClock(START_S), config(), MemoryLog(), []
        flat = replace(
            prices(), import_price_per_mwh=np.full(96, 40.0), export_price_per_mwh=np.full(96, 39.0)
        )
        battery = SimulatedBattery(BatterySize(), clock, soc=0.6)
        await battery.start()
        registered = entry(battery.port, owner_token="owner")
        devices: list[Device] = [device_of(registered)]

        async def book(named: Any) -> None:
            booked.extend(named)

        async def plan(asked: PlanRequest) -> MadePlan:
            return planning.make(asked)

        known = Drivers({"owner": Driver("owner-1", True)})
        controller = Controller(settings, clock, log, book, devices, known, flat)
        adapter = SunSpecAdapter([registered], controller, clock)
        controller.use(adapter)
        plans = Plans(settings, controller.fleet, flat, market(), plan)
        assert settings.market is not None
        awards = Awards(settings.market, settings.award, market(), 2.0)
        feed = FunctionFeed(clock, lambda wall_s: (-1.0) ** ((wall_s - START_S) // 300))
        ticker = Ticker(controller, plans, awards, feed, wait_for_plans=True)
        tasks = [asyncio.create_task(adapter.run()), asyncio.create_task(ticker.run())]
        try:
            await clock.run(2 * 3600.0 + 960.0)
            ticker.stop()
            await clock.run(2 * 3600.0 + 970.0)
        finally:
            tasks[0].cancel()
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await battery.stop()
        await controller.finished()
        points = [one for one in ticker.points if one.award_kw > 0]
        assert points
        assert max(one.award_kw for one in points) > 5.0
        missed = [abs(one.response_kw - one.target_kw) for one in points]
        assert sum(missed) / len(missed) < 0.1 * points[-1].award_kw
        assert {line.party for _, line in booked} >= {"owner-1"}
        alarms = [
            one.kind for one in controller.alarms.newest_first() if one.kind != "station_offline"
        ]
        assert not alarms

    asyncio.run(scene())
