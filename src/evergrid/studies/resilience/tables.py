"""The numbers of a study of resilience: headline, tables, and what was computed from."""

from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.inputs.microgrid_feeder import section_table
from evergrid.model.microgrid import TIERS
from evergrid.resilience.metrics.kaplan_meier import KaplanMeier, kaplan_meier
from evergrid.resilience.metrics.recovery import RecoveryTimes
from evergrid.resilience.metrics.risk import conditional_value_at_risk
from evergrid.studies.resilience.cases import FleetCase
from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.missing import CAUSES
from evergrid.studies.resilience.results import ResilienceResults
from evergrid.studies.resilience.sizing import nearest

TAIL = 0.05  # worst share of outages whose mean is told
QUANTILES = (0.5, 0.9)


def headline(config: Config, found: ResilienceResults) -> dict[str, Any]:
    """Headline numbers by their key."""
    fleet, none, asked = found.fleet, found.none, config.recovery
    missing = dict(zip(CAUSES, missing_kwh(fleet).tolist(), strict=True))
    return {
        "status": "done",
        "outages": len(found.outages),
        "vehicles": sum(entry.count for entry in config.microgrid.vehicles),
        "demand_kw": found.outages.microgrids[0].power_kw,
        "mean_outage_h": float(found.outages.length_h.mean()),
        "t_r_h": _times(fleet.sustained),
        "t_r_without_h": _times(none.sustained),
        "first_t_r_h": _times(fleet.first),
        "recovered_before_grid_share": before_grid(found, fleet),
        "m_d_kwh": float(fleet.m_d_kwh.mean()),
        "m_d_without_kwh": float(none.m_d_kwh.mean()),
        "m_d_worst_kwh": worst_kwh(fleet),
        "m_d_worst_without_kwh": worst_kwh(none),
        "m_d_storm_kwh": None if found.storm is None else float(found.storm.m_d_kwh.mean()),
        "lost_kwh": dict(zip(TIERS, fleet.lost_kwh.mean(axis=0).tolist(), strict=True)),
        "missing_kwh": missing,
        "binding": max(missing, key=lambda cause: missing[cause]) if sum(missing.values()) else "",
        "m_d_more_energy_kwh": found.more_energy_kwh,
        "m_d_more_power_kwh": found.more_power_kwh,
        "fed_kwh": float(fleet.fed_kwh.mean()),
        "lost_load_cost": found.lost_cost[0],
        "lost_load_cost_without": found.lost_cost[1],
        "survival_h": _survival(fleet),
        "survival_without_h": _survival(none),
        "target_kept_share": found.requirement.estimate,
        "target_kept_proven": found.requirement.lower_bound,
        "target_proven": found.requirement.proven,
        "target_t_r_h": asked.target_t_r_h,
        "target_m_d_kwh": asked.target_m_d_kwh,
        "least_vehicles": _least(config, found),
        **_own_least(found),
        "worth_of_last_vehicle_kwh": last_vehicle(config, found),
        "standing_best_kwh": _best_reserve(found),
        "policy_gap": None if found.check is None else found.check.gap,
        "policy_mean_gap": None if found.check is None else found.check.mean_gap,
    }


def _times(times: RecoveryTimes) -> dict[str, dict[str, float | None]]:
    """Quantiles of recovery by share of the demand; None where it is later than was followed."""
    made = {}
    for place, share in enumerate(times.threshold.tolist()):
        curve = kaplan_meier(times.time_h[:, place], times.reached[:, place])
        made[f"{share:g}"] = {
            f"p{100 * quantile:.0f}": one.time_h if one.reached else None
            for quantile in QUANTILES
            for one in [curve.quantile(quantile).estimate]
        }
    return made


def recovery_band(config: Config, case: FleetCase) -> KaplanMeier:
    """Share of outages that have not recovered to the target's share, over time."""
    place = config.recovery.shares.index(config.recovery.target_share)
    return kaplan_meier(
        case.sustained.time_h[:, place],
        case.sustained.reached[:, place],
        confidence=config.recovery.confidence,
    )


def before_grid(found: ResilienceResults, case: FleetCase) -> dict[str, float]:
    """Share of outages in which the site is back before the grid is, by share of the demand."""
    early = case.sustained.time_h < found.outages.length_h[:, None] - 1e-9
    early &= case.sustained.reached
    shares = case.sustained.threshold.tolist()
    return {f"{s:g}": float(early[:, i].mean()) for i, s in enumerate(shares)}


