"""The live service in one process: store, central system and controller put together."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from evergrid.inputs import regulation
from evergrid.live import outlets, sources
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config, StationEntry
from evergrid.live.controller import recovery
from evergrid.live.controller.books.awards import Awards, rules_on
from evergrid.live.controller.books.drivers import Driver, Drivers
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.offers import firm_schedule, past_stays
from evergrid.live.controller.offers.firm_capacity import FirmCapacity
from evergrid.live.controller.operators.holds import KIND as KIND_OF_HOLDS
from evergrid.live.controller.operators.holds import Holds
from evergrid.live.controller.operators.service_commands import ServiceCommands, Upkeep
from evergrid.live.controller.operators.service_view import ServiceView
from evergrid.live.controller.plan import envelopes, planning
from evergrid.live.controller.plan.plans import Plans
from evergrid.live.controller.support import grid_support
from evergrid.live.controller.support.grid_support import AbstractFunctions, GridSupport
from evergrid.live.controller.ticker import Ticker
from evergrid.live.deployment import certificates, local_gateways, site_plans, stores
from evergrid.live.deployment.listening import ocpp_settings, tls
from evergrid.live.deployment.local_gateways import LocalGateways
from evergrid.live.devices.adapter import AbstractAdapter, Device
from evergrid.live.devices.routing import DeviceAdapters
from evergrid.live.gateway.gateway_functions import GatewayFunctions, GatewayMaintenance
from evergrid.live.maintenance import AbstractMaintenance
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.outlets import OutletAdapter, OutletHandler
from evergrid.live.price_watch import PriceWatch
from evergrid.live.registers import ledger
from evergrid.live.registers.certificate_issuer import CertificateIssuer
from evergrid.live.registers.credentials import StoreCredentials
from evergrid.live.signals import utility
from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.feed import Feed
from evergrid.live.signals.freshness import FreshnessRules
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.store.entry import Entry, StoredEntry
from evergrid.live.store.registry import drivers, stations
from evergrid.live.store.registry.station_register import StationRegister
from evergrid.live.store.registry.stations import Registration
from evergrid.live.store.store import Store, StoreRules, open_store
from evergrid.live.sunspec.adapter import SunSpecAdapter, device_of
from evergrid.model.prices import Prices
from evergrid.model.time_series.signal import RegulationMarket

LONGEST_STAY_S = 14 * 86_400.0  # for which the log is read back when a service starts
STAYS_AT_ONCE = 500  # entries of past stays, which are read while decisions are made
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
        config: Of the service, as it was given.
        folder: What relative paths of it start from.
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
    folder: Path
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
    clock, given = run.clock, config
    config = outlets.with_sites(given)
    market = _market(config, run)
    async with AsyncExitStack() as stack:
        watch = PriceWatch(config, run.folder, clock, run.price_days)
        stack.push_async_callback(watch.close)
        prices = await watch.first()
        rules = stores.rules(config, run.folder, run.store)
        opened = open_store(stores.place(config, run.folder), clock=clock, rules=rules)
        store = await stack.enter_async_context(opened)
        passwords = await _register(store, config.station)
        register = await StationRegister.load(store)
        known = register.known.values()
        credentials = StoreCredentials(register, store.key)
        issuer = certificates.issuer(config, run.folder, credentials, store.log, clock)
        controller = Controller(
            config,
            clock,
            store.log,
            ledger.posting(store, prices.currency),
            outlets.devices([one.device for one in known if not one.blocked], config.station)
            + [device_of(one) for one in config.battery],
            await known_drivers(store),
            prices,
        )
        controller.departures.keep(await ledger.kept(store))
        await _restore(controller, store)
        side = await _stations_side(config, run, controller, credentials, issuer, store, stack)
        holds = Holds(side.maintenance, store.log, clock)
        await holds.restore(one.entry for one in await _entries(store, KIND_OF_HOLDS, since_s=0.0))
        batteries = SunSpecAdapter(config.battery, controller, clock, folder=run.folder)
        reached = OutletAdapter(side.orders)
        controller.use(DeviceAdapters(reached, (batteries, batteries.stations)))
        limits = await _utility(config, store)
        plans = list[Plans]()
        dispatched = sources.programs(
            config,
            limits,
            controller,
            run.folder,
            clock,
            stack,
            prices,
            partial(_priced, controller, plans),
        )
        ticker = await _ticker(
            config, run, controller, prices, market, limits, store, stack, dispatched
        )
        plans.append(ticker.plans)
        ticker.plans.use_prices(controller.metering.prices)  # which may have changed since
        if side.gateways is not None:
            side.gateways.stations.tell_plans(site_plans.planner(controller, ticker.plans, limits))
        view = ServiceView(
            controller,
            ticker,
            side.maintenance,
            holds,
            simulated=run.simulated,
            currency=prices.currency,
        )
        port = await side.start()
        if config.battery:
            polling = asyncio.create_task(batteries.run())
            stack.callback(polling.cancel)
        if controller.support is not None:
            watching = asyncio.create_task(controller.support.watch())
            stack.callback(watching.cancel)
        changed = partial(_priced, controller, plans)
        beside = asyncio.create_task(
            watch.watch(changed, controller.raise_alarm, controller.end_alarm)
        )
        stack.callback(beside.cancel)
        loop = asyncio.create_task(ticker.run())
        stack.push_async_callback(_stopped, ticker, loop)
        scheme = "ws" if config.listen.certificate_file is None else "wss"
        url = f"{scheme}://{config.listen.address}:{port}/ocpp"
        upkeep = Upkeep(side.maintenance, holds, partial(_forget_certificates, credentials, side))
        commands = ServiceCommands(controller, limits, upkeep)
        yield Service(
            given,
            run.folder,
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
        maintenance: What operators ask of stations.
        start: Lets stations connect; the port.
        central: In this process; None where gateways do it.
        gateways: That do it.
    """

    orders: AbstractAdapter
    maintenance: AbstractMaintenance
    start: Callable[[], Awaitable[int]]
    central: CentralSystem | None = None
    gateways: LocalGateways | None = None


