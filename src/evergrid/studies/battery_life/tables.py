"""The tables of battery life: capacity by year, and each strategy at the end."""

import itertools

import numpy as np
import polars as pl

from evergrid.studies.battery_life.findings import LifeResults


def results(found: LifeResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    return {"capacity": capacity(found), "strategies": strategies(found)}


def daily_profiles(found: LifeResults) -> pl.DataFrame:
    """The state of charge of each strategy over a day."""
    names = [strategy.name for strategy in found.config.strategy]
    return pl.DataFrame(
        {
            "strategy": np.repeat(np.array(names, dtype=object), len(found.hour)).tolist(),
            "hour": np.tile(found.hour, len(names)),
            "state_of_charge": found.state_of_charge.ravel(),
        }
    )


def capacity(found: LifeResults) -> pl.DataFrame:
    """What is left of each battery at the end of each year, and what was lost by what."""
    shape = found.capacity.shape
    return pl.DataFrame(
        {
            **_names(found, repeats=shape[3]),
            "year": np.tile(np.arange(shape[3]), int(np.prod(shape[:3]))),
            "capacity": found.capacity.ravel(),
            "lost_by_time": found.calendar.ravel(),
            "lost_by_use": (1.0 - found.capacity - found.calendar).ravel(),
            "resistance": found.resistance.ravel(),
        }
    )


def strategies(found: LifeResults) -> pl.DataFrame:
    """Each strategy at the end, against the first; empty cells where there is no number."""
    cases = found.capacity.shape[0] * found.capacity.shape[1]
    return pl.DataFrame(
        {
            **_names(found, repeats=1),
            "capacity": found.capacity[..., -1].ravel(),
            "lost_by_time": found.calendar[..., -1].ravel(),
            "lost_by_use": (found.lost - found.calendar[..., -1]).ravel(),
            "resistance": found.resistance[..., -1].ravel(),
            "cycles_per_year": np.tile(found.cycles_per_year, cases),
            "more_lost": found.more_lost.ravel(),
            "fed_kwh": np.tile(found.fed_kwh, cases),
            "wear_per_kwh": found.wear_per_kwh.ravel(),
            "life_years": found.life_years.ravel(),
        },
    ).with_columns(pl.col("wear_per_kwh", "life_years").fill_nan(None))


def _names(found: LifeResults, *, repeats: int) -> dict[str, list[str]]:
    """Climate, model and strategy of each row."""
    config = found.config
    rows = itertools.product(
        (climate.name for climate in config.climate),
        config.models,
        (strategy.name for strategy in config.strategy),
        range(repeats),
    )
    climate, model, strategy, _ = zip(*rows, strict=True)
    return {"climate": list(climate), "model": list(model), "strategy": list(strategy)}
