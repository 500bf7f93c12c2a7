"""Every party's surplus, step by step in plain Python: no ledger, no arrays, no sums of others.

Each party is written from what it earns and bears alone. That the parties add up to real costs
is then a finding, not a construction.
"""

from evergrid.impact.welfare.power_system.system import MarketTerms, SystemRun

NAMES: tuple[str, ...] = (
    *("ev_owners", "consumers", "generators", "utility", "aggregator"),
    *("government", "neighbours", "environment"),
)


def surplus(run: SystemRun, terms: MarketTerms) -> dict[str, float]:
    """What is left to each party, by its name."""
    found = dict.fromkeys(NAMES, 0.0)
    owner = terms.storage_owner.value
    for t in range(len(run.weight)):
        days = float(run.weight[t])
        price, retail = float(run.price_per_mwh[t]), float(terms.retail_per_mwh[t])
        at_meter = price * float(terms.loss_credit[t])
        served = float(run.consumption_mwh[t]) - float(run.unserved_mwh[t])
        drive, fed = float(run.driving_mwh[t]), float(run.discharge_mwh[t])
        drawn, made = float(run.charge_mwh[t]), float(run.generation_mwh[t])
        bought, store = float(run.import_mwh[t]), float(run.storage_mwh[t])
        rate, adder = float(terms.rate_per_mwh[t]), float(terms.adder_per_mwh[t])
        carbon = terms.carbon_price_per_t * float(run.priced_co2_t[t])
        step: dict[str, float] = {
            "ev_owners": (rate + adder) * fed - (retail + terms.tax_per_mwh) * drive,
            "consumers": (terms.voll_per_mwh - retail - terms.tax_per_mwh) * served,
            "generators": price * made - float(run.generation_cost[t]) - carbon,
            "neighbours": price * bought - float(run.import_cost[t]),
            "aggregator": (at_meter - rate) * fed
            - (at_meter + terms.tax_on_feeding_per_mwh) * drawn,
            "government": terms.tax_per_mwh * (served + drive)
            + terms.tax_on_feeding_per_mwh * drawn
            + carbon
            - adder * fed,
            "utility": retail * (served + drive)
            + at_meter * (drawn - fed)
            - price * (made + bought + store),
            "environment": -sum(
                float(damage) * float(emitted)
                for damage, emitted in zip(terms.damage_per_t, run.emissions_t[:, t], strict=True)
            ),
        }
        step[owner] += price * store
        for name, amount in step.items():
            found[name] += days * amount
    found["ev_owners"] += terms.fixed_payment - run.wear_cost - run.inconvenience_cost
    # What the utility need not build is worth to it what it pays the aggregator for that.
    found["aggregator"] += run.capacity_worth - terms.fixed_payment - run.programme_cost
    found[owner] -= run.storage_cost
    return found
