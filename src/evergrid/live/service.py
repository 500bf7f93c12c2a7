"""The live service in one process: store, central system and controller put together."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from evergrid.core.timegrid import TimeGrid
from evergrid.inputs import regulation
from evergrid.inputs.assembly import read_prices
from evergrid.live import ledger, sources
from evergrid.live.adapter import AbstractAdapter, Device
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config, StationEntry
from evergrid.live.controller import envelopes, planning, recovery
from evergrid.live.controller.awards import Awards, rules_on
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.drivers import Driver, Drivers
from evergrid.live.controller.planning import MadePlan, PlanRequest
from evergrid.live.controller.plans import Plans
from evergrid.live.controller.service_view import (
    Messages,
    Profiles,
    ServiceCommands,
    ServiceView,
)
from evergrid.live.controller.ticker import Ticker
from evergrid.live.credentials import StoreCredentials
from evergrid.live.deployment import local_gateways, site_plans, stores
from evergrid.live.deployment.listening import ocpp_settings, tls
from evergrid.live.deployment.local_gateways import LocalGateways
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.routing import DeviceAdapters
from evergrid.live.signals import utility
from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.feed import Feed
from evergrid.live.signals.freshness import FreshnessRules
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.store.entry import StoredEntry
from evergrid.live.store.registry import drivers, stations
from evergrid.live.store.registry.station_register import StationRegister
from evergrid.live.store.registry.stations import Registration
from evergrid.live.store.store import Store, StoreRules, open_store
from evergrid.live.sunspec.adapter import SunSpecAdapter, device_of
from evergrid.model.prices import Prices
from evergrid.model.signal import RegulationMarket

LONGEST_STAY_S = 14 * 86_400.0  # for which the log is read back when a service starts
READ_AT_ONCE = 5000  # entries of the log, when a service starts
PRICE_DAYS = 2.0  # for which prices are read beyond the horizon of a plan


@dataclass(frozen=True)
class Run:
    """How a service is run.

    Attributes:
        folder: What relative paths of the configuration start from.
        clock: What time it is.
        simulated: Whether stations are simulated.
        virtual: Whether time waits for plans, as it does in a simulation at speed.
        store: How the store is kept.
        price_days: For which prices are read, beyond the horizon of a plan.
        config_file: Of the configuration, with which gateways are started.
    """

    folder: Path
    clock: AbstractClock
    simulated: bool = False
    virtual: bool = False
    store: StoreRules = field(default_factory=StoreRules)
    price_days: float = PRICE_DAYS
    config_file: Path | None = None


@dataclass
class Service:
    """A running service.

    Attributes:
        config: Of the service.
        store: What it remembers.
        central: The stations' counterpart; None where gateways hold their connections.
        controller: What it knows.
        ticker: What it decides.
        view: What can be seen.
        commands: What can be asked.
        ocpp_url: Where stations connect; their identity follows.
        gateways: That hold the stations' connections; None where this process does.
        passwords: Of stations that were registered now; they are not kept and not shown again.
    """

    config: Config
    store: Store
    central: CentralSystem | None
    controller: Controller
    ticker: Ticker
    view: ServiceView
    commands: ServiceCommands
    ocpp_url: str
    passwords: dict[str, str]
    gateways: LocalGateways | None = None


@asynccontextmanager
async def running(config: Config, run: Run) -> AsyncIterator[Service]:
    """A service that runs as long as the context lasts.

    Raises:
        InputError: Prices, signal or records that break rules.
        MissingFileError: A file that is not there.
        StoreError: The store cannot be opened.
    """
    clock = run.clock
    prices, market = _prices(config, run), _market(config, run)
    async with AsyncExitStack() as stack:
        rules = stores.rules(config, run.folder, run.store)
        opened = open_store(stores.place(config, run.folder), clock=clock, rules=rules)
        store = await stack.enter_async_context(opened)
        passwords = await _register(store, config.station)
        register = await StationRegister.load(store)
        known = register.known.values()
        credentials = StoreCredentials(register, store.key)
        controller = Controller(
            config,
            clock,
            store.log,
            ledger.posting(store, prices.currency),
            [one.device for one in known if not one.blocked]
            + [device_of(one) for one in config.battery],
            await known_drivers(store),
            prices,
        )
        controller.keep(await ledger.kept(store))
        await _restore(controller, store)
        side = await _stations_side(config, run, controller, credentials, stack)
        batteries = SunSpecAdapter(config.battery, controller, clock, folder=run.folder)
        controller.use(DeviceAdapters(side.orders, (batteries, batteries.stations)))
        limits = await _utility(config, store)
        ticker = await _ticker(config, run, controller, prices, market, limits, stack)
        if side.gateways is not None:
            side.gateways.stations.tell_plans(site_plans.planner(controller, ticker.plans, limits))
        view = ServiceView(
            controller,
            ticker,
            side.messages,
            side.profiles,
            simulated=run.simulated,
            currency=prices.currency,
        )
        port = await side.start()
        if config.battery:
            polling = asyncio.create_task(batteries.run())
            stack.callback(polling.cancel)
        loop = asyncio.create_task(ticker.run())
        stack.push_async_callback(_stopped, ticker, loop)
        scheme = "ws" if config.listen.certificate_file is None else "wss"
        url = f"{scheme}://{config.listen.address}:{port}/ocpp"
        commands = ServiceCommands(controller, limits)
        yield Service(
            config,
            store,
            side.central,
            controller,
            ticker,
            view,
            commands,
            url,
            passwords,
            side.gateways,
        )


@dataclass(frozen=True)
class StationsSide:
    """Where stations' connections are held: in this process, or in gateways.

    Attributes:
        orders: The adapter of the controller.
        messages: Last messages of a station, as far as they are known here.
        profiles: Its profiles, likewise.
        start: Lets stations connect; the port.
        central: In this process; None where gateways do it.
        gateways: That do it.
    """

    orders: AbstractAdapter
    messages: Messages
    profiles: Profiles
    start: Callable[[], Awaitable[int]]
    central: CentralSystem | None = None
    gateways: LocalGateways | None = None


async def _stations_side(
    config: Config,
    run: Run,
    controller: Controller,
    credentials: StoreCredentials,
    stack: AsyncExitStack,
) -> StationsSide:
    """In this process, or gateways and the broker to them."""
    if config.gateways.used:
        places = local_gateways.GatewayPlaces(run.config_file, run.folder)
        found = await local_gateways.prepared(
            config, places, controller, credentials, run.clock, stack
        )
        ends = found.stations
        return StationsSide(ends, ends.messages, ends.profiles, found.start, gateways=found)
    central = CentralSystem(controller, credentials, run.clock, ocpp_settings(config))
    _resume(central, controller)

    async def start() -> int:
        listen = config.listen
        (port,) = await central.start(Listener(listen.address, listen.ocpp_port, tls(listen)))
        stack.push_async_callback(central.stop)
        return port

    return StationsSide(central.orders, central.messages, central.profiles, start, central)


def _resume(central: CentralSystem, controller: Controller) -> None:
    """Tell the central system of transactions that were open when the service stopped."""
    for station, one in controller.transactions.items():
        token = None if one.driver is None else controller.drivers.ticket(one.driver)
        central.restore(station, one.transaction, one.evse, token)


async def _stopped(ticker: Ticker, loop: asyncio.Task[None]) -> None:
    """End the loop of decisions, in the middle of a wait where time stands still."""
    ticker.stop()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await ticker.controller.finished()


async def _utility(config: Config, store: Store) -> UtilityLimits:
    """Limits that a utility sends, with those that were sent before the service started."""
    defaults = {
        one.site: Limit(one.import_limit_kw, one.export_limit_kw) for one in config.envelope
    }
    limits = UtilityLimits(defaults, store.log, store.clock)
    limits.restore(one.entry for one in await _entries(store, utility.KIND))
    return limits


async def _entries(store: Store, kind: str) -> list[StoredEntry]:
    """Entries of a kind, as far back as a stay can have begun, in the order of the log."""
    after = await store.log.number_at(kind, store.clock.now_s() - LONGEST_STAY_S)
    entries = list[StoredEntry]()
    while found := await store.log.entries(kind, after=after, limit=READ_AT_ONCE):
        entries += found
        after = found[-1].number
    return entries


def _prices(config: Config, run: Run) -> Prices:
    """Prices from now on for as long as plans will look."""
    now = datetime.fromtimestamp(run.clock.now_s(), UTC).replace(minute=0, second=0, microsecond=0)
    hours = round(config.planning.horizon_h + 24 * run.price_days)
    grid = TimeGrid(now, 1.0, hours)
    return read_prices(config.prices, grid, run.folder)[0]


def _market(config: Config, run: Run) -> RegulationMarket | None:
    """Prices of regulation; rules must be known for today."""
    if config.market is None:
        return None
    rules_on(run.clock.now_s())
    return regulation.market(config.market, run.folder)


async def _register(store: Store, entries: Sequence[StationEntry]) -> dict[str, str]:
    """Register stations of the configuration that the store does not know; their passwords."""
    there = {one.device.station for one in await stations.every(store)}
    new = [
        Registration(
            Device(one.station, one.site, one.charge_kw, one.discharge_kw, phases=one.phases),
            one.security_profile,
            one.serial_number,
        )
        for one in entries
        if one.station not in there
    ]
    return await stations.register(store, new)


async def known_drivers(store: Store) -> Drivers:
    """Who may charge, by the keyed hashes of their tokens."""
    known = {
        token: Driver(one.driver, one.may_discharge, one.opted_out)
        for token, one in (await drivers.by_token_hmac(store)).items()
    }
    return Drivers(known, lambda token: drivers.token_hmac(store, token))


async def _restore(controller: Controller, store: Store) -> None:
    """Take up open transactions of the log."""
    entries = await _entries(store, "transaction_event") + await _entries(store, "needs")
    entries.sort(key=lambda one: one.number)
    recovery.restore(controller, (one.entry for one in entries))


async def _ticker(
    config: Config,
    run: Run,
    controller: Controller,
    prices: Prices,
    market: RegulationMarket | None,
    sent: UtilityLimits,
    stack: AsyncExitStack,
) -> Ticker:
    """The loop of decisions, with its plans, its signal and what is sold."""
    limits = partial(envelopes.limits_of_plan, sent)
    plans = Plans(config, controller.fleet, prices, market, _planner(run, stack), limits)
    awards = None
    tick_s = float(config.control.tick_s)
    if config.market is not None and market is not None:
        awards = Awards(config.market, config.award, market, run.clock.now_s(), tick_s)
    feed = None
    if config.signal is not None:
        source = await sources.opened(config.signal, controller, run.folder, run.clock, stack)
        feed = Feed(source, run.clock, FreshnessRules(tick_s=tick_s))
        listening = asyncio.create_task(feed.run())
        stack.callback(listening.cancel)
    return Ticker(controller, plans, awards, feed, wait_for_plans=run.virtual, utility=sent)


def _planner(run: Run, stack: AsyncExitStack) -> Callable[[PlanRequest], Any]:
    """Plans are made in a process of their own, so that no decision waits for one."""
    if run.virtual:

        async def at_once(asked: PlanRequest) -> MadePlan:
            with run.clock.working():
                return await asyncio.to_thread(planning.make, asked)

        return at_once
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)

    async def beside(asked: PlanRequest) -> MadePlan:
        return await asyncio.get_running_loop().run_in_executor(pool, planning.make, asked)

    return beside