async def _stations_side(
    config: Config,
    run: Run,
    controller: Controller,
    credentials: StoreCredentials,
    issuer: CertificateIssuer | None,
    store: Store,
    stack: AsyncExitStack,
) -> StationsSide:
    """In this process, or gateways and the broker to them."""
    told = OutletHandler(controller, config.station, partial(_live, controller))
    if config.gateways.used:
        places = local_gateways.GatewayPlaces(run.config_file, run.folder)
        found = await local_gateways.prepared(
            config, places, controller, told, credentials, run.clock, stack, issuer
        )
        ends = found.stations
        functions = GatewayFunctions(ends)
        controller.support = await _support(config, run, controller, functions, store)
        return StationsSide(ends, GatewayMaintenance(ends), found.start, gateways=found)
    central = CentralSystem(told, credentials, run.clock, ocpp_settings(config), issuer)
    _resume(central, controller)
    controller.support = await _support(config, run, controller, central.grid_functions, store)

    async def start() -> int:
        listen = config.listen
        context = tls(listen, run.folder)
        (port,) = await central.start(Listener(listen.address, listen.ocpp_port, context))
        stack.push_async_callback(central.stop)
        return port

    return StationsSide(central.orders, central.maintenance, start, central)


async def _forget_certificates(
    credentials: StoreCredentials, side: StationsSide, station: str
) -> None:
    """Any certificate of a station's name is good again, at gateways too.

    Raises:
        InputError: No such station is registered.
    """
    await credentials.forget_certificates(station)
    if side.gateways is not None:
        side.gateways.stations.tell_of(station)


