"""A fleet of simulated stations: who they are, that they run, and what really happened."""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from pydantic import Field, field_validator

from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, utc
from evergrid.core.units import S_PER_H
from evergrid.fleet.synthetic import mobility, names
from evergrid.fleet.synthetic.group import FleetGroup, Place
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import Device
from evergrid.live.twin.charging.battery import StationCharger, charger
from evergrid.live.twin.charging.station_rules import Abilities
from evergrid.live.twin.device.bay import Bay
from evergrid.live.twin.device.power import BaySpec, LocalGrid
from evergrid.live.twin.device.station import Station
from evergrid.live.twin.driver import Driver, Stay, stays, token_of
from evergrid.live.twin.faults import FaultShares, StationBehaviour, Window, behaviour, cut_short
from evergrid.live.twin.feeder_voltage import Connection, FeederName, FeederVoltages
from evergrid.live.twin.guard_attack import Target
from evergrid.live.twin.truth import FleetTruth, PowerLog, together
from evergrid.live.twin.wire.connection import Endpoint
from evergrid.model.session import Sessions

NEW_VOLTAGE_PU = 5e-4  # by which a voltage must differ before a station answers to it anew
WATCH_S = 10.0  # between two looks for calls without an answer
UPDATE_RATE_S = 5.0  # between two profiles of one purpose, or id, that a station takes
SIMULATED_MODES = frozenset(
    {"Idle", "ChargingOnly", "CentralSetpoint", "CentralFrequency", "LocalFrequency"}
)
PAIR_SHARE = 0.75  # of what both outlets could, that a station with two may draw and feed
SECOND = "second-"  # begins the names of vehicles at second outlets
NEIGHBOURS = 20  # homes at one transformer
STEP_H = 0.25  # of the grid that stays are drawn on


@dataclass(frozen=True)
class StationKind:
    """A kind of station.

    Attributes:
        label: Its name, and that of its vehicles.
        place: Of the mobility model.
        charge_kw: Rating.
        discharge_kw: Rating; 0 where it only charges.
        phases: 1 or 3.
        protocol: That it speaks.
        capacity_kwh: Of every vehicle; None where they are drawn.
        direct_current: Whether vehicles are charged with direct current.
    """

    label: str
    place: Place
    charge_kw: float
    discharge_kw: float
    phases: int
    protocol: str = "ocpp2.1"
    capacity_kwh: float | None = None
    direct_current: bool = False


KINDS = (
    StationKind("home-v2g", "home", 11.0, 11.0, 3, capacity_kwh=60.0),
    StationKind("home-v2g-1p", "home", 7.4, 7.4, 1, capacity_kwh=50.0),
    StationKind("home-charge", "home", 11.0, 0.0, 3, "ocpp2.0.1"),
    StationKind("depot-v2g", "depot", 11.0, 11.0, 3),
)
DIRECT = StationKind("depot-v2g-dc", "depot", 50.0, 50.0, 3, capacity_kwh=80.0, direct_current=True)


class TwinConfig(Config):
    """A fleet of simulated stations, one vehicle for each outlet, for a while."""

    stations: int = Field(default=200, ge=1, le=20_000)
    """How many."""
    start_utc: str = "2025-12-01T00:00:00Z"
    """When it begins."""
    hours: float = Field(default=24.0, gt=0, le=24.0 * 31)
    """How long."""
    seed: int = Field(default=1, ge=0)
    """Of everything that is drawn."""
    tick_s: float = Field(default=2.0, gt=0)
    """Length of the ticks that the fleet's power is told for."""
    time_zone: str = "Europe/Amsterdam"
    """By whose wall clock drivers live."""
    shares: tuple[float, float, float, float] = (0.5, 0.15, 0.1, 0.25)
    """Of homes with 11 kW V2G, homes with 7.4 kW V2G on one phase, homes that only charge and speak
    OCPP 2.0.1, and a depot with 11 kW V2G."""
    plugged_share: float = Field(default=0.9, gt=0, le=1)
    """Mean share of weekdays on which a vehicle plugs in."""
    may_discharge_share: float = Field(default=0.95, ge=0, le=1)
    """Of drivers with a V2G station, those who have agreed to discharging."""
    priority_share: float = Field(default=0.01, ge=0, le=1)
    """Of stays, those whose driver says "I need it now"."""
    latency_s: float = Field(default=0.2, ge=0)
    """From an order that was accepted until power begins to change."""
    boot_spread_s: float = Field(default=30.0, ge=0)
    """Over which stations are switched on at the begin."""
    strict_share: float = Field(default=0.01, ge=0, le=1)
    """Of stations, those that check every message against its schema."""
    pair_share: float = Field(default=0.0, ge=0, le=1)
    """Of the stations of the depot, those with two outlets, which together may draw and feed
    `PAIR_SHARE` of what both could."""
    direct_current_share: float = Field(default=0.0, ge=0, le=1)
    """Of the stations of the depot, those with direct current of 50 kW."""
    feeder: FeederName | None = None
    """Whose wires the stations share, and have their voltage from; 1 pu always where absent."""
    faults: FaultShares = Field(default_factory=FaultShares)
    """What goes wrong."""

    @field_validator("start_utc")
    @classmethod
    def _has_a_zone(cls, value: str) -> str:
        utc(value, field="start_utc")
        return value

    @property
    def window(self) -> Window:
        """Begin and end."""
        begin_s = utc(self.start_utc).timestamp()
        return Window(begin_s, begin_s + self.hours * S_PER_H)


