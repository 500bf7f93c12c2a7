"""A day of simulated stations at the real service, over real sockets, at speed or in real time.

The stations are written from OCPP alone and know nothing of the service, so that what they count of
its messages, and what really happened to batteries and drivers, referees it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evergrid.core.progress import Progress, ignore_progress
from evergrid.core.units import S_PER_H
from evergrid.live.clock import AbstractClock, ShiftedClock, VirtualClock
from evergrid.live.config import Config
from evergrid.live.service import Run, Service, running
from evergrid.live.store.registry import drivers
from evergrid.live.store.registry.drivers import Contract
from evergrid.live.store.store import SIMULATION, StoreRules, open_store
from evergrid.live.twin import fleet
from evergrid.live.twin.day import START, Day
from evergrid.live.twin.fleet import StationPlan, TwinConfig, TwinFleet
from evergrid.live.twin.outcome import Outcome, outcome

SHOWN_S = 300.0  # of the simulated day, between two looks at how far it is
STORE_FILES = ("", "-wal", "-shm", ".key", ".lock")
STORE = "store.sqlite"
CONNECTION_SHARE = 0.75  # of what stations of a site could draw together
LEAST_AWARD_KW = 20.0  # below which the steps of single chargers show in the score

OnStart = Callable[[Service, AsyncExitStack], Awaitable[None]]


@dataclass(frozen=True)
class Play:
    """What is played.

    Attributes:
        stations: Who plugs in where.
        day: Signal and prices.
        folder: Where store and configuration go.
        real_time: Whether a second takes a second.
        ocpp_port: For the stations; 0 for any.
        http_port: For the console; 0 for any.
        changed: Tables of the service's configuration that are other than usual.
    """

    stations: TwinConfig
    day: Day
    folder: Path
    real_time: bool = False
    ocpp_port: int = 0
    http_port: int = 0
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def clock(self) -> AbstractClock:
        """A new clock that begins with the day."""
        made = ShiftedClock if self.real_time else VirtualClock
        return made(self.day.start_s)


def configuration(play: Play) -> dict[str, Any]:
    """The configuration of the service for these stations, as it would stand in its file."""
    plans = fleet.planned(play.stations)
    return {
        "title": "Simulated stations",
        "time_zone": play.stations.time_zone,
        "store": STORE,
        "listen": {"ocpp_port": play.ocpp_port, "http_port": play.http_port},
        "site": _sites(plans),
        "station": [_entry(one) for one in plans],
        "prices": {
            "file": str(play.day.prices),
            "format": play.day.prices_format,
            "currency": "USD",
        },
        "signal": {"file": str(play.day.signal), "start": START.isoformat()},
        "market": {"file": str(play.day.market), "mileage_ratio": play.day.mileage_ratio},
        "award": {"step_kw": 1.0, "least_kw": LEAST_AWARD_KW},
    } | play.changed


def _sites(plans: Sequence[StationPlan]) -> list[dict[str, Any]]:
    """Sites whose connection carries three quarters of what their stations could draw together."""
    charge_kw: dict[str, float] = {}
    for one in plans:
        most_kw = one.station_kw or one.spec.charger.most_kw
        charge_kw[one.site] = charge_kw.get(one.site, 0.0) + most_kw
    limits = {site: round(CONNECTION_SHARE * kw, 1) for site, kw in charge_kw.items()}
    return [
        {"site_id": site, "import_limit_kw": kw, "export_limit_kw": kw}
        for site, kw in limits.items()
    ]


def _entry(plan: StationPlan) -> dict[str, Any]:
    ratings = plan.spec.charger
    entry = {
        "station": plan.spec.identity,
        "site": plan.site,
        "charge_kw": ratings.most_kw,
        "discharge_kw": ratings.discharge_kw,
        "phases": ratings.phases,
        "outlets": plan.outlets,
        "direct_current": ratings.direct_current,
    }
    return entry if plan.station_kw is None else entry | {"station_kw": plan.station_kw}


async def played(
    play: Play,
    config: Config,
    *,
    started: OnStart | None = None,
    progress: Progress = ignore_progress,
) -> Outcome:
    """Play it to its end, and say what happened.

    Args:
        play: What is played.
        config: The configuration of the service that `configuration` made.
        started: Called with the service once it runs, and a stack for what it opens.
        progress: Called with how far it is.
    """
    async with AsyncExitStack() as stack:
        service, stations, clock = await stack.enter_async_context(begun(play, config))
        if started is not None:
            await started(service, stack)
        seconds = play.stations.hours * S_PER_H
        while (now_s := clock.monotonic_s()) < seconds:
            progress(f"{now_s / S_PER_H:.1f} h simulated", now_s / seconds)
            await _pass(clock, min(now_s + SHOWN_S, seconds))
        with clock.working():
            await service.ticker.settle_all()
        return outcome(play.stations, play.day, service, stations.truth())


@asynccontextmanager
async def begun(
    play: Play, config: Config
) -> AsyncIterator[tuple[Service, TwinFleet, AbstractClock]]:
    """The service and its stations, running from the begin of the day."""
    wires = await asyncio.to_thread(fleet.voltages, play.stations)  # before the clock runs
    clock = play.clock
    store = play.folder / STORE
    for suffix in STORE_FILES:
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    rules = StoreRules() if play.real_time else SIMULATION
    async with open_store(store, clock=clock, rules=rules) as kept:
        known = fleet.drivers(play.stations)
        await drivers.register(
            kept, [Contract(one.token, one.may_discharge, driver=one.driver) for one in known]
        )
    days = (play.stations.hours + 24.0) / 24.0
    run = Run(
        play.folder,
        clock,
        simulated=True,
        virtual=not play.real_time,
        store=rules,
        price_days=days,
    )
    async with running(config, run) as service:
        stations = TwinFleet(play.stations, clock, service.ocpp_url, service.passwords, wires=wires)
        await stations.start()
        try:
            yield service, stations, clock
        finally:
            await stations.stop()


async def _pass(clock: AbstractClock, until_s: float) -> None:
    """Let time pass."""
    if isinstance(clock, VirtualClock):
        await clock.run(until_s)
    else:
        await clock.sleep_until(until_s)
    await asyncio.sleep(0)
