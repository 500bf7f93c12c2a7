"""What it costs to serve a load: a stack of plants, or a straight line of marginal cost.

Loads are on the grid's side, after losses, and net of wind and sun. A load below zero is more wind
and sun than is needed: the rest is curtailed and costs nothing.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import KG_PER_TONNE
from evergrid.impact.welfare.pollutants import POLLUTANTS

CO2 = POLLUTANTS.index("co2")


@dataclass(frozen=True)
class SupplyHours:
    """How loads are served; every array has the shape of the loads, energies are of one hour.

    Attributes:
        generation_mwh: Of the country's own plants.
        import_mwh: Of neighbours.
        unserved_mwh: Beyond all capacity.
        curtailed_mwh: Wind and sun that nobody takes.
        generation_cost: Of the own plants, without a carbon price.
        import_cost: Of neighbours, without a carbon price.
        priced_co2_t: Emissions that pay the carbon price.
        emissions_t: By pollutant, in the order of `POLLUTANTS`, on the first axis.
        price_per_mwh: Marginal cost with the carbon price; what is paid for lost load where load
            is lost. At the edge of a block that of the block.
    """

    generation_mwh: Float[Array, "..."]
    import_mwh: Float[Array, "..."]
    unserved_mwh: Float[Array, "..."]
    curtailed_mwh: Float[Array, "..."]
    generation_cost: Float[Array, "..."]
    import_cost: Float[Array, "..."]
    priced_co2_t: Float[Array, "..."]
    emissions_t: Float[Array, "pollutant ..."]
    price_per_mwh: Float[Array, "..."]


class AbstractSupply(ABC):
    """Serves loads at least cost, a carbon price included.

    Attributes:
        carbon_price_per_t: What is paid for a tonne of carbon dioxide by those who pay it.
    """

    carbon_price_per_t: float

    @abstractmethod
    def serve(self, load_mwh: Float[Array, "..."]) -> SupplyHours:
        """How loads of an hour are served."""

    @abstractmethod
    def price(self, load_mwh: Float[Array, "..."]) -> Float[Array, "..."]:
        """Marginal cost of a load with the carbon price; 0 where there is more than is needed."""


@final
@dataclass(frozen=True)
class StackSupply(AbstractSupply):
    """Blocks of plants, the cheapest first. Which runs is decided by cost with the carbon price.

    Attributes:
        name: Of each block.
        capacity_mw: Of each.
        cost_per_mwh: Fuel and variable operation, without a carbon price.
        emission_kg_per_mwh: By pollutant, in the order of `POLLUTANTS`.
        imported: Whether it belongs to neighbours.
        pays_carbon: Whether it pays the carbon price.
        carbon_price_per_t: What is paid for a tonne of carbon dioxide.
        voll_per_mwh: Value of lost load, and the price where load is lost.

    Raises:
        InputError: No block, a capacity that is not positive, a negative emission factor, or a
            cost above the value of lost load.
    """

    name: Shaped[Array, " block"]
    capacity_mw: Float[Array, " block"]
    cost_per_mwh: Float[Array, " block"]
    emission_kg_per_mwh: Float[Array, "pollutant block"]
    imported: Bool[Array, " block"]
    pays_carbon: Bool[Array, " block"]
    carbon_price_per_t: float
    voll_per_mwh: float

    def __post_init__(self) -> None:
        """Check every block and list all faults."""
        records.check(self, "supply", pollutant=lambda: len(POLLUTANTS))
        faults = []
        if not len(self.name):
            faults.append(Fault("supply", "have a block"))
        least_kg = self.emission_kg_per_mwh.min(axis=0)
        for field, values, ok, rule in (
            ("capacity_mw", self.capacity_mw, self.capacity_mw > 0, "be above 0"),
            ("cost_per_mwh", self.cost_per_mwh, np.isfinite(self.cost_per_mwh), "be a number"),
            ("emission_kg_per_mwh", least_kg, least_kg >= 0, "be at least 0"),
        ):
            faults += broken(field, np.asarray(ok), rule, values=values, ids=self.name)
        fix = "Raise voll_per_mwh, or leave the block out: losing load would be cheaper."
        rule = f"be at most the value of lost load, {self.voll_per_mwh:g}, with the carbon price"
        ok = self._priced <= self.voll_per_mwh
        faults += broken("cost_per_mwh", ok, rule, values=self._priced, ids=self.name, fix=fix)
        raise_if_any("supply", faults)

    @cached_property
    def _priced(self) -> Float[Array, " block"]:
        carbon = self.emission_kg_per_mwh[CO2] / KG_PER_TONNE * self.carbon_price_per_t
        return self.cost_per_mwh + np.where(self.pays_carbon, carbon, 0.0)

    @cached_property
    def _order(self) -> Array:
        return np.argsort(self._priced, kind="stable")

    @cached_property
    def _ends_mw(self) -> Float[Array, " end"]:
        """Where each block of the order begins, and where the last one ends."""
        return np.concatenate([[0.0], np.cumsum(self.capacity_mw[self._order])])

    def serve(self, load_mwh: Float[Array, "..."]) -> SupplyHours:
        """How loads of an hour are served; the price at the end of a block is that of the block."""
        ends = self._ends_mw
        served = np.clip(load_mwh, 0.0, ends[-1])
        block = np.clip(np.searchsorted(ends, served, side="left") - 1, 0, len(ends) - 2)
        within = served - ends[block]

        def summed(rate: Float[Array, " block"]) -> Float[Array, "..."]:
            ordered = rate[self._order]
            before = np.concatenate([[0.0], np.cumsum(ordered * self.capacity_mw[self._order])])
            return before[block] + ordered[block] * within

        own = np.where(self.imported, 0.0, 1.0)
        per_t = self.emission_kg_per_mwh / KG_PER_TONNE
        return SupplyHours(
            generation_mwh=summed(own),
            import_mwh=summed(1.0 - own),
            unserved_mwh=np.maximum(load_mwh - ends[-1], 0.0),
            curtailed_mwh=np.maximum(-load_mwh, 0.0),
            generation_cost=summed(own * self.cost_per_mwh),
            import_cost=summed((1.0 - own) * self.cost_per_mwh),
            priced_co2_t=summed(np.where(self.pays_carbon, per_t[CO2], 0.0)),
            emissions_t=np.stack([summed(rate) for rate in per_t]),
            price_per_mwh=self.price(load_mwh),
        )

    def price(self, load_mwh: Float[Array, "..."]) -> Float[Array, "..."]:
        """At the end of a block that of the block; that of lost load beyond all of them."""
        rising = np.concatenate([self._priced[self._order], [self.voll_per_mwh]])
        block = np.searchsorted(self._ends_mw[1:], load_mwh, side="left")
        return np.where(load_mwh > 0, rising[block], 0.0)


@final
@dataclass(frozen=True)
class LinearSupply(AbstractSupply):
    """A marginal cost that rises in a straight line, and emits the same in every MWh.

    Attributes:
        intercept_per_mwh: Marginal cost of the first MWh, with the carbon price.
        slope_per_mwh2: By how much it rises with each MWh in the hour.
        co2_kg_per_mwh: Of every MWh.
        carbon_price_per_t: Part of the marginal cost.
    """

    intercept_per_mwh: float
    slope_per_mwh2: float
    co2_kg_per_mwh: float = 0.0
    carbon_price_per_t: float = 0.0

    def serve(self, load_mwh: Float[Array, "..."]) -> SupplyHours:
        """How loads of an hour are served; there is no end of capacity."""
        served = np.maximum(load_mwh, 0.0)
        co2_t = served * self.co2_kg_per_mwh / KG_PER_TONNE
        emissions = np.zeros((len(POLLUTANTS), *served.shape))
        emissions[CO2] = co2_t
        paid = self.intercept_per_mwh * served + self.slope_per_mwh2 * served**2 / 2
        none = np.zeros(served.shape)
        return SupplyHours(
            generation_mwh=served,
            import_mwh=none,
            unserved_mwh=none,
            curtailed_mwh=np.maximum(-load_mwh, 0.0),
            generation_cost=paid - self.carbon_price_per_t * co2_t,
            import_cost=none,
            priced_co2_t=co2_t,
            emissions_t=emissions,
            price_per_mwh=self.price(load_mwh),
        )

    def price(self, load_mwh: Float[Array, "..."]) -> Float[Array, "..."]:
        """The height of the line; 0 where there is more than is needed."""
        return np.where(load_mwh > 0, self.intercept_per_mwh + self.slope_per_mwh2 * load_mwh, 0.0)


@dataclass(frozen=True)
class MarketClearing:
    """A market of a straight demand and a straight supply.

    Attributes:
        quantity_mwh: Traded.
        price_per_mwh: At which it is.
        consumer_surplus: What consumers would have paid beyond it.
        producer_surplus: What producers are paid beyond their cost.
    """

    quantity_mwh: float
    price_per_mwh: float
    consumer_surplus: float
    producer_surplus: float


def cleared(supply: LinearSupply, *, most_mwh: float, mwh_per_price: float) -> MarketClearing:
    """Where the demand ``most_mwh - mwh_per_price * price`` meets a supply.

    Args:
        supply: Of one hour.
        most_mwh: What is wanted for nothing.
        mwh_per_price: By how much less with each unit of the price; above 0.

    Source:
        Crossing of two straight lines; no outside source.
    """
    a, b = supply.intercept_per_mwh, supply.slope_per_mwh2
    quantity = max((most_mwh - mwh_per_price * a) / (1.0 + mwh_per_price * b), 0.0)
    price = a + b * quantity
    return MarketClearing(
        quantity,
        price,
        consumer_surplus=quantity**2 / (2.0 * mwh_per_price),
        producer_surplus=b * quantity**2 / 2.0,
    )
