"""Plans made anew with what models say of the one before: prices, efficiencies, limits of packs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from evergrid.dispatch.equipment import part_load
from evergrid.dispatch.equipment.pack_limits import FleetPacks, PackAssessment, with_limits
from evergrid.dispatch.equipment.part_load import ChargerLosses, LossAssessment
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.wear import prices as wear_prices
from evergrid.dispatch.wear.assessment import assess
from evergrid.model.portfolio import Portfolio
from evergrid.studies.plan.wear.wear import Batteries, added_by_v2g

AGREED = 0.01  # of the wear that V2G adds, within which prices and model agree

Plans = Mapping[str, Plan]


@dataclass(frozen=True)
class Models:
    """What a portfolio is held against after its plan.

    Attributes:
        portfolio: With prices of wear and efficiencies as the models have them.
        batteries: How batteries age; None where they are not asked for.
        losses: What chargers lose; None where they are not asked for.
        packs: What packs can do; None where they are not asked for.
    """

    portfolio: Portfolio
    batteries: Batteries | None
    losses: ChargerLosses | None
    packs: FleetPacks | None


def begin(
    portfolio: Portfolio,
    batteries: Batteries | None,
    losses: ChargerLosses | None,
    packs: FleetPacks | None,
) -> Models:
    """Models with what they expect before there is a plan."""
    if losses is not None:
        portfolio = part_load.expected(portfolio, losses)
    if batteries is not None:
        portfolio = batteries.prices.on(portfolio)
    return Models(portfolio, batteries, losses, packs)


def refined(
    models: Models, first: Plans, again: Callable[[Portfolio, int], Plans], *, most: int
) -> tuple[Models, Plans, int]:
    """Plans made anew with what the models say of those before, until both agree.

    Args:
        models: With what the first plans were made with.
        first: These plans.
        again: Makes plans of a portfolio, by the number of the refinement.
        most: How many times at most.
    """
    plans, count = first, 0
    while count < most and not _agree(models, plans):
        models, count = _told(models, plans), count + 1
        plans = again(models.portfolio, count)
    return models, plans, count


def _agree(models: Models, plans: Plans) -> bool:
    """Whether what plans count with is what the models say of them."""
    portfolio, batteries = models.portfolio, models.batteries
    if models.losses is not None:
        found = LossAssessment(portfolio, plans["v2g"].schedule, models.losses)
        if not found.agrees:
            return False
    if models.packs is not None and not all(
        PackAssessment(portfolio, plans[name].schedule, models.packs).agrees
        for name in ("v2g", "smart")
    ):
        return False
    if batteries is None:
        return True
    told = added_by_v2g(
        {
            name: assess(
                portfolio, batteries.value, batteries.fleet, plans[name].schedule, plans[name].costs
            )
            for name in ("v2g", "smart")
        }
    )
    return abs(told["by_prices"] - told["by_model"]) <= AGREED * abs(told["by_model"])


def _told(models: Models, plans: Plans) -> Models:
    """Models with prices and efficiencies at the stress and the powers of plans."""
    portfolio, batteries = models.portfolio, models.batteries
    v2g, smart = (plans[name].schedule for name in ("v2g", "smart"))
    if batteries is not None:
        paid = wear_prices.at_plan(
            portfolio, batteries.value, batteries.fleet, batteries.prices, v2g=v2g, smart=smart
        )
        portfolio, batteries = paid.on(portfolio), replace(batteries, prices=paid)
    if models.losses is not None:
        portfolio = part_load.with_efficiencies(LossAssessment(portfolio, v2g, models.losses))
    if models.packs is not None:
        for made in (v2g, smart):
            portfolio = with_limits(PackAssessment(portfolio, made, models.packs))
    return replace(models, portfolio=portfolio, batteries=batteries)
