"""What a reader must know about the inputs, the promises and the record of a fleet."""

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.data.meta import Meta
from evergrid.fleet.firm_capacity.day_ahead import ComingOffers, Past
from evergrid.fleet.firm_capacity.day_forecast import DayForecast
from evergrid.fleet.firm_capacity.influence import SEASON_DAYS
from evergrid.fleet.history.availability import Availability
from evergrid.fleet.history.day_kind import ODD
from evergrid.fleet.history.past_days import GAP_DAYS, History, Product
from evergrid.model.time_series.weather import Weather

GUARANTEES = {
    "asymptotic": "Recent days count more. Promises follow a fleet that changes, and are kept as "
    "often as asked over many days that change slowly; there is no proof for a finite record.",
    "proven": "The last days count alike. Of the steps of a day of which at least one vehicle was "
    "expected, the share whose promise is broken is on average no more than asked, whatever the "
    "distribution, if days are exchangeable.",
}


def of_product(product: Product, block_h: float) -> list[str]:
    """What a promise of a signal that is followed all the time rests on."""
    told = []
    if product.direction == "around_plan":
        told.append(
            "Each instant is looked at by itself: a plan is taken to have prepared each vehicle "
            "for the call that begins there, and to have chosen the power around which it moves."
        )
    if product.direction not in ("both", "around_plan") or block_h <= product.duration_h:
        return told
    return [
        *told,
        f"A block of {block_h:g} h holds for a signal that within it never takes or gives, net, "
        f"more than {product.duration_h:g} h of full power.",
    ]


def of_inputs(
    record: History,
    told: Shaped[Array, " session"] | None,
    sources: list[Meta],
    *,
    generated: bool,
    drawn: bool,
) -> list[str]:
    """Where the history comes from, and which of its days are left out.

    Args:
        record: What could have been delivered.
        told: Departures that drivers stated, where there are any.
        sources: The files read.
        generated: Whether the history is generated.
        drawn: Whether part of the drivers' behaviour is drawn at random.
    """
    notes = []
    if generated:
        notes.append("The history is generated, not measured.")
    if told is None:
        notes.append(
            "No stated departures: each driver's promise is kept by the departure that came, as "
            "if it had been stated."
        )
    else:
        share = float(np.isnat(told).mean())
        notes.append(
            f"Drivers stated a departure for {1 - share:.0%} of the stays and left before it in "
            f"{record.left_early:.0%} of those. The promise to them is kept by what they stated."
        )
    notes += _of_record(record)
    if drawn:
        notes.append("Part of the drivers' behaviour is drawn at random, as configured.")
    for meta in sources:
        quality = meta.quality
        notes.append(
            f"{meta.title}: {quality.rows_kept:,} of {quality.rows_read:,} rows used, "
            f"{quality.rows_rejected:,} rejected."
        )
    return notes


def of_promises(
    past: Past, days: Shaped[Array, " day"], by_model: tuple[float, ...], vehicles: Availability
) -> list[str]:
    """What is not promised, or not by what was measured."""
    notes = []
    odd = [str(day) for day in days[-past.coming :][past.kinds.group[-past.coming :] == ODD]]
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


def of_coming_days(coming: ComingOffers, vouched: tuple[float, ...]) -> list[str]:
    """How well promises are kept that are made as long before as that of the last coming day."""
    if not vouched:
        return []
    found = coming.kept[len(vouched) - 1][-1]
    if found.judged == 0:
        return []
    return [
        f"The last coming day is promised {coming.lead_days[-1]} days after the last known one. On "
        f"past days, {100 * found.share:.1f} % of the promises above zero made so far ahead were "
        f"kept ({100 * found.low:.1f} to {100 * found.high:.1f}), where {100 * vouched[-1]:g} % "
        f"was asked: {'as asked' if found.high >= vouched[-1] else 'fewer than asked'}."
    ]


def of_influences(past: Past, told: DayForecast, weather: Weather | None) -> list[str]:
    """How often weather and season were used, how kindly, and why they were not."""
    days = int((past.usable & np.isfinite(told.mean_kw).all(axis=1)).sum())
    share = f"{float(told.influenced[past.judged].mean()):.0%} of the judged days"
    notes = []
    if days < SEASON_DAYS:
        notes.append(
            f"The time of year is not used: it takes {SEASON_DAYS} usual days to learn from, and "
            f"there are {days}."
        )
    if weather is not None:
        notes.append(
            f"Weather was used for {share}, where it lessened past errors. Its temperatures count "
            "as forecast when the promise was made: with measured ones, held-out days look "
            "slightly better than coming days will be."
        )
    elif days >= SEASON_DAYS:
        notes.append(f"The time of year was used for {share}, where it lessened past errors.")
    return notes


def _of_record(record: History) -> list[str]:
    """Which days are left out of the record, and why."""
    notes = [
        f"The last {record.open_days} days are left out: stays that had not ended yet are not in "
        "the record. Coming days are promised from the days before them."
    ]
    notes += [
        f"{hole.site_id} has no session, or none for most of the day, on working days from "
        f"{hole.first} to {hole.last}, but {hole.usual:.0f} a day around them, while others go on: "
        "left out as a hole in the record."
        for hole in record.holes
    ]
    inner = record.known[: -record.open_days]
    broken = np.zeros(len(inner), dtype=bool)
    for hole in record.holes:
        broken |= ((record.days >= hole.first) & (record.days <= hole.last))[: len(inner)]
    missing = int((~inner & ~broken).sum())
    if missing:
        notes.append(
            f"{missing} days lie in runs of {GAP_DAYS} or more without a vehicle and count as "
            "missing from the record."
        )
    return notes
