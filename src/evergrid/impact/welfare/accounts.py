"""Books a run of the system: who pays whom for what, and what is real."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.impact.welfare.ledger import RealEffect, Transfer, WelfareLedger
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system.system import MarketTerms, SystemRun, check_prices

# What is paid for, in the order in which a reader follows the money.
OWNER_PAYMENT = "payment for feeding"
ADDER = "adder for what no price reaches"
FIXED = "fixed payment"
FED_ENERGY = "energy fed by vehicles"
CHARGED_ENERGY = "energy charged to feed"
RETAIL = "electricity bills"
DRIVING = "charging for driving"
GENERATION = "energy of plants"
IMPORTS = "imports"
STORAGE = "energy of storage"
CAPACITY_PAYMENT = "power that is surely there"
TAX = "tax on electricity"
FEEDING_TAX = "tax on energy charged to feed"
CARBON = "carbon price"
# What is real.
SERVED = "worth of load served"
GENERATION_COST = "cost of plants"
IMPORT_COST = "cost of imports"
WEAR = "wear of vehicles"
INCONVENIENCE = "inconvenience and range"
PROGRAMME = "cost of the programme"
STORAGE_COST = "wear of storage"
CAPACITY = "capacity that is not needed"
DAMAGE = "damage by "


def booked(run: SystemRun, terms: MarketTerms) -> WelfareLedger:
    """The ledger of a run.

    The utility stands in the middle: it is paid by consumers, buys from plants, neighbours,
    storage and vehicles, and so bears the losses and keeps what is left between them.

    Raises:
        InputError: A price above the value of lost load; amounts that are no numbers.
    """
    check_prices(run, terms)
    return WelfareLedger((*_transfers(run, terms), *_taxes(run, terms)), _effects(run, terms))


def _transfers(run: SystemRun, terms: MarketTerms) -> list[Transfer]:
    """Payments for energy and for service."""
    at_meter = run.price_per_mwh * terms.loss_credit
    found = [
        Transfer(what, payer, receiver, run.sum(amount))
        for what, payer, receiver, amount in (
            (
                OWNER_PAYMENT,
                Party.AGGREGATOR,
                Party.EV_OWNERS,
                terms.rate_per_mwh * run.discharge_mwh,
            ),
            (ADDER, Party.GOVERNMENT, Party.EV_OWNERS, terms.adder_per_mwh * run.discharge_mwh),
            (FED_ENERGY, Party.UTILITY, Party.AGGREGATOR, at_meter * run.discharge_mwh),
            (CHARGED_ENERGY, Party.AGGREGATOR, Party.UTILITY, at_meter * run.charge_mwh),
            (RETAIL, Party.CONSUMERS, Party.UTILITY, terms.retail_per_mwh * run.served_mwh),
            (DRIVING, Party.EV_OWNERS, Party.UTILITY, terms.retail_per_mwh * run.driving_mwh),
            (GENERATION, Party.UTILITY, Party.GENERATORS, run.price_per_mwh * run.generation_mwh),
            (IMPORTS, Party.UTILITY, Party.NEIGHBOURS, run.price_per_mwh * run.import_mwh),
        )
    ]
    found.append(Transfer(FIXED, Party.AGGREGATOR, Party.EV_OWNERS, terms.fixed_payment))
    there = run.capacity_worth
    found.append(Transfer(CAPACITY_PAYMENT, Party.UTILITY, Party.AGGREGATOR, there))
    if terms.storage_owner != Party.UTILITY:  # which would pay itself
        paid = run.sum(run.price_per_mwh * run.storage_mwh)
        found.append(Transfer(STORAGE, Party.UTILITY, terms.storage_owner, paid))
    return found


def _taxes(run: SystemRun, terms: MarketTerms) -> list[Transfer]:
    """Payments to the government."""
    tax = terms.tax_per_mwh
    government = Party.GOVERNMENT
    feeding = terms.tax_on_feeding_per_mwh * run.sum(run.charge_mwh)
    carbon = terms.carbon_price_per_t * run.sum(run.priced_co2_t)
    return [
        Transfer(TAX, Party.CONSUMERS, government, tax * run.sum(run.served_mwh)),
        Transfer(TAX, Party.EV_OWNERS, government, tax * run.sum(run.driving_mwh)),
        Transfer(FEEDING_TAX, Party.AGGREGATOR, government, feeding),
        Transfer(CARBON, Party.GENERATORS, government, carbon),
    ]


def _effects(run: SystemRun, terms: MarketTerms) -> tuple[RealEffect, ...]:
    """Real costs and benefits, each with the party that bears or enjoys it."""
    served = RealEffect(SERVED, Party.CONSUMERS, terms.voll_per_mwh * run.sum(run.served_mwh))
    costs = (
        (GENERATION_COST, Party.GENERATORS, run.sum(run.generation_cost)),
        (IMPORT_COST, Party.NEIGHBOURS, run.sum(run.import_cost)),
        (WEAR, Party.EV_OWNERS, run.wear_cost),
        (INCONVENIENCE, Party.EV_OWNERS, run.inconvenience_cost),
        (PROGRAMME, Party.AGGREGATOR, run.programme_cost),
        (STORAGE_COST, terms.storage_owner, run.storage_cost),
        *(
            (f"{DAMAGE}{name}", Party.ENVIRONMENT, float(damage * run.sum(emitted)))
            for name, damage, emitted in zip(
                POLLUTANTS, terms.damage_per_t, run.emissions_t, strict=True
            )
        ),
    )
    there = RealEffect(CAPACITY, Party.UTILITY, run.capacity_worth)
    return (served, there, *(RealEffect(what, party, -amount) for what, party, amount in costs))


def utility_lines(run: SystemRun, terms: MarketTerms) -> dict[str, float]:
    """What the utility's surplus is made of; their sum is its surplus without storage of its own.

    Receipts less the price of what meters count are the merchandising surplus; losses are paid for
    at the price of their hour, so that receipts and payments close.
    """
    at_grid = run.price_per_mwh
    metered = run.served_mwh + run.driving_mwh + run.charge_mwh - run.discharge_mwh
    bought = run.generation_mwh + run.import_mwh
    if terms.storage_owner != Party.UTILITY:
        bought = bought + run.storage_mwh
    vehicles = (terms.loss_credit * at_grid) * (run.charge_mwh - run.discharge_mwh)
    bills = terms.retail_per_mwh * (run.served_mwh + run.driving_mwh)
    return {
        "bills": run.sum(bills),
        "energy of vehicles": run.sum(vehicles),
        "energy that meters count": -run.sum(at_grid * metered),
        "losses": -run.sum(at_grid * run.losses_mwh),
        "energy of own storage": run.sum(at_grid * (metered + run.losses_mwh - bought)),
    }


def welfare_of_resources(run: SystemRun, terms: MarketTerms) -> float:
    """Welfare without looking at any payment: what is served, less all that it takes.

    It must be the total of `booked`, which adds up parties; the two share no line.
    """
    per_step: Float[Array, " step"] = (
        terms.voll_per_mwh * (run.consumption_mwh - run.unserved_mwh)
        - run.generation_cost
        - run.import_cost
        - np.einsum("p,ps->s", terms.damage_per_t, run.emissions_t)
    )
    apart = run.wear_cost + run.inconvenience_cost + run.programme_cost + run.storage_cost
    return float((run.weight * per_step).sum()) - apart + run.capacity_worth
