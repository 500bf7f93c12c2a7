"""Promises of a fleet from its record: by day, by block, by vehicle, by size, and their scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.timegrid import zone
from evergrid.fleet import day_ahead, scores
from evergrid.fleet.availability import Availability, availability
from evergrid.fleet.common_factor import AbstractFactor, BetaMixing, Independent, Regimes
from evergrid.fleet.conformal import Outage, check_days, days_needed
from evergrid.fleet.day_ahead import Past
from evergrid.fleet.day_kind import ODD, WORKING, DayKinds, day_kinds
from evergrid.fleet.diversity import diversity_floor, effective_vehicles
from evergrid.fleet.firm_capacity import offers, offers_of_bins
from evergrid.fleet.history import History
from evergrid.fleet.local_time import utc_from_local
from evergrid.fleet.probability_bins import gather
from evergrid.fleet.simple_promises import simple_promises

GRID = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # confidences of the reliability diagram
MODEL_LEVELS = (0.5, 0.9, 0.99, 0.999)
SIZES = (1, 3, 10, 30, 100, 300, 1_000, 10_000, 100_000, 1_000_000)
LATTICE_SHARE = 20  # lattice steps per vehicle's power
BOUNDED_FROM = 3_000  # vehicles; larger fleets are bounded, not summed
OURS = "calibrated"


@dataclass(frozen=True)
class Growth:
    """Firm power of fleets of one kind and many sizes, at the busiest step.

    Attributes:
        vehicles: Sizes.
        independent_kw: Firm power if vehicles were independent.
        common_kw: Firm power under the common factor.
        low_kw: Proven lower bound on it.
        high_kw: Proven upper bound.
        mean_kw: Expected power of one vehicle.
        floor_kw: Firm power of one vehicle in an endless fleet.
        confidence: Of all of them.
        step: Step of the day.
    """

    vehicles: Int[Array, " size"]
    independent_kw: Float[Array, " size"]
    common_kw: Float[Array, " size"]
    low_kw: Float[Array, " size"]
    high_kw: Float[Array, " size"]
    mean_kw: float
    floor_kw: float
    confidence: float
    step: int


@dataclass(frozen=True)
class Found:
    """Everything the study found.

    Attributes:
        confidence: Asked, ascending.
        days: Days of the record and then the coming ones.
        past: The record by day and step.
        expected_kw: What was told of each day the day before.
        promised_kw: What was promised the day before.
        coming_kw: What can be promised of the coming days.
        coming_mean_kw: What is expected of them.
        coming_utc: Start of each of their steps.
        block_kw: What can be promised for each block of them.
        block_utc: Start of each block.
        block_h: Length of a block.
        block_kept: How often promises of blocks were kept, by confidence.
        vehicles: Each vehicle on the first coming day that is no odd one.
        model_kw: Firm power of that day by the model of vehicles, at `MODEL_LEVELS`.
        independent_kw: The same if vehicles were independent.
        model_day: Which coming day.
        correlation: Of two vehicles' availability, at the busiest step.
        growth: How firm power grows with the fleet.
        kept: Coverage on judged days by rule and confidence asked.
        reliability: Ours over `GRID`.
        rule_kept: Share kept by each simpler rule over `GRID`.
        rules: Scores by rule at the highest confidence that is calibrated.
        by_model: Confidences promised by the model alone.
        notes: What a reader must know.
    """

    confidence: tuple[float, ...]
    days: Shaped[Array, " day"]
    past: Past
    expected_kw: Float[Array, "day step"]
    promised_kw: Float[Array, "level day step"]
    coming_kw: Float[Array, "level coming step"]
    coming_mean_kw: Float[Array, "coming step"]
    coming_utc: Shaped[Array, "coming step"]
    block_kw: Float[Array, "level coming block"]
    block_utc: Shaped[Array, "coming block"]
    block_h: float
    block_kept: list[scores.Coverage]
    vehicles: Availability
    model_kw: Float[Array, "model_level step"]
    independent_kw: Float[Array, "model_level step"]
    model_day: int
    correlation: float
    growth: Growth
    kept: list[scores.Coverage]
    reliability: scores.Reliability
    rule_kept: Mapping[str, Float[Array, " grid"]]
    rules: list[dict[str, Any]]
    by_model: tuple[float, ...]
    notes: list[str]

    @property
    def top(self) -> int:
        """Highest confidence that days have judged, as a row of ``confidence``."""
        return len(self.confidence) - 1 - len(self.by_model)

    def headline(self) -> dict[str, Any]:
        """Headline numbers."""
        busiest = int(np.argmax(self.coming_mean_kw[self.model_day]))
        return {
            "confidence": list(self.confidence),
            "by_model": list(self.by_model),
            "judged_days": int(self.past.judged.sum()),
            "coverage": [vars(kept) for kept in self.kept],
            "block_coverage": [vars(kept) for kept in self.block_kept],
            "busiest_utc": f"{self.coming_utc[self.model_day, busiest]}Z",
            "busiest_expected_kw": float(self.coming_mean_kw[self.model_day, busiest]),
            "busiest_firm_kw": self.coming_kw[:, self.model_day, busiest].tolist(),
            "coming_mean_firm_kw": self.coming_kw.mean(axis=(1, 2)).tolist(),
            "correlation": self.correlation,
            "effective_vehicles": effective_vehicles(
                float(len(self.vehicles.asset_id)), self.correlation
            ),
            "independence_kw": float(self.independent_kw[2, busiest]),
            "model_kw": float(self.model_kw[2, busiest]),
            "growth_floor_kw_per_vehicle": self.growth.floor_kw,
            "rules": self.rules,
        }


def find(
    record: History,
    holidays: Shaped[Array, " holiday"],
    *,
    confidence: tuple[float, ...],
    by_model: bool,
    outages: tuple[Outage, ...],
    coming: int,
    judged_share: float,
    block_h: float,
    time_zone: str,
    progress: Callable[[str, float], None],
) -> Found:
    """Promises of a fleet from its record.

    Args:
        record: What could have been delivered.
        holidays: Days off, past and coming.
        confidence: Shares of promises to be kept, ascending.
        by_model: Promise by the model where the record is too short to vouch.
        outages: Events that the record does not show.
        coming: Days to promise for.
        judged_share: Last share of the record on which promises are judged.
        block_h: Length of a block.
        time_zone: Of the local clock.
        progress: Called with what is being done and the share that is done.

    Raises:
        InputError: Too few days for a confidence, when ``by_model`` is not set.
    """
    past, days, kinds = _past(record, holidays, coming, judged_share)
    calibrated = _calibrated(past, confidence, by_model=by_model)
    progress("judging promises on past days", 0.2)
    expected = day_ahead.told(past)
    promised = np.stack(
        [day_ahead.promised(past, expected, c, outages=outages).power_kw for c in confidence]
    )
    over_grid = _over_grid(past, expected.mean_kw, days_needed)
    progress("promising the coming days", 0.35)
    coming_mean, coming_kw = day_ahead.coming_promises(past, confidence, outages=outages)
    blocks = _blocks(past, round(block_h / record.product.step_h))
    progress("promising blocks", 0.5)
    _, block_kw = day_ahead.coming_promises(blocks, confidence, outages=outages)
    block_promised = _promised(blocks, confidence, outages)
    progress("summing up the vehicles", 0.65)
    first = len(record.days)
    usual = np.flatnonzero(kinds.group[first:] != ODD)
    model_day = int(usual[0]) if len(usual) else 0
    told_then = day_ahead.told(past, model_day + 1)
    vehicles = availability(record, told_then.weights[first + model_day, :first])
    factor, rho, step = _factor(past, expected.mean_kw, vehicles, outages)
    model_kw, alone_kw = _by_vehicle(vehicles, factor)
    progress("growing the fleet", 0.75)
    top = confidence[len(calibrated) - 1] if calibrated else confidence[-1]
    growth = _growth(vehicles, factor, step, top)
    missing = confidence[len(calibrated) :]
    for level in missing:
        row = confidence.index(level)
        model = _offered(vehicles, factor, (level,))[0][0]
        coming_kw[row] = np.minimum(model, coming_mean)
        block_kw[row] = _block_min(coming_kw[row], block_kw.shape[2])
    judged = past.judged
    instants = _starts(days[first:], past.power_kw.shape[1], time_zone)
    return Found(
        confidence=confidence,
        days=days,
        past=past,
        expected_kw=expected.mean_kw,
        promised_kw=promised,
        coming_kw=coming_kw,
        coming_mean_kw=coming_mean,
        coming_utc=instants,
        block_kw=block_kw,
        block_utc=instants[:, :: past.power_kw.shape[1] // block_kw.shape[2]],
        block_h=block_h,
        block_kept=[
            scores.coverage(blocks.power_kw[judged], one[judged])
            for one in block_promised[: len(calibrated)]
        ],
        vehicles=vehicles,
        model_kw=model_kw,
        independent_kw=alone_kw,
        model_day=model_day,
        correlation=rho,
        growth=growth,
        kept=[
            scores.coverage(past.power_kw[judged], one[judged])
            for one in promised[: len(calibrated)]
        ],
        reliability=over_grid,
        rule_kept=_rule_kept(past, over_grid.asked),
        rules=_rules(past, promised[len(calibrated) - 1], top) if calibrated else [],
        by_model=missing,
        notes=_notes(kinds.group[first:], days[first:], missing, vehicles),
    )


def _past(
    record: History, holidays: Shaped[Array, " holiday"], coming: int, judged_share: float
) -> tuple[Past, Shaped[Array, " day"], DayKinds]:
    """The record with room for the coming days."""
    days = np.append(record.days, record.days[-1] + 1 + np.arange(coming))
    kinds = day_kinds(days, holidays)
    power = record.power_kw
    empty = np.zeros((coming, power.shape[1]))
    fitted = round(len(record.days) * (1 - judged_share))
    usual = record.known & (kinds.group[: len(record.days)] == WORKING)
    past = Past(
        power_kw=np.concatenate([power, empty]),
        known=np.append(record.known, np.zeros(coming, dtype=bool)),
        kinds=kinds,
        coming=coming,
        fitted=fitted,
        noise_kw=record.noise_kw(usual & (np.arange(len(usual)) < fitted)),
    )
    return past, days, kinds


def _calibrated(past: Past, confidence: tuple[float, ...], *, by_model: bool) -> tuple[float, ...]:
    """The confidences that days before the judged ones can vouch for."""
    days = int((past.usable & ~past.judged).sum())
    if not by_model:
        check_days(days, confidence)
    return tuple(level for level in confidence if days_needed(level) <= days)


def _promised(past: Past, confidence: tuple[float, ...], outages: tuple[Outage, ...]) -> Array:
    expected = day_ahead.told(past)
    made = [day_ahead.promised(past, expected, c, outages=outages).power_kw for c in confidence]
    return np.stack(made)


def _over_grid(
    past: Past, expected_kw: Float[Array, "day step"], needed: Callable[[float], int]
) -> scores.Reliability:
    """Ours at many confidences, as far as the record can vouch for them; without outages."""
    days = int((past.usable & ~past.judged).sum())
    levels = tuple(level for level in GRID if needed(level) <= days)
    made = _promised(past, levels, ())
    at = past.judged
    return scores.reliability(past.power_kw[at], made[:, at], np.array(levels))


def _blocks(past: Past, steps: int) -> Past:
    """The record by block: what could have been delivered in each of its steps."""
    power = _block_min(past.power_kw, past.power_kw.shape[1] // steps)
    noise = past.noise_kw.reshape(-1, steps).mean(axis=1)
    return replace(past, power_kw=power, noise_kw=noise)


def _block_min(power_kw: Float[Array, "day step"], blocks: int) -> Float[Array, "day block"]:
    return power_kw.reshape(len(power_kw), blocks, -1).min(axis=2)


def _starts(days: Shaped[Array, " day"], steps: int, time_zone: str) -> Shaped[Array, "day step"]:
    """Start of each step of local days in UTC."""
    within = np.arange(steps) * np.timedelta64(24 * 3600 // steps, "s")
    clock = days.astype("datetime64[us]")[:, None] + within.astype("timedelta64[us]")
    return utc_from_local(clock, zone(time_zone))


def _factor(
    past: Past,
    expected_kw: Float[Array, "day step"],
    vehicles: Availability,
    outages: tuple[Outage, ...],
) -> tuple[AbstractFactor, float, int]:
    """What moves the vehicles together, its correlation, and the busiest step it is fitted at."""
    step = int(np.argmax(vehicles.mean_kw))
    all_kw = float(vehicles.power_kw[:, step].sum())
    probability = float(vehicles.mean_kw[step]) / all_kw if all_kw > 0 else 0.0
    variation = day_ahead.common_variation(past, expected_kw)
    rho = day_ahead.correlation(variation, probability)
    factor: AbstractFactor = BetaMixing(rho) if rho > 0 else Independent()
    if outages:
        chances = tuple(outage.probability for outage in outages)
        factor = Regimes(
            (1.0 - sum(chances), *chances),
            (1.0, *(outage.share for outage in outages)),
            within=factor,
        )
    return factor, rho, step


def _by_vehicle(vehicles: Availability, factor: AbstractFactor) -> tuple[Array, Array]:
    """Firm power of the model day at `MODEL_LEVELS`: under the factor, and independent."""
    return _offered(vehicles, factor, MODEL_LEVELS)[0], _offered(
        vehicles, Independent(), MODEL_LEVELS
    )[0]


def _offered(
    vehicles: Availability, factor: AbstractFactor, levels: tuple[float, ...]
) -> tuple[Float[Array, "level step"], Float[Array, "level step"]]:
    lattice = _lattice(vehicles.power_kw)
    made = offers(
        vehicles.probability,
        vehicles.power_kw,
        factor,
        np.array(levels),
        step_kw=lattice,
    )
    return made.firm_kw, made.low_kw


def _lattice(power_kw: Float[Array, "..."]) -> float:
    """Step of the lattice, a small share of a vehicle's power."""
    some = power_kw[power_kw > 0]
    return float(some.mean()) / LATTICE_SHARE if some.size else 1.0


