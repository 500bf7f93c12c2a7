"""Policies side by side: one rate for all days, by kind of day, by day, with carbon priced or not.

A rate that is the same on days of different worth is right on none of them. What is lost by it
beside rates of each day is the price of its simplicity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int
from evergrid.impact.compensation import optimum
from evergrid.impact.compensation.optimum import RateOptimum
from evergrid.impact.compensation.participation import AbstractParticipation
from evergrid.impact.compensation.value import NodeValue


@dataclass(frozen=True)
class Policy:
    """How rates are set.

    Attributes:
        name: In files.
        label: In words.
        groups: Days that share a rate: ``all``, ``kind`` or ``day``.
        external: Whether the rate counts what feeding is worth to the world.
        buyer: Whether a single buyer sets the rate to its own profit.
    """

    name: str
    label: str
    groups: str
    external: bool
    buyer: bool = False


POLICIES: Sequence[Policy] = (
    Policy("flat", "Flat", "all", external=False),
    Policy("flat_carbon", "Flat with carbon", "all", external=True),
    Policy("time_of_use", "Time of use", "kind", external=False),
    Policy("time_of_use_carbon", "Time of use with carbon", "kind", external=True),
    Policy("real_time", "Real time", "day", external=False),
    Policy("real_time_carbon", "Real time with carbon", "day", external=True),
    Policy("single_buyer", "Single buyer", "day", external=False, buyer=True),
)
TWO_PART = Policy("two_part", "Two parts", "all", external=True)
NONE = Policy("none", "No V2G", "all", external=False)


@dataclass(frozen=True)
class DayCurves:
    """What feeding is worth on each day, at nodes of the quantity.

    Attributes:
        quantity_mwh: Of each node, rising from 0; fed in a day.
        private: Worth to the system.
        damage: Change of emissions by pollutant, in tonnes; more is above 0.
        priced_co2_t: Part of the carbon dioxide that pays the carbon price, which is in `private`.
        weight: How often each day counts.
        kind: Number of the kind of each day.
    """

    quantity_mwh: Float[Array, " node"]
    private: Float[Array, "day node"]
    damage: Float[Array, "pollutant day node"]
    priced_co2_t: Float[Array, "day node"]
    weight: Float[Array, " day"]
    kind: Int[Array, " day"]

    def __post_init__(self) -> None:
        """Check shapes."""
        records.check(self, "day curves")

    def external(
        self, damage_per_t: Float[Array, " pollutant"], carbon_price_per_t: float
    ) -> Float[Array, "day node"]:
        """Worth to the world: damage avoided, less the part that the carbon price has counted.

        A carbon price that is in costs already makes the system save what it pays; the government
        receives that much less. What is left for the world is the social cost beyond the price.
        """
        harm = np.einsum("p,pdn->dn", damage_per_t, self.damage)
        return carbon_price_per_t * self.priced_co2_t - harm

    def members(self, groups: str) -> list[Int[Array, " member"]]:
        """Days that share a rate."""
        days = np.arange(len(self.weight))
        if groups == "day":
            return [days[i : i + 1] for i in days]
        if groups == "kind":
            return [days[self.kind == one] for one in np.unique(self.kind)]
        return [days]


@dataclass(frozen=True)
class PolicyOutcome:
    """What a policy pays and what comes of it.

    Attributes:
        policy: How rates are set.
        rate_per_mwh: Paid on each day.
        adder_per_mwh: Part of it that stands for the world, paid by the government.
        quantity_mwh: Fed on each day.
        owner_cost: What that costs owners, in all.
    """

    policy: Policy
    rate_per_mwh: Float[Array, " day"]
    adder_per_mwh: Float[Array, " day"]
    quantity_mwh: Float[Array, " day"]
    owner_cost: float

    def welfare(self, curves: DayCurves, external: Float[Array, "day node"]) -> float:
        """Gain of all over the days, for a worth to the world that may be another than planned."""
        worth = _at(curves, curves.private + external, self.quantity_mwh)
        return float(curves.weight @ worth) - self.owner_cost


def designed(
    policy: Policy,
    curves: DayCurves,
    owners: AbstractParticipation,
    external: Float[Array, "day node"],
) -> PolicyOutcome:
    """The best rates that a policy allows.

    Days that share a rate share a quantity, so that the best rate is that of their mean day.

    Args:
        policy: How rates are set.
        curves: Worth of each day.
        owners: Who feed.
        external: Worth to the world that the policy counts, if it counts any.
    """
    days = len(curves.weight)
    rate, adder, quantity = np.zeros(days), np.zeros(days), np.zeros(days)
    for members in curves.members(policy.groups):
        best = group_rate(policy, curves, owners, external, members)
        rate[members], quantity[members] = best.rate_per_mwh, best.quantity_mwh
        adder[members] = _adder(best) if policy.external else 0.0
    cost = float(curves.weight @ np.asarray(owners.cost(quantity)))
    return PolicyOutcome(policy, rate, adder, quantity, cost)


def _adder(best: RateOptimum) -> float:
    """What the government puts on the worth to the system, so that owners get the best rate.

    It is the worth to the world where owners respond to the last cent. Where all feed already, or
    where the worth to the system jumps, less of it is needed.
    """
    missing = best.rate_per_mwh - best.private_per_mwh
    ends = sorted((0.0, best.external_per_mwh))
    return min(max(missing, ends[0]), ends[1])


def no_feeding(curves: DayCurves) -> PolicyOutcome:
    """No V2G at all: what every policy must be better than."""
    nothing = np.zeros(len(curves.weight))
    return PolicyOutcome(NONE, nothing, nothing, nothing, 0.0)


def group_rate(
    policy: Policy,
    curves: DayCurves,
    owners: AbstractParticipation,
    external: Float[Array, "day node"],
    members: Int[Array, " member"],
) -> RateOptimum:
    """The best rate of days that share one."""
    private = mean_value(curves, curves.private, members)
    world = mean_value(curves, external if policy.external else np.zeros_like(external), members)
    if policy.buyer:
        return optimum.monopsony(owners, private, world)
    return optimum.by_bisection(owners, private, world)


def mean_value(
    curves: DayCurves, worth: Float[Array, "day node"], members: Int[Array, " member"]
) -> NodeValue:
    """Worth on the mean of some days."""
    weight = curves.weight[members]
    return NodeValue(curves.quantity_mwh, weight @ worth[members] / weight.sum())


def _at(
    curves: DayCurves, worth: Float[Array, "day node"], quantity: Float[Array, " day"]
) -> Float[Array, " day"]:
    """Worth of each day at its quantity."""
    nodes = curves.quantity_mwh
    return np.array([np.interp(q, nodes, row) for q, row in zip(quantity, worth, strict=True)])


@dataclass(frozen=True)
class PolicyRanking:
    """Welfare of each policy under several worths to the world.

    Attributes:
        policies: In order.
        costs: Names of the social costs.
        welfare: Gain of all.
    """

    policies: tuple[Policy, ...]
    costs: tuple[str, ...]
    welfare: Float[Array, "policy cost"]

    @cached_property
    def rank(self) -> Int[Array, "policy cost"]:
        """Place of each policy, 1 the best; equals share the better place."""
        above = self.welfare[None, :, :] > self.welfare[:, None, :] + _tie(self.welfare)
        return 1 + above.sum(axis=1)

    @property
    def stable(self) -> bool:
        """Whether the best policy is the best under every social cost."""
        best = self.rank == 1
        return bool(best.all(axis=1).any())


def _tie(welfare: Float[Array, "policy cost"]) -> float:
    return 1e-9 * max(float(np.abs(welfare).max()), 1e-300)


def ranked(
    outcomes: Sequence[PolicyOutcome],
    curves: DayCurves,
    external: Mapping[str, Float[Array, "day node"]],
) -> PolicyRanking:
    """Policies as they stand, under each of several worths to the world.

    Args:
        outcomes: Of policies, whose rates stay as they were set.
        curves: Worth of each day.
        external: Worth to the world, by the name of its social cost.
    """
    welfare = np.array([[one.welfare(curves, e) for e in external.values()] for one in outcomes])
    return PolicyRanking(tuple(one.policy for one in outcomes), tuple(external), welfare)
