"""A controller in virtual time, with stations that are a few lines of Python."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.controller.books.awards import Awards
from evergrid.live.controller.books.drivers import Driver, Drivers
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.operators.holds import Holds
from evergrid.live.controller.operators.service_view import ServiceView
from evergrid.live.controller.plan import planning
from evergrid.live.controller.plan.planning import MadePlan, PlanRequest
from evergrid.live.controller.plan.plans import Plans
from evergrid.live.controller.ticker import Ticker
from evergrid.live.devices.adapter import (
    AbstractAdapter,
    Capabilities,
    ChargingNeeds,
    Device,
    MeterReading,
    OrderResult,
    PowerOrder,
    Session,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.maintenance import AbstractMaintenance, ConnectionDetail, Renewal
from evergrid.live.signals.freshness import Fallback, FollowedSignal
from evergrid.live.store.entry import Entry
from evergrid.live.view import LedgerLine
from evergrid.model.prices import Prices
from evergrid.model.time_series.signal import RegulationMarket

HOUR_S = 3600.0
START_S = 1_657_598_400.0  # 12 July 2022, 04:00 UTC: midnight in PJM
HOURS = np.arange(-24, 72)
V2G = Capabilities(True, True, frozenset({"CentralSetpoint"}))


def config(**changed: Any) -> Config:
    given = {
        "site": [{"site_id": "depot"}],
        "prices": {"file": "prices.csv"},
        "signal": {"file": "signal.csv"},
        "market": {"file": "market.csv", "mileage_ratio": 5.5},
        "award": {"step_kw": 1.0, "least_kw": 1.0},
    }
    return parse(Config, given | changed)


def prices() -> Prices:
    times = np.datetime64("2022-07-12T04:00", "us") + HOURS * np.timedelta64(1, "h")
    level = 40.0 + 30.0 * np.sin(HOURS / 24 * 2 * np.pi)
    return Prices(times, level, level, np.zeros(len(HOURS)), currency="USD")


def market() -> RegulationMarket:
    times = np.datetime64("2022-07-12T04:00", "us") + HOURS * np.timedelta64(1, "h")
    return RegulationMarket(times, np.full(len(HOURS), 30.0), np.full(len(HOURS), 3.0))


@dataclass
class MemoryLog:
    """A log that remembers in memory, and refuses what it has."""

    entries: list[Entry] = field(default_factory=list)
    names: set[tuple[str, str, str, int]] = field(default_factory=set)

    async def append(self, entries: Any) -> int:
        new = 0
        for entry in entries:
            name = (entry.kind, entry.station, entry.transaction, entry.sequence)
            if entry.sequence >= 0 and name in self.names:
                continue
            self.names.add(name)
            self.entries.append(entry)
            new += 1
        return new

    def kinds(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self.entries:
            found[entry.kind] = found.get(entry.kind, 0) + 1
        return found


@dataclass
class SimpleStations(AbstractAdapter):
    """Stations that accept every order and do it at once, unless told otherwise.

    Attributes:
        clock: Whose time orders are stamped with.
        power_kw: Of each, into the grid.
        orders: All of them.
        rejects: Those that reject.
        deaf: Those that accept and do nothing.
        silent: Those that do not answer.
    """

    clock: VirtualClock
    power_kw: dict[str, float] = field(default_factory=dict)
    orders: list[tuple[float, PowerOrder]] = field(default_factory=list)
    begun: list[Session] = field(default_factory=list)
    rejects: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)

    async def begin(self, session: Session) -> OrderResult:
        self.begun.append(session)
        if session.station in self.rejects:
            return OrderResult.REJECTED
        self._do(session.station, session.power_kw)
        return OrderResult.ACCEPTED

    async def order(self, order: PowerOrder) -> OrderResult:
        self.orders.append((self.clock.monotonic_s(), order))
        if order.station in self.rejects:
            return OrderResult.REJECTED
        self._do(order.station, order.power_kw)
        return OrderResult.ACCEPTED

    def _do(self, station: str, power_kw: float) -> None:
        if station not in self.deaf:
            self.power_kw[station] = power_kw

    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        return OrderResult.ACCEPTED

    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        return OrderResult.ACCEPTED

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {"status": "Accepted"}


@dataclass
class FunctionFeed:
    """A signal that is a function of the wall's time."""

    clock: VirtualClock
    value: Any

    def follow(self) -> FollowedSignal:
        return FollowedSignal(self.value(self.clock.now_s()), 2.0, 0.0, Fallback.NONE)


