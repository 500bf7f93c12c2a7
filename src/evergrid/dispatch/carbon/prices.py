"""Emissions as prices: on top of money, or in the place of money."""

from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import KG_PER_TONNE
from evergrid.impact.emissions.consequence import NO_LOSSES, GridLosses
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices

KG = "XXX"  # ISO 4217 for no currency: costs that are kilograms


def with_carbon_price(
    portfolio: Portfolio,
    factor_kg_per_mwh: Float[Array, " step"],
    price_per_tonne: float,
    losses: GridLosses = NO_LOSSES,
) -> Portfolio:
    """The portfolio with a price of the emissions that power causes, beside that of energy.

    What wires lose is in the price of carbon of energy drawn and fed, each with its own share.

    Args:
        portfolio: Whose prices hold no price of carbon yet.
        factor_kg_per_mwh: Marginal factors.
        price_per_tonne: In the currency of the prices.
        losses: Between power stations and terminals.

    Raises:
        InputError: A price of carbon that is in the prices already, or below 0.
    """
    prices = portfolio.prices
    faults = []
    if prices.carbon_price_per_mwh.any() or prices.carbon_fed_per_mwh.any():
        fix = "Leave the column out, or take its price as the one that counts."
        faults.append(Fault("carbon_price_per_mwh", "be 0: it would count twice", fix=fix))
    if not 0.0 <= price_per_tonne < np.inf:
        faults.append(Fault("price_per_tonne", "be at least 0 and finite", (price_per_tonne,)))
    if faults:
        raise InputError("carbon", faults)
    carbon = factor_kg_per_mwh * price_per_tonne / KG_PER_TONNE
    return replace(portfolio, prices=priced(prices, carbon, losses))


def carbon_only(
    portfolio: Portfolio,
    factor_kg_per_mwh: Float[Array, " step"],
    losses: GridLosses = NO_LOSSES,
    *,
    embodied_kg_per_kwh: Float[Array, " session"] | float = 0.0,
) -> Portfolio:
    """The portfolio with kilograms for money: a plan of it emits the least.

    Energy has no price, wear is what making the battery emitted, and demand is free.

    Args:
        portfolio: What is planned.
        factor_kg_per_mwh: Factors by which the plan is made.
        losses: Between power stations and terminals.
        embodied_kg_per_kwh: Of each kWh fed, by session or the same for all.
    """
    sessions, sites = portfolio.sessions, portfolio.sites
    nothing = np.zeros(len(sessions))
    free = np.zeros(portfolio.grid.steps)
    unpriced = Prices(portfolio.prices.time_utc, free, free, free, KG)
    return replace(
        portfolio,
        sessions=replace(
            sessions,
            wear_cost_per_kwh=nothing + embodied_kg_per_kwh,
            wear_rise_per_kwh_per_kw=nothing,
            calendar_wear_per_kwh_h=nothing,
        ),
        sites=replace(sites, demand_charge_per_kw=np.zeros(len(sites))),
        prices=priced(unpriced, factor_kg_per_mwh, losses),
    )


def priced(prices: Prices, per_mwh: Float[Array, " step"], losses: GridLosses) -> Prices:
    """Prices with one of carbon at power stations, and what wires lose on top."""
    return replace(
        prices,
        carbon_price_per_mwh=per_mwh / (1.0 - losses.drawn),
        carbon_credit_per_mwh=None if losses.drawn == losses.fed else per_mwh / (1.0 - losses.fed),
    )