@dataclass(frozen=True)
class StationPlan:
    """A station and what will happen at it.

    Attributes:
        spec: What it is.
        site: Where it is.
        driver: Whose vehicle it is.
        stays: Of that vehicle.
        boot_s: After the begin, until it is switched on.
        strict: Whether it checks every message.
        others: Drivers of further outlets, each with the stays of the vehicle.
    """

    spec: BaySpec
    site: str
    driver: Driver
    stays: tuple[Stay, ...]
    boot_s: float
    strict: bool
    others: tuple[tuple[Driver, tuple[Stay, ...]], ...] = ()

    @property
    def outlets(self) -> int:
        """How many it has."""
        return 1 + len(self.others)

    @property
    def station_kw(self) -> float | None:
        """What all outlets together may draw, and feed; None where there is only one."""
        if not self.others:
            return None
        return round(PAIR_SHARE * self.outlets * self.spec.charger.most_kw, 1)


def planned(config: TwinConfig, sessions: Sessions | None = None) -> tuple[StationPlan, ...]:
    """The stations of a configuration, and all that will happen at them.

    Args:
        config: What is simulated.
        sessions: Who plugs in, one station for each asset; drawn from the seed when absent.

    Raises:
        InputError: Shares that are no shares.
    """
    if sessions is None:
        found, kinds = _drawn(config)
    else:
        found, kinds = _given(sessions)
    by_asset: dict[str, list[int]] = {}
    for row, asset in enumerate(found.asset_id.tolist()):
        by_asset.setdefault(asset, []).append(row)
    of_row = stays(found)
    drawn = {asset: [of_row[row] for row in by_asset.get(asset, [])] for asset in kinds}
    firsts, seconds = _pairs(config, kinds)
    return tuple(
        _with_second(
            config, _plan(config, number, asset, kinds[asset], drawn[asset]), second, drawn
        )
        for number, (asset, second) in enumerate(zip(firsts, seconds, strict=True), 1)
    )


def _pairs(
    config: TwinConfig, kinds: Mapping[str, StationKind]
) -> tuple[list[str], list[str | None]]:
    """The vehicle at the first outlet of each station, and that at the second, if it has one.

    Vehicles beyond the number of stations stand at second outlets of stations of their kind.
    """
    firsts = list(kinds)
    beyond = [asset for asset in firsts if asset.startswith(SECOND)]
    firsts = [asset for asset in firsts if not asset.startswith(SECOND)]
    waiting = {kind: [one for one in beyond if kinds[one] is kind] for kind in (KINDS[3], DIRECT)}
    seconds: list[str | None] = []
    for asset in firsts:
        there = waiting.get(kinds[asset], [])
        seconds.append(there.pop(0) if there else None)
    return firsts, seconds


def _with_second(
    config: TwinConfig, plan: StationPlan, asset: str | None, drawn: Mapping[str, list[Stay]]
) -> StationPlan:
    """A station, with a second outlet where a vehicle stands at one."""
    if asset is None:
        return plan
    rng = random.Random(f"{config.seed}/{plan.spec.identity}/2")
    agreed = rng.random() < config.may_discharge_share
    driver = Driver(token_of(asset), f"{plan.driver.driver}-2", agreed)
    own = tuple(_with_whims(config, stay, rng) for stay in drawn[asset])
    return replace(plan, others=((driver, own),))


