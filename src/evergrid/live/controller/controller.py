"""The controller: takes in what devices say, decides every tick, and tells devices what to do.

What is decided is decided by pure functions (`planning`, `evergrid.dispatch.track`); here is the
order of things: a message is on the disk before it is answered, an order before it is sent, and a
device that does not do what it accepted is no longer counted on.
"""

from collections.abc import Coroutine, Sequence
from typing import Any

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.controller import records
from evergrid.live.controller.books.drivers import Drivers
from evergrid.live.controller.books.transactions import OpenTransaction
from evergrid.live.controller.departures import Departures, PostLines
from evergrid.live.controller.metering import Metering
from evergrid.live.controller.ordering import Ordering
from evergrid.live.controller.service_state import ServiceState
from evergrid.live.controller.support.grid_support import GridSupport
from evergrid.live.controller.vehicles import vehicle as vehicles
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.devices.adapter import (
    AbstractAdapter,
    AbstractHandler,
    Capabilities,
    ChargingNeeds,
    Device,
    MeterReading,
    Refusal,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.store.entry import AbstractLog
from evergrid.model.prices import Prices

SKEW_S = 5.0  # of a station's clock, from which it is told


class Controller(AbstractHandler):
    """What the service knows and decides.

    Args:
        config: Of the service.
        clock: Its clock.
        log: Where things are written.
        post_lines: Books ledger lines.
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
        self.state = state = ServiceState(config, clock, log, devices, drivers)
        self.config, self.clock, self.log, self.drivers = config, clock, log, drivers
        self.fleet, self.alarms = state.fleet, state.alarms
        self.online, self.capabilities = state.online, state.capabilities
        self.transactions, self.ended = state.transactions, state.ended
        self.last_seen_s, self.unplanned = state.last_seen_s, state.unplanned
        self.refusals: dict[str, int] = {}  # how often each rule was broken
        self.skew_s: dict[str, float] = {}
        self.ordering = Ordering(state)
        self.departures = Departures(state, post_lines)
        self.metering = Metering(state, self.ordering, prices)

    # What its parts do.

    def use(self, adapter: AbstractAdapter) -> None:
        """Reach devices through this adapter."""
        self.state.use(adapter)

    @property
    def adapter(self) -> AbstractAdapter:
        """How devices are reached."""
        return self.state.adapter

    @property
    def support(self) -> GridSupport | None:
        """Of the grid, by stations themselves; None where none is configured."""
        return self.state.support

    @support.setter
    def support(self, support: GridSupport) -> None:
        self.state.support = support

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background."""
        self.state.spawn(work)

    async def finished(self) -> None:
        """Until all that was begun in the background has ended."""
        await self.state.finished()

    def raise_alarm(self, kind: str, source: str, text: str) -> None:
        """Something an operator should know; written to the log once."""
        self.state.raise_alarm(kind, source, text)

    def end_alarm(self, kind: str, source: str) -> None:
        """It is over."""
        self.state.end_alarm(kind, source)

    def vehicle_at(self, station: str) -> Vehicle | None:
        """Who is plugged in, as far as it is under orders."""
        return self.state.vehicle_at(station)

    def station_of(self, session: str) -> str:
        """Where a session is.

        Raises:
            InputError: There is no such session, or stations gave two the same name.
        """
        return self.state.station_of(session)

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
            self.spawn(self.ordering.begin(vehicle))

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
            await self.departures.left(event.station, known, early_end=True)
            self.ended[event.station] = known.transaction, known.arrival_s
            known = None
        if known is None:
            driver = self.drivers.of(event.token)
            known = OpenTransaction(event.transaction, event.evse or 1, driver, event.time_s)
            self.transactions[event.station] = known
        known.driver = driver
        self.metering.take(
            event.station, known, event.readings, live=not event.offline, sequence=event.sequence
        )
        if event.part is TransactionPart.ENDED:
            self.ended[event.station] = event.transaction, event.time_s
            ended_s = event.time_s if event.offline else None
            await self.departures.left(event.station, known, early_end=False, ended_s=ended_s)

    async def needs(self, needs: ChargingNeeds) -> bool:
        """A vehicle says what it asks for: it comes under orders once it is answered."""
        known = self.transactions.get(needs.station)
        if known is None or self.state.device(needs.station) is None:
            return False
        await self.log.append([records.of_needs(needs, known.transaction)])
        self.last_seen_s[needs.station] = self.clock.now_s()
        known.tell(needs)
        assert known.needs is not None
        self.spawn(self.ordering.begin(self._vehicle(known, known.needs)))
        return True

    def _vehicle(self, known: OpenTransaction, needs: ChargingNeeds) -> Vehicle:
        """The vehicle of a transaction, with what it drew and fed since it told its needs."""
        device = self.state.device(needs.station)
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

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        """Meter values outside a transaction."""
        now_s = self.clock.now_s()
        await self.log.append([records.of_readings(station, evse, tuple(readings), now_s)])
        self.last_seen_s[station] = self.clock.now_s()
        known = self.transactions.get(station)
        if known is not None:
            self.metering.take(station, known, readings, live=True)

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
            self.ordering.apart(row, vehicle)
            self.fleet.following.ordered_kw[row] = -vehicle.max_charge_kw
            await self.ordering.send(self.ordering.charge_now(vehicle))
        else:
            self.unplanned.add(row)
            self.fleet.restore(station)

    # Small things.

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
