"""Stations with several outlets: each outlet is a device of its own to whoever decides.

Towards a station an outlet is a number; towards the controller it is a device, whose name is the
station's for the first outlet and ends in ``#2`` for the second. No station has ``#`` in its name.
What all outlets of a station together may draw and feed is the limit of a site of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

from msgspec import structs

from evergrid.inputs.tables import SiteEntry
from evergrid.live.config import Config, StationEntry
from evergrid.live.devices.adapter import (
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
)

SIGN = "#"
FIRST, MOST = 1, 16  # numbers of outlets
LiveAt = Callable[[str, str], bool]
"""Whether a transaction is live at a device, by its name and that of the transaction."""


def device_name(station: str, evse: int) -> str:
    """The name of an outlet as a device."""
    return station if evse == FIRST else f"{station}{SIGN}{evse}"


def place(device: str) -> tuple[str, int]:
    """Station and outlet of a device."""
    station, sign, evse = device.partition(SIGN)
    return station, int(evse) if sign and evse.isdigit() else FIRST


def site_of(entry: StationEntry) -> str:
    """The site of a station's outlets: one of its own where they share a connection."""
    return entry.site if entry.station_kw is None else f"station {entry.station}"


def with_sites(config: Config) -> Config:
    """The configuration with a site for each station whose outlets share a connection."""
    own = tuple(
        SiteEntry(
            site_id=site_of(entry),
            parent_id=entry.site,
            import_limit_kw=entry.station_kw,
            export_limit_kw=entry.station_kw,
        )
        for entry in config.station
        if entry.station_kw is not None
    )
    return config.model_copy(update={"site": (*config.site, *own)}) if own else config


def devices(stations: Sequence[Device], entries: Sequence[StationEntry]) -> list[Device]:
    """Every outlet of the stations as a device; a station that is not configured has one."""
    known = {entry.station: entry for entry in entries}
    found = []
    for station in stations:
        entry = known.get(station.station)
        if entry is None:
            found.append(station)
            continue
        for evse in range(FIRST, entry.outlets + 1):
            name = device_name(station.station, evse)
            direct = entry.direct_current
            found.append(replace(station, station=name, site=site_of(entry), direct_current=direct))
    return found


@final
class OutletHandler(AbstractHandler):
    """Tells the controller of outlets what stations say.

    Args:
        controller: Who decides, outlet by outlet.
        entries: The configured stations.
        live: Whether a transaction is live at an outlet, for events that name no outlet.
    """

    def __init__(
        self, controller: AbstractHandler, entries: Sequence[StationEntry], live: LiveAt
    ) -> None:
        self._controller, self._live = controller, live
        self._outlets: Mapping[str, int] = {one.station: one.outlets for one in entries}

    def _devices(self, station: str) -> list[str]:
        """Every outlet of a station."""
        last = self._outlets.get(station, FIRST)
        return [device_name(station, evse) for evse in range(FIRST, last + 1)]

    def _of_transaction(self, station: str, transaction: str, evse: int | None) -> str:
        """The outlet of a transaction; the first where nobody says which.

        One that the station should not have is no device of the controller, and gets no orders;
        what flows there is counted all the same, and ends no transaction of another outlet.
        """
        if evse is not None and evse >= FIRST:
            return device_name(station, evse)
        names = [device_name(station, number) for number in range(FIRST, MOST + 1)]
        return next((name for name in names if self._live(name, transaction)), station)

    async def connected(self, station: str, protocol: str) -> None:
        """All its outlets are there."""
        for name in self._devices(station):
            await self._controller.connected(name, protocol)

    async def disconnected(self, station: str) -> None:
        """None of its outlets is."""
        for name in self._devices(station):
            await self._controller.disconnected(name)

    async def described(self, station: str, found: Capabilities) -> None:
        """All its outlets can do the same."""
        for name in self._devices(station):
            await self._controller.described(name, found)

    async def authorized(self, station: str, token: str) -> bool:
        """Whether a driver may charge here."""
        return await self._controller.authorized(station, token)

    def may_discharge(self, token: str | None) -> bool:
        """Whether the driver has agreed."""
        return self._controller.may_discharge(token)

    async def transaction(self, event: TransactionEvent) -> None:
        """Something happened at an outlet; one that the station should not have is refused."""
        last = self._outlets.get(event.station, FIRST)
        if event.evse is not None and event.evse > last:
            detail = f"outlet {event.evse}, and {last} configured"
            await self._controller.refused(Refusal(event.station, "unknown outlet", detail))
        name = self._of_transaction(event.station, event.transaction, event.evse)
        at_outlet = structs.replace(event, station=name, evse=FIRST)
        await self._controller.transaction(at_outlet)

    async def needs(self, needs: ChargingNeeds) -> bool:
        """A vehicle asks, at an outlet that is known."""
        if not FIRST <= needs.evse <= self._outlets.get(needs.station, FIRST):
            return False
        name = device_name(needs.station, needs.evse)
        return await self._controller.needs(replace(needs, station=name, evse=FIRST))

    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        """Meter values of an outlet; those of a station as a whole are nobody's power."""
        names = self._devices(station)
        if len(names) > 1 and not FIRST <= evse <= len(names):
            return
        name = names[evse - FIRST] if FIRST <= evse <= len(names) else station
        await self._controller.readings(name, FIRST if evse else evse, readings)

    async def priority(self, station: str, transaction: str, active: bool) -> None:
        """A driver wants to charge now."""
        name = self._of_transaction(station, transaction, None)
        await self._controller.priority(name, transaction, active)

    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        """A station reports a fault: none of its outlets is counted on until it is over."""
        for name in self._devices(station):
            await self._controller.alarm(name, kind, ended, detail)

    async def refused(self, refusal: Refusal) -> None:
        """A message broke a rule."""
        await self._controller.refused(refusal)


@final
class OutletAdapter(AbstractAdapter):
    """Reaches outlets, each by its station and its number.

    Args:
        stations: Reaches the stations.
    """

    def __init__(self, stations: AbstractAdapter) -> None:
        self._stations = stations

    async def begin(self, session: Session) -> OrderResult:
        """Put a session under orders."""
        station, evse = place(session.station)
        return await self._stations.begin(replace(session, station=station, evse=evse))

    async def order(self, order: PowerOrder) -> OrderResult:
        """Tell an outlet its power."""
        station, evse = place(order.station)
        return await self._stations.order(replace(order, station=station, evse=evse))

    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        """End our orders for a session."""
        return await self._stations.release(*place(station), transaction)

    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        """Say whether a vehicle may discharge from now on."""
        return await self._stations.allow(place(station)[0], transaction, discharge)

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a message of OCPP to the station.

        Raises:
            InputError: The message breaks the protocol, or the station is not connected.
        """
        return await self._stations.call(place(station)[0], action, payload)