def missing_kwh(case: FleetCase) -> Float[Array, " cause"]:
    """Energy not served of the tiers that count by what was missing, mean of all outages."""
    assert case.missing_kwh is not None
    return case.missing_kwh.mean(axis=0)


def worst_kwh(case: FleetCase) -> float:
    """Mean M_D of the worst outages."""
    return conditional_value_at_risk(case.m_d_kwh, alpha=1 - TAIL)


def _survival(case: FleetCase) -> dict[str, float]:
    """Hours for which each tier is served without a break in half of the outages."""
    median = np.median(case.survived_h, axis=0).tolist()
    return dict(zip(TIERS, median, strict=True))


def _least(config: Config, found: ResilienceResults) -> int | None:
    """Fewest vehicles at the energy and the charger that are nearest to those of the study."""
    if found.least is None:
        return None
    count = found.least.vehicles[nearest(config)]
    return None if np.isnan(count) else int(count)


def _own_least(found: ResilienceResults) -> dict[str, float | None]:
    """Least energy and least charger with which as many vehicles are enough; None for none."""
    least = found.least
    given = (np.nan, np.nan) if least is None else (least.own_energy_kwh, least.own_charger_kw)
    keys = ("least_energy_arrival_kwh", "least_charger_kw")
    return {key: None if np.isnan(one) else one for key, one in zip(keys, given, strict=True)}


def last_vehicle(config: Config, found: ResilienceResults) -> float | None:
    """By which M_D would be more, on average, with one vehicle less."""
    if found.sizes is None:
        return None
    own = config.microgrid.vehicles[0].count
    at = dict(zip(found.sizes.vehicles.tolist(), found.sizes.m_d_kwh.tolist(), strict=True))
    return at[own - 1] - at[own] if {own, own - 1} <= set(at) else None


def _best_reserve(found: ResilienceResults) -> float | None:
    """Reserve of which most is left in a year."""
    if found.standing is None:
        return None
    left = found.standing.avoided - found.standing.given_up
    return float(found.standing.days.reserve_kwh[int(np.argmax(left))])


