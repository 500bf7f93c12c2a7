"""The numbers of a study of welfare: headline, tables, and what was computed from."""

from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array
from evergrid.impact.welfare.accounts import FIXED
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.studies.welfare import market
from evergrid.studies.welfare.commitment import WHOLE
from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.results import WelfareResults


def headline(config: Config, found: WelfareResults) -> dict[str, Any]:
    """Headline numbers by their key."""
    case, best = found.case, found.best
    change = case.change
    low, high = found.band
    gap = market.real_wear(config) - config.vehicles.wear_per_mwh
    return {
        "status": "done",
        "currency": config.currency,
        "dollar_year": config.dollar_year,
        "days": float(found.inputs.weight.sum()),
        "policy": case.outcome.policy.name,
        "baseline": config.vehicles.baseline,
        "social_cost": config.carbon.social_cost,
        "social_cost_per_t": found.social_cost.co2_per_t,
        "welfare_change": change.total,
        "welfare_low": low,
        "welfare_high": high,
        "positive_share": found.positive_share,
        "domestic_welfare_change": found.domestic_gain,
        "private_gain": found.private_gain,
        "privately_good_socially_bad": found.privately_good_socially_bad,
        "by_party": {one.value: gain for one, gain in change.by_party.items()},
        "winners": [one.value for one in change.winners],
        "losers": [one.value for one in change.losers],
        "identity_residual": change.residual / change.scale,
        "from_smart_charging": case.from_smart,
        "fed_mwh": case.fed_mwh,
        "rate_per_mwh": case.mean_rate_per_mwh,
        "co2_t": case.emitted_t["co2"],
        "wear_not_counted": gap * case.fed_mwh,
        "best_policy": best.outcome.policy.name,
        "best_rate_per_mwh": best.mean_rate_per_mwh,
        "best_fed_mwh": best.fed_mwh,
        "best_welfare_change": best.change.total,
        "best_policy_same_for_all_social_costs": found.ranking.stable,
        "flat_rate_per_mwh": found.flat.rate_per_mwh,
        "flat_rate_by_grid_per_mwh": found.flat.grid_rate_per_mwh,
        "flat_private_rate_per_mwh": found.flat.private_rate_per_mwh,
        "pass_through": _finite(found.flat.pass_through),
        "elasticity": found.flat.elasticity,
        "kkt_residual": found.flat.kkt_residual,
        "two_part_fixed_per_kw_year": found.two_part.fixed_per_kw_year,
        "two_part_rate_per_mwh": found.two_part.rate_per_mwh,
        "two_part_joined_share": found.joined_share,
        "two_part_welfare_change": found.two_part.welfare,
        "two_part_fixed_payment": found.two_part_case.change.after.paid(FIXED),
        "two_part_by_party": {
            one.value: gain for one, gain in found.two_part_case.change.by_party.items()
        },
        "lost_load_mwh": case.with_it.sum(case.with_it.unserved_mwh),
        "lost_load_without_mwh": case.without.sum(case.without.unserved_mwh),
        "curtailed_mwh": case.with_it.sum(case.with_it.curtailed_mwh),
        "curtailed_without_mwh": case.without.sum(case.without.curtailed_mwh),
        "storage_fed_mwh": case.with_it.storage_fed_mwh,
        "storage_fed_without_mwh": case.without.storage_fed_mwh,
        "price_undetermined": case.undetermined,
        "curve_error": _curve_error(found),
        "commitment": _commitment(config, found),
    }


