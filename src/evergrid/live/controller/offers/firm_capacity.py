"""Keeps the promises of past days up to date: made once a day, beside the loop of decisions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import BrokenExecutor
from datetime import UTC, datetime
from typing import final

from evergrid.core.errors import EvergridError
from evergrid.core.timegrid import zone
from evergrid.live.config import Config
from evergrid.live.controller.offers.firm_schedule import FirmPromise, FirmRequest, FirmSchedule
from evergrid.live.controller.offers.past_stays import StayReader
from evergrid.live.store.entry import Entry

DAY_S = 86_400.0
NOT_YET = "the promises of past days are not made yet"

ReadStays = Callable[[float], AsyncIterator[Sequence[Entry]]]
"""Entries of past stays from a moment on, part by part."""
MakeSchedule = Callable[[FirmRequest], Awaitable[FirmSchedule]]
"""Makes promises, in another process or at once."""


@final
class FirmCapacity:
    """Promises for the hours ahead, from the stays that the store holds.

    Args:
        config: Of the service.
        read: Reads past stays.
        make: Makes promises of them.
    """

    def __init__(self, config: Config, read: ReadStays, make: MakeSchedule) -> None:
        self._config, self._read, self._make = config, read, make
        self._zone = zone(config.time_zone)
        self._day: int | None = None
        self._coming: asyncio.Task[None] | None = None
        self.schedule = FirmSchedule(config.offer.confidence, lacking=NOT_YET)

    def refresh(self, wall_s: float) -> None:
        """Begin to make promises where a local day has begun since they were made."""
        day = datetime.fromtimestamp(wall_s, UTC).astimezone(self._zone).date().toordinal()
        if day == self._day or (self._coming is not None and not self._coming.done()):
            return
        self._day = day
        self._coming = asyncio.create_task(self._remake(wall_s))

    async def wait(self) -> None:
        """Until promises that were begun are there."""
        if self._coming is not None:
            await asyncio.wait([self._coming])

    async def _remake(self, wall_s: float) -> None:
        rules, reader = self._config.offer, StayReader()
        try:
            since_s = wall_s - rules.history_days * DAY_S
            async for entries in self._read(since_s):
                reader.take(entries, since_s=since_s)
            efficiency, time_zone = self._config.vehicle.efficiency, self._config.time_zone
            asked = FirmRequest(reader.table(), rules, efficiency, time_zone, wall_s)
            self.schedule = await self._make(asked)
        except (EvergridError, BrokenExecutor) as error:
            lacking = str(error) or "the process that makes plans has ended"
            self.schedule = FirmSchedule(rules.confidence, lacking=lacking)

    def at(self, wall_s: float) -> FirmPromise | None:
        """What past days vouch for in the hour of a moment; None where they do not."""
        return self.schedule.at(wall_s)

    @property
    def lacking(self) -> str:
        """Why past days do not vouch for anything."""
        return self.schedule.lacking or "past days do not vouch for this hour"