def results(config: Config, found: ResilienceResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    made = {
        "outages": pl.concat([_outages(name, found, case) for name, case in found.cases.items()]),
        "survival": survival(found),
        "served": pl.concat([_served(config, name, one) for name, one in found.cases.items()]),
    }
    if found.sizes is not None:
        sizes = found.sizes
        made["sizes"] = pl.DataFrame(
            {
                "vehicles": sizes.vehicles,
                "m_d_kwh": sizes.m_d_kwh,
                "target_kept_share": sizes.kept_share,
                "lost_load_cost": sizes.lost_cost,
            }
        )
    if found.least is not None:
        least = found.least
        made["least_fleet"] = pl.DataFrame(
            {
                "energy_arrival_kwh": np.repeat(least.energy_kwh, len(least.charger_kw)),
                "charger_kw": np.tile(least.charger_kw, len(least.energy_kwh)),
                "vehicles": pl.Series(
                    [None if np.isnan(one) else int(one) for one in least.vehicles.ravel()],
                    dtype=pl.Int64,
                ),
                "target_kept_proven": least.lower_bound.ravel(),
            }
        )
    if found.standing is not None:
        standing = found.standing
        made["standing"] = pl.DataFrame(
            {
                "reserve_kwh": standing.days.reserve_kwh,
                "cost_per_day": standing.days.cost_per_day,
                "given_up_per_year": standing.given_up,
                "lost_load_cost": standing.lost_cost,
                "avoided_per_year": standing.avoided,
                "m_d_kwh": standing.m_d_kwh,
            }
        )
    if found.check is not None:
        check = found.check
        made["policy_check"] = pl.DataFrame(
            {
                "outage": np.arange(len(check.policy_kwh)),
                "policy_kwh": check.policy_kwh,
                "best_kwh": check.best_kwh,
                "bound_kwh": check.bound_kwh,
                "policy_mean_kwh": check.policy_mean_kwh,
                "best_mean_kwh": check.best_mean_kwh,
                "bound_mean_kwh": check.bound_mean_kwh,
            }
        )
    return made


def _outages(name: str, found: ResilienceResults, case: FleetCase) -> pl.DataFrame:
    count = len(case.m_d_kwh)
    columns: dict[str, Any] = {
        "fleet": [name] * count,
        "outage": np.arange(count),
        "start_hour": found.outages.start_hour,
        "length_h": found.outages.length_h,
        "m_d_kwh": case.m_d_kwh,
        "fed_kwh": case.fed_kwh,
        "openings": case.openings,
    }
    for place, share in enumerate(case.sustained.threshold.tolist()):
        columns[f"t_r_{100 * share:g}_h"] = case.sustained.time_h[:, place]
        columns[f"first_t_r_{100 * share:g}_h"] = case.first.time_h[:, place]
    for place, tier in enumerate(TIERS):
        columns[f"lost_{tier}_kwh"] = case.lost_kwh[:, place]
        columns[f"survived_{tier}_h"] = case.survived_h[:, place]
    assert case.missing_kwh is not None
    for place, cause in enumerate(CAUSES):
        columns[f"missing_{cause}_kwh"] = case.missing_kwh[:, place]
    return pl.DataFrame(columns)


def survival(found: ResilienceResults) -> pl.DataFrame:
    """Probability that a tier is served without a break, by length of the outage."""
    hours = survival_hours(found)
    rows = [
        pl.DataFrame(
            {
                "fleet": [name] * len(hours),
                "tier": [tier] * len(hours),
                "hours": hours,
                "probability": survived(case, place, hours),
            }
        )
        for name, case in found.cases.items()
        for place, tier in enumerate(TIERS)
    ]
    return pl.concat(rows)


def survival_hours(found: ResilienceResults) -> Float[Array, " hour"]:
    """Lengths of outages for which survival is told."""
    longest = max(float(case.survived_h.max()) for case in found.cases.values())
    return np.linspace(0.0, longest, 97)


def survived(case: FleetCase, tier: int, hours: Float[Array, " hour"]) -> Float[Array, " hour"]:
    """Share of outages in which a tier is served without a break for so long."""
    lasted = np.sort(case.survived_h[:, tier])
    return 1.0 - np.searchsorted(lasted, hours - 1e-9, side="left") / len(lasted)


def _served(config: Config, name: str, case: FleetCase) -> pl.DataFrame:
    mean, low, high, lasting = served_band(case)
    return pl.DataFrame(
        {
            "fleet": [name] * len(mean),
            "hours": config.outage.step_h * np.arange(len(mean)),
            "mean": mean,
            "low": low,
            "high": high,
            "outages": lasting,
        }
    )


BAND = 0.8  # share of outages between the ends


def served_band(case: FleetCase) -> tuple[Array, Array, Array, Array]:
    """Share of the demand by step: mean, ends of the band, and outages that still last."""
    lasting = np.isfinite(case.served_share).sum(axis=0)
    some = case.served_share[:, lasting > 0]
    low, high = np.nanquantile(some, [(1 - BAND) / 2, (1 + BAND) / 2], axis=0)
    return np.nanmean(some, axis=0), low, high, lasting[lasting > 0]


def inputs(found: ResilienceResults) -> dict[str, pl.DataFrame]:
    """The tables that were computed from, by name."""
    outages = found.outages
    rows = [
        {
            "outage": number,
            "name": unit.name,
            "arrival_h": unit.arrival_h,
            "energy_arrival_kwh": unit.energy_arrival_kwh,
            "energy_reserve_kwh": unit.energy_reserve_kwh,
            "max_discharge_kw": unit.max_discharge_kw,
        }
        for number, site in enumerate(outages.microgrids)
        for unit in site.batteries
    ]
    schema = {
        "outage": pl.Int64,
        "name": pl.String,
        "arrival_h": pl.Float64,
        "energy_arrival_kwh": pl.Float64,
        "energy_reserve_kwh": pl.Float64,
        "max_discharge_kw": pl.Float64,
    }
    drawn = {"start_hour": outages.start_hour, "length_h": outages.length_h}
    for place in range(outages.diesel_fails_h.shape[1]):
        drawn[f"diesel_{place + 1}_fails_h"] = outages.diesel_fails_h[:, place]
    (site, *_) = outages.microgrids
    made = {
        "outages": pl.DataFrame(drawn),
        "vehicles": pl.DataFrame(rows, schema=schema),
        "load_blocks": pl.DataFrame([vars(block) for block in site.load_blocks]),
    }
    return made if site.section is None else made | {"section": section_table(site.section)}
