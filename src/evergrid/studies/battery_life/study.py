"""Computes battery life: every model in every climate under every strategy, year by year."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from evergrid.battery.ageing import fleet, life
from evergrid.battery.ageing.life import MODELS
from evergrid.battery.ageing.model import AbstractAgeingModel, AbstractLargeCell, Fade
from evergrid.battery.ageing.profile import Profile
from evergrid.core.arrays import Array, Float
from evergrid.core.units import H_PER_DAY
from evergrid.studies.battery_life import report, tables
from evergrid.studies.battery_life.config import Climate, Config
from evergrid.studies.battery_life.daily_profile import (
    DAYS_PER_YEAR,
    air_temperature_c,
    state_of_charge,
)
from evergrid.studies.battery_life.findings import LifeResults
from evergrid.studies.study import Context, Output, Study

STEP_H = 0.5  # between points of a profile
AIR_NOTE = "Cells are as warm as the air around them: heat of driving and charging is left out."
FADING_NOTE = (
    "States of charge stay the same as batteries fade, so that the energy driven and fed shrinks "
    "with their capacity."
)
SCHMALSTIEG_NOTE = (
    "The model schmalstieg comes from accelerated tests of a small cell, and overstates the ageing "
    "of packs of today by three to ten times."
)


def compute(config: Config, context: Context) -> Output[LifeResults]:
    """How the batteries of a configuration age.

    Raises:
        InputError: A day takes more energy or time than there is.
    """
    hour = np.arange(0.0, H_PER_DAY + STEP_H / 2, STEP_H)
    days = np.array(
        [state_of_charge(config.use, config.pack, one, hour) for one in config.strategy]
    )
    shape = (len(config.climate), len(config.models), len(config.strategy), config.years + 1)
    capacity, calendar, resistance = np.ones(shape), np.zeros(shape), np.ones(shape)
    beyond: set[tuple[str, str]] = set()
    cells = len(config.climate) * len(config.models)
    for c, climate in enumerate(config.climate):
        profile = _year(days, climate)
        for m, name in enumerate(config.models):
            label = f"ageing {name}, {climate.name}"
            context.progress(label, 0.05 + 0.9 * (c * len(config.models) + m) / cells)
            beyond |= {(name, what) for what in _beyond(MODELS[name], profile)}
            for year, fade in enumerate(_years(MODELS[name], profile, config.years), 1):
                capacity[c, m, :, year] = fade.capacity
                calendar[c, m, :, year] = fade.calendar
                resistance[c, m, :, year] = fade.resistance
    findings = LifeResults(
        config=config,
        hour=hour,
        state_of_charge=days,
        cycles_per_year=np.abs(np.diff(days, axis=1)).sum(axis=1) / 2 * DAYS_PER_YEAR,
        capacity=capacity,
        calendar=calendar,
        resistance=resistance,
    )
    return Output(
        findings=findings,
        headline=findings.headline(),
        tables=tables.results(findings),
        inputs={"daily_profiles": tables.daily_profiles(findings)},
        notes=_notes(config, beyond),
    )


def _year(days: Float[Array, "strategy point"], climate: Climate) -> Profile:
    """A year of the same day under each strategy, in the seasons of a climate."""
    soc = np.concatenate([np.tile(days[:, :-1], DAYS_PER_YEAR), days[:, :1]], axis=1)
    hour = np.arange(soc.shape[1]) * STEP_H
    air = air_temperature_c(climate.mean_c, climate.season_c, climate.day_c, hour)
    return Profile(STEP_H, soc, np.tile(air, (len(soc), 1)))


def _years(model: AbstractAgeingModel, profile: Profile, years: int) -> Iterator[Fade]:
    """The fade at the end of each year."""
    fade = Fade.new(len(profile.soc))
    for _ in range(years):
        if isinstance(model, AbstractLargeCell):
            fade = fleet.aged(model, profile, fade)
        else:
            *_, fade = life.lived(model, profile, fade)
        yield fade


def _beyond(model: AbstractAgeingModel, profile: Profile) -> list[str]:
    """With what a year leaves the range that a model was tested in."""
    return [what for what, left in model.tested.beyond(profile).items() if left.any()]


def _notes(config: Config, beyond: set[tuple[str, str]]) -> tuple[str, ...]:
    """What a reader must know."""
    notes = [AIR_NOTE, FADING_NOTE]
    if "schmalstieg" in config.models:
        notes.append(SCHMALSTIEG_NOTE)
    for name in config.models:
        left = sorted(what for model, what in beyond if model == name)
        if left:
            notes.append(f"{name} ({MODELS[name].cell}) is extrapolated in {', '.join(left)}.")
    return tuple(notes)


STUDY: Study[Config, Any] = Study(
    name="battery_life",
    question="How long do batteries live with and without V2G, in which climate, and what ages "
    "them?",
    config=Config,
    own_files=("inputs/daily_profiles.parquet", "capacity.parquet", "strategies.parquet"),
    compute=compute,
    report=report,
)
