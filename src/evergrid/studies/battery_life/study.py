"""Computes battery life: every model in every climate under every strategy, year by year."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evergrid.battery import duty
from evergrid.battery.ageing.model import AbstractAgeingModel
from evergrid.battery.ageing.profile import Profile
from evergrid.core.units import H_PER_DAY
from evergrid.studies.battery_life import climate_year, ensemble, notes, report, tables
from evergrid.studies.battery_life.climate_year import STEP_H, ClimateYear
from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.daily_profile import state_of_charge
from evergrid.studies.battery_life.findings import LifeResults
from evergrid.studies.study import Context, Output, Study


def compute(config: Config, context: Context) -> Output[LifeResults]:
    """How the batteries of a configuration age.

    Raises:
        MissingFileError, UnreadableFileError: A file that is named is not there, or no table.
        InputError: A day takes more energy, time or power than there is, or a table breaks rules.
    """
    models, fitted = ensemble.read(config, context.folder)
    years = tuple(climate_year.of(config, climate, context.folder) for climate in config.climate)
    aged = _aged(config, models, years, context)
    hour = np.arange(0.0, H_PER_DAY + STEP_H / 2, STEP_H)
    mild_kwh = config.use.drive_kwh
    findings = LifeResults(
        config=config,
        hour=hour,
        state_of_charge=np.array(
            [
                state_of_charge(config.use, config.pack, one, hour, mild_kwh)
                for one in config.strategy
            ]
        ),
        years=years,
        duty=tuple(
            tuple(duty.of(state, step_h=STEP_H) for state in year.state_of_charge) for year in years
        ),
        **aged,
        stress=ensemble.stress_map(models, years),
        fitted=fitted,
    )
    return Output(
        findings=findings,
        headline=findings.headline(),
        tables=tables.results(findings),
        inputs=tables.inputs(findings),
        notes=notes.of(findings, models),
    )


def _aged(
    config: Config,
    models: Sequence[AbstractAgeingModel],
    years: Sequence[ClimateYear],
    context: Context,
) -> dict[str, Any]:
    """Capacity, calendar loss and resistance over the years, and where models are extrapolated."""
    shape = (len(years), len(models), len(config.strategy), config.years + 1)
    capacity, calendar, resistance = np.ones(shape), np.zeros(shape), np.ones(shape)
    beyond = []
    for c, year in enumerate(years):
        profile = Profile(STEP_H, year.state_of_charge, year.temperature_c)
        for m, model in enumerate(models):
            label = f"ageing {model.name}, {config.climate[c].name}"
            done = (c * len(models) + m) / (len(years) * len(models))
            context.progress(label, 0.05 + 0.9 * done)
            for n, fade in enumerate(ensemble.years(model, profile, config.years), 1):
                capacity[c, m, :, n] = fade.capacity
                calendar[c, m, :, n] = np.minimum(fade.calendar, 1.0 - fade.capacity)
                resistance[c, m, :, n] = fade.resistance
            if not model.has_resistance:
                resistance[c, m] = np.nan
        beyond.append(tuple(ensemble.beyond(model, profile, config.years) for model in models))
    return {
        "capacity": capacity,
        "calendar": calendar,
        "resistance": resistance,
        "extrapolated": tuple(beyond),
    }


STUDY: Study[Config, Any] = Study(
    name="battery_life",
    question="How long do batteries live with and without V2G, in which climate, and what ages "
    "them?",
    config=Config,
    own_files=(
        "inputs/daily_profiles.parquet",
        "inputs/air_temperature.parquet",
        "capacity.parquet",
        "strategies.parquet",
        "energy.parquet",
    ),
    compute=compute,
    report=report,
)
