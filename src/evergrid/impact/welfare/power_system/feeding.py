"""What feeding by vehicles saves a power system, day by day, for any amount that is fed.

Each day vehicles charge in the hours of the lowest load and feed in those of the highest, and end
the day as full as they began it. That is the cheapest way for a supply that is the same in all
hours. It needs batteries that hold a day's feeding.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.impact.welfare.power_system import daily
from evergrid.impact.welfare.power_system.daily import DailyCycle
from evergrid.impact.welfare.power_system.grid_storage import GridStorage, response
from evergrid.impact.welfare.power_system.supply import AbstractSupply, SupplyHours
from evergrid.impact.welfare.power_system.system import SystemRun


@dataclass(frozen=True)
class FeedingSystem:
    """A power system in which vehicles may feed.

    Attributes:
        supply: Serves loads, at the grid.
        weight: How often each day counts.
        consumption_mwh: At meters, vehicles apart.
        renewable_mwh: Wind and sun, at the grid.
        driving_mwh: Charged for driving, at meters, in the cheapest hours.
        loss_share: Of what is sent out, what is lost before it is metered.
        charger_mw: Of all vehicles together, at meters.
        round_trip: Fed over charged, at meters.
        storage: Batteries of the grid, which follow the load that vehicles leave; None for none.

    Raises:
        InputError: Arrays that do not fit, or shares beyond their range.
    """

    supply: AbstractSupply
    weight: Float[Array, " day"]
    consumption_mwh: Float[Array, "day hour"]
    renewable_mwh: Float[Array, "day hour"]
    driving_mwh: Float[Array, "day hour"]
    loss_share: float
    charger_mw: float
    round_trip: float
    storage: GridStorage | None = None

    def __post_init__(self) -> None:
        """Check kinds, shapes and ranges."""
        records.check(self, "feeding")
        faults = []
        if not 0 <= self.loss_share < 1:
            faults.append(Fault("loss_share", "be at least 0 and below 1", (self.loss_share,)))
        if not 0 < self.round_trip <= 1:
            faults.append(Fault("round_trip", "be above 0 and at most 1", (self.round_trip,)))
        if not self.charger_mw > 0:
            faults.append(Fault("charger_mw", "be above 0", (self.charger_mw,)))
        raise_if_any("feeding", faults)

    @property
    def per_meter(self) -> float:
        """Energy at the grid for each MWh at a meter."""
        return 1.0 / (1.0 - self.loss_share)

    @cached_property
    def load_mwh(self) -> Float[Array, "day hour"]:
        """At the grid, net of wind and sun, without feeding."""
        metered = self.consumption_mwh + self.driving_mwh
        return metered * self.per_meter - self.renewable_mwh

    @property
    def most_mwh(self) -> float:
        """Most that chargers can feed in a day and draw again for it."""
        return self.load_mwh.shape[1] * self.charger_mw / (1.0 + 1.0 / self.round_trip)

    def cycle(self, fed_mwh: Float[Array, "day node"]) -> DailyCycle:
        """Charging and feeding at meters, for so much feeding in each day.

        Raises:
            InputError: More than chargers can draw and feed in a day.
        """
        drawn, hours = fed_mwh / self.round_trip, self.load_mwh.shape[1]
        if fed_mwh.max(initial=0.0) > self.most_mwh:
            rule = f"fit into the chargers' power, {self.charger_mw:,.6g} MW in {hours} hours"
            rule += f", which feed {self.most_mwh:,.6g} MWh and draw it again"
            fix = "That is MWh of all vehicles: lower feed_kwh_per_day, or raise charger_kw."
            got = (float(fed_mwh.max()),)
            raise_if_any("feeding", [Fault("feed_kwh_per_day", rule, got, fix=fix)])
        at_grid = self.per_meter
        made = daily.cycled(
            self.load_mwh, fed_mwh * at_grid, drawn * at_grid, self.charger_mw * at_grid
        )
        return DailyCycle(made.charge_mwh / at_grid, made.discharge_mwh / at_grid)

    def at_grid(self, cycle: DailyCycle) -> Float[Array, "day node hour"]:
        """Net load at the grid with charging and feeding at meters."""
        net = cycle.charge_mwh - cycle.discharge_mwh
        return self.load_mwh[:, None] + net * self.per_meter

    def served(
        self, cycle: DailyCycle
    ) -> tuple[SupplyHours, Float[Array, "day node hour"] | float]:
        """What plants do with charging and feeding, and what storage of the grid feeds."""
        load = self.at_grid(cycle)
        stored = 0.0 if self.storage is None else response(self.storage, self.supply, load)
        return self.supply.serve(load - stored), stored

    def storage_wear(
        self, stored: Float[Array, "day node hour"] | float
    ) -> Float[Array, "day node hour"] | float:
        """Wear of storage of the grid in each hour."""
        rate = 0.0 if self.storage is None else self.storage.wear_per_mwh
        return rate * np.maximum(stored, 0.0)


@dataclass(frozen=True)
class FeedingValue:
    """What feeding saves on each day, at nodes of the amount fed.

    Attributes:
        saved: Cost of plants and imports with the carbon price, wear of storage of the grid, and
            lost load.
        emitted_t: More emissions, by pollutant.
        priced_co2_t: More of those that pay the carbon price.
    """

    saved: Float[Array, "day node"]
    emitted_t: Float[Array, "pollutant day node"]
    priced_co2_t: Float[Array, "day node"]


def value(
    system: FeedingSystem,
    fed_mwh: Float[Array, " node"],
    *,
    voll_per_mwh: float,
) -> FeedingValue:
    """What feeding saves.

    Args:
        system: In which vehicles feed.
        fed_mwh: A day, at nodes that rise from 0.
        voll_per_mwh: Of lost load, at meters.
    """
    nodes = np.broadcast_to(fed_mwh, (len(system.weight), len(fed_mwh)))
    hours, stored = system.served(system.cycle(nodes))
    lost = hours.unserved_mwh / system.per_meter * voll_per_mwh
    carbon = system.supply.carbon_price_per_t * hours.priced_co2_t
    wear = system.storage_wear(stored)
    cost = (hours.generation_cost + hours.import_cost + carbon + lost + wear).sum(axis=2)
    emitted = hours.emissions_t.sum(axis=3)
    priced = hours.priced_co2_t.sum(axis=2)
    return FeedingValue(
        saved=cost[:, :1] - cost,
        emitted_t=emitted - emitted[:, :, :1],
        priced_co2_t=priced - priced[:, :1],
    )


def undetermined(
    system: FeedingSystem, fed_mwh: Float[Array, " day"], *, within_mwh: float
) -> float:
    """Money between those who buy and who sell that a little more or less feeding would move.

    Feeding often ends where a block of plants does, as that is where its worth falls. There any
    price between those of two blocks clears the market, and all together are not touched by it.

    Args:
        system: In which vehicles feed.
        fed_mwh: Of each day; days without feeding are left out.
        within_mwh: By how much more and less is looked at.
    """
    beside = fed_mwh[:, None] + np.array([-within_mwh, within_mwh])
    around = np.clip(beside, 0.0, max(system.most_mwh, float(fed_mwh.max())))
    hours, _ = system.served(system.cycle(around))
    width = np.abs(np.diff(hours.price_per_mwh, axis=1))[:, 0]
    sold = (hours.generation_mwh + hours.import_mwh)[:, 0]
    days = system.weight * (fed_mwh > 0)
    return float(days @ (sold * width).sum(axis=1))


@dataclass(frozen=True)
class OwnerCosts:
    """What feeding costs beside energy, over all days with their weights.

    Attributes:
        wear: Of vehicles.
        inconvenience: Of drivers, with range given up.
        programme: Of running it.
        capacity_worth: Of power that is surely there; a gain.
    """

    wear: float = 0.0
    inconvenience: float = 0.0
    programme: float = 0.0
    capacity_worth: float = 0.0


def run(
    system: FeedingSystem, fed_mwh: Float[Array, " day"], costs: OwnerCosts | None = None
) -> SystemRun:
    """What flows when so much is fed each day, hour by hour.

    Args:
        system: In which vehicles feed.
        fed_mwh: Of each day.
        costs: Beside energy.

    Raises:
        InputError: More load is lost than consumers use, so that vehicles would not be charged.
    """
    costs = costs or OwnerCosts()
    cycle = system.cycle(fed_mwh[:, None])
    hours, stored = system.served(cycle)
    charge, discharge = cycle.charge_mwh[:, 0], cycle.discharge_mwh[:, 0]
    unserved = hours.unserved_mwh[:, 0] / system.per_meter
    if (unserved > system.consumption_mwh).any():
        rule = "serve at least the charging of vehicles: more is lost than all others use"
        fix = "Add plants, or lower the charging of vehicles."
        got = (float((unserved - system.consumption_mwh).max()),)
        raise_if_any("feeding", [Fault("capacity_mw", rule, got, fix=fix)])
    # Plants serve loads at the grid, people pay at meters: what is lost between them is a share of
    # what is sent out. Load that is lost is never metered.
    metered = system.consumption_mwh - unserved + system.driving_mwh + charge - discharge
    renewable = system.renewable_mwh - hours.curtailed_mwh[:, 0]
    steps = system.load_mwh.shape[1]
    wear = np.broadcast_to(system.storage_wear(stored), cycle.charge_mwh.shape).sum(axis=(1, 2))

    def flat(values: Float[Array, "day 1 hour"]) -> Float[Array, " step"]:
        return values[:, 0].ravel()

    return SystemRun(
        weight=np.repeat(system.weight, steps),
        consumption_mwh=system.consumption_mwh.ravel(),
        unserved_mwh=unserved.ravel(),
        driving_mwh=system.driving_mwh.ravel(),
        charge_mwh=charge.ravel(),
        discharge_mwh=discharge.ravel(),
        storage_mwh=np.broadcast_to(stored, cycle.charge_mwh.shape).ravel(),
        generation_mwh=flat(hours.generation_mwh) + renewable.ravel(),
        import_mwh=flat(hours.import_mwh),
        losses_mwh=(metered * (system.per_meter - 1.0)).ravel(),
        curtailed_mwh=flat(hours.curtailed_mwh),
        generation_cost=flat(hours.generation_cost),
        import_cost=flat(hours.import_cost),
        priced_co2_t=flat(hours.priced_co2_t),
        emissions_t=hours.emissions_t[:, :, 0].reshape(len(hours.emissions_t), -1),
        price_per_mwh=flat(hours.price_per_mwh),
        wear_cost=costs.wear,
        inconvenience_cost=costs.inconvenience,
        programme_cost=costs.programme,
        capacity_worth=costs.capacity_worth,
        storage_cost=float(system.weight @ wear),
    )
