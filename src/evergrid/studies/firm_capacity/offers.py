"""Promises of a fleet from its record, by day and by block, and how such promises fared."""

from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.local_time import day_steps, local_from_utc
from evergrid.core.progress import Progress
from evergrid.core.timegrid import TimeGrid, local_midnight, zone
from evergrid.fleet.delivery.diversity import effective_vehicles
from evergrid.fleet.firm_capacity import day_ahead, day_forecast
from evergrid.fleet.firm_capacity.day_ahead import Past
from evergrid.fleet.firm_capacity.outages import Outage
from evergrid.fleet.firm_capacity.risk_control import check_days, days_needed
from evergrid.fleet.history.past_days import History
from evergrid.model.time_series.weather import Weather
from evergrid.studies.firm_capacity import notes
from evergrid.studies.firm_capacity.model import NAIVE, Model, model
from evergrid.studies.firm_capacity.model import promises as by_model_promises
from evergrid.studies.firm_capacity.scores import (
    OURS,
    Coverages,
    Reliability,
    ahead,
    kept,
    quarters,
    reliability,
    rules,
)

GRID = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # confidences of the reliability diagram


@dataclass(frozen=True)
class FirmCapacityResults:
    """Everything the study found.

    Attributes:
        record: What the fleet could have delivered.
        confidence: Asked for, ascending.
        by_model: Those of them promised by the model alone; the highest.
        days: Days of the record and then the coming ones.
        past: The record by day and step.
        expected_kw: What was told of each day the day before.
        promised_kw: What was promised the day before.
        coming_kw: What can be promised of the coming days, by step of the local day.
        coming_mean_kw: What is expected of them.
        grid: The time of the coming days, as it passes on nights of clock changes too.
        day: ComingOffers day of each step of the grid.
        step: Step of the local day of each.
        block_kw: What can be promised for each block of them.
        block_utc: Start of each block.
        block_h: Length of a block.
        block_kept: How often promises of blocks were kept, by confidence that days have judged.
        kept: The same of steps.
        model: The vehicles of the first usual coming day.
        reliability: Ours and simpler rules over `GRID`.
        rules: Scores by rule at the highest confidence that days have judged.
        quarters: Scores by quarter at each confidence that days have judged.
        ahead: How often promises made as far ahead as each coming day were kept, at each of those.
        notes: What a reader must know.
    """

    record: History
    confidence: tuple[float, ...]
    by_model: tuple[float, ...]
    days: Shaped[Array, " day"]
    past: Past
    expected_kw: Float[Array, "day step"]
    promised_kw: Float[Array, "confidence day step"]
    coming_kw: Float[Array, "confidence coming step"]
    coming_mean_kw: Float[Array, "coming step"]
    grid: TimeGrid
    day: Int[Array, " time"]
    step: Int[Array, " time"]
    block_kw: Float[Array, "confidence coming block"]
    block_utc: Shaped[Array, "coming block"]
    block_h: float
    block_kept: list[Coverages]
    kept: list[Coverages]
    model: Model
    reliability: Reliability
    rules: list[dict[str, Any]]
    quarters: list[dict[str, Any]]
    ahead: list[dict[str, Any]]
    notes: list[str]

    @property
    def top(self) -> int:
        """Highest confidence that days have judged, as a row of ``confidence``; -1 for none."""
        return len(self.kept) - 1

    def over_time(self, by_day: Float[Array, "... coming step"]) -> Float[Array, "... time"]:
        """Values by day and step of the local clock, as time passes."""
        return by_day[..., self.day, self.step]

    @property
    def methods(self) -> dict[str, Float[Array, " confidence"]]:
        """Firm power at the busiest step by method; the last is what is promised."""
        promised = self.coming_kw[:, self.model.ahead, self.model.busiest]
        return {**self.model.methods, OURS: promised}

    def headline(self) -> dict[str, Any]:
        """Headline numbers."""
        ahead, busiest = self.model.ahead, self.model.busiest
        return {
            "confidence": list(self.confidence),
            "by_model": list(self.by_model),
            "judged_days": int(self.past.judged.sum()),
            "coverage": [of.row() for of in self.kept],
            "block_coverage": [of.row() for of in self.block_kept],
            "busiest_utc": f"{self.model.times[busiest]}Z",
            "busiest_expected_kw": float(self.coming_mean_kw[ahead, busiest]),
            "busiest_firm_kw": self.coming_kw[:, ahead, busiest].tolist(),
            "coming_mean_firm_kw": self.coming_kw.mean(axis=(1, 2)).tolist(),
            "correlation": self.model.correlation,
            "effective_vehicles": effective_vehicles(
                float(len(self.model.vehicles.asset_id)), self.model.correlation
            ),
            "independence_kw": float(self.model.independent_kw[NAIVE, busiest]),
            "model_kw": float(self.model.firm_kw[NAIVE, busiest]),
            "growth_floor_kw_per_vehicle": self.model.growth.floor_kw,
            "rules": self.rules,
            "quarters": self.quarters,
            "ahead": self.ahead,
        }


