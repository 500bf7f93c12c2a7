"""What a reader of a battery life study must know: what is left out, and what is extrapolated."""

from collections.abc import Sequence

from evergrid.battery.ageing.fit import FadeLaw
from evergrid.battery.ageing.model import AbstractAgeingModel
from evergrid.studies.battery_life.findings import FittedPart, LifeResults

HEAT_NOTE = (
    "Cells are warmed by their own resistance, which is that of a new battery at any temperature, "
    "and cooled by the air; sun, cooling by the vehicle and heat of the motor are left out."
)
FADING_NOTE = (
    "States of charge stay the same as batteries fade, so that the energy driven and fed shrinks "
    "with their capacity. Energies are those of new batteries."
)
SCHMALSTIEG_NOTE = (
    "The model schmalstieg comes from accelerated tests of a small cell, and overstates the ageing "
    "of packs of today by three to ten times."
)
SPREAD_NOTE = (
    "Bands hold nine of ten batteries, where every model is as likely as the others and the fade "
    "of batteries of one make differs lognormally, by cell_spread."
)


def of(found: LifeResults, models: Sequence[AbstractAgeingModel]) -> tuple[str, ...]:
    """The notes of a result."""
    notes = [HEAT_NOTE, _of_cold(found), FADING_NOTE, SPREAD_NOTE]
    if "schmalstieg" in found.config.models:
        notes.append(SCHMALSTIEG_NOTE)
    without = [model.name for model in models if not model.has_resistance]
    if without:
        told = ", ".join(without)
        notes.append(f"Resistance is not part of {told}: its end of life is not looked at there.")
    beyond = found.headline()["extrapolated"]
    notes += [
        f"{model.name} ({model.cell}) is extrapolated in {', '.join(beyond[model.name])}."
        for model in models
        if model.name in beyond
    ]
    for one in found.fitted:
        notes += _of_fit(one)
    return tuple(notes)


def _of_cold(found: LifeResults) -> str:
    """How much charging is faster than the cold allows."""
    hours = max(float(year.slowed.hours.max()) for year in found.years)
    if not hours:
        return "In no climate are cells charged with more current than the cold allows."
    late_kwh = max(float(year.slowed.late_kwh.max()) for year in found.years)
    return (
        f"In up to {hours:,.0f} hours of a year cells are charged with more current than the cold "
        f"allows, by up to {late_kwh:,.0f} kWh: they would take that later. Ageing is worked out "
        "as if they were not slowed; preheat_c heats them before vehicles leave, not before "
        "charging."
    )


def _of_fit(one: FittedPart) -> list[str]:
    """What a fitted part does not tell, or tells with little ground."""
    law, words = one.law, one.part.replace("_", " by ")
    told = [_predicts(one, words)]
    if law.power_at_limit:
        told.append(
            f"{one.cell}: {words} is hardly a power law; its power is at the limit, {law.power:.2f}"
        )
    if law.dropped:
        told.append(
            f"{one.cell}: too few cells tell how {', '.join(law.dropped)} changes {words}; it is "
            "left out"
        )
    if (law.activation_kj_per_mol or 0.0) < 0:
        told.append(_cold(one.cell, words, law))
    if one.part == "cycle":
        told.append(
            f"{one.cell}: tests of cycling hold the time that they took, so that cycles and "
            "time together say somewhat too much"
        )
    return [f"{note}." for note in told]


def _predicts(one: FittedPart, words: str) -> str:
    if one.held_out is None:
        return f"{one.cell}: too few cells to tell how well {words} is predicted"
    error, covered = one.held_out.error.mean(), one.held_out.covered.mean()
    return (
        f"{one.cell}: {words} of a cell that was left out is missed by {100 * error:.1f} points on "
        f"average; the band of 90 % held {100 * covered:.0f} %"
    )


def _cold(cell: str, words: str, law: FadeLaw) -> str:
    low, high = law.tested("temperature_c")
    return (
        f"{cell}: {words} is faster in the cold; beyond {low:.0f} to {high:.0f} C it stays as it "
        "is at these"
    )
