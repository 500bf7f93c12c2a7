"""A tariff of two parts: so much for being there, and so much for each MWh that is fed.

One rate cannot meet two margins. Whether an owner takes part at all depends on the effort of a
year; how deep a vehicle then feeds depends on wear and range. Energy is worth its rate, and being
there is worth what surely available power is worth to the system.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.impact.compensation import optimum
from evergrid.impact.compensation.value import AbstractValue, Amount

TRIED = 21  # depths in each round
ROUNDS = 11  # each closes in on a fifth of the last


@dataclass(frozen=True)
class ProgrammeOwners:
    """Owners who join a programme for a year, and then feed as deep as the rate pays for.

    Attributes:
        vehicles: That could join.
        power_kw: Of each.
        first_cost_per_mwh: Of the first MWh that a vehicle feeds in a year.
        last_cost_per_mwh: Of the last one.
        most_mwh: That a vehicle feeds in a year.
        highest_effort: Of the least ready owner for a year in the programme; spread evenly from 0.

    Raises:
        InputError: A value that is not positive, or a last cost that is not above the first.
    """

    vehicles: float
    power_kw: float
    first_cost_per_mwh: float
    last_cost_per_mwh: float
    most_mwh: float
    highest_effort: float

    def __post_init__(self) -> None:
        """Check kinds and ranges."""
        records.check(self, "programme owners")
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("vehicles", "power_kw", "most_mwh", "highest_effort")
            if not (value := getattr(self, name)) > 0
        ]
        if not self.last_cost_per_mwh > self.first_cost_per_mwh:
            rule = f"be above first_cost_per_mwh, {self.first_cost_per_mwh:g}"
            faults.append(Fault("last_cost_per_mwh", rule, (self.last_cost_per_mwh,)))
        raise_if_any("programme owners", faults)

    @property
    def rise_per_mwh2(self) -> float:
        """By how much the cost of a MWh rises with each MWh of a vehicle in a year."""
        return (self.last_cost_per_mwh - self.first_cost_per_mwh) / self.most_mwh

    def depth(self, rate_per_mwh: float) -> float:
        """MWh that a vehicle feeds in a year at a rate."""
        wanted = (rate_per_mwh - self.first_cost_per_mwh) / self.rise_per_mwh2
        return min(max(wanted, 0.0), self.most_mwh)

    def rate(self, depth_mwh: float) -> float:
        """The rate at which a vehicle feeds so much."""
        return self.first_cost_per_mwh + self.rise_per_mwh2 * depth_mwh

    def feeding_cost(self, depth_mwh: float) -> float:
        """What feeding so much costs a vehicle in a year."""
        return self.first_cost_per_mwh * depth_mwh + self.rise_per_mwh2 * depth_mwh**2 / 2

    def effort(self, vehicles: Amount) -> Amount:
        """Effort of a year of the readiest so many owners."""
        return self.highest_effort * np.asarray(vehicles, float) ** 2 / (2.0 * self.vehicles)


@dataclass(frozen=True)
class TwoPartTariff:
    """A tariff and what comes of it in a year.

    Attributes:
        fixed_per_kw_year: For being there.
        rate_per_mwh: For each MWh fed.
        vehicles: That join.
        depth_mwh: That each feeds.
        welfare: Worth to the system and the world less what it costs owners.
    """

    fixed_per_kw_year: float
    rate_per_mwh: float
    vehicles: float
    depth_mwh: float
    welfare: float


def at_rate(
    owners: ProgrammeOwners,
    private: AbstractValue,
    external: AbstractValue,
    rate_per_mwh: float,
    *,
    capacity_per_kw_year: float,
) -> TwoPartTariff:
    """The best fixed part beside a rate that is given, such as that of a simple tariff.

    The fixed part is what a vehicle is worth beyond what the rate pays it: its power, and the part
    of the worth of its energy that the rate leaves out, or less where the rate is too high.

    Args:
        owners: Who may join.
        private: Worth to the system of all MWh of a year.
        external: Worth to the world.
        rate_per_mwh: For each MWh fed.
        capacity_per_kw_year: Worth of a kW that is surely there.
    """
    return _joined(
        owners, private, external, owners.depth(rate_per_mwh), rate_per_mwh, capacity_per_kw_year
    )


def best(
    owners: ProgrammeOwners,
    private: AbstractValue,
    external: AbstractValue,
    *,
    capacity_per_kw_year: float,
) -> TwoPartTariff:
    """The best tariff: a fixed part worth the power, and the rate worth the energy.

    Depths are tried on a grid that closes in on its best, each with the vehicles that are then
    best; worth that rises and falls may have several tops, of which the first grid finds one.

    Args:
        owners: Who may join.
        private: Worth to the system of all MWh of a year.
        external: Worth to the world.
        capacity_per_kw_year: Worth of a kW that is surely there.
    """
    low, high = 0.0, owners.most_mwh
    made: list[TwoPartTariff] = []
    for _ in range(ROUNDS):
        depths = np.linspace(low, high, TRIED)
        tried = [
            _joined(owners, private, external, depth, owners.rate(depth), capacity_per_kw_year)
            for depth in depths.tolist()
        ]
        top = max(tried, key=lambda one: one.welfare)
        made.append(top)
        step = float(depths[1] - depths[0])
        low, high = max(top.depth_mwh - 2 * step, low), min(top.depth_mwh + 2 * step, high)
    return max(made, key=lambda one: one.welfare)


def _joined(
    owners: ProgrammeOwners,
    private: AbstractValue,
    external: AbstractValue,
    depth: float,
    rate: float,
    capacity: float,
) -> TwoPartTariff:
    """The vehicles that should join when each feeds so much, and what brings them."""
    cost = owners.feeding_cost(depth)
    there = capacity * owners.power_kw

    def gain(vehicles: Amount) -> Amount:
        energy = np.asarray(vehicles, float) * depth
        worth = private.total(energy) + external.total(energy)
        return worth + (there - cost) * np.asarray(vehicles, float) - owners.effort(vehicles)

    def slope_of_energy(vehicles: float) -> float:
        energy = vehicles * depth
        return (private.marginal(energy) + external.marginal(energy)) * depth

    def slope(vehicles: float) -> float:
        effort = owners.highest_effort * vehicles / owners.vehicles
        return slope_of_energy(vehicles) + there - cost - effort

    corners = np.concatenate([private.corners(), external.corners()])
    corners = corners / depth if depth > 0 else np.zeros(0)
    joined = optimum.maximum(gain, slope, corners, owners.vehicles)
    fixed = _fixed_part(owners, joined, depth, rate, there + slope_of_energy(joined) - cost)
    return TwoPartTariff(fixed, rate, joined, depth, float(gain(joined)))


def _fixed_part(
    owners: ProgrammeOwners, joined: float, depth: float, rate: float, worth: float
) -> float:
    """What brings so many vehicles: the last owner is paid the effort that the rate leaves open.

    Where all join, any part from there up to what a vehicle is worth does; the least is told, and
    none is charged.
    """
    left = rate * depth - owners.feeding_cost(depth)
    needed = owners.highest_effort * joined / owners.vehicles - left
    if joined >= owners.vehicles:
        needed = min(max(needed, 0.0), max(worth - left, needed))
    return needed / owners.power_kw