def _groups(config: TwinConfig) -> list[tuple[FleetGroup, StationKind]]:
    """Groups of vehicles for the shares of kinds, the rounding in the first."""
    shares = np.array(config.shares)
    if (shares < 0).any() or not np.isclose(shares.sum(), 1.0):
        fix = "Give four shares of 0 or more, such as 0.5, 0.15, 0.1, 0.25."
        raise InputError("config", [Fault("shares", "add up to 1", (config.shares,), fix=fix)])
    counts = np.floor(shares * config.stations).astype(int)
    counts[0] += config.stations - counts.sum()
    depot = int(counts[3])
    direct = round(config.direct_current_share * depot)
    counts[3] -= direct
    named = [(kind.label, kind, count) for kind, count in zip(KINDS, counts.tolist(), strict=True)]
    named.append((DIRECT.label, DIRECT, direct))
    for kind, count in ((KINDS[3], int(counts[3])), (DIRECT, direct)):
        named.append((f"{SECOND}{kind.label}", kind, round(config.pair_share * count)))
    return [(_group(config, kind, count, name), kind) for name, kind, count in named if count]


def _group(config: TwinConfig, kind: StationKind, count: int, name: str) -> FleetGroup:
    return FleetGroup(
        place=kind.place,
        vehicles=count,
        sites=(kind.label,),
        time_zone=config.time_zone,
        name=name,
        max_charge_kw=kind.charge_kw,
        max_discharge_kw=kind.discharge_kw,
        capacity_kwh=kind.capacity_kwh,
        active_share=config.plugged_share,
    )


def _drawn(config: TwinConfig) -> tuple[Sessions, dict[str, StationKind]]:
    """Sessions of the mobility model, and the kind of station of every vehicle."""
    groups = _groups(config)
    begin = utc(config.start_utc)
    hours = int(np.ceil(config.hours))
    grid = TimeGrid(begin, STEP_H, round(hours / STEP_H))
    kinds: dict[str, StationKind] = {}
    for group, kind in groups:
        everybody = np.arange(group.vehicles)
        assets, _ = names.of(group.label, everybody, group.vehicles)
        kinds |= dict.fromkeys(assets.tolist(), kind)
    return mobility.sessions(grid, [group for group, _ in groups], seed=config.seed), kinds


def _given(sessions: Sessions) -> tuple[Sessions, dict[str, StationKind]]:
    """Sessions as they are, with a station for every asset, of its greatest ratings."""
    kinds: dict[str, StationKind] = {}
    assets = sessions.asset_id
    for asset in dict.fromkeys(assets.tolist()):
        rows = assets == asset
        charge_kw = float(sessions.max_charge_kw[rows].max())
        discharge_kw = float(sessions.max_discharge_kw[rows].max())
        phases = 1 if charge_kw <= 7.5 else 3
        kinds[asset] = StationKind(asset, "home", charge_kw, discharge_kw, phases)
    return sessions, kinds


def _plan(
    config: TwinConfig, number: int, asset: str, kind: StationKind, drawn: list[Stay]
) -> StationPlan:
    """One station; all that is drawn for it comes from a stream of its own."""
    identity = f"twin-{number:05d}"
    rng = random.Random(f"{config.seed}/{identity}")
    v2x = kind.discharge_kw > 0
    agreed = rng.random() < config.may_discharge_share
    behaves = behaviour(config.faults, config.window, rng)
    strict, boot_s = rng.random() < config.strict_share, rng.uniform(0.0, config.boot_spread_s)
    own = [_with_whims(config, stay, rng) for stay in drawn]
    return StationPlan(
        _spec(config, identity, kind, behaves),
        _site(kind, number),
        Driver(token_of(asset), f"driver-{number:05d}", v2x and agreed),
        tuple(own),
        boot_s,
        strict,
    )


def _site(kind: StationKind, number: int) -> str:
    """Where a station is: twenty homes share a street, buses a depot."""
    return f"street-{(number - 1) // NEIGHBOURS + 1}" if kind.place == "home" else "depot"


def _with_whims(config: TwinConfig, stay: Stay, rng: random.Random) -> Stay:
    """The stay with what its driver does besides: leave early, or need it now."""
    stay = cut_short(stay, config.faults, rng)
    hurries, share = rng.random() < config.priority_share, rng.uniform(0.1, 0.9)
    if not hurries:
        return stay
    return replace(stay, priority_s=stay.arrival_s + share * (stay.leaves_s - stay.arrival_s))


