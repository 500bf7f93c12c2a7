"""The tables of battery life: capacity by year, each strategy at the end, and where energy goes."""

import itertools

import numpy as np
import polars as pl

from evergrid.studies.battery_life.findings import LifeResults


def results(found: LifeResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    return {
        "capacity": capacity(found),
        "strategies": strategies(found),
        "energy": energy(found),
    }


def inputs(found: LifeResults) -> dict[str, pl.DataFrame]:
    """The tables that were computed from, by name."""
    days = [year.day_c for year in found.years]
    climates = [climate.name for climate in found.config.climate]
    return {
        "daily_profiles": daily_profiles(found),
        "air_temperature": pl.DataFrame(
            {
                "climate": [
                    name for name, day_c in zip(climates, days, strict=True) for _ in day_c
                ],
                "day_of_year": np.concatenate([np.arange(1, len(day_c) + 1) for day_c in days]),
                "temperature_c": np.concatenate(days),
            }
        ),
        **{f"cell_tests_{n}": _tests(found, n) for n in range(1, len(found.fitted) + 1)},
    }


def _tests(found: LifeResults, number: int) -> pl.DataFrame:
    """Tests as they were fitted, to be hashed."""
    tests = found.fitted[number - 1].law.tests
    return pl.DataFrame(
        {"cell": tests.cell.tolist(), "amount": tests.amount, "change": tests.change}
    )


def daily_profiles(found: LifeResults) -> pl.DataFrame:
    """The state of charge of each strategy over a mild day."""
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
    ).with_columns(pl.col("resistance").fill_nan(None))


def strategies(found: LifeResults) -> pl.DataFrame:
    """Each strategy at the end, against the first; empty cells where there is no number."""
    shape = found.lost.shape
    cycles = np.repeat(found.cycles_per_year[:, None], shape[1], axis=1)
    ends = np.where(np.isfinite(found.life_years), "capacity", "")
    ends = np.where(found.ends_by_resistance, "resistance", ends)
    beyond = [text for climate in found.extrapolated for model in climate for text in model]
    return pl.DataFrame(
        {
            **_names(found, repeats=1),
            "capacity": found.capacity[..., -1].ravel(),
            "lost_by_time": found.calendar[..., -1].ravel(),
            "lost_by_use": (found.lost - found.calendar[..., -1]).ravel(),
            "resistance": found.resistance[..., -1].ravel(),
            "cycles_per_year": cycles.ravel(),
            "more_lost": found.more_lost.ravel(),
            "fed_kwh": np.tile(found.fed_kwh, shape[0] * shape[1]),
            "wear_per_kwh": found.wear_per_kwh.ravel(),
            "life_years": found.life_years.ravel(),
            "life_ends_by": ends.ravel().tolist(),
            "extrapolated_in": beyond,
        },
    ).with_columns(
        pl.col("wear_per_kwh", "life_years", "resistance").fill_nan(None),
        pl.col("life_ends_by", "extrapolated_in").replace("", None),
    )


def energy(found: LifeResults) -> pl.DataFrame:
    """Where the energy of a year goes, how warm cells are, and how deep their cycles."""
    config = found.config
    rows = itertools.product(
        (climate.name for climate in config.climate), (one.name for one in config.strategy)
    )
    climate, strategy = zip(*rows, strict=True)
    parts = {
        name: np.concatenate([year.energy.columns()[name] for year in found.years])
        for name in found.years[0].energy.columns()
    }
    cells = np.concatenate([year.temperature_c for year in found.years])
    duty = [one for row in found.duty for one in row]
    return pl.DataFrame(
        {
            "climate": list(climate),
            "strategy": list(strategy),
            **parts,
            "round_trip": found.round_trip.ravel(),
            "lowest_cell_c": cells.min(axis=1),
            "mean_cell_c": cells[:, :-1].mean(axis=1),
            "highest_cell_c": cells.max(axis=1),
            "slowed_h": np.concatenate([year.slowed.hours for year in found.years]),
            "late_kwh": np.concatenate([year.slowed.late_kwh for year in found.years]),
            "cycles_per_day": [one.throughput for one in duty],
            "deep_cycles_per_day": [one.deep for one in duty],
            "shallow_cycles_per_day": [one.shallow for one in duty],
        }
    ).with_columns(pl.col("round_trip").fill_nan(None))


def _names(found: LifeResults, *, repeats: int) -> dict[str, list[str]]:
    """Climate, model and strategy of each row."""
    config = found.config
    rows = itertools.product(
        (climate.name for climate in config.climate),
        config.model_names,
        (strategy.name for strategy in config.strategy),
        range(repeats),
    )
    climate, model, strategy, _ = zip(*rows, strict=True)
    return {"climate": list(climate), "model": list(model), "strategy": list(strategy)}
