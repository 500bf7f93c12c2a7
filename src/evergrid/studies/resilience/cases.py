"""One fleet through all outages: who is served when, how soon, how deep, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.model.microgrid import TIERS, Microgrid
from evergrid.resilience.metrics.degradation import degradation
from evergrid.resilience.metrics.performance import PerformanceCurves
from evergrid.resilience.metrics.recovery import RecoveryTimes, recovery
from evergrid.resilience.metrics.requirement import RequirementTest, requirement_test
from evergrid.resilience.restoration import policy
from evergrid.resilience.restoration.belief import OutageBelief
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.missing import missing_kwh
from evergrid.studies.resilience.scenarios import Outages, believed
from evergrid.studies.resilience.workers import HERE, OutageWorkers


@dataclass(frozen=True)
class FleetCase:
    """What becomes of the site in every outage with one fleet.

    Attributes:
        sustained: When shares of the demand are served again for good, or for the hold.
        first: When they are first reached.
        m_d_kwh: Energy not served until the grid is back, of the tiers that count.
        lost_kwh: The same of all tiers, by tier.
        missing_kwh: As ``m_d_kwh`` by what was missing; None where that was not asked for.
        served_share: Of the demand of the tiers that count, by step; NaN once the grid is back.
        survived_h: By tier: how long all of it is served without a break, were the grid not back
            before the longest outage ends.
        fed_kwh: By batteries, until the grid is back.
        openings: Blocks that were opened again before the grid was back.
    """

    sustained: RecoveryTimes
    first: RecoveryTimes
    m_d_kwh: Float[Array, " scenario"]
    lost_kwh: Float[Array, "scenario tier"]
    missing_kwh: Float[Array, "scenario cause"] | None
    served_share: Float[Array, "scenario step"]
    survived_h: Float[Array, "scenario tier"]
    fed_kwh: Float[Array, " scenario"]
    openings: Int[Array, " scenario"]


class _OutageQuestion(NamedTuple):
    """What is asked of every outage, wherever it is followed."""

    config: Config
    rule: RestorationRule
    belief: OutageBelief
    causes: bool


def followed(
    config: Config,
    outages: Outages,
    rule: RestorationRule,
    *,
    causes: bool = False,
    workers: OutageWorkers = HERE,
) -> FleetCase:
    """Every outage by the fast policy, which knows neither who comes nor how long it lasts.

    It knows how long outages last and what vehicles bring on average.

    Args:
        config: The study.
        outages: With the vehicles of this case.
        rule: By which blocks are picked up.
        causes: Whether what was missing is found out, too.
        workers: Who follows them, which changes no number.
    """
    asked = _OutageQuestion(config, rule, believed(config, outages), causes)
    return _joined(workers.each(_followed, asked, workers.split(outages)))


def _joined(parts: Sequence[FleetCase]) -> FleetCase:
    """Outages that were followed in parts, in their order."""
    if len(parts) == 1:
        return parts[0]
    whole: dict[str, Any] = {}
    for name, first in vars(parts[0]).items():
        of = [getattr(part, name) for part in parts]
        if isinstance(first, RecoveryTimes):
            whole[name] = _joined_times(of)
        else:
            whole[name] = None if first is None else np.concatenate(of)
    return FleetCase(**whole)


def _joined_times(parts: Sequence[RecoveryTimes]) -> RecoveryTimes:
    given = parts[0]
    by_outage = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("time_h", "reached", "interruptions", "below_h")
    }
    return replace(given, **by_outage)


def _followed(asked: _OutageQuestion, outages: Outages) -> FleetCase:
    """Some outages, by what is believed of all."""
    config, outage = asked.config, asked.config.outage
    course = policy.follow_many(
        outages.microgrids,
        asked.rule,
        outage.steps * outage.step_h,
        outage.step_h,
        failures=outages.failures(),
        belief=asked.belief,
    )
    site = outages.microgrids[0]
    begins = outage.step_h * np.arange(outage.steps)
    lasts_h = np.clip(outages.length_h[:, None] - begins, 0.0, outage.step_h)  # of each step
    power = np.array([block.power_kw for block in site.load_blocks])
    dark_kw = power[:, None] * ~course.closed
    counted = power * [block.tier in config.recovery.tiers for block in site.load_blocks]
    served_kw = (counted[:, None] * course.closed).sum(axis=1)
    curves = _curves(config, outages, served_kw, float(counted.sum()))
    shares, hold = config.recovery.shares, config.recovery.hold_h
    tiers = np.array([[b.tier == tier for b in site.load_blocks] for tier in TIERS])
    begun = lasts_h > 0
    before = np.zeros_like(course.closed)
    before[:, :, 1:] = course.closed[:, :, :-1]
    opened = before & ~course.closed & begun[:, None, :]
    fed_kw = np.maximum(course.battery_kw, 0.0).sum(axis=1)
    return FleetCase(
        sustained=recovery(curves, shares, hold_h=np.inf if hold is None else hold),
        first=recovery(curves, shares, hold_h=0.0),
        m_d_kwh=degradation(curves).energy_kwh,
        lost_kwh=np.einsum("sbt,st,kb->sk", dark_kw, lasts_h, tiers.astype(float)),
        missing_kwh=missing_kwh(config, outages, course, lasts_h) if asked.causes else None,
        served_share=np.where(begun, served_kw / counted.sum(), np.nan),
        survived_h=np.stack(
            [_survived_h(site, course.closed, of, outage.step_h) for of in tiers], axis=1
        ),
        fed_kwh=(fed_kw * lasts_h).sum(axis=1),
        openings=opened.sum(axis=(1, 2)),
    )


def requirement(config: Config, case: FleetCase) -> RequirementTest:
    """What a fleet proves of the target."""
    asked = config.recovery
    place = asked.shares.index(asked.target_share)
    return requirement_test(
        case.sustained.time_h[:, place],
        case.sustained.reached[:, place],
        case.m_d_kwh,
        within_h=asked.target_t_r_h,
        at_most_kwh=asked.target_m_d_kwh,
        share=asked.probability,
        confidence=asked.confidence,
    )


def lost_cost(config: Config, case: FleetCase) -> float:
    """Cost of lost load, mean of an outage."""
    per_kwh = [getattr(config.lost_load, f"{tier}_per_kwh") for tier in TIERS]
    return float(case.lost_kwh.mean(axis=0) @ np.array(per_kwh))


def _curves(
    config: Config, outages: Outages, served_kw: Float[Array, "scenario step"], demand_kw: float
) -> PerformanceCurves:
    """Demand that is served, in full again once the grid is back."""
    outage, length = config.outage, outages.length_h[:, None]
    begins = np.broadcast_to(outage.step_h * np.arange(outage.steps), served_kw.shape)
    within = begins < length
    return PerformanceCurves(
        time_h=np.hstack([np.minimum(begins, length), length]),
        served_kw=np.hstack(
            [np.where(within, served_kw, demand_kw), np.full_like(length, demand_kw)]
        ),
        demand_kw=np.full((len(served_kw), outage.steps + 1), demand_kw),
        event_h=np.zeros(len(served_kw)),
        horizon_h=np.full(len(served_kw), outage.most_h + outage.step_h),
    )


def _survived_h(
    site: Microgrid,
    closed: Bool[Array, "scenario block step"],
    of: Bool[Array, " block"],
    step_h: float,
) -> Float[Array, " scenario"]:
    """Hours until the first of those blocks is dark for longer than its own batteries carry it."""
    steps = closed.shape[2]
    found = np.full(len(closed), steps * step_h)
    for place in np.flatnonzero(of):
        dark_h = step_h * np.cumsum(~closed[:, place], axis=1)
        bridge_h = site.load_blocks[place].bridge_h
        broken = dark_h > bridge_h + 1e-9
        step = np.argmax(broken, axis=1)
        # Within the step in which its batteries are used up, they last for what is left of them.
        left_h = bridge_h - np.where(step > 0, dark_h[np.arange(len(step)), step - 1], 0.0)
        ends_h = step * step_h + np.clip(left_h, 0.0, step_h)
        found = np.where(broken.any(axis=1), np.minimum(found, ends_h), found)
    return found