@dataclass(frozen=True)
class Request:
    """What promises are asked for.

    Attributes:
        confidence: Shares of promises to be kept, ascending.
        by_model: Promise by the model where the record is too short to vouch.
        proven: Take the form of risk control that has a proof.
        outages: Events that the record does not show.
        coming: Days to promise for.
        judged_share: Last share of the record on which promises are judged.
        block_h: Length of a block.
        time_zone: Of the local clock.
    """

    confidence: tuple[float, ...]
    by_model: bool
    proven: bool
    outages: tuple[Outage, ...]
    coming: int
    judged_share: float
    block_h: float
    time_zone: str


def find(
    record: History,
    holidays: Shaped[Array, " holiday"],
    asked: Request,
    *,
    weather: Weather | None,
    progress: Progress,
) -> FirmCapacityResults:
    """Promises of a fleet from its record.

    Args:
        record: What could have been delivered.
        holidays: Days off, past and coming.
        asked: What to promise.
        weather: Temperatures of all days, past and coming, where there are any.
        progress: Called with what is being done and the share that is done.

    Raises:
        InputError: Too few days to tell one from another, or for a confidence, when
            ``by_model`` is not set; none of late; or a day without a temperature.
    """
    confidence, outages = asked.confidence, asked.outages
    days = np.append(record.days, record.days[-1] + 1 + np.arange(asked.coming))
    past = day_ahead.past_of(record, days, holidays, weather, asked.judged_share)
    vouched = _vouched(past, confidence, by_model=asked.by_model)
    progress("judging promises on past days", 0.2)
    told, promised = day_ahead.told(past), _promised(past, confidence, asked)
    found = _reliability(past, asked)
    progress("promising the coming days", 0.35)
    coming = day_ahead.coming_promises(past, confidence, outages=outages, proven=asked.proven)
    mean_kw, coming_kw = coming.mean_kw, coming.power_kw
    _check_told(past, days, mean_kw)
    blocks = _blocks(past, round(asked.block_h / record.product.step_h))
    progress("promising blocks", 0.5)
    block_kw = day_ahead.coming_promises(
        blocks, confidence, outages=outages, proven=asked.proven
    ).power_kw
    block_promised = _promised(blocks, vouched, asked)
    progress("summing up the vehicles", 0.65)
    coming_days = days[len(record.days) :]
    times = day_steps(coming_days, record.steps, zone(asked.time_zone))
    grown = vouched[-1] if vouched else confidence[-1]
    modelled = model(record, past, times, mean_kw, outages, confidence, grown)
    for row, level in list(enumerate(confidence))[len(vouched) :]:
        progress(f"promising {level:g} by the model", 0.85)
        of = by_model_promises(record, past, modelled.factor, level, block_kw.shape[2])
        surer = row > 0  # a surer promise is never the larger, whichever way it was made
        coming_kw[row] = np.minimum(of[0], coming_kw[row - 1]) if surer else of[0]
        block_kw[row] = np.minimum(of[1], block_kw[row - 1]) if surer else of[1]
    grid, day, step = _passing(coming_days, record.steps, asked.time_zone)
    return FirmCapacityResults(
        record=record,
        confidence=confidence,
        by_model=confidence[len(vouched) :],
        days=days,
        past=past,
        expected_kw=told.mean_kw,
        promised_kw=promised,
        coming_kw=coming_kw,
        coming_mean_kw=mean_kw,
        grid=grid,
        day=day,
        step=step,
        block_kw=block_kw,
        block_utc=times[:, :: record.steps // block_kw.shape[2]],
        block_h=asked.block_h,
        block_kept=[kept(blocks, one) for one in block_promised],
        kept=[kept(past, one) for one in promised[: len(vouched)]],
        model=modelled,
        reliability=found,
        rules=rules(past, promised[len(vouched) - 1], grown) if vouched else [],
        quarters=[
            row
            for level, one in zip(vouched, promised, strict=False)
            for row in quarters(past, days, one, level)
        ],
        ahead=ahead(coming, coming_days, vouched),
        notes=[
            *notes.of_promises(past, days, confidence[len(vouched) :], modelled.vehicles),
            *notes.of_coming_days(coming, vouched),
            *notes.of_influences(past, told, weather),
        ],
    )


def _vouched(past: Past, confidence: tuple[float, ...], *, by_model: bool) -> tuple[float, ...]:
    """The confidences that days before the judged ones can vouch for."""
    days = int((past.usable & ~past.judged).sum())
    if not by_model:
        check_days(days, confidence)
    return tuple(level for level in confidence if days_needed(level) <= days)


def _check_told(
    past: Past, days: Shaped[Array, " day"], mean_kw: Float[Array, "coming step"]
) -> None:
    """Refuse coming days before which too few days are known of late."""
    coming = days[len(days) - past.coming :]
    unknown = coming[~np.isfinite(mean_kw).all(axis=1)]
    if len(unknown):
        rule = (
            f"be known for at least {day_forecast.LEAST_DAYS} of the last "
            f"{day_forecast.LEAST_WITHIN_DAYS} before a day that is promised for"
        )
        fix = "Give the sessions of the last weeks, or fewer coming_days."
        got = tuple(f"fewer before {day}" for day in unknown)
        raise InputError("history", [Fault("days", rule, got=got, fix=fix)])


def _promised(
    past: Past, confidence: tuple[float, ...], asked: Request
) -> Float[Array, "confidence day step"]:
    """What was promised of each day the day before."""
    if not confidence:
        return np.zeros((0, *past.power_kw.shape))
    made = day_ahead.promised(
        past, day_ahead.told(past), confidence, outages=asked.outages, proven=asked.proven
    )
    return made.power_kw


def _reliability(past: Past, asked: Request) -> Reliability:
    """Ours at many confidences, as far as the record can vouch for them; without outages."""
    levels = _vouched(past, GRID, by_model=True)
    made = _promised(past, levels, replace(asked, outages=()))
    return reliability(past, made, np.array(levels))


def _blocks(past: Past, steps: int) -> Past:
    """The record by block: what could have been delivered in each of its steps."""
    power = past.power_kw.reshape(len(past.power_kw), -1, steps).min(axis=2)
    noise = past.noise_kw.reshape(-1, steps).mean(axis=1)
    return replace(past, power_kw=power, noise_kw=noise)


def _passing(
    days: Shaped[Array, " day"], steps: int, time_zone: str
) -> tuple[TimeGrid, Int[Array, " time"], Int[Array, " time"]]:
    """The time of local days as it passes, with the day and step of the local clock at each step.

    In spring the steps that the clock skips are left out, in autumn an hour comes twice.
    """
    start, end = (local_midnight(day.item(), time_zone) for day in (days[0], days[-1] + 1))
    length = timedelta(days=1) / steps
    grid = TimeGrid(start, 24 / steps, ceil((end - start) / length))
    local = local_from_utc(grid.times, zone(time_zone))
    day = local.astype("datetime64[D]")
    step = (local - day) // np.timedelta64(length)
    return grid, (day - days[0]).astype(np.int64), step.astype(np.int64)
