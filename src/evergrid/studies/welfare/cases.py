"""A policy in full: what is fed each day, who pays whom, who gains and who loses."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.impact.compensation import policies
from evergrid.impact.compensation.policies import TWO_PART, DayCurves, PolicyOutcome
from evergrid.impact.compensation.two_part import TwoPartTariff
from evergrid.impact.welfare import change
from evergrid.impact.welfare.change import WelfareChange
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.pollutants import LOCAL, POLLUTANTS
from evergrid.impact.welfare.power_system import feeding
from evergrid.impact.welfare.power_system.feeding import FeedingSystem, OwnerCosts
from evergrid.impact.welfare.power_system.system import MarketTerms, SystemRun
from evergrid.studies.welfare import market
from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.market import PowerSystemInputs


@dataclass(frozen=True)
class PolicyCase:
    """A policy with its accounts.

    Attributes:
        outcome: Rates and what is fed.
        without: The system as the baseline has it.
        with_it: The system with V2G.
        terms: Who pays what with V2G.
        change: Of everyone, against the baseline.
        from_smart: Part of the total that comes of charging in cheap hours instead of at once; 0
            where the baseline does so already.
        undetermined: Money between those who buy and who sell that prices leave open where feeding
            ends at a block of plants.
    """

    outcome: PolicyOutcome
    without: SystemRun
    with_it: SystemRun
    terms: MarketTerms
    change: WelfareChange
    from_smart: float
    undetermined: float

    @cached_property
    def emitted_t(self) -> dict[str, float]:
        """More emissions, in tonnes by pollutant."""
        more = self.with_it.emissions_t @ self.with_it.weight
        less = self.without.emissions_t @ self.without.weight
        return dict(zip(POLLUTANTS, (more - less).tolist(), strict=True))

    @property
    def health(self) -> float:
        """Gain by less local pollution."""
        damage = dict(zip(POLLUTANTS, self.terms.damage_per_t, strict=True))
        return -sum(float(damage[one]) * self.emitted_t[one] for one in LOCAL)

    @property
    def fed_mwh(self) -> float:
        """Fed in all."""
        return self.with_it.sum(self.with_it.discharge_mwh)

    @property
    def mean_rate_per_mwh(self) -> float:
        """Paid to owners for a MWh on average, adder included; 0 where nothing is fed."""
        paid = (self.terms.rate_per_mwh + self.terms.adder_per_mwh) * self.with_it.discharge_mwh
        return self.with_it.sum(paid) / self.fed_mwh if self.fed_mwh > 0 else 0.0


def accounted(
    config: Config,
    inputs: PowerSystemInputs,
    outcome: PolicyOutcome,
    cost: str,
    *,
    costs: OwnerCosts | None = None,
    fixed_payment: float = 0.0,
) -> PolicyCase:
    """The accounts of a policy under a social cost of that name.

    Args:
        config: The study.
        inputs: Plants and days.
        outcome: What the policy pays, and what is fed.
        cost: Name of the social cost.
        costs: Of owners and of the programme; those of owners who choose by the MWh when absent.
        fixed_payment: Of the aggregator to owners, whatever they feed.
    """
    baseline = config.vehicles.baseline
    smart = market.system(config, inputs, "smart")
    before = smart if baseline == "smart" else market.system(config, inputs, baseline)
    nothing = np.zeros(len(inputs.weight))
    without = feeding.run(before, nothing)
    fed = outcome.quantity_mwh
    with_it = feeding.run(smart, fed, costs or market.owner_costs(config, inputs.weight, fed))
    paid = terms(config, smart, without, outcome, cost)
    retail = _retail(config, smart, with_it)
    after = replace(paid, retail_per_mwh=retail, fixed_payment=fixed_payment)
    found = change.of((without, paid), (with_it, after))
    shifted = 0.0
    if baseline != "smart":
        idle = feeding.run(smart, nothing)
        shift = change.of(
            (without, paid), (idle, replace(paid, retail_per_mwh=_retail(config, smart, idle)))
        )
        shifted = shift.total
    step = market.owners(config).most_mwh / (config.nodes - 1)
    open_money = feeding.undetermined(smart, fed, within_mwh=step)
    return PolicyCase(outcome, without, with_it, after, found, shifted, open_money)


def of_two_parts(
    config: Config,
    inputs: PowerSystemInputs,
    curves: DayCurves,
    world: Float[Array, "day node"],
    tariff: TwoPartTariff,
) -> PolicyCase:
    """The accounts of a tariff of two parts: one rate and amount on all days, and a fixed part.

    The government pays of the rate what the system does not, as under a flat rate.
    """
    year = float(inputs.weight.sum())
    join = market.programme_owners(config, year)
    total = tariff.vehicles * tariff.depth_mwh
    days = np.arange(len(inputs.weight))
    private, outside = (
        policies.mean_value(curves, worth, days).marginal(total / year)
        for worth in (curves.private, world)
    )
    adder = min(max(tariff.rate_per_mwh - private, min(0.0, outside)), max(0.0, outside))
    same = np.ones(len(days))
    effort = tariff.vehicles * join.feeding_cost(tariff.depth_mwh) + float(
        join.effort(tariff.vehicles)
    )
    outcome = PolicyOutcome(
        TWO_PART, tariff.rate_per_mwh * same, adder * same, total / year * same, effort
    )
    joined_kw = tariff.vehicles * join.power_kw
    costs = OwnerCosts(
        wear=market.real_wear(config) * total,
        inconvenience=effort - config.vehicles.wear_per_mwh * total,
        programme=config.tariffs.programme_per_mwh * total,
        capacity_worth=config.tariffs.capacity_per_kw_year * joined_kw,
    )
    return accounted(
        config,
        inputs,
        outcome,
        config.carbon.social_cost,
        costs=costs,
        fixed_payment=tariff.fixed_per_kw_year * joined_kw,
    )


def terms(
    config: Config, system: FeedingSystem, run: SystemRun, outcome: PolicyOutcome, cost: str
) -> MarketTerms:
    """Who pays what under a policy, before retail prices follow the run with V2G."""
    tariffs = config.tariffs
    hours = system.load_mwh.shape[1]
    rate, adder = (
        np.repeat(one, hours)
        for one in (outcome.rate_per_mwh - outcome.adder_per_mwh, outcome.adder_per_mwh)
    )
    return MarketTerms(
        voll_per_mwh=config.network.voll_per_mwh,
        carbon_price_per_t=config.carbon.price_per_t,
        retail_per_mwh=_retail(config, system, run),
        tax_per_mwh=tariffs.tax_per_mwh,
        tax_on_feeding_per_mwh=tariffs.tax_per_mwh if tariffs.tax_on_feeding else 0.0,
        rate_per_mwh=rate,
        adder_per_mwh=adder,
        fixed_payment=0.0,
        loss_credit=np.full(len(run.weight), system.per_meter),
        storage_owner=Party.UTILITY if config.storage is None else Party(config.storage.owner),
        damage_per_t=market.damages(config, cost),
    )


def _retail(config: Config, system: FeedingSystem, run: SystemRun) -> Float[Array, " step"]:
    """What consumers pay: a fixed price, or that of the hour with its losses."""
    fixed = config.tariffs.retail_per_mwh
    if fixed is not None:
        return np.full(len(run.weight), fixed)
    return run.price_per_mwh * system.per_meter
