"""The summary and the tables of a regulation study."""

from typing import Any

import numpy as np
import polars as pl

from evergrid.core.units import KW_PER_MW
from evergrid.data import tables
from evergrid.markets.rules.constant import unsure
from evergrid.studies.regulation import trials
from evergrid.studies.regulation.config import Config
from evergrid.studies.regulation.kinds import by_kind
from evergrid.studies.regulation.results import RegulationResults

HOURS_PER_YEAR = 8760.0
SECOND_US = 1_000_000


def headline(config: Config, found: RegulationResults) -> dict[str, Any]:
    """What is computed, by its key in ``summary.json``."""
    portfolio, record = found.inputs.portfolio, found.record
    scored, total = found.scored, found.score.total
    hours = portfolio.grid.horizon_h
    mean_kw = float(found.award_kw.mean())
    return {
        "status": str(found.plan.status),
        "currency": portfolio.prices.currency,
        "rules": found.rules.name,
        "unsure_rules": unsure(found.rules),
        "reading": config.market.reading,
        "net_cost": found.net_cost,
        "net_cost_without": found.net_cost_without,
        "information": config.information.prices,
        "net_cost_foresight": found.foresight,
        "regret": None if found.foresight is None else found.net_cost - found.foresight,
        "credit": found.credit,
        "credit_capability": float(found.credits.capability.sum()),
        "credit_performance": float(found.credits.performance.sum()),
        "credit_per_kw_year": found.credit / mean_kw * HOURS_PER_YEAR / hours if mean_kw else 0.0,
        "plan_cost": found.plan_cost,
        "signal_energy_cost": found.signal_energy,
        "energy_left_cost": found.energy_left,
        "following_wear_cost": found.following_wear,
        "beside_plan_kwh": float(found.beside_plan_kwh.sum()),
        "share_offered": found.share,
        "offered_mean_kw": float(found.offered_kw.mean()),
        "award_mean_kw": mean_kw,
        "award_cut_kw": float(found.offered_kw.mean()) - mean_kw,
        "score_mean": float(total[scored].mean()) if scored.any() else None,
        "score_worst": float(total[scored].min()) if scored.any() else None,
        "intervals": len(total),
        "intervals_forfeited": int(found.credits.forfeited.sum()),
        "mean_error": record.mean_error,
        "mileage_per_h": found.signal.mileage_per_h,
        "signal_mean_abs": found.asked.mean_abs,
        "signal_rms": found.asked.rms,
        "signal_gaps": found.record.signal.gaps,
        "signal_clipped": found.record.signal.clipped,
        "site_beyond_kw": float(record.beyond_kw.max(initial=0.0)),
        "sessions_short": len(found.short),
        "shortfall_kwh": float(record.shortfall_kwh.sum()),
        "switches_most": int(record.switches.max(initial=0)),
        "switches_mean": float(record.switches.mean()) if len(record.switches) else 0.0,
        "lost_kwh": float(record.energies_kwh[2]),
        "fed_kwh": float(record.energies_kwh[0]),
        "drawn_kwh": float(record.energies_kwh[1]),
        "assets": portfolio.assets,
        "sessions": len(portfolio.sessions),
        "start_utc": portfolio.grid.start_utc.isoformat(),
        "end_utc": portfolio.grid.end_utc.isoformat(),
        "solve_s": found.plan.solve_s,
    }


def inputs(found: RegulationResults) -> dict[str, pl.DataFrame]:
    """The canonical tables that were used, by name."""
    signal = found.signal
    return {
        "sessions": tables.sessions_frame(found.inputs.portfolio.sessions),
        "signal": pl.DataFrame(
            {"second": np.arange(len(signal)) * signal.tick_s, "signal": signal.share}
        ),
    }


def results(config: Config, found: RegulationResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    portfolio, record, planned = found.inputs.portfolio, found.record, found.plan.schedule
    session, step = np.nonzero(planned.plugged)
    count = len(found.score.total)
    awarded = found.award_kw[:count] > 0
    score = {
        name: pl.Series(getattr(found.score, name)).set(pl.Series(~awarded), None)
        for name in ("correlation", "delay", "precision", "total")
    }
    begin = portfolio.grid.times[0]
    every_us = round(found.rules.payment_h * 3600 * SECOND_US)
    tick_us = round(record.tick_s * SECOND_US)
    return {
        "trials": trials.frame(found.trials, found.share),
        "kinds": by_kind(config, found.asset_id.tolist(), found.held_kwh, found.statement),
        "intervals": pl.DataFrame(
            {
                "time_utc": _utc(begin, every_us, count),
                "award_mw": found.award_kw[:count] / KW_PER_MW,
                "correlation": score["correlation"],
                "delay": score["delay"],
                "precision": score["precision"],
                "score": score["total"],
                "capability_price_per_mw": found.prices.capability_per_mw,
                "performance_price_per_mw": found.prices.performance_per_mw,
                "credit_capability": found.credits.capability,
                "credit_performance": found.credits.performance,
                "forfeited": found.credits.forfeited,
            }
        ),
        "ticks": pl.DataFrame(
            {
                "time_utc": _utc(begin, tick_us, len(record.award_kw)),
                "award_kw": record.award_kw,
                "target_kw": record.target_kw,
                "base_kw": record.base_kw,
                "response_kw": record.response_kw,
            }
        ),
        "schedule": pl.DataFrame(
            {
                "session_id": pl.Series(
                    portfolio.sessions.session_id.tolist(), dtype=pl.String
                ).gather(session),
                "time_utc": pl.Series(
                    portfolio.grid.times[step].astype("datetime64[us]")
                ).dt.replace_time_zone("UTC"),
                "power_kw": planned.power_kw[session, step],
                "energy_kwh": planned.energy_kwh[session, step],
                "held_kw": found.plan.held_kw[0, session, step],
            }
        ),
        "statement": pl.DataFrame(
            {
                "asset_id": found.asset_id.tolist(),
                "held_kwh": found.held_kwh,
                "credit": found.statement,
            }
        ),
    }


def _utc(begin: np.datetime64, every_us: int, count: int) -> pl.Series:
    times = begin + (np.arange(count) * every_us).astype("timedelta64[us]")
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