def _spec(
    config: TwinConfig, identity: str, kind: StationKind, behaves: StationBehaviour
) -> BaySpec:
    direct = kind.direct_current
    ratings: StationCharger = charger(
        kind.charge_kw, kind.discharge_kw, kind.phases, direct_current=direct
    )
    modern = kind.protocol == "ocpp2.1"
    able = Abilities(
        v2x=kind.discharge_kw > 0,
        phases=kind.phases,
        direct_current=direct,
        dynamic=modern,
        modes=SIMULATED_MODES,
        update_rate_s=UPDATE_RATE_S if modern else 0.0,
        external_ids_below=0 if modern else None,
    )
    ratings = replace(ratings, latency_s=config.latency_s)
    return BaySpec(identity, kind.protocol, ratings, able, behaves)


def devices(config: TwinConfig, sessions: Sessions | None = None) -> tuple[Device, ...]:
    """The stations of a configuration, as they are registered at the service."""
    return tuple(
        Device(
            station=plan.spec.identity,
            site=plan.site,
            charge_kw=plan.spec.charger.most_kw,
            discharge_kw=plan.spec.charger.discharge_kw,
            voltage_v=plan.spec.charger.voltage_v,
            phases=plan.spec.charger.phases,
            labels={"protocol": plan.spec.protocol, "simulated": "yes"},
        )
        for plan in planned(config, sessions)
    )


def voltages(config: TwinConfig, sessions: Sessions | None = None) -> FeederVoltages | None:
    """The wires of a configuration, read and ready; None where it has none. Takes seconds."""
    if config.feeder is None:
        return None
    return FeederVoltages(
        [Connection(plan.site, plan.spec.charger.phases) for plan in planned(config, sessions)]
    )


def drivers(config: TwinConfig, sessions: Sessions | None = None) -> tuple[Driver, ...]:
    """The drivers of a configuration, with the cards that they show."""
    plans = planned(config, sessions)
    return tuple(
        driver for plan in plans for driver in (plan.driver, *(one for one, _ in plan.others))
    )


