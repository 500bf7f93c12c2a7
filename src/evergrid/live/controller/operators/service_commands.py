"""What people ask of a running service, and who does it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live import outlets
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.operators.holds import Holds
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.maintenance import AbstractMaintenance, Renewal
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.view import AbstractCommands


@dataclass(frozen=True)
class Upkeep:
    """Who does what operators ask of stations beside power.

    Attributes:
        maintenance: Reaches stations.
        holds: Those that are to boot only later.
        forget_certificates: Lets any certificate of a station's name be good again.
    """

    maintenance: AbstractMaintenance
    holds: Holds
    forget_certificates: Callable[[str], Awaitable[None]]


class ServiceCommands(AbstractCommands):
    """What people ask of a running service.

    Args:
        controller: That is asked.
        utility: Takes limits of sites.
        upkeep: Of stations.
    """

    def __init__(self, controller: Controller, utility: UtilityLimits, upkeep: Upkeep) -> None:
        self._controller, self._utility, self._upkeep = controller, utility, upkeep

    async def call_station(
        self, station: str, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """Send a message of the station's protocol."""
        support = self._controller.support
        if support is not None:
            support.check(station, action, payload)
        answer = await self._controller.adapter.call(station, action, payload)
        if support is not None:
            await support.called(station, action, payload)
        return answer

    async def hold(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, or let it go."""
        device = self._controller.state.device(station)
        if device is None or device.stationary:
            raise InputError("hold", [Fault("station", "be a charging station", (station,))])
        await self._upkeep.holds.set(outlets.place(station)[0], on_hold)

    async def renew_password(self, station: str) -> None:
        """Give a station another password."""
        name = outlets.place(station)[0]
        _taken(name, "password", await self._upkeep.maintenance.renew_password(name))

    async def renew_certificate(self, station: str) -> None:
        """Let a station ask for another certificate."""
        name = outlets.place(station)[0]
        _taken(name, "certificate", await self._upkeep.maintenance.renew_certificate(name))

    async def forget_certificates(self, station: str) -> None:
        """Any certificate of a station's name is good again."""
        await self._upkeep.forget_certificates(outlets.place(station)[0])

    async def acknowledge(self, alarm: int, person: str) -> None:
        """Take note of an alarm."""
        self._controller.alarms.acknowledge(alarm, person)

    async def shelve(self, alarm: int, person: str, until_s: float) -> None:
        """Keep an alarm quiet for a while."""
        self._controller.alarms.shelve(alarm, until_s, self._controller.clock.now_s())

    async def limit_sites(self, document: dict[str, Any], person: str) -> tuple[str, ...]:
        """Put limits of a utility into force."""
        return await self._utility.receive(msgspec.json.encode(document), person)

    async def change_needs(
        self, session: str, *, departure_s: float | None = None, owed_kwh: float | None = None
    ) -> None:
        """A driver changes departure or energy."""
        station = self._controller.station_of(session)
        await self._controller.change_needs(station, departure_s=departure_s, owed_kwh=owed_kwh)

    async def set_priority(self, session: str, active: bool) -> None:
        """A driver wants to charge now, or no longer."""
        await self._controller.set_priority(self._controller.station_of(session), active)

    async def opt_out(self, session: str, out: bool) -> None:
        """A driver takes the vehicle out of services, or back in."""
        await self._controller.opt_out(self._controller.station_of(session), out)


def _taken(station: str, what: str, renewal: Renewal) -> None:
    """Tell where a station has not taken what is new.

    Raises:
        InputError: It has not.
    """
    if renewal.result is OrderResult.ACCEPTED:
        return
    got = f"{renewal.result}: {renewal.reason}" if renewal.reason else str(renewal.result)
    raise InputError(what, [Fault("station", f"take the new {what}", (got,), (station,))])
