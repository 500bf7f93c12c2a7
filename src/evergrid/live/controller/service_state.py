"""What the service knows of stations and vehicles, and the few things that all its parts do."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from typing import Any, final

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.inputs import sites as site_sources
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.controller import records
from evergrid.live.controller.alarms import Alarms
from evergrid.live.controller.books.drivers import Drivers
from evergrid.live.controller.books.transactions import OpenTransaction
from evergrid.live.controller.support.grid_support import GridSupport
from evergrid.live.controller.vehicles.fleet import Fleet
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.devices.adapter import AbstractAdapter, Capabilities, Device
from evergrid.live.store.entry import AbstractLog, Entry


@final
class ServiceState:
    """The state that the parts of the controller share.

    Args:
        config: Of the service.
        clock: Its clock.
        log: Where things are written.
        devices: Every registered station.
        drivers: Whose tokens are known.
    """

    def __init__(
        self,
        config: Config,
        clock: AbstractClock,
        log: AbstractLog,
        devices: Sequence[Device],
        drivers: Drivers,
    ) -> None:
        self.config, self.clock, self.log, self.drivers = config, clock, log, drivers
        sites = site_sources.listed(config.site)
        self.fleet = Fleet(devices, config.control, config.vehicle, clock.monotonic_s(), sites)
        self.alarms = Alarms()
        self.online: dict[str, str] = {}  # protocol of each station that is connected
        self.capabilities: dict[str, Capabilities] = {}
        self.transactions: dict[str, OpenTransaction] = {}
        self.ended: dict[str, tuple[str, float]] = {}  # what ended last at a station, and when
        self.last_seen_s: dict[str, float] = {}
        self.unplanned: set[int] = set()  # rows of vehicles that wait for a plan
        self.unreachable_kwh: dict[str, float] = {}  # what could not be charged in time
        self.support: GridSupport | None = None  # of the grid, by stations themselves
        self._adapter: AbstractAdapter | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

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

    # Who is where.

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

    # What operators should know.

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
