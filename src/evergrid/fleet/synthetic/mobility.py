"""Who is plugged in where and when: plausible sessions of whole fleets, drawn from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken, unique
from evergrid.core.local_time import local_from_utc, utc_from_local
from evergrid.core.timegrid import TimeGrid, datetime64, zone
from evergrid.fleet.random_streams import seed_faults, stream
from evergrid.fleet.synthetic import archetypes, habits, names, school_bus
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.stay import Stays
from evergrid.model.session import Sessions

ONE_HOUR = np.timedelta64(1, "h")


def sessions(grid: TimeGrid, fleet: Sequence[FleetGroup], *, seed: int) -> Sessions:
    """Sessions of the fleet that touch the grid, ordered by group, vehicle and arrival.

    A vehicle that is plugged in when the grid starts has a session that begins there; one that is
    still plugged in when the grid ends keeps its true departure. Every energy owed can be charged
    at the session's rating within its stay: never more than 0.9 of what fits is owed. Each group
    draws from a stream of its own, made of the seed and the group's label, so groups can be added,
    removed or reordered without a change in the others.

    Args:
        grid: The time that the sessions must touch.
        fleet: Groups of vehicles, with labels of their own.
        seed: Not negative; the same seed gives the same sessions.

    Raises:
        InputError: A negative seed, no group, or groups that share a label.
    """
    labels = np.array([group.label for group in fleet], dtype=object)
    faults = unique("name", labels, fix="Give each group a name of its own.")
    counts = np.array([len(fleet)])
    faults += broken("fleet", counts > 0, "have at least one group", values=counts)
    raise_if_any("fleet", faults + seed_faults(seed))
    parts = [_columns(grid, group, stream(seed, group.label)) for group in fleet]
    return Sessions(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


@dataclass(frozen=True)
class _PlugIns:
    """Stays in UTC that touch the grid, with the battery of each."""

    stays: Stays
    arrival: Shaped[Array, " stay"]
    departure: Shaped[Array, " stay"]
    capacity_kwh: Float[Array, " stay"]


def _columns(
    grid: TimeGrid, group: FleetGroup, rng: np.random.Generator
) -> dict[str, Shaped[Array, " session"]]:
    """Every column of the sessions table for one group."""
    plugged = _plugged(grid, group, rng)
    vehicle = plugged.stays.vehicle
    v2g = rng.permutation(group.vehicles) < round(group.v2g_share * group.vehicles)
    asset_id, session_id = names.of(group.label, vehicle, group.vehicles)
    sites = np.array(group.sites, dtype=object)

    def same(value: float) -> Float[Array, " session"]:
        return np.full(len(vehicle), value)

    return {
        "session_id": session_id,
        "asset_id": asset_id,
        "site_id": sites[vehicle % len(sites)],
        "arrival_utc": plugged.arrival,
        "departure_utc": plugged.departure,
        "capacity_kwh": plugged.capacity_kwh,
        **_energies(group, plugged, rng),
        "max_charge_kw": same(group.max_charge_kw),
        "max_discharge_kw": np.where(v2g, group.max_discharge_kw, 0.0)[vehicle],
        "efficiency_charge": same(group.efficiency_charge),
        "efficiency_discharge": same(group.efficiency_discharge),
        "wear_cost_per_kwh": same(group.wear_cost_per_kwh),
        "wear_rise_per_kwh_per_kw": same(group.wear_rise_per_kwh_per_kw),
    }


def _plugged(grid: TimeGrid, group: FleetGroup, rng: np.random.Generator) -> _PlugIns:
    start, end = datetime64(grid.start_utc), datetime64(grid.end_utc)
    clock = zone(group.time_zone)
    first_day, last_day = local_from_utc(np.array([start, end]), clock).astype("datetime64[D]")
    if group.place == "depot":
        drawn = school_bus.capacities_kwh(group, rng)
        fixed = group.capacity_kwh
        capacity_kwh = drawn if fixed is None else np.full(group.vehicles, fixed)
        stays = school_bus.stays(group, first_day, last_day, rng)
    else:
        cars = habits.drivers(group, rng)
        capacity_kwh = cars.capacity_kwh
        stays = habits.stays(group, cars, first_day, last_day, rng)
    arrival = utc_from_local(stays.arrival_local.astype("datetime64[us]"), clock)
    departure = utc_from_local(stays.departure_local.astype("datetime64[us]"), clock)
    begin = np.maximum(arrival, start)
    # Also drops what a clock change turns around: a short stay around a skipped or repeated hour.
    keep = (arrival < end) & (departure - begin >= archetypes.SHORTEST_STAY)
    keep &= ~_before_previous_end(stays, arrival, departure)
    kept = stays.select(keep)
    return _PlugIns(kept, begin[keep], departure[keep], capacity_kwh[kept.vehicle])


def _before_previous_end(
    stays: Stays, arrival: Shaped[Array, " stay"], departure: Shaped[Array, " stay"]
) -> Shaped[Array, " stay"]:
    """Whether a clock change makes a stay begin in UTC before the vehicle's last one ended."""
    same = stays.vehicle[1:] == stays.vehicle[:-1]
    return np.append(False, same & (arrival[1:] < departure[:-1]))[: len(arrival)]


def _energies(
    group: FleetGroup, plugged: _PlugIns, rng: np.random.Generator
) -> dict[str, Float[Array, " session"]]:
    """What each vehicle arrives with, is owed and keeps back, within battery and charger."""
    capacity_kwh = plugged.capacity_kwh
    stay_h = (plugged.departure - plugged.arrival) / ONE_HOUR
    share = rng.uniform(*archetypes.DEPARTURE_SHARES, len(stay_h))
    departure_kwh = share * capacity_kwh
    reachable_kwh = stay_h * group.max_charge_kw * group.efficiency_charge
    most_kwh = np.minimum(
        archetypes.REACHABLE_SHARE * reachable_kwh,
        departure_kwh - archetypes.FLOOR_SHARE * capacity_kwh,
    )
    arrival_kwh = departure_kwh - np.minimum(plugged.stays.need_kwh, most_kwh)
    return {
        "energy_arrival_kwh": arrival_kwh,
        "energy_departure_kwh": departure_kwh,
        "energy_reserve_kwh": np.minimum(group.reserve_share * capacity_kwh, arrival_kwh),
    }