async def _support(
    config: Config, run: Run, controller: Controller, functions: AbstractFunctions, store: Store
) -> GridSupport:
    """What stations do for the grid by themselves, with what they were given before."""
    support = GridSupport(
        config,
        run.folder,
        # A function is the station's, which its first outlet stands for.
        [one for one in controller.fleet.devices if outlets.place(one.station)[1] == outlets.FIRST],
        functions,
        controller,
        store.log,
        store.clock,
    )
    kind = grid_support.KIND
    support.restore(one.entry for one in await _entries(store, kind, since_s=0.0))
    return support


def _resume(central: CentralSystem, controller: Controller) -> None:
    """Tell the central system of transactions that were open when the service stopped."""
    for device, one in controller.transactions.items():
        station, evse = outlets.place(device)
        token = None if one.driver is None else controller.drivers.ticket(one.driver)
        central.restore(station, one.transaction, evse, token)


def _priced(controller: Controller, plans: Sequence[Plans], prices: Prices) -> None:
    """Energy costs this from now on: whoever drew it pays, and the next plan is made with it."""
    controller.metering.use_prices(prices)
    for one in plans:
        one.use_prices(prices)


def _live(controller: Controller, device: str, transaction: str) -> bool:
    """Whether a transaction is under way at an outlet."""
    known = controller.transactions.get(device)
    return known is not None and known.transaction == transaction


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


async def _entries(store: Store, kind: str, *, since_s: float | None = None) -> list[StoredEntry]:
    """Entries of a kind in the order of the log; as far back as a stay can have begun."""
    since_s = store.clock.now_s() - LONGEST_STAY_S if since_s is None else since_s
    after = await store.log.number_at(kind, since_s)
    entries = list[StoredEntry]()
    while found := await store.log.entries(kind, after=after, limit=READ_AT_ONCE):
        entries += found
        after = found[-1].number
    return entries


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
    kinds = ("transaction_event", "needs", "driver_change")
    entries = [one for kind in kinds for one in await _entries(store, kind)]
    entries.sort(key=lambda one: one.number)
    recovery.restore(controller, (one.entry for one in entries))


async def _ticker(
    config: Config,
    run: Run,
    controller: Controller,
    prices: Prices,
    market: RegulationMarket | None,
    sent: UtilityLimits,
    store: Store,
    stack: AsyncExitStack,
    dispatched: sources.SetPointSource | None,
) -> Ticker:
    """The loop of decisions, with its plans, its signal and what is sold."""
    limits = partial(envelopes.limits_of_plan, sent)
    worker = _worker(run, stack)
    planner = partial(worker, planning.make)
    plans = Plans(config, controller.fleet, prices, market, planner, limits)
    firm = FirmCapacity(config, partial(_stays, store), partial(worker, firm_schedule.schedule))
    awards = None
    tick_s = float(config.control.tick_s)
    if config.market is not None and market is not None:
        awards = Awards(config.market, config.award, market, tick_s)
    feed = None
    if config.signal is not None:
        source = await sources.opened(
            config.signal, controller, run.folder, run.clock, stack, dispatched
        )
        feed = Feed(source, run.clock, FreshnessRules(tick_s=tick_s))
        listening = asyncio.create_task(feed.run())
        stack.callback(listening.cancel)
    waits = run.virtual
    return Ticker(controller, plans, awards, feed, wait_for_plans=waits, utility=sent, firm=firm)


async def _stays(store: Store, since_s: float) -> AsyncIterator[list[Entry]]:
    """Past stays since a moment, in parts that are quick to read."""
    after = await store.log.number_at(past_stays.KIND, since_s)
    while found := await store.log.entries(past_stays.KIND, after=after, limit=STAYS_AT_ONCE):
        yield [one.entry for one in found]
        after = found[-1].number


def _worker(run: Run, stack: AsyncExitStack) -> Callable[[Callable[[Any], Any], Any], Any]:
    """Plans and promises are made in a process of their own, so that no decision waits for one."""
    if run.virtual:

        async def at_once(make: Callable[[Any], Any], asked: Any) -> Any:
            with run.clock.working():
                return await asyncio.to_thread(make, asked)

        return at_once
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)

    async def beside(make: Callable[[Any], Any], asked: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, make, asked)

    return beside