def _growth(vehicles: Availability, factor: AbstractFactor, step: int, confidence: float) -> Growth:
    """Fleets made of the same kinds of vehicles as the real one."""
    probability, power = vehicles.probability[:, step], vehicles.power_kw[:, step]
    level = np.array([confidence])
    rows: list[tuple[float, ...]] = []
    for size in SIZES:
        count = _spread_out(probability * power, size)
        some = count > 0
        fleet = (probability[some][:, None], power[some], count[some])
        (alone,), (common,) = (_sized(fleet, of, level) for of in (Independent(), factor))
        rows.append((alone[0], *common))
    independent, found, low, high = np.array(rows).T
    return Growth(
        vehicles=np.array(SIZES),
        independent_kw=independent,
        common_kw=found,
        low_kw=low,
        high_kw=high,
        mean_kw=float((probability * power).mean()),
        floor_kw=float(power.mean()) * diversity_floor(probability, power, factor, confidence),
        confidence=confidence,
        step=step,
    )


def _sized(
    fleet: tuple[Array, Array, Array], factor: AbstractFactor, level: Float[Array, " level"]
) -> Float[Array, "level 3"]:
    """Firm power of a fleet with counts, and its bounds; large fleets are not summed exactly."""
    probability, power, count = fleet
    if count.sum() >= BOUNDED_FROM:
        made = offers_of_bins(gather(probability, power, count=count), factor, level)
    else:
        options = {"step_kw": _lattice(power), "count": count}
        made = offers(probability, power, factor, level, **options)
    return np.stack([made.firm_kw[:, 0], made.low_kw[:, 0], made.high_kw[:, 0]], axis=1)


