"""One battery kept: connected, read every few seconds, its order written again before it ends."""

import asyncio
from pathlib import Path
from typing import final

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import (
    AbstractHandler,
    MeterReading,
    OrderResult,
    Refusal,
    Session,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.sunspec import reading
from evergrid.live.sunspec.battery import Battery
from evergrid.live.sunspec.control import Nameplate, StandingOrder, State
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.live.sunspec.link import LinkError, RefusedWriteError

FIRST_WAIT_S = 1.0  # before a lost battery is looked for again; then twice as long each time
LONGEST_WAIT_S = 60.0
STEADY_S = 60.0  # of a connection, after which the next wait is short again
REFRESHES = 3  # times that an order is written before it would end
MOST_MISSES = 3  # readings in a row that cannot be, after which the line is given up
FAULT = "battery_fault"  # kind of alarm
ROUNDING_KW = 1e-6
ROUNDING_SHARE = 0.006  # of the rating, to which registers must be able to say an order


@final
class Keeper:
    """One battery.

    Args:
        entry: As it is registered.
        handler: Who is told.
        clock: The service's clock.
        folder: What relative paths start from.
    """

    def __init__(
        self,
        entry: ModbusBatteryEntry,
        handler: AbstractHandler,
        clock: AbstractClock,
        folder: Path = Path(),
    ) -> None:
        self._entry, self._handler, self._clock = entry, handler, clock
        self._folder = folder
        self._battery: Battery | None = None
        self._online = False  # as the controller was told
        self._plate: Nameplate | None = None
        self._use: reading.Usable | None = None
        self._meter = reading.Meter()
        self._transaction, self._sequence = "", 0
        self._session: Session | None = None
        self._may_discharge = True
        self._standing_kw: float | None = None
        self._written_s = 0.0
        self._alarm = ""
        self._asked = 0  # orders so far, by which a newer one is known
        self._line = asyncio.Lock()  # one exchange at a time
        self.untold = 0
        """Ends of a connection that could not be told."""

    async def run(self) -> None:
        """Keep it connected until cancelled."""
        wait_s = FIRST_WAIT_S
        while True:
            since_s = self._clock.monotonic_s()
            try:
                with self._clock.working():
                    battery = await self._come()
                await self._stay(battery)
            except Exception as error:  # whatever it is, the other batteries go on
                with self._clock.working():
                    await self._end(error)
            finally:
                self._hang_up()
            if self._clock.monotonic_s() - since_s > STEADY_S:
                wait_s = FIRST_WAIT_S
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    # What the controller asks.

    async def begin(self, session: Session) -> OrderResult:
        """Orders come from now on for this session; the first one is given at once."""
        if session.transaction != self._transaction:
            return OrderResult.REFUSED
        self._session, self._may_discharge = session, session.max_discharge_kw > 0
        return await self.order(session.transaction, session.power_kw)

    async def order(self, transaction: str, power_kw: float) -> OrderResult:
        """Tell a power into the grid; a newer one replaces one that waits for the line."""
        session, use = self._session, self._use
        if self._battery is None or use is None:
            return OrderResult.OFFLINE
        if session is None or transaction != session.transaction:
            return OrderResult.REFUSED
        most_kw = min(use.discharge_kw, session.max_discharge_kw) if self._may_discharge else 0.0
        least_kw = -min(use.charge_kw, session.max_charge_kw)
        # What is not a number lies in no range, and is refused too.
        if not least_kw - ROUNDING_KW <= power_kw <= most_kw + ROUNDING_KW:
            return OrderResult.REFUSED
        self._asked += 1
        mine = self._asked
        with self._clock.working():
            async with self._line:
                if mine != self._asked:
                    return OrderResult.REPLACED
                return await self._tell(power_kw, session.offline_s)

    async def release(self, transaction: str) -> OrderResult:
        """End the orders."""
        if self._session is None or transaction != self._session.transaction:
            return OrderResult.REFUSED
        self._session, self._standing_kw = None, None
        self._asked += 1
        with self._clock.working():
            async with self._line:
                return await self._released()

    async def allow(self, transaction: str, discharge: bool) -> OrderResult:
        """Whether it may discharge from now on; an order to discharge ends where it may not."""
        if transaction != self._transaction:
            return OrderResult.REFUSED
        self._may_discharge = discharge
        if not discharge and (self._standing_kw or 0.0) > 0:
            return await self.order(transaction, 0.0)
        return OrderResult.ACCEPTED

    async def shown(self, model: int) -> dict[str, float | str | None]:
        """The points of a model.

        Raises:
            InputError: It is not connected, or has no such model.
        """
        battery = self._battery
        try:
            if battery is not None:
                with self._clock.working():
                    async with self._line:
                        return await battery.shown(model)
            reason = "not connected"
        except (LinkError, RefusedWriteError) as error:
            reason = str(error)
        fault = Fault("station", "be connected and answer", (reason,), (self._entry.station,))
        raise InputError("call", [fault])

    # The line.

    async def _come(self) -> Battery:
        """Connect, and tell the controller what is there."""
        battery, name = Battery(self._entry, self._folder), self._entry.station
        self._battery = battery
        self._plate = await battery.open()
        self._use = reading.usable(self._entry, self._plate)
        state = await battery.state(self._plate)
        asked = reading.needs(self._entry, self._use, state, self._clock.now_s())
        self._online = True
        await self._handler.connected(name, "sunspec")
        if self._transaction:
            await self._event(TransactionPart.UPDATED, "MeterValuePeriodic", self._read(state))
            await self._handler.described(name, reading.capabilities(self._use))
        else:  # before it is described, so that what was open at a restart has ended
            self._transaction = f"{name}@{round(self._clock.now_s() * 1000)}"
            await self._event(TransactionPart.STARTED, "CablePluggedIn", self._read(state))
            await self._handler.described(name, reading.capabilities(self._use))
            if not await self._handler.needs(asked):
                await self._refuse("battery is not registered", name)
        await self._watch(state)
        return battery

    async def _stay(self, battery: Battery) -> None:
        """Read every few seconds until the line fails."""
        misses = 0
        while battery is self._battery:
            await self._clock.sleep(self._period_s())
            with self._clock.working():
                try:
                    await self._poll(battery)
                    misses = 0
                except (RefusedWriteError, InputError) as error:
                    misses += 1
                    if misses >= MOST_MISSES:
                        raise
                    await self._refuse("reading cannot be", str(error))

    def _period_s(self) -> float:
        """Until the next reading; an order never ends between two."""
        if self._session is None:
            return self._entry.poll_s
        return min(self._entry.poll_s, self._session.offline_s / REFRESHES)

    async def _poll(self, battery: Battery) -> None:
        assert self._plate is not None
        async with self._line:
            if battery is not self._battery:
                return
            state = await battery.state(self._plate)
            kept = await self._keep_order(state.told)
        await self._event(TransactionPart.UPDATED, "MeterValuePeriodic", self._read(state))
        await self._watch(state)
        if kept is not None:
            await self._refuse(*kept)

    async def _keep_order(self, told: StandingOrder) -> tuple[str, str] | None:
        """Write the standing order again before it ends, or where it is no longer there.

        Returns:
            A rule that was broken, and what was found.
        """
        if self._standing_kw is None or self._session is None:
            return None
        age_s = self._clock.monotonic_s() - self._written_s
        stands = told.power_kw is not None and self._same(told, self._standing_kw)
        if stands and age_s < self._session.offline_s / REFRESHES:
            return None
        ordered_kw = self._standing_kw
        result = await self._tell(ordered_kw, self._session.offline_s)
        if result is not OrderResult.ACCEPTED:
            raise LinkError(f"{self._entry.station} does not take its order again: {result}")
        if stands:
            return None
        found = "none" if told.power_kw is None else f"{told.power_kw:g} kW"
        return "set-point changed by somebody else", f"{ordered_kw:g} kW was ordered, {found} found"

    async def _tell(self, power_kw: float, reversion_s: int) -> OrderResult:
        """Write and read back; what is not taken as ordered is taken back."""
        battery, self._standing_kw = self._battery, None
        if battery is None:
            return OrderResult.OFFLINE
        try:
            told = await battery.order(power_kw, reversion_s)
        except LinkError as error:
            await self._gone(error)
            return OrderResult.TIMED_OUT
        except (RefusedWriteError, InputError):
            await self._released()
            return OrderResult.REJECTED
        ends = 0 < told.reversion_s <= reversion_s
        if told.power_kw is None or not self._same(told, power_kw) or not ends:
            await self._released()
            return OrderResult.REJECTED
        self._standing_kw, self._written_s = power_kw, self._clock.monotonic_s()
        return OrderResult.ACCEPTED

    def _same(self, told: StandingOrder, power_kw: float) -> bool:
        """Whether the order in its registers is this one, but for their rounding."""
        assert self._plate is not None
        near_kw = ROUNDING_SHARE * self._plate.rating_kw
        return told.power_kw is not None and abs(told.power_kw - power_kw) <= near_kw

    async def _released(self) -> OrderResult:
        if self._battery is None:
            return OrderResult.OFFLINE
        try:
            told = await self._battery.release()
        except LinkError as error:
            await self._gone(error)
            return OrderResult.TIMED_OUT
        except RefusedWriteError:
            return OrderResult.REJECTED
        return OrderResult.ACCEPTED if told.power_kw is None else OrderResult.REJECTED

    async def _end(self, error: Exception) -> None:
        """A connection ends; where not even that can be told, it is counted."""
        try:
            await self._gone(error)
        except EvergridError:
            self.untold += 1

    async def _gone(self, error: Exception) -> None:
        """The line is lost: the battery ends the order by itself, and the controller knows."""
        self._hang_up()
        if self._online:
            self._online = False
            await self._handler.disconnected(self._entry.station)
        if not isinstance(error, LinkError):
            text = str(error) if isinstance(error, EvergridError) else repr(error)
            await self._refuse("battery cannot be used", text)

    def _hang_up(self) -> None:
        if self._battery is not None:
            self._battery.close()
        self._battery, self._use, self._standing_kw = None, None, None

    # What is told.

    def _read(self, state: State) -> MeterReading:
        assert self._use is not None
        return self._meter.reading(self._use, state, self._clock.now_s(), self._clock.monotonic_s())

    async def _event(self, part: TransactionPart, trigger: str, read: MeterReading) -> None:
        now_s, sequence = self._clock.now_s(), self._sequence
        self._sequence += 1
        await self._handler.transaction(
            TransactionEvent(
                station=self._entry.station,
                transaction=self._transaction,
                sequence=sequence,
                part=part,
                trigger=trigger,
                time_s=now_s,
                received_s=now_s,
                evse=1,
                token=self._entry.owner_token or None,
                charging_state="Charging",
                readings=(read,),
            )
        )

    async def _watch(self, state: State) -> None:
        """One alarm while anything is wrong with it."""
        found = state.alarms if state.available else ("takes no orders", *state.alarms)
        text = ", ".join(found)
        if text and not self._alarm:
            await self._handler.alarm(self._entry.station, FAULT, False, text)
        elif self._alarm and not text:
            await self._handler.alarm(self._entry.station, FAULT, True, "")
        self._alarm = text

    async def _refuse(self, rule: str, detail: str) -> None:
        await self._handler.refused(Refusal(self._entry.station, rule, detail))
