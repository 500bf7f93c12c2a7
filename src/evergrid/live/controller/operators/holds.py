"""Which stations are to boot only later, because an operator said so; kept over a restart."""

from collections.abc import Iterable
from typing import final

import msgspec

from evergrid.core.errors import InputError
from evergrid.live.clock import AbstractClock
from evergrid.live.maintenance import AbstractMaintenance
from evergrid.live.store.entry import AbstractLog, Entry

KIND = "hold"  # of entries of the log
_decode = msgspec.json.Decoder(dict[str, bool])


@final
class Holds:
    """Stations that are on hold.

    Args:
        maintenance: Reaches stations.
        log: Where is written who is on hold, before it holds.
        clock: Of the service.
    """

    def __init__(
        self, maintenance: AbstractMaintenance, log: AbstractLog, clock: AbstractClock
    ) -> None:
        self._maintenance, self._log, self._clock = maintenance, log, clock
        self.stations: set[str] = set()

    async def restore(self, entries: Iterable[Entry]) -> None:
        """Take up from the log who was on hold before the service started."""
        last = {one.station: _decode.decode(one.body)["on_hold"] for one in entries}
        for station in sorted(name for name, on_hold in last.items() if on_hold):
            try:
                await self._maintenance.hold(station, True)
            except InputError:
                continue  # it is no longer registered
            self.stations.add(station)

    async def set(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, or let it go.

        Raises:
            InputError: No such station is registered.
        """
        body = msgspec.json.encode({"on_hold": on_hold})
        await self._log.append([Entry(KIND, self._clock.now_s(), station, body=body)])
        (self.stations.add if on_hold else self.stations.discard)(station)
        await self._maintenance.hold(station, on_hold)
