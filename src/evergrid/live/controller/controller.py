"""The controller: takes in what devices say, decides every tick, and tells devices what to do.

What is decided is decided by pure functions (`planning`, `evergrid.dispatch.track`); here is the
order of things: a message is on the disk before it is answered, an order before it is sent, and a
device that does not do what it accepted is no longer counted on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.inputs import sites as site_sources
from evergrid.live.adapter import (
    AbstractAdapter,
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    Device,
    MeterReading,
    OrderResult,
    PowerOrder,
    Refusal,
    Session,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.controller import ledger_lines, records
from evergrid.live.controller import vehicle as vehicles
from evergrid.live.controller.alarms import Alarms
from evergrid.live.controller.drivers import Drivers
from evergrid.live.controller.fleet import Fleet
from evergrid.live.controller.offers import past_stays
from evergrid.live.controller.support.grid_support import GridSupport
from evergrid.live.controller.transactions import MET_KWH, OpenTransaction, Promise
from evergrid.live.controller.vehicle import Vehicle
from evergrid.live.store.entry import AbstractLog, Entry
from evergrid.live.view import LedgerLine
from evergrid.model.prices import Prices

LONGEST_WAIT_S = 3600.0  # before a station that refused is asked again
SKEW_S = 5.0  # of a station's clock, from which it is told


PostLines = Callable[[Sequence[tuple[str, LedgerLine]]], Awaitable[None]]
"""Books ledger lines, each under a name that is booked once only."""


class Controller(AbstractHandler):
    """What the service knows and decides.

    Args:
        config: Of the service.
        clock: Its clock.
        log: Where things are written.
        post_lines: PostLiness ledger lines.
        devices: Every registered station.
        drivers: Whose tokens are known.
        prices: Of energy.
    """

    def __init__(
        self,
        config: Config,
        clock: AbstractClock,
        log: AbstractLog,
        post_lines: PostLines,
        devices: Sequence[Device],
        drivers: Drivers,
        prices: Prices,
    ) -> None:
        self.config, self.clock, self.log, self.drivers = config, clock, log, drivers
        sites = site_sources.listed(config.site)
        self.fleet = Fleet(devices, config.control, config.vehicle, clock.monotonic_s(), sites)
        self.alarms = Alarms()
        self.online: dict[str, str] = {}  # protocol of each station that is connected
        self.capabilities: dict[str, Capabilities] = {}
        self.transactions: dict[str, OpenTransaction] = {}
        self.promises: list[Promise] = []
        self.refusals: dict[str, int] = {}  # how often each rule was broken
        self.last_seen_s: dict[str, float] = {}
        self.skew_s: dict[str, float] = {}
        self.unplanned: set[int] = set()
        self.lines: list[LedgerLine] = []
        self.earned = 0.0  # credits of regulation, of drivers and aggregator together
        self.support: GridSupport | None = None  # of the grid, by stations themselves
        self._unreachable: dict[str, float] = {}
        self.ended: dict[str, tuple[str, float]] = {}  # what ended last at a station, and when
        self._post, self.prices = post_lines, prices
        self._adapter: AbstractAdapter | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._retry_s: dict[str, float] = {}  # when a station that refused is asked again
        self._waits_s: dict[str, float] = {}  # for how long it was left alone last

    def use(self, adapter: AbstractAdapter) -> None:
        """Reach devices through this adapter."""
        self._adapter = adapter

    @property
    def adapter(self) -> AbstractAdapter:
        """How devices are reached."""
        assert self._adapter is not None, "the adapter is given before anything is told"
        return self._adapter

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background.

        What it waits for holds virtual time by itself: a message to a device, the store.
        """

        async def run() -> None:
            try:
                await work
            except EvergridError as error:
                self.raise_alarm("fault", "controller", str(error))

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finished(self) -> None:
        """Until all that was begun in the background has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # What devices tell.

    async def connected(self, station: str, protocol: str) -> None:
        """A device is there; it is under orders again once it has told what it can do."""
        self.online[station] = protocol
        self.last_seen_s[station] = self.clock.now_s()
        self.end_alarm("station_offline", station)

    async def disconnected(self, station: str) -> None:
        """A device is gone: others take over in the next tick."""
        self.online.pop(station, None)
        if self.support is not None:
            self.support.gone(station)
        self.fleet.lose(station)
        vehicle = self.vehicle_at(station)
        if vehicle is not None:
            text = f"{station} is not connected while a vehicle is plugged in"
            self.raise_alarm("station_offline", station, text)

    async def described(self, station: str, found: Capabilities) -> None:
        """A device has told what it can do; what was under way goes on."""
        self.capabilities[station] = found
        if self.support is not None:
            self.spawn(self.support.described(station, found.grid_functions))
        self.last_seen_s[station] = self.clock.now_s()
        known = self.transactions.get(station)
        vehicle = self.vehicle_at(station)
        if vehicle is None and known is not None and known.needs is not None:
            vehicle = self._vehicle(known, known.needs)
        if vehicle is not None:
            self.spawn(self._begin(vehicle))

    async def authorized(self, station: str, token: str) -> bool:
        """Whether a driver is known."""
        self.last_seen_s[station] = self.clock.now_s()
        return self.drivers.of(token) is not None

    def may_discharge(self, token: str | None) -> bool:
        """Whether the driver has agreed to discharging."""
        driver = self.drivers.of(token)
        return driver is not None and driver.may_discharge and not driver.opted_out

    async def transaction(self, event: TransactionEvent) -> None:
        """Write what happened, and take it in where it is new."""
        known = self.transactions.get(event.station)
        driver = self.drivers.of(event.token) or (None if known is None else known.driver)
        entry = records.of_transaction(event, "" if driver is None else driver.driver)
        if not await self.log.append([entry]):
            return
        self.last_seen_s[event.station] = self.clock.now_s()
        self._check_clock(event)
        if records.is_over(
            self.ended.get(event.station), event.transaction, event.part, event.time_s
        ):
            return  # it came late, and what its registers counted is known by those that followed
        if known is not None and event.transaction != known.transaction:
            # Only the begin of the next one tells that this one has ended.
            await self._left(event.station, known, early_end=True)
            self.ended[event.station] = known.transaction, known.arrival_s
            known = None
        if known is None:
            driver = self.drivers.of(event.token)
            known = OpenTransaction(event.transaction, event.evse or 1, driver, event.time_s)
            self.transactions[event.station] = known
        known.driver = driver
        self._take_readings(
            event.station, known, event.readings, live=not event.offline, sequence=event.sequence
        )
        if event.part is TransactionPart.ENDED:
            self.ended[event.station] = event.transaction, event.time_s
            ended_s = event.time_s if event.offline else None
            await self._left(event.station, known, early_end=False, ended_s=ended_s)

    async def needs(self, needs: ChargingNeeds) -> bool:
        """A vehicle says what it asks for: it comes under orders once it is answered."""
        known = self.transactions.get(needs.station)
        if known is None or self.device(needs.station) is None:
            return False
        await self.log.append([records.of_needs(needs, known.transaction)])
        self.last_seen_s[needs.station] = self.clock.now_s()
        known.tell(needs)
        assert known.needs is not None
        self.spawn(self._begin(self._vehicle(known, known.needs)))
        return True

    def _vehicle(self, known: OpenTransaction, needs: ChargingNeeds) -> Vehicle:
        """The vehicle of a transaction, with what it drew and fed since it told its needs."""
        device = self.device(needs.station)
        assert device is not None
        can = self.capabilities.get(needs.station, Capabilities())
        driver = known.driver
        found = vehicles.of_needs(
            needs,
            device,
            self.config.vehicle,
            transaction=known.transaction,
            driver="" if driver is None else driver.driver,
            arrival_s=known.arrival_s,
            discharge=can.v2x and driver is not None and driver.may_discharge,
        )
        efficiency = self.config.vehicle.efficiency
        drawn_kwh, fed_kwh = known.at_needs_kwh
        gained_kwh = (known.meter.drawn_kwh - drawn_kwh) * efficiency
        gained_kwh -= (known.meter.fed_kwh - fed_kwh) / efficiency
        return vehicles.measured(found, found.energy_kwh + gained_kwh, self.clock.now_s())

    async def readings(
        self, station: str, evse: int, readings: Sequence[MeterReading], message: bytes
    ) -> None:
        """Meter values outside a transaction."""
        now_s = self.clock.now_s()
        await self.log.append([records.of_readings(station, evse, tuple(readings), now_s)])
        self.last_seen_s[station] = self.clock.now_s()
        known = self.transactions.get(station)
        if known is not None:
            self._take_readings(station, known, readings, live=True)

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        """A driver wants to charge now: the vehicle leaves the services at once."""
        known = self.transactions.get(station)
        if known is None or known.transaction != transaction:
            await self.refused(Refusal(station, "transaction of another station", transaction))
            return
        await self.set_priority(station, active)

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        """A device reports a fault: its capacity leaves the offer until it is over."""
        if ended:
            self.end_alarm(kind, station)
            self.fleet.restore(station)
        else:
            self.raise_alarm(kind, station, f"{station} reports {kind}: {detail}")
            self.fleet.lose(station)

    async def refused(self, refusal: Refusal) -> None:
        """A message broke a rule; the first of each kind at a station is an alarm."""
        self.refusals[refusal.rule] = self.refusals.get(refusal.rule, 0) + 1
        text = f"{refusal.station}: {refusal.rule} ({refusal.detail})"
        self.raise_alarm(f"refused: {refusal.rule}", refusal.station, text)

    # What drivers and operators ask for.

    async def set_priority(self, station: str, active: bool) -> None:
        """A driver wants to charge now, or no longer."""
        await self._change(station, priority=active)

    async def opt_out(self, station: str, out: bool) -> None:
        """A driver takes the vehicle out of services and discharging, or back in."""
        await self._change(station, opted_out=out)

    async def change_needs(
        self, station: str, *, departure_s: float | None, owed_kwh: float | None
    ) -> None:
        """A driver changes departure or energy; the plan is made anew.

        Raises:
            InputError: Nobody is plugged in there, or the values cannot be.
        """
        vehicle, now_s = self.vehicle_at(station), self.clock.now_s()
        faults = vehicles.change_faults(vehicle, station, departure_s, owed_kwh, now_s)
        if faults:
            raise InputError("session", faults)
        given = {"departure_s": departure_s, "owed_kwh": owed_kwh}
        await self._change(station, **{k: v for k, v in given.items() if v is not None})

    async def _change(self, station: str, **changed: float | bool) -> None:
        row = self.fleet.row.get(station, -1)
        if row not in self.fleet.vehicles:
            rule = "be that of a vehicle that is plugged in"
            raise InputError("session", [Fault("session", rule, (station,))])
        now_s, known = self.clock.now_s(), self.transactions.get(station)
        name = "" if known is None else known.transaction
        await self.log.append([records.of_change(station, name, changed, now_s)])
        if known is not None:
            known.change(changed, now_s)
        self.fleet.change(row, **changed)
        vehicle = self.fleet.vehicles[row]
        if vehicle.charges_at_once:
            self.unplanned.discard(row)
            self._apart(row, vehicle)
            self.fleet.following.ordered_kw[row] = -vehicle.max_charge_kw
            await self.send(self._charge_now(vehicle))
        else:
            self.unplanned.add(row)
            self.fleet.restore(station)

    # Orders.

    async def send(self, order: PowerOrder) -> None:
        """Give an order that is on the disk already, and take in what becomes of it."""
        result = await self.adapter.order(order)
        row = self.fleet.row[order.station]
        if self.fleet.following.ordered_kw[row] != order.power_kw:
            return  # a newer order is on its way, and its answer counts
        if result is OrderResult.ACCEPTED:
            self.fleet.following.accept(row, order.power_kw, self.clock.monotonic_s())
            self._waits_s.pop(order.station, None)
            self.end_alarm("order_refused", order.station)
        elif result in (OrderResult.REJECTED, OrderResult.TIMED_OUT, OrderResult.REFUSED):
            self.fleet.lose(order.station)
            self._ask_later(order.station)
            text = f"{order.station} does not take an order of {order.power_kw:g} kW: {result}"
            self.raise_alarm("order_refused", order.station, text)

    def _ask_later(self, station: str) -> None:
        """Leave a station alone for a while, twice as long each time it refuses again."""
        before_s, least_s = self._waits_s.get(station, 0.0), self.config.control.retry_s
        self._waits_s[station] = wait_s = min(max(2 * before_s, least_s), LONGEST_WAIT_S)
        self._retry_s[station] = self.clock.monotonic_s() + wait_s

    def retry(self) -> None:
        """Ask stations again that refused an order a while ago."""
        now_s = self.clock.monotonic_s()
        for station in [one for one, at_s in self._retry_s.items() if at_s <= now_s]:
            del self._retry_s[station]
            vehicle = self.vehicle_at(station)
            if vehicle is not None and station in self.online:
                self.spawn(self._begin(vehicle))

    async def _begin(self, vehicle: Vehicle) -> None:
        """Put a vehicle under orders, from no power on."""
        row = self.fleet.row[vehicle.station]
        first_kw = -vehicle.max_charge_kw if vehicle.charges_at_once else 0.0
        if self.fleet.under_orders(row):
            first_kw = float(np.nan_to_num(self.fleet.following.ordered_kw[row]))
        session = Session(
            vehicle.station,
            vehicle.evse,
            vehicle.transaction,
            vehicle.max_charge_kw,
            vehicle.max_discharge_kw,
            first_kw,
            self.config.control.offline_s,
        )
        result = await self.adapter.begin(session)
        known = self.transactions.get(vehicle.station)
        if known is None or known.transaction != vehicle.transaction:
            return  # it left meanwhile
        if row not in self.fleet.vehicles:
            await self._plug_in(vehicle)
        elif self.fleet.vehicles[row] is not vehicle:
            # It has told its needs anew.
            asked = {"departure_s": vehicle.departure_s, "owed_kwh": vehicle.owed_kwh}
            self.fleet.change(row, **asked)
            self.unplanned.add(row)
        self.fleet.following.ordered_kw[row] = first_kw
        if result is OrderResult.ACCEPTED:
            self.fleet.following.accept(row, first_kw, self.clock.monotonic_s())
            if not vehicle.charges_at_once:
                self.fleet.restore(vehicle.station)
            return
        self.fleet.lose(vehicle.station)
        self._ask_later(vehicle.station)
        text = f"{vehicle.station} does not take a charging profile: {result}"
        self.raise_alarm("profile_refused", vehicle.station, text)

    async def _plug_in(self, vehicle: Vehicle) -> None:
        clock = self.clock
        unreachable_kwh = self.fleet.plug_in(
            vehicle, now_s=clock.monotonic_s(), wall_s=clock.now_s()
        )
        if unreachable_kwh > MET_KWH:
            self._unreachable[vehicle.station] = unreachable_kwh
            text = f"{unreachable_kwh:.1f} kWh cannot be charged until the stated departure"
            self.raise_alarm("out_of_reach", vehicle.station, text)
        row = self.fleet.row[vehicle.station]
        if vehicle.charges_at_once:
            self._apart(row, vehicle)
        else:
            self.unplanned.add(row)

    def _apart(self, row: int, vehicle: Vehicle) -> None:
        """A vehicle that charges at once is planned to, and follows no signal."""
        power_kw, energy_kwh = -vehicle.max_charge_kw, self.fleet.energy_kwh(row)
        self.fleet.set_plan(np.array([row]), np.array([power_kw]), np.array([energy_kwh]))
        self.fleet.lose(vehicle.station)

    @staticmethod
    def _charge_now(vehicle: Vehicle) -> PowerOrder:
        return PowerOrder(
            vehicle.station, vehicle.evse, vehicle.transaction, -vehicle.max_charge_kw, urgent=True
        )

    async def _left(
        self,
        station: str,
        known: OpenTransaction,
        *,
        early_end: bool,
        ended_s: float | None = None,
    ) -> None:
        """A vehicle has left: what became of its promise, and what it is paid.

        Args:
            station: Where it was.
            known: Its transaction.
            early_end: Whether nobody told that it had left.
            ended_s: When it left, where that is only told now.
        """
        now_s = self.clock.now_s()
        if self.transactions.get(station) is known:
            del self.transactions[station]
        row = self.fleet.row.get(station, -1)
        self.unplanned.discard(row)
        gone = self.fleet.unplug(station)
        unreachable_kwh = self._unreachable.pop(station, 0.0)
        kinds = ("not_following", "out_of_reach", "profile_refused", "order_refused")
        for kind in (*kinds, "station_offline"):
            self.end_alarm(kind, station)
        if gone is not None:
            vehicle, missing_kwh = gone
            early = early_end or now_s < vehicle.departure_s - 60.0
            promise = Promise(
                station,
                known.transaction,
                vehicle.driver,
                now_s,
                vehicle.owed_kwh,
                missing_kwh,
                early,
                missing_kwh <= unreachable_kwh + MET_KWH and unreachable_kwh > 0,
            )
            self.promises.append(promise)
            entries = [records.of_what("promise", now_s, asdict(promise), station)]
            left_s = min(now_s, ended_s or now_s)
            entries += past_stays.entries(
                vehicle,
                known.first_needs,
                known.cancelled_s,
                self.fleet.devices[row],
                self.config.vehicle,
                left_s,
            )
            await self.log.append(entries)
        party = "unknown" if known.driver is None else known.driver.driver
        lines = ledger_lines.of_energy(party, now_s, known.meter)
        await self.post(
            [(f"energy/{station}/{known.transaction}/{one.item}", one) for one in lines]
        )

    async def post(self, named: Sequence[tuple[str, LedgerLine]]) -> None:
        """Post ledger lines, each once by its name."""
        if named:
            await self._post(named)
            self.keep(line for _, line in named)

    def keep(self, lines: Iterable[LedgerLine]) -> None:
        """Hold lines that are in the ledger ready to be shown."""
        for line in lines:
            self.lines.append(line)
            self.earned += line.amount if line.item == "regulation" else 0.0

    # Readings.

    def _take_readings(
        self,
        station: str,
        known: OpenTransaction,
        readings: Sequence[MeterReading],
        *,
        live: bool,
        sequence: int | None = None,
    ) -> None:
        """Meter values: registers are paid for, power is held against orders, soc corrects."""
        row = self.fleet.row.get(station, -1)
        for reading in readings:
            buy, sell = self.prices_at(reading.time_s)
            known.meter.read(reading.drawn_kwh, reading.fed_kwh, buy, sell, sequence=sequence)
            known.soc = reading.soc if reading.soc is not None else known.soc
            if not live or row not in self.fleet.vehicles:
                continue
            if reading.power_kw is not None:
                now_s = self.clock.monotonic_s()
                accepted_kw, shift_kw = float(self.fleet.following.accepted_kw[row]), 0.0
                if self.support is not None and not np.isnan(accepted_kw):
                    limits = self.fleet.vehicles[row].limits_kw
                    shift_kw = self.support.take(station, reading, accepted_kw, *limits)
                if self.fleet.measure_power(row, reading.power_kw, now_s, shift_kw=shift_kw):
                    self._tell_following(station, row)
            if reading.soc is not None:
                self._correct(row, reading.soc)

    def _tell_following(self, station: str, row: int) -> None:
        if self.fleet.following.follows[row]:
            self.end_alarm("not_following", station)
            return
        following = self.fleet.following
        ordered, measured = following.accepted_kw[row], following.measured_kw[row]
        text = f"{station} accepted {ordered:g} kW and measures {measured:g} kW"
        self.raise_alarm("not_following", station, text)
        self.spawn(self._on_its_own(row))

    async def _on_its_own(self, row: int) -> None:
        """A vehicle that does not follow gets one lasting order: to charge what it is owed."""
        vehicle = self.fleet.vehicles.get(row)
        if vehicle is None:
            return
        missing = self.fleet.energy_kwh(row) < vehicle.aim_kwh
        order = replace(self._charge_now(vehicle), power_kw=-vehicle.max_charge_kw * missing)
        self.fleet.following.ordered_kw[row] = order.power_kw
        await self.log.append(records.of_orders((order,), self.clock.now_s()))
        await self.send(order)

    def _correct(self, row: int, soc: float) -> None:
        """Energy as counted, brought to within what a rounded soc leaves open."""
        counted = self.fleet.energy_kwh(row)
        energy_kwh = vehicles.within_soc(self.fleet.vehicles[row], soc, counted)
        if energy_kwh != counted:
            self.fleet.measure_energy(row, energy_kwh, self.clock.now_s())

    def use_prices(self, prices: Prices) -> None:
        """Energy costs this from now on."""
        self.prices = prices

    def prices_at(self, wall_s: float) -> tuple[float, float]:
        """Price of energy drawn and of energy fed at a moment; the nearest where there is none."""
        return ledger_lines.prices_at(self.prices, wall_s)

    # Small things.

    def vehicle_at(self, station: str) -> Vehicle | None:
        """Who is plugged in, as far as it is under orders."""
        return self.fleet.vehicles.get(self.fleet.row.get(station, -1))

    def station_of(self, session: str) -> str:
        """Where a session is.

        Raises:
            InputError: There is no such session, or stations gave two the same name.
        """
        found = [one for one, known in self.transactions.items() if known.transaction == session]
        if len(found) == 1:
            return found[0]
        rule = "be that of one vehicle that is plugged in"
        raise InputError("session", [Fault("session", rule, (session,))])

    def device(self, station: str) -> Device | None:
        """A registered station."""
        row = self.fleet.row.get(station)
        return None if row is None else self.fleet.devices[row]

    def raise_alarm(self, kind: str, source: str, text: str) -> None:
        """Something an operator should know; written to the log once."""
        alarm = self.alarms.begin(kind, source, text, self.clock.now_s())
        if alarm is not None:
            entry = records.of_what("alarm", alarm.began_s, asdict(alarm), source)
            self.spawn(self._write(entry))

    def end_alarm(self, kind: str, source: str) -> None:
        """It is over."""
        alarm = self.alarms.end(kind, source, self.clock.now_s())
        if alarm is not None:
            entry = records.of_what("alarm_ended", self.clock.now_s(), asdict(alarm), source)
            self.spawn(self._write(entry))

    async def _write(self, entry: Entry) -> None:
        await self.log.append([entry])

    def _check_clock(self, event: TransactionEvent) -> None:
        """How far a station's clock is from ours, by what it sends at once."""
        if event.offline:
            return
        skew_s = event.time_s - event.received_s
        self.skew_s[event.station] = skew_s
        if abs(skew_s) > SKEW_S:
            text = f"the clock of {event.station} differs by {skew_s:+.0f} s"
            self.raise_alarm("clock_skew", event.station, text)
        else:
            self.end_alarm("clock_skew", event.station)