def _spread_out(value: Float[Array, " vehicle"], size: int) -> Int[Array, " vehicle"]:
    """How often each vehicle counts in a fleet of that size: equally, the rest evenly in value."""
    count = np.full(len(value), size // len(value))
    order, rest = np.argsort(value), size % len(value)
    places = ((np.arange(rest) + 0.5) * len(value) / max(rest, 1)).astype(np.int64)
    count[order[places]] += 1
    return count


def _rule_kept(past: Past, grid: Float[Array, " grid"]) -> dict[str, Float[Array, " grid"]]:
    """Share of promises that simpler rules kept on the judged days, at each confidence."""
    at, kept = past.judged, {}
    for level in grid.tolist():
        for name, power in _simple(past, level).items():
            share = scores.coverage(past.power_kw[at], power[at]).share
            kept.setdefault(name, []).append(share)
    return {name: np.array(shares) for name, shares in kept.items()}


def _simple(past: Past, confidence: float) -> dict[str, Float[Array, "day step"]]:
    return simple_promises(
        past.power_kw,
        past.known,
        past.kinds,
        confidence=confidence,
        lead_days=day_ahead.LEAD_DAYS,
        fitted_days=past.fitted,
    )


def _rules(
    past: Past, ours_kw: Float[Array, "day step"], confidence: float
) -> list[dict[str, Any]]:
    """How each rule fared on the judged days, and when scaled to keep the same share as ours."""
    at: Bool[Array, " day"] = past.judged
    came = past.power_kw[at]
    target = scores.coverage(came, ours_kw[at]).share
    rows = []
    for name, power in {OURS: ours_kw, **_simple(past, confidence)}.items():
        made = power[at]
        kept = scores.coverage(came, made)
        scale = scores.scale_to_coverage(came, made, target)
        loss = scores.pinball_kw(came, made, 1 - confidence)
        rows.append(
            {
                "rule": name,
                "confidence": confidence,
                "kept": kept.share,
                "days_kept": float(scores.days_kept(came, made).mean()),
                "mean_kw": float(made.mean()),
                "equal_kw": float(made.mean()) * scale,
                "pinball_kw": float(loss.mean()),
                "came_kw": float(came.mean()),
            }
        )
    return rows


def _notes(
    groups: Int[Array, " coming"],
    days: Shaped[Array, " coming"],
    by_model: tuple[float, ...],
    vehicles: Availability,
) -> list[str]:
    notes = []
    odd = [str(day) for day in days[groups == ODD]]
    if odd:
        notes.append(f"Nothing is promised for {', '.join(odd)}: days around holidays vary.")
    if by_model:
        levels = ", ".join(f"{level:.4g}" for level in by_model)
        notes.append(
            f"The history is too short to vouch for {levels}: those promises come from the model "
            "of vehicles alone, and no held-out day has judged them."
        )
    if vehicles.pooled.any():
        notes.append(
            f"{int(vehicles.pooled.sum()):,} of {len(vehicles.pooled):,} vehicles have less than "
            "one like day of their own and stand for the fleet's average."
        )
    return notes