def _commitment(config: Config, found: WelfareResults) -> dict[str, Any] | None:
    """What units that run or stand change; None where no days were asked for."""
    made, asked = found.commitment, config.commitment
    if made is None or asked is None:
        return None
    return {
        "status": str(made.status),
        "first_day": made.first_day,
        "days": made.days,
        "saving": made.saving,
        "saving_uncertainty": made.saving_uncertainty,
        "co2_t": made.co2_t,
        "gap": max(one.gap for one in made.pairs[WHOLE]),
        "asked_gap": asked.gap,
        "time_limit_s": asked.time_limit_s,
        "relaxation_share": made.relaxation_share,
        "merit_order_share": made.merit_order_share,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _curve_error(found: WelfareResults) -> float:
    """By how much the curves between nodes miss the run, as a share of the larger of the two."""
    case = found.case
    planned = case.change.total - case.from_smart
    told = case.outcome.welfare(found.curves, found.external)
    return abs(planned - told) / max(abs(planned), abs(told), 1e-300)


def results(found: WelfareResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    return {
        "parties": parties(found),
        "transfers": transfers(found),
        "effects": effects(found),
        "policies": policies(found),
        "rates": rates(found),
        "rate_sweep": _sweep(found),
        "assumptions": assumptions(found),
        "groups": groups(found),
        "hours": hours(found),
        **commitment(found),
    }


def inputs(found: WelfareResults) -> dict[str, pl.DataFrame]:
    """The tables that were computed from, by name."""
    given = found.inputs
    supply, shape = given.supply, given.consumption_mwh.shape
    plants = {
        "plant": supply.name.tolist(),
        "capacity_mw": supply.capacity_mw,
        "cost_per_mwh": supply.cost_per_mwh,
        **{
            f"{name}_kg_per_mwh": rate
            for name, rate in zip(POLLUTANTS, supply.emission_kg_per_mwh, strict=True)
        },
        "imported": supply.imported,
        "pays_carbon": supply.pays_carbon,
    }
    days = {
        "day": np.repeat(given.day, shape[1]).tolist(),
        "kind": np.repeat(given.kind, shape[1]).tolist(),
        "weight": np.repeat(given.weight, shape[1]),
        "hour": np.tile(np.arange(shape[1]), shape[0]),
        "load_mwh": given.consumption_mwh.ravel(),
        "renewable_mwh": given.renewable_mwh.ravel(),
    }
    return {"plants": pl.DataFrame(plants), "days": pl.DataFrame(days)}


def parties(found: WelfareResults) -> pl.DataFrame:
    """Gain of each party under each policy."""
    rows = [
        {"policy": case.outcome.policy.name, "party": party.value, "gain": gain}
        for case in found.accounts
        for party, gain in case.change.by_party.items()
    ]
    return pl.DataFrame(rows)


def transfers(found: WelfareResults) -> pl.DataFrame:
    """Every payment under every policy: without V2G, with it, and the change."""
    rows = []
    for case in found.accounts:
        ledgers = (case.change.before, case.change.after)
        paid = [
            {(one.what, one.payer, one.receiver): one.amount for one in ledger.transfers}
            for ledger in ledgers
        ]
        rows += [
            {
                "policy": case.outcome.policy.name,
                "what": one.what,
                "payer": one.payer.value,
                "receiver": one.receiver.value,
                "without": paid[0].get((one.what, one.payer, one.receiver), 0.0),
                "with": paid[1].get((one.what, one.payer, one.receiver), 0.0),
                "change": one.amount,
            }
            for one in case.change.transfers
        ]
    return pl.DataFrame(rows)


def effects(found: WelfareResults) -> pl.DataFrame:
    """Every real cost and benefit under every policy, as it changes."""
    rows = [
        {
            "policy": case.outcome.policy.name,
            "what": one.what,
            "party": one.party.value,
            "change": one.amount,
        }
        for case in found.accounts
        for one in case.change.effects
    ]
    return pl.DataFrame(rows)


def policies(found: WelfareResults) -> pl.DataFrame:
    """Each policy under each social cost: welfare, rank, and what is lost beside the best."""
    ranking, best = found.ranking, found.ranking.welfare.max(axis=0)
    rows = [
        {
            "policy": policy.name,
            "social_cost": cost,
            "welfare_change": float(ranking.welfare[p, c]),
            "rank": int(ranking.rank[p, c]),
            "lost": float(best[c] - ranking.welfare[p, c]),
        }
        for p, policy in enumerate(ranking.policies)
        for c, cost in enumerate(ranking.costs)
    ]
    return pl.DataFrame(rows)


def rates(found: WelfareResults) -> pl.DataFrame:
    """What each policy pays on each day, and what is fed."""
    given = found.inputs
    frames = [
        pl.DataFrame(
            {
                "policy": [case.outcome.policy.name] * len(given.day),
                "day": given.day.tolist(),
                "kind": given.kind.tolist(),
                "rate_per_mwh": case.outcome.rate_per_mwh,
                "adder_per_mwh": case.outcome.adder_per_mwh,
                "fed_mwh": case.outcome.quantity_mwh,
            }
        )
        for case in found.accounts
    ]
    return pl.concat(frames)


def _sweep(found: WelfareResults) -> pl.DataFrame:
    sweep = found.sweep
    return pl.DataFrame(
        {
            "rate_per_mwh": sweep.rate_per_mwh,
            "fed_mwh": sweep.quantity_mwh,
            "welfare_change": sweep.social,
            "private_gain": sweep.private,
            "owner_surplus": sweep.owner_surplus,
        }
    )


def assumptions(found: WelfareResults) -> pl.DataFrame:
    """The total under every combination of assumptions."""
    return pl.DataFrame(
        [
            {
                "wear_factor": one.wear_factor,
                "round_trip": one.round_trip,
                "social_cost": one.social_cost,
                "effort_factor": one.effort_factor,
                "baseline": one.baseline,
                "welfare_change": one.total,
                "of_feeding": one.of_feeding,
                "fed_mwh": one.fed_mwh,
            }
            for one in found.assumptions
        ]
    )


def groups(found: WelfareResults) -> pl.DataFrame:
    """What each group of households gains."""
    people, gains = found.groups, found.gains
    return pl.DataFrame(
        {
            "group": people.name.tolist(),
            "region": people.region.tolist(),
            "income_per_year": people.income_per_year,
            "households_share": people.households_share,
            "as_owners": gains.as_owners,
            "as_consumers": gains.as_consumers,
            "in_health": gains.in_health,
            "gain": gains.total,
            "weighted_gain": gains.weighted,
        }
    )


def hours(found: WelfareResults) -> pl.DataFrame:
    """What flows in each hour, without V2G and with it."""
    case, given = found.case, found.inputs
    days, steps = given.consumption_mwh.shape

    def both(name: str) -> dict[str, Array]:
        without, with_it = getattr(case.without, name), getattr(case.with_it, name)
        return {f"{name}": with_it, f"{name}_without": without}

    return pl.DataFrame(
        {
            "day": np.repeat(given.day, steps).tolist(),
            "hour": np.tile(np.arange(steps), days),
            "charge_mwh": case.with_it.charge_mwh,
            "discharge_mwh": case.with_it.discharge_mwh,
            **both("driving_mwh"),
            **both("generation_mwh"),
            **both("import_mwh"),
            **both("curtailed_mwh"),
            **both("unserved_mwh"),
            **both("losses_mwh"),
            **both("storage_mwh"),
            **both("price_per_mwh"),
        }
    )


def commitment(found: WelfareResults) -> dict[str, pl.DataFrame]:
    """Days by each kind of commitment, without V2G and with it."""
    if found.commitment is None:
        return {}
    rows = [asdict(one) | {"status": str(one.status)} for one in found.commitment.runs]
    return {"commitment": pl.DataFrame(rows)}


def party_rows(found: WelfareResults) -> list[tuple[Party, float]]:
    """Each party's gain, the greatest first."""
    return sorted(found.case.change.by_party.items(), key=lambda row: -row[1])
