"""What flowed in a run of a power system, checked: energies balance before money is counted."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.impact.welfare.party import Party

BALANCE = 1e-9  # share of the largest flow by which energies of a step may miss each other


@dataclass(frozen=True)
class SystemRun:
    """Energies, costs and emissions, step by step.

    Consumption and vehicles are counted at their meters, plants and storage at the grid; losses
    are between.

    Attributes:
        weight: How often each step counts, such as days of the year that are like its day.
        consumption_mwh: Asked for by consumers, vehicles apart.
        unserved_mwh: Of that, what is not served.
        driving_mwh: Charged for driving.
        charge_mwh: Charged for feeding later.
        discharge_mwh: Fed by vehicles.
        storage_mwh: Fed by storage of the grid, below 0 where it charges.
        generation_mwh: Of the country's own plants, what is curtailed left out.
        import_mwh: Of neighbours.
        losses_mwh: In lines and transformers.
        curtailed_mwh: Wind and sun that nobody takes.
        generation_cost: Of own plants, without a carbon price.
        import_cost: Of neighbours, without a carbon price.
        priced_co2_t: Emissions that pay the carbon price.
        emissions_t: By pollutant, in the order of `pollutants.POLLUTANTS`.
        price_per_mwh: At the grid.
        wear_cost: Of vehicles by feeding, of all steps with their weights.
        inconvenience_cost: Of drivers, likewise, with the worth of range they give up.
        programme_cost: Of running V2G, likewise.
        storage_cost: Wear of storage of the grid, likewise.
        capacity_worth: Of vehicles' power that is surely there, in all; the utility needs so much
            less, and pays the aggregator for it.
        stored_begin_mwh: In vehicles and storage, when each step's day, or the run, begins.
        stored_end_mwh: When it ends.

    Raises:
        InputError: Arrays that do not fit, a negative energy, or energies that do not balance.
    """

    weight: Float[Array, " step"]
    consumption_mwh: Float[Array, " step"]
    unserved_mwh: Float[Array, " step"]
    driving_mwh: Float[Array, " step"]
    charge_mwh: Float[Array, " step"]
    discharge_mwh: Float[Array, " step"]
    storage_mwh: Float[Array, " step"]
    generation_mwh: Float[Array, " step"]
    import_mwh: Float[Array, " step"]
    losses_mwh: Float[Array, " step"]
    curtailed_mwh: Float[Array, " step"]
    generation_cost: Float[Array, " step"]
    import_cost: Float[Array, " step"]
    priced_co2_t: Float[Array, " step"]
    emissions_t: Float[Array, "pollutant step"]
    price_per_mwh: Float[Array, " step"]
    wear_cost: float = 0.0
    inconvenience_cost: float = 0.0
    programme_cost: float = 0.0
    storage_cost: float = 0.0
    capacity_worth: float = 0.0
    stored_begin_mwh: float = 0.0
    stored_end_mwh: float = 0.0

    def __post_init__(self) -> None:
        """Check shapes, signs and the balance of every step."""
        records.check(self, "system run")
        steps = np.arange(len(self.weight)).astype(str)
        faults = []
        for field in (
            *("weight", "consumption_mwh", "unserved_mwh", "driving_mwh", "charge_mwh"),
            *("discharge_mwh", "losses_mwh", "curtailed_mwh", "priced_co2_t"),
        ):
            values = getattr(self, field)
            faults += broken(field, values >= 0, "be at least 0", values=values, ids=steps)
        ok = self.unserved_mwh <= self.consumption_mwh * (1 + BALANCE)
        rule = "be at most the consumption"
        faults += broken("unserved_mwh", ok, rule, values=self.unserved_mwh, ids=steps)
        balance = self._into_grid - self._out_of_grid
        largest = np.maximum(np.abs(self._into_grid), 1.0)
        ok = np.abs(balance) <= BALANCE * largest
        rule = "bring as much into the grid as is taken from it"
        fix = "Generation, imports, storage and vehicles less loads and losses must be 0."
        faults += broken("step", ok, rule, values=balance, ids=steps, fix=fix)
        raise_if_any("system run", faults)

    @property
    def served_mwh(self) -> Float[Array, " step"]:
        """What consumers get."""
        return self.consumption_mwh - self.unserved_mwh

    @property
    def _into_grid(self) -> Float[Array, " step"]:
        return self.generation_mwh + self.import_mwh + self.storage_mwh + self.discharge_mwh

    @property
    def _out_of_grid(self) -> Float[Array, " step"]:
        return self.served_mwh + self.driving_mwh + self.charge_mwh + self.losses_mwh

    def sum(self, values: Float[Array, " step"]) -> float:
        """The sum over all steps with their weights."""
        return float(self.weight @ values)

    @property
    def storage_fed_mwh(self) -> float:
        """What storage of the grid feeds."""
        return self.sum(np.maximum(self.storage_mwh, 0.0))

    @property
    def stored_change_mwh(self) -> float:
        """By how much storage and vehicles hold more at the end."""
        return self.stored_end_mwh - self.stored_begin_mwh


@dataclass(frozen=True)
class MarketTerms:
    """Who pays whom how much.

    Attributes:
        voll_per_mwh: Value of lost load.
        carbon_price_per_t: Paid by plants to the government.
        retail_per_mwh: Paid by consumers and drivers to the utility, step by step, without tax.
        tax_per_mwh: On consumption and charging for driving.
        tax_on_feeding_per_mwh: On charging to feed later; 0 where it is not taxed twice.
        rate_per_mwh: Paid to owners by the aggregator for each MWh fed, step by step.
        adder_per_mwh: Paid to owners by the government on top; below 0 where owners are charged.
        fixed_payment: To owners by the aggregator, in all.
        loss_credit: What the wholesale price of vehicles' energy is multiplied by at the meter.
        storage_owner: The one party that storage of the grid belongs to.
        damage_per_t: Of a tonne of each pollutant, in the order of `pollutants.POLLUTANTS`.

    Raises:
        InputError: Arrays that do not fit, a value of lost load that is not positive.
    """

    voll_per_mwh: float
    carbon_price_per_t: float
    retail_per_mwh: Float[Array, " step"]
    tax_per_mwh: float
    tax_on_feeding_per_mwh: float
    rate_per_mwh: Float[Array, " step"]
    adder_per_mwh: Float[Array, " step"]
    fixed_payment: float
    loss_credit: Float[Array, " step"]
    storage_owner: Party
    damage_per_t: Float[Array, " pollutant"]

    def __post_init__(self) -> None:
        """Check kinds, shapes and ranges."""
        records.check(self, "market terms")
        if not (np.isfinite(self.voll_per_mwh) and self.voll_per_mwh > 0):
            fault = Fault("voll_per_mwh", "be above 0", (self.voll_per_mwh,))
            raise_if_any("market terms", [fault])


def check_prices(run: SystemRun, terms: MarketTerms) -> None:
    """Refuse a price above the value of lost load, at which nobody would want to be served.

    Raises:
        InputError: Every such step, with its price.
    """
    ok = run.price_per_mwh <= terms.voll_per_mwh * (1 + BALANCE)
    steps = np.arange(len(run.weight)).astype(str)
    rule = f"be at most the value of lost load, {terms.voll_per_mwh:g}"
    fix = "Raise voll_per_mwh, or cap the price."
    faults = broken("price_per_mwh", ok, rule, values=run.price_per_mwh, ids=steps, fix=fix)
    raise_if_any("system run", faults)
