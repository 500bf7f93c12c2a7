"""Write docs/figures/firm_capacity_weather.csv, promises with and without weather and season.

No temperatures of the places and years of the measured sessions are in the data folder. So a
typical year's (of Rochester, which knows nothing of Norway) stand in: as they are, which must not
help, and with a known effect put into the Norwegian record, which must. From the root of the
repository (EVERGRID_DATA)::

    python -m docs.figures.firm_capacity_weather
"""

import csv
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core import config
from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity import day_ahead, scores
from evergrid.fleet.firm_capacity.day_ahead import Past
from evergrid.fleet.firm_capacity.day_forecast import outlook
from evergrid.fleet.firm_capacity.influence import MILD_C, Influences, influences
from evergrid.studies import firm_capacity

OUT = Path(__file__).with_name("firm_capacity_weather.csv")
EXAMPLE = Path(__file__).parents[2] / "examples" / "firm_capacity_norway.toml"
DATA = Path(os.environ.get("EVERGRID_DATA", EXAMPLE.parent / "../../shared/data"))
WEATHER = DATA / "weather" / "tmy3_drybulb_c_us_cities_hourly.parquet"
HEAD = [
    "record",
    "lead (days)",
    "told with",
    "asked",
    "kept above zero",
    "mean promise (kW)",
    "at equal coverage (kW)",
    "pinball loss (kW)",
]
EFFECTS = {"as measured": 0.0, "less 1 % per °C": 0.01, "less 2 % per °C": 0.02}
ALONE, SEASON, BOTH = "days alone", "time of year", "time of year and weather"


def main() -> None:
    """Judge every way of telling on the same days, and write one row for each."""
    found = firm_capacity.run(config.read(firm_capacity.Config, EXAMPLE), folder=EXAMPLE.parent)
    past, days = found.findings.past, found.findings.days
    celsius = _typical_year(days)
    rows = []
    for record, share in EFFECTS.items():
        cold = np.exp(-share * np.maximum(MILD_C - celsius, 0.0))
        changed = replace(past, power_kw=past.power_kw * cold[:, None])
        rows += _rows(changed, record, {ALONE: None, BOTH: influences(days, celsius)}, 2)
    rows += _rows(past, "as measured", {ALONE: None, SEASON: influences(days)}, 14)
    with OUT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *rows])


def _typical_year(days: Array) -> Array:
    """Mean temperature of each day of the year, the same every year."""
    table = pl.read_parquet(WEATHER)
    (name,) = [name for name in table.columns if name.startswith("Rochester")]
    daily = table[name].to_numpy().astype(float).reshape(365, 24).mean(axis=1)
    return daily[np.minimum((days - days.astype("datetime64[Y]")).astype(int), 364)]


def _rows(
    past: Past, record: str, ways: Mapping[str, Influences | None], lead_days: int
) -> list[list[str]]:
    rows = []
    for asked in (0.9, 0.99):
        made = {way: _promised(past, of, asked, lead_days) for way, of in ways.items()}
        came = past.power_kw[past.judged]
        target = min(_kept(came, power) for power in made.values())
        for way, power in made.items():
            equal = power.mean() * scores.scale_to_coverage(came, power, target)
            loss = scores.pinball_kw(came, power, 1 - asked).mean()
            share = f"{100 * _kept(came, power):.2f} %"
            row = [record, str(lead_days), way, f"{100 * asked:g} %", share]
            rows.append([*row, f"{power.mean():.1f}", f"{equal:.1f}", f"{loss:.3f}"])
    return rows


def _promised(past: Past, of: Influences | None, asked: float, lead_days: int) -> Array:
    told = outlook(past.power_kw, past.known, past.kinds, lead_days=lead_days, influences=of)
    made = day_ahead.promised(past, told, (asked,), lead_days=lead_days)
    return made.power_kw[0, past.judged]


def _kept(came: Array, power: Array) -> float:
    return scores.coverage(came, power, above_zero=True).share


if __name__ == "__main__":
    main()