@final
class TwinFleet:
    """The stations of a configuration, running.

    Args:
        config: What is simulated.
        clock: Of everything; `start` takes its present moment as the begin.
        url: Of the central system, without an identity.
        credentials: Password of each station; a station without one shows none.
        tls: For a central system with certificates: one for all, or by station where each shows
            one of its own, whose name holds its serial number ``SN-<identity>``.
        sessions: Who plugs in; drawn from the seed when absent.
        wires: That `voltages` made; made here where the configuration has a feeder and none is
            given.
    """

    def __init__(
        self,
        config: TwinConfig,
        clock: AbstractClock,
        url: str,
        credentials: Mapping[str, str],
        *,
        tls: ssl.SSLContext | Mapping[str, ssl.SSLContext] | None = None,
        sessions: Sessions | None = None,
        wires: FeederVoltages | None = None,
    ) -> None:
        self._config, self._clock = config, clock
        self._wires = wires or voltages(config, sessions)
        self._beyond_kw = 0.0
        self.grid = LocalGrid()
        ticks = int(np.ceil(config.hours * S_PER_H / config.tick_s))
        self._begin_s, begin_s = clock.now_s(), clock.monotonic_s()
        self._log = PowerLog(begin_s, config.tick_s, ticks)
        self._plans = planned(config, sessions)
        self.stations = tuple(
            Station(
                plan.spec,
                Endpoint(
                    url,
                    plan.spec.identity,
                    plan.spec.protocol,
                    credentials.get(plan.spec.identity),
                    tls[plan.spec.identity] if isinstance(tls, Mapping) else tls,
                ),
                plan.stays,
                clock,
                sink=self._log.add,
                grid=self.grid,
                seed=f"{config.seed}/{plan.spec.identity}/station",
                strict=plan.strict,
                others=[own for _, own in plan.others],
            )
            for plan in self._plans
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Switch the stations on, one after the other; returns at once."""
        self._tasks = [
            asyncio.create_task(self._boot(station, plan.boot_s))
            for station, plan in zip(self.stations, self._plans, strict=True)
        ]
        self._tasks.append(asyncio.create_task(self._watch()))
        if self._wires is not None:
            self._tasks.append(asyncio.create_task(self._supply(self._wires)))
        elif any(plan.others for plan in self._plans):
            self._tasks.append(asyncio.create_task(self._look()))

    async def stop(self) -> None:
        """Switch the stations off.

        Raises:
            Exception: What went wrong in the simulation itself, if anything did.
        """
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        ended += await asyncio.gather(
            *(station.stop() for station in self.stations), return_exceptions=True
        )
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    def truth(self) -> FleetTruth:
        """What really happened until now."""
        plugged, stored_kwh = 0, 0.0
        for bay in self._bays():
            state = bay.power.advance()
            if bay.stay is not None:
                plugged += 1
                stored_kwh += state.energy_kwh
        counts = together([station.record for station in self.stations])
        return FleetTruth(
            begin_s=self._begin_s,
            tick_s=self._log.tick_s,
            power_kw=tuple(self._log.mean_kw()),
            departures=tuple(counts.departures),
            plugged=plugged,
            stored_kwh=stored_kwh,
            dropped=sum(station.outbox.dropped for station in self.stations),
            counts=counts,
            station_beyond_kw=self._beyond_kw,
            voltage=None if self._wires is None else self._wires.range,
        )

    def power_kw(self) -> float:
        """Power of all stations into the grid, now."""
        return sum(bay.power.advance().power_kw for bay in self._bays() if bay.stay is not None)

    def _bays(self) -> Iterator[Bay]:
        return (bay for station in self.stations for bay in station.bays)

    def set_grid(
        self,
        *,
        frequency_hz: float | None = None,
        voltage_pu: Callable[[str], float] | None = None,
    ) -> None:
        """Change the grid at the stations; those that support it do so at once."""
        if frequency_hz is not None:
            self.grid.frequency_hz = frequency_hz
        if voltage_pu is not None:
            self.grid.voltage_pu = voltage_pu
        for bay in self._bays():
            if bay.power.supports_grid():
                bay.power.reconsider()

    def alarm(self, station: str, kind: str, fault: str, *, ended: bool = False) -> None:
        """Let a station report a fault of the grid, such as ``VoltVar``, ``OverVoltage``.

        Raises:
            InputError: There is no such station.
        """
        found = [one for one in self.stations if one.spec.identity == station]
        if not found:
            rule = "be one of the fleet's"
            raise InputError("alarm", [Fault("station", rule, (station,), fix="Look at devices.")])
        found[0].bay.alarm(kind, fault, ended=ended)

    def targets(self) -> tuple[Target, ...]:
        """The vehicles that an attacker could give orders to, now."""
        return tuple(
            Target(bay.spec.identity, running.number)
            for bay in self._bays()
            if (running := bay.power.running) is not None
        )

    async def _boot(self, station: Station, after_s: float) -> None:
        await self._clock.sleep(after_s)
        with self._clock.working():
            await station.start()

    async def _supply(self, wires: FeederVoltages) -> None:
        """Every tick: the voltages that what all stations do gives them; some answer to them."""
        names = tuple(station.spec.identity for station in self.stations)
        answered, known = dict.fromkeys(names, 1.0), dict.fromkeys(names, 1.0)
        self.grid.voltage_pu = known.__getitem__
        while True:
            with self._clock.working():
                found = wires.solve(*self._powers())
                known.update(zip(names, found.tolist(), strict=True))
                for name, station in zip(names, self.stations, strict=True):
                    if abs(known[name] - answered[name]) < NEW_VOLTAGE_PU:
                        continue
                    for bay in station.bays:
                        if bay.power.supports_grid():
                            answered[name] = known[name]
                            bay.power.reconsider()
            await self._clock.sleep(self._config.tick_s)

    async def _look(self) -> None:
        """Every tick, look at what outlets of one station do together."""
        while True:
            await self._clock.sleep(self._config.tick_s)
            self._powers()

    def _powers(self) -> tuple[Float[Array, " station"], Float[Array, " station"]]:
        """Power and reactive power of each station into the grid, now."""
        found = np.zeros((2, len(self.stations)))
        for row, station in enumerate(self.stations):
            for bay in station.bays:
                state = bay.power.advance()
                found[:, row] += state.power_kw, state.reactive_kvar
            self._note_beyond(row, float(found[0, row]))
        return found[0], found[1]

    def _note_beyond(self, row: int, power_kw: float) -> None:
        """Remember by how much a station passes what all its outlets together may have."""
        station_kw = self._plans[row].station_kw
        if station_kw is not None:
            self._beyond_kw = max(self._beyond_kw, abs(power_kw) - station_kw)

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(WATCH_S)
            for station in self.stations:
                station.check_overdue()
