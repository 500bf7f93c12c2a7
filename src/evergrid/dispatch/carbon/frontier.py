"""What less carbon costs: plans at rising prices of a tonne, and the plan that keeps a cap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InfeasibleError
from evergrid.core.faults import Fault
from evergrid.core.units import KG_PER_TONNE, KWH_PER_MWH, per_kwh_from_per_mwh
from evergrid.dispatch import plan
from evergrid.dispatch.accounts import beside_kw, costs
from evergrid.dispatch.carbon.account import grid_energy
from evergrid.dispatch.carbon.prices import with_carbon_price
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.impact.emissions.consequence import NO_LOSSES, GridLosses, caused_kg
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

FIRST_PRICE = 50.0  # per tonne, tried first for a cap
HIGHEST_PRICE = 1e6  # per tonne; what no price up to this reaches is taken for impossible
MOST_SOLVES = 60
LEAST_POINTS = 3  # that differ: both ends, and one between
TOLERANCE = 1e-7  # share of a cost below which a plan is no better than another


@dataclass(frozen=True)
class FrontierPoint:
    """A plan at a price of carbon.

    Attributes:
        price_per_tonne: At which it was planned.
        plan: Its plan; its costs hold the price of carbon.
        net_cost: What it costs without that price.
        tonnes: What it emits by marginal factors; see `CarbonProblem.tonnes`.
        beside_tonnes: What load and generation that no plan is billed for emit with nothing
            curtailed.
    """

    price_per_tonne: float
    plan: Plan
    net_cost: float
    tonnes: float
    beside_tonnes: float

    @property
    def bound(self) -> float:
        """No plan has a lower sum of its net cost and of its tonnes at this price.

        The plan's own bound counts the emissions of what is billed and of what is curtailed; the
        rest is the same in every plan, or more where generation that cannot be curtailed passes
        a limit and displaces nothing.
        """
        return self.plan.certificate.bound + self.price_per_tonne * self.beside_tonnes

    @property
    def objective(self) -> float:
        """The sum that this plan has."""
        return self.net_cost + self.price_per_tonne * self.tonnes


@dataclass(frozen=True)
class CappedPlan:
    """The cheapest way to emit no more than a cap.

    Attributes:
        cap_tonnes: The cap.
        free: The plan of least cost without it.
        cheaper: A plan at a price of carbon that emits as much as the cap or more.
        cleaner: One at the same price, or one hardly higher, that emits as much or less.
        cleaner_share: Of the cleaner one in the mix of both that emits just as much as the cap.
        crossing: The plan at the price at which both are equally good.
    """

    cap_tonnes: float
    free: FrontierPoint
    cheaper: FrontierPoint
    cleaner: FrontierPoint
    cleaner_share: float
    crossing: FrontierPoint

    @property
    def price_per_tonne(self) -> float:
        """What a tonne less costs at the cap."""
        return self.crossing.price_per_tonne

    @property
    def net_cost(self) -> float:
        """Cost of the mix, which keeps every limit that is linear."""
        share = self.cleaner_share
        return share * self.cleaner.net_cost + (1.0 - share) * self.cheaper.net_cost

    @property
    def bound(self) -> float:
        """No plan within the cap costs less: the best proof that the prices tried give."""
        points = (self.cheaper, self.cleaner, self.crossing)
        return max(one.bound - one.price_per_tonne * self.cap_tonnes for one in points)


@dataclass(frozen=True)
class CarbonProblem:
    """What is planned with a price of carbon.

    Attributes:
        portfolio: Without any price of carbon.
        factor_kg_per_mwh: Marginal factors.
        options: How each plan is made; the worth of energy left is that without carbon.
        losses: Of wires.
    """

    portfolio: Portfolio
    factor_kg_per_mwh: Float[Array, " step"]
    options: Options
    losses: GridLosses = NO_LOSSES

    @property
    def usual_kg_per_mwh(self) -> float:
        """The median factor, by which energy left at the end is counted; at least 0."""
        return max(float(np.median(self.factor_kg_per_mwh)), 0.0)

    @cached_property
    def beside_tonnes(self) -> float:
        """What load and generation that no plan is billed for emit with nothing curtailed."""
        kwh = self.portfolio.grid.step_h * beside_kw(self.portfolio, None)
        drawn, fed = np.maximum(-kwh, 0.0), np.maximum(kwh, 0.0)
        kg = caused_kg(drawn, fed, self.factor_kg_per_mwh, self.losses)
        return float(kg.sum()) / KG_PER_TONNE

    def at(self, price_per_tonne: float) -> FrontierPoint:
        """The plan of least cost where a tonne costs so much."""
        priced = with_carbon_price(
            self.portfolio, self.factor_kg_per_mwh, price_per_tonne, self.losses
        )
        left = price_per_tonne * self.usual_kg_per_mwh / KG_PER_TONNE
        value = self.options.end_value_per_kwh + per_kwh_from_per_mwh(left)
        made = plan.v2g(priced, replace(self.options, end_value_per_kwh=value))
        net = costs(self.portfolio, made.schedule, self.options.end_value_per_kwh).net
        tonnes = self.tonnes(made.schedule)
        return FrontierPoint(price_per_tonne, made, net, tonnes, self.beside_tonnes)

    def tonnes(self, schedule: Schedule) -> float:
        """What a schedule emits by marginal factors, at equal energy in the end.

        Energy drawn from the grid less energy fed, of vehicles, load and generation alike; what
        vehicles that stay hold more or less than at first is counted at the median factor.
        """
        caused = grid_energy(self.portfolio, schedule).caused_kg(
            self.factor_kg_per_mwh, self.losses
        )
        lost_kwh = costs(self.portfolio, schedule, 1.0).amounts["energy_left"]
        return float(caused.sum() + lost_kwh * self.usual_kg_per_mwh / KWH_PER_MWH) / KG_PER_TONNE


def frontier(
    problem: CarbonProblem,
    prices_per_tonne: Sequence[float],
    tell: Callable[[int], None] = lambda number: None,
) -> list[FrontierPoint]:
    """Plans at each price, from the lowest price on."""
    found = []
    for number, price in enumerate(sorted(prices_per_tonne)):
        tell(number)
        found.append(problem.at(price))
    return found


def knee(points: Sequence[FrontierPoint]) -> FrontierPoint | None:
    """The point farthest from the straight line between both ends: from there on less is gained.

    Costs and tonnes are each measured by how far the ends lie apart. None where fewer than
    `LEAST_POINTS` of the plans differ: a line has no knee.
    """
    different = [one for k, one in enumerate(points) if not k or _differ(points[k - 1], one)]
    if len(different) < LEAST_POINTS:
        return None
    cost = np.array([point.net_cost for point in points])
    tonnes = np.array([point.tonnes for point in points])
    dearer, fewer = cost[-1] - cost[0], tonnes[0] - tonnes[-1]
    if dearer <= 0 or fewer <= 0:
        return None
    x, y = (cost - cost[0]) / dearer, (tonnes[0] - tonnes) / fewer
    return points[int(np.argmax(y - x))]


def _differ(one: FrontierPoint, other: FrontierPoint) -> bool:
    """Whether two plans emit other amounts, beyond rounding."""
    return abs(one.tonnes - other.tonnes) > TOLERANCE * max(abs(one.tonnes), abs(other.tonnes))


def capped(
    problem: CarbonProblem,
    cap_tonnes: float,
    tell: Callable[[float], None] = lambda price: None,
) -> CappedPlan:
    """The cheapest plan that emits no more than a cap, by the price of carbon that leads to it.

    Args:
        problem: What is planned.
        cap_tonnes: Most that `CarbonProblem.tonnes` may be; below 0 more must be displaced than
            is caused.
        tell: Called with every price that is tried.

    Raises:
        InfeasibleError: No price of carbon brings emissions down to the cap.
    """
    cheaper = free = problem.at(0.0)
    if free.tonnes <= cap_tonnes:
        return CappedPlan(cap_tonnes, free, free, free, 1.0, free)
    price, cleaner = FIRST_PRICE, cheaper
    while cleaner.tonnes > cap_tonnes:
        if price > HIGHEST_PRICE:
            rule = "be reachable at some price of carbon"
            fix = f"The least that a price reached is {cleaner.tonnes:.6g} t; give more than that."
            fault = Fault("cap_tonnes", rule, (cap_tonnes,), fix=fix)
            raise InfeasibleError("The cap on emissions cannot be kept.", [fault])
        tell(price)
        cheaper, cleaner = cleaner, problem.at(price)
        price *= 4.0
    point = cleaner
    for _ in range(MOST_SOLVES):
        # Where the lines of both plans cross, either is as good, or a third one is better.
        fewer = cheaper.tonnes - cleaner.tonnes
        middle = (cleaner.net_cost - cheaper.net_cost) / fewer if fewer > 0 else 0.0
        low, high = cheaper.price_per_tonne, cleaner.price_per_tonne
        tried = min(max(middle, low), high)
        tell(tried)
        point = problem.at(tried)
        made = _between(cap_tonnes, free, cheaper, cleaner, point)
        if _is_close(made, problem.options.gap) or point.objective >= min(
            one.net_cost + point.price_per_tonne * one.tonnes for one in (cheaper, cleaner)
        ) - TOLERANCE * max(abs(point.objective), 1.0):
            break
        if point.tonnes > cap_tonnes:
            cheaper = point
        else:
            cleaner = point
    return _between(cap_tonnes, free, cheaper, cleaner, point)


def _between(
    cap_tonnes: float,
    free: FrontierPoint,
    cheaper: FrontierPoint,
    cleaner: FrontierPoint,
    crossing: FrontierPoint,
) -> CappedPlan:
    """The mix of two plans that emits just as much as the cap."""
    fewer = cheaper.tonnes - cleaner.tonnes
    share = (cheaper.tonnes - cap_tonnes) / fewer if fewer > 0 else 1.0
    return CappedPlan(cap_tonnes, free, cheaper, cleaner, min(max(share, 0.0), 1.0), crossing)


def _is_close(found: CappedPlan, gap: float) -> bool:
    """Whether the mix is proven well within the gap that was asked for."""
    return found.net_cost - found.bound <= 0.5 * gap * abs(found.net_cost)
