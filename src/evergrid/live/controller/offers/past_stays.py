"""Who was there, how long, with which energy: written when a vehicle leaves, read as sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import msgspec
import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.live.config import VehicleSettings
from evergrid.live.controller import records
from evergrid.live.controller.vehicles import vehicle as vehicles
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.devices.adapter import ChargingNeeds, Device
from evergrid.live.store.entry import Entry
from evergrid.model.session import Sessions

KIND = "stay"
LEAST_STAY_S = 60.0  # shorter ones are nobody's capacity
SECOND_US = 1_000_000


@dataclass(frozen=True)
class PastStay:
    """A vehicle that was under orders, and has left. Energies are in the cells.

    Attributes:
        station: Where; a place in the fleet counts, whoever stands on it.
        site: Of the station.
        arrival_s: When it said what it asks for, UTC seconds since 1970.
        departure_s: Until when it could be called: until it left, or its driver asked to charge at
            once or opted out.
        stated_s: Departure as it was stated, or assumed, at arrival.
        capacity_kwh: Of the cells.
        energy_arrival_kwh: At `arrival_s`.
        energy_departure_kwh: Planned for at departure.
        energy_reserve_kwh: Below which it did not discharge.
        max_charge_kw: By vehicle and station.
        max_discharge_kw: By vehicle, station and driver.
    """

    station: str
    site: str
    arrival_s: float
    departure_s: float
    stated_s: float
    capacity_kwh: float
    energy_arrival_kwh: float
    energy_departure_kwh: float
    energy_reserve_kwh: float
    max_charge_kw: float
    max_discharge_kw: float


_stay = msgspec.json.Decoder(PastStay)
_NUMBERS = tuple(one.name for one in fields(PastStay) if one.type is float)


def of_vehicle(came: Vehicle, site: str, left_s: float, cancelled_s: float | None) -> PastStay:
    """The stay of a vehicle as it came.

    Args:
        came: As it was at its first needs.
        site: Of its station.
        left_s: When it left.
        cancelled_s: When its driver asked to charge at once or opted out; None for never. What came
            after that counts as absence, also where the driver came back to the services.
    """
    until_s = left_s if cancelled_s is None else min(left_s, cancelled_s)
    return PastStay(
        station=came.station,
        site=site,
        arrival_s=came.energy_s,
        departure_s=until_s,
        stated_s=came.departure_s,
        capacity_kwh=came.capacity_kwh,
        energy_arrival_kwh=min(came.energy_kwh, came.capacity_kwh),
        energy_departure_kwh=came.aim_kwh,
        energy_reserve_kwh=min(came.reserve_kwh, came.capacity_kwh),
        max_charge_kw=came.max_charge_kw,
        max_discharge_kw=came.max_discharge_kw,
    )


def entries(
    gone: Vehicle,
    first_needs: ChargingNeeds | None,
    cancelled_s: float | None,
    device: Device,
    settings: VehicleSettings,
    left_s: float,
) -> list[Entry]:
    """What is written of a stay that ended; nothing of a battery, which is always there.

    Args:
        gone: The vehicle as it was at the end.
        first_needs: What it asked for first; None where it never did.
        cancelled_s: When its driver asked to charge at once or opted out; None for never.
        device: The station.
        settings: What is assumed of vehicles.
        left_s: When it left.
    """
    if first_needs is None or device.stationary:
        return []
    came = vehicles.of_needs(
        first_needs,
        device,
        settings,
        transaction=gone.transaction,
        driver=gone.driver,
        arrival_s=gone.arrival_s,
        discharge=gone.max_discharge_kw > 0,
    )
    stay = of_vehicle(came, device.site, left_s, cancelled_s)
    return [entry_of(stay, gone.transaction, left_s)]


def entry_of(stay: PastStay, transaction: str, left_s: float) -> Entry:
    """A stay as it is written, once for each transaction."""
    body = {one.name: getattr(stay, one.name) for one in fields(stay)}
    written = records.of_what(KIND, left_s, body, stay.station)
    return Entry(KIND, left_s, stay.station, transaction, 0, written.body)


@dataclass(frozen=True)
class StayTable:
    """Past stays by column, quick to send to another process.

    Attributes:
        names: Of stations and sites.
        station: Of each stay, by its place in `names`.
        site: Likewise.
        numbers: The numbers of `PastStay`, in its order.
    """

    names: tuple[str, ...]
    station: Int[Array, " stay"]
    site: Int[Array, " stay"]
    numbers: Float[Array, "stay number"]

    def __len__(self) -> int:
        return len(self.station)

    def _of(self, name: str) -> Float[Array, " stay"]:
        return self.numbers[:, _NUMBERS.index(name)]

    def sessions(self, efficiency: float) -> tuple[Sessions, Shaped[Array, " session"]]:
        """The stays as sessions, and the departures that were stated beforehand.

        A station is the asset: no two stays of it overlap. One that does, as clocks were set, ends
        where the next begins.

        Args:
            efficiency: One way, between cells and plug.
        """
        order = np.lexsort((self._of("arrival_s"), self.station))
        station, arrival = self.station[order], self._of("arrival_s")[order]
        until = self._of("departure_s")[order]
        same = station[1:] == station[:-1]
        until[:-1] = np.where(same, np.minimum(until[:-1], arrival[1:]), until[:-1])
        long = until - arrival >= LEAST_STAY_S
        row, until = order[long], until[long]
        count, names = len(row), np.array(self.names, dtype=object)
        columns = {name: self._of(name)[row] for name in _NUMBERS[3:]}
        sessions = Sessions(
            session_id=np.array([f"stay-{i}" for i in range(count)], dtype=object),
            asset_id=names[self.station[row]],
            site_id=names[self.site[row]],
            arrival_utc=_times(self._of("arrival_s")[row]),
            departure_utc=_times(until),
            efficiency_charge=np.full(count, efficiency),
            efficiency_discharge=np.full(count, efficiency),
            wear_cost_per_kwh=np.zeros(count),
            **columns,
        )
        return sessions, _times(self._of("stated_s")[row])


def _times(seconds: Float[Array, " stay"]) -> Shaped[Array, " stay"]:
    return np.round(seconds * SECOND_US).astype(np.int64).astype("datetime64[us]")


class StayReader:
    """Makes a table of entries of the log, part by part."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._stations: list[int] = []
        self._sites: list[int] = []
        self._numbers: list[Float[Array, "stay number"]] = []

    def take(self, entries: Sequence[Entry], *, since_s: float) -> None:
        """Read entries of the kind ``stay``; those that ended before a moment are left out."""
        stays = [_stay.decode(entry.body) for entry in entries]
        stays = [one for one in stays if one.departure_s >= since_s]
        self._stations += [self._number(one.station) for one in stays]
        self._sites += [self._number(one.site) for one in stays]
        rows = [[getattr(one, name) for name in _NUMBERS] for one in stays]
        self._numbers.append(np.array(rows, float).reshape(len(rows), len(_NUMBERS)))

    def _number(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))

    def table(self) -> StayTable:
        """All that was read."""
        return StayTable(
            tuple(self._names),
            np.array(self._stations, np.int64),
            np.array(self._sites, np.int64),
            np.concatenate([np.zeros((0, len(_NUMBERS))), *self._numbers]),
        )