@dataclass
class SimpleMaintenance(AbstractMaintenance):
    """Notes what it is asked; nothing is known of a connection.

    Attributes:
        registered: Stations; others are refused.
        asked: What was asked of which station.
        result: Of every renewal.
        known: Of every connection.
    """

    registered: tuple[str, ...] = ("s0", "s1", "s2", "s3")
    asked: list[tuple[str, str]] = field(default_factory=list)
    result: Renewal = field(default_factory=lambda: Renewal(OrderResult.ACCEPTED))
    known: ConnectionDetail = field(default_factory=ConnectionDetail)

    async def hold(self, station: str, on_hold: bool) -> None:
        if station not in self.registered:
            raise InputError("hold", [Fault("station", "be a registered one", (station,))])
        self.asked.append((station, "hold" if on_hold else "let go"))

    async def renew_password(self, station: str) -> Renewal:
        self.asked.append((station, "password"))
        return self.result

    async def renew_certificate(self, station: str) -> Renewal:
        self.asked.append((station, "certificate"))
        return self.result

    async def connection(self, station: str) -> ConnectionDetail:
        return self.known


def service_view(run: "Run", maintenance: SimpleMaintenance | None = None) -> ServiceView:
    """What is seen of a run."""
    care = maintenance or SimpleMaintenance()
    holds = Holds(care, run.log, run.clock)
    return ServiceView(run.controller, run.ticker, care, holds, simulated=True, currency="USD")


class Run:
    """A service without sockets: stations ``s0``, ``s1``, ... in virtual time."""

    def __init__(self, stations: int, *, signal: Any = None, **changed: Any) -> None:
        self.config = config(**changed)
        self.clock = VirtualClock(START_S)
        self.log = MemoryLog()
        self.lines: dict[str, LedgerLine] = {}
        self.devices = tuple(Device(f"s{i}", "depot", 11.04, 11.04) for i in range(stations))
        known = {f"card-{i}": Driver(f"driver-{i}", True) for i in range(stations)}
        self.controller = Controller(
            self.config, self.clock, self.log, self._post, self.devices, Drivers(known), prices()
        )
        self.stations = SimpleStations(self.clock)
        self.controller.use(self.stations)
        plans = Plans(self.config, self.controller.fleet, prices(), market(), self._plan)
        assert self.config.market is not None
        awards = Awards(self.config.market, self.config.award, market(), 2.0)
        feed = FunctionFeed(self.clock, signal or (lambda wall_s: 0.0))
        self.ticker = Ticker(self.controller, plans, awards, feed, wait_for_plans=True)
        self.sequence = 0

    async def _plan(self, asked: PlanRequest) -> MadePlan:
        return planning.make(asked)

    async def _post(self, named: Any) -> None:
        for name, line in named:
            self.lines.setdefault(name, line)

    async def event(self, station: int, part: TransactionPart, **changed: Any) -> None:
        now_s = self.clock.now_s()
        self.sequence += 1
        given = {"trigger": "CablePluggedIn", "time_s": now_s, "received_s": now_s, "evse": 1}
        given |= {"token": f"card-{station}"} | changed
        name, transaction = f"s{station}", f"t{station}"
        await self.controller.transaction(
            TransactionEvent(name, transaction, self.sequence, part, **given)
        )

    async def plug_in(self, station: int, **changed: Any) -> None:
        """A vehicle that stays for ten hours, 30 of 60 kWh full, and owes 45."""
        await self.controller.connected(f"s{station}", "ocpp2.1")
        await self.controller.described(f"s{station}", V2G)
        await self.event(station, TransactionPart.STARTED)
        given = {
            "departure_s": START_S + 36_000.0,
            "max_charge_kw": 11.04,
            "max_discharge_kw": 11.04,
            "to_target_kwh": 15.0,
            "to_full_kwh": 30.0,
            "to_reserve_kwh": -20.0,
            "capacity_kwh": 60.0,
            "soc": 0.5,
        }
        needs = ChargingNeeds(f"s{station}", 1, self.clock.now_s(), True, **(given | changed))
        assert await self.controller.needs(needs)

    async def meter(self) -> None:
        """Every station with a vehicle tells its power."""
        for i in range(len(self.devices)):
            if f"s{i}" in self.controller.transactions:
                power_kw = self.stations.power_kw.get(f"s{i}", 0.0)
                reading = MeterReading(self.clock.now_s(), power_kw)
                await self.event(i, TransactionPart.UPDATED, readings=(reading,))

    def go(self, scenario: Any) -> None:
        """Play a scenario: a coroutine that is given this run."""

        async def play() -> None:
            await scenario(self)
            await self.controller.finished()

        asyncio.run(play())

    async def until(self, seconds: float, *, meter_every_s: float = 60.0) -> None:
        """Tick until a moment since the start."""
        loop = asyncio.create_task(self.ticker.run())
        while self.clock.monotonic_s() < seconds:
            await self.clock.run(min(self.clock.monotonic_s() + meter_every_s, seconds))
            with self.clock.working():
                await self.meter()
        self.ticker.stop()
        await self.clock.run(seconds + self.ticker.tick_s)
        await loop
        self.ticker._stopping = False
