"""Simulated stations get their functions from the service and answer voltage and frequency."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.controller.support.response import ResponseState
from evergrid.live.ocpp import grid_functions
from evergrid.live.ocpp.grid_functions import VoltVar
from evergrid.live.service import Service
from evergrid.live.twin import day
from evergrid.live.twin.faults import FaultShares
from evergrid.live.twin.fleet import TwinConfig, TwinFleet
from evergrid.live.twin.play import Play, begun, configuration

BUS = {"bus": "675"}
NIGHT_S = 900.0
RATING_KW = 11.04


def played(folder: Path, scene: Any, *, stations: int = 4, **faults: float) -> None:
    """Play a scene with stations whose slopes are in a table, from the begin of the night on."""
    fleet = TwinConfig(
        stations=stations,
        start_utc=day.START.isoformat(),
        hours=1.0,
        time_zone="America/New_York",
        faults=FaultShares(**faults),  # pyright: ignore[reportArgumentType]
    )
    play = Play(fleet, day.made_up(folder / "day", 1), folder)
    table = folder / "inverters.csv"
    table.write_text("bus,rating_kva,advised_slope\n675,10000,7.0\n")
    given = configuration(play)
    at = [BUS | {"site": site["site_id"]} for site in given["site"]]
    given["grid_strength"] = {"file": str(table), "at": at, "check_s": 5.0}
    given["frequency_droop"] = {"deadband_hz": 0.02, "full_hz": 0.52}
    config = parse(Config, given)

    async def run() -> None:
        async with begun(play, config) as (service, twins, clock):
            assert isinstance(clock, VirtualClock)
            await clock.run(NIGHT_S)
            await scene(service, twins, clock)

    asyncio.run(run())


def alarms(service: Service) -> set[str]:
    return {one.kind for one in service.view.alarms() if one.ended_s is None}


def states(service: Service, kind: str) -> set[ResponseState]:
    support = service.controller.support
    assert support is not None
    found = support.responses.items()
    there = {one.station for one in service.view.sessions()}
    return {one[kind].state for station, one in found if station in there}


def asked_for_kvar(service: Service, twins: TwinFleet) -> set[ResponseState]:
    """What is known of stations whose power leaves room for reactive power."""
    support = service.controller.support
    assert support is not None
    found = [
        support.responses[one.spec.identity]["VoltVar"]
        for one in twins.stations
        if one.spec.identity in support.responses
        and abs(one.bay.power.advance().power_kw) < 0.99 * RATING_KW
    ]
    assert len(found) >= 2
    return {one.state for one in found}


def kvar(twins: TwinFleet) -> float:
    return sum(one.bay.power.advance().reactive_kvar for one in twins.stations)


def test_stations_follow_voltage_and_frequency_are_verified_and_let_go(tmp_path: Path):
    async def scene(service: Service, twins: TwinFleet, clock: VirtualClock) -> None:
        assert len(service.view.sessions()) >= 2
        assert states(service, "VoltVar") == {ResponseState.UNSEEN}
        twins.set_grid(voltage_pu=lambda station: 0.95)
        await clock.run(NIGHT_S + 300.0)
        assert kvar(twins) > 2.0  # three hundredths beyond the dead band: a fifth of each rating
        assert asked_for_kvar(service, twins) == {ResponseState.VERIFIED}
        before_kw = twins.power_kw()
        twins.set_grid(frequency_hz=49.85, voltage_pu=lambda station: 1.0)
        await clock.run(NIGHT_S + 320.0)
        assert twins.power_kw() > before_kw + 1.0
        await clock.run(NIGHT_S + 700.0)
        assert ResponseState.VERIFIED in states(service, "FreqDroop")
        assert ResponseState.UNRESPONSIVE not in states(service, "FreqDroop")
        assert not {"not_following", "grid_function_unresponsive"} & alarms(service)
        (tmp_path / "inverters.csv").write_text("bus,rating_kva,advised_slope\n634,100,7.0\n")
        await clock.run(NIGHT_S + 720.0)
        twins.set_grid(frequency_hz=50.0, voltage_pu=lambda station: 0.95)
        await clock.run(NIGHT_S + 760.0)
        assert kvar(twins) == 0.0

    played(tmp_path, scene)


def test_stations_that_accept_and_do_nothing_raise_an_alarm_and_stay_under_orders(tmp_path: Path):
    async def scene(service: Service, twins: TwinFleet, clock: VirtualClock) -> None:
        twins.set_grid(frequency_hz=49.85, voltage_pu=lambda station: 0.95)
        await clock.run(NIGHT_S + 600.0)
        assert kvar(twins) == 0.0
        assert asked_for_kvar(service, twins) == {ResponseState.UNRESPONSIVE}
        assert "grid_function_unresponsive" in alarms(service)
        assert "not_following" not in alarms(service)

    played(tmp_path, scene, ignores_support=1.0)


def test_a_curve_of_an_operator_that_is_steeper_than_safe_never_leaves(tmp_path: Path):
    async def scene(service: Service, twins: TwinFleet, clock: VirtualClock) -> None:
        name = service.view.sessions()[0].station
        for share, refused in ((0.6, True), (0.3, False)):
            curve = VoltVar("own", ((0.95, share), (1.05, -share)), 5.0)
            sent = service.commands.call_station(
                name, "SetDERControl", grid_functions.payload(curve)
            )
            asked = asyncio.create_task(sent)
            if refused:
                with pytest.raises(InputError, match="no steeper than 7"):
                    await asked
            else:
                await clock.run(NIGHT_S + 10.0)
                assert (await asked)["status"] == "Accepted"

    played(tmp_path, scene)
