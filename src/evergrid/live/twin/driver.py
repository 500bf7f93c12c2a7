"""Who plugs in at a simulated station, when, and what they ask for.

A stay is what a driver does; the station learns of it when the plug goes in. Drivers come from the
mobility model, or from sessions that are given.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.model.session import Sessions

SECOND = np.timedelta64(1, "s")
EPOCH = np.datetime64("1970-01-01T00:00:00", "us")


@dataclass(frozen=True)
class Driver:
    """A person with a card, as the service knows them.

    Attributes:
        token: Of the card.
        driver: Pseudonym.
        may_discharge: Whether the driver has agreed to discharging.
    """

    token: str
    driver: str
    may_discharge: bool


@dataclass(frozen=True)
class Stay:
    """A vehicle at a station, from plug to unplug. Times are UTC seconds since 1970.

    Attributes:
        name: Of the session.
        token: Of the driver's card.
        arrival_s: When it plugs in.
        departure_s: When it means to leave, as it tells the station.
        leaves_s: When it really leaves.
        capacity_kwh: Of the cells.
        energy_kwh: In them on arrival.
        owed_kwh: In them at departure, as the driver asks.
        reserve_kwh: That discharging leaves.
        wants_v2x: Whether it asks for power both ways, where the driver may.
        priority_s: When the driver says "I need it now"; None for never.
    """

    name: str
    token: str
    arrival_s: float
    departure_s: float
    leaves_s: float
    capacity_kwh: float
    energy_kwh: float
    owed_kwh: float
    reserve_kwh: float
    wants_v2x: bool
    priority_s: float | None = None


def stays(sessions: Sessions) -> list[Stay]:
    """A stay for each session, which leaves when it says; its token names the asset."""
    arrival = (sessions.arrival_utc - EPOCH) / SECOND
    departure = (sessions.departure_utc - EPOCH) / SECOND
    return [
        Stay(
            name=str(sessions.session_id[row]),
            token=token_of(str(sessions.asset_id[row])),
            arrival_s=float(arrival[row]),
            departure_s=float(departure[row]),
            leaves_s=float(departure[row]),
            capacity_kwh=float(sessions.capacity_kwh[row]),
            energy_kwh=float(sessions.energy_arrival_kwh[row]),
            owed_kwh=float(sessions.energy_departure_kwh[row]),
            reserve_kwh=float(sessions.energy_reserve_kwh[row]),
            wants_v2x=bool(sessions.max_discharge_kw[row] > 0),
        )
        for row in range(len(sessions))
    ]


def token_of(asset: str) -> str:
    """The token of the card that drives an asset."""
    return f"card-{asset}"
