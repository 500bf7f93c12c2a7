"""What a site needs to go on by itself: the last plan of its vehicles, and its limits."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True)
class PlannedSession:
    """A vehicle, and what it was planned to do.

    Attributes:
        station: Where it is plugged in.
        evse: Outlet.
        transaction: Of the vehicle.
        site: Of the station.
        power_kw: In each step of the plan, into the grid.
        max_charge_kw: It may draw at most.
        max_discharge_kw: It may feed at most; 0 where it may not.
        least_kw: Below which its charger gives nothing.
        efficiency: One way, between cells and plug.
        capacity_kwh: Of the cells.
        energy_kwh: In the cells when this was told.
        energy_s: When that was, UTC seconds since 1970.
        owed_kwh: In the cells at departure.
        reserve_kwh: Below which it is not discharged.
        departure_s: When it leaves.
    """

    station: str
    evse: int
    transaction: str
    site: str
    power_kw: tuple[float, ...]
    max_charge_kw: float
    max_discharge_kw: float
    least_kw: float
    efficiency: float
    capacity_kwh: float
    energy_kwh: float
    energy_s: float
    owed_kwh: float
    reserve_kwh: float
    departure_s: float


@dataclass(frozen=True)
class SiteLimit:
    """What a site may draw and feed, in each step of a plan.

    Attributes:
        site: Its name.
        import_kw: It may draw, 0 or more.
        export_kw: It may feed, 0 or more.
    """

    site: str
    import_kw: tuple[float, ...]
    export_kw: tuple[float, ...]


@dataclass(frozen=True)
class SitePlan:
    """What a gateway goes on by.

    Attributes:
        start_s: Of the first step, UTC seconds since 1970.
        step_s: Length of a step.
        sessions: Vehicles that are plugged in.
        limits: Of the sites, those above others too.
        parents: Site above each site; "" for none.
        sites: Site of each station.
    """

    start_s: float
    step_s: float
    sessions: tuple[PlannedSession, ...]
    limits: tuple[SiteLimit, ...]
    parents: dict[str, str]
    sites: dict[str, str]

    def step_at(self, time_s: float) -> int:
        """Step of a moment, from 0; beyond the last one once the plan is over."""
        return max(int((time_s - self.start_s + 1e-6) // self.step_s), 0)


_decoder = msgspec.msgpack.Decoder(SitePlan)


def decoded(body: bytes) -> SitePlan:
    """A plan that came as a notice."""
    return _decoder.decode(body)
