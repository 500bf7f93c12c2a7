"""Stationary batteries as devices of the controller: a transaction that lasts, readings, orders.

Each battery has one task that connects, reads every few seconds, writes a standing order again
before it would end, and comes back after a fault of the line. An order ends by the battery's own
reversion timer where the line is lost.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import (
    AbstractAdapter,
    AbstractHandler,
    Device,
    OrderResult,
    PowerOrder,
    Session,
)
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.live.sunspec.keeper import Keeper


@final
class SunSpecAdapter(AbstractAdapter):
    """All stationary batteries.

    Args:
        entries: Those registered.
        handler: Who is told.
        clock: The service's clock.
        folder: What relative paths start from.
    """

    def __init__(
        self,
        entries: Sequence[ModbusBatteryEntry],
        handler: AbstractHandler,
        clock: AbstractClock,
        *,
        folder: Path = Path(),
    ) -> None:
        self._keepers = {one.station: Keeper(one, handler, clock, folder) for one in entries}

    @property
    def stations(self) -> frozenset[str]:
        """Identities of its batteries."""
        return frozenset(self._keepers)

    async def run(self) -> None:
        """Keep all batteries connected until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for keeper in self._keepers.values():
                tasks.create_task(keeper.run())

    async def begin(self, session: Session) -> OrderResult:
        """Put a battery under orders, from its first power on."""
        keeper = self._keepers.get(session.station)
        return OrderResult.OFFLINE if keeper is None else await keeper.begin(session)

    async def order(self, order: PowerOrder) -> OrderResult:
        """Tell a battery its power, and read back that it took it."""
        keeper = self._keepers.get(order.station)
        if keeper is None:
            return OrderResult.OFFLINE
        return await keeper.order(order.transaction, order.power_kw)

    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        """Give a battery back to its own control."""
        keeper = self._keepers.get(station)
        return OrderResult.OFFLINE if keeper is None else await keeper.release(transaction)

    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        """Say whether a battery may discharge from now on."""
        keeper = self._keepers.get(station)
        if keeper is None:
            return OrderResult.OFFLINE
        return await keeper.allow(transaction, discharge)

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Read a model for an operator: action ``ReadModel``, payload ``{"model": 701}``.

        Raises:
            InputError: Another action, no such model, or the battery is not connected.
        """
        keeper = self._keepers.get(station)
        if keeper is None:
            raise InputError("call", [Fault("station", "be a battery here", (station,))])
        if action != "ReadModel" or not isinstance(payload.get("model"), int):
            fix = 'Write {"model": 701} with the action ReadModel.'
            raise InputError("call", [Fault("action", "be ReadModel", (action,), fix=fix)])
        return {"model": payload["model"], "points": await keeper.shown(payload["model"])}


def device_of(entry: ModbusBatteryEntry) -> Device:
    """A battery as the controller registers it."""
    return Device(entry.station, entry.site, entry.charge_kw, entry.discharge_kw, stationary=True)
