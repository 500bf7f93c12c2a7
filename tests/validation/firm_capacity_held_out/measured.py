"""Promises of three measured fleets, each day promised from the days before it.

``python -m tests.validation.firm_capacity_held_out.measured`` writes expected.csv anew; the data
folder is EVERGRID_DATA.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from evergrid.core import config
from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity import day_ahead, scores
from evergrid.fleet.firm_capacity.day_ahead import LEAD_DAYS, Past
from evergrid.fleet.firm_capacity.risk_control import PLACES, days_needed
from evergrid.fleet.history.day_kind import ODD, day_kinds
from evergrid.fleet.history.past_days import history
from evergrid.studies import firm_capacity
from evergrid.studies.firm_capacity import study
from evergrid.studies.firm_capacity.scores import quarters, rules

HERE = Path(__file__).parent
EXAMPLES = Path(__file__).parents[3] / "examples"
EXPECTED = HERE / "expected.csv"
LEVELS = (0.9, 0.99)
SETS = ("acn", "norway", "sap")
PANDEMIC = np.datetime64("2020-03-01"), np.datetime64("2020-07-01")
LIKE_DAYS, TWO_CARS_KW = 20, 22.0

SAP: dict[str, Any] = {
    "time_zone": "Europe/Paris",
    "sessions": {"file": "sessions/sap_labs_france_2017_2021.parquet", "format": "sap"},
    "assumptions": {"max_charge_kw": 11.0, "max_discharge_kw": 11.0},
    "holidays": [
        *("2017-07-14", "2017-08-15", "2017-11-01", "2017-12-25", "2018-01-01", "2018-04-02"),
        *("2018-05-01", "2018-05-08", "2018-05-10", "2018-05-21", "2018-08-15", "2018-11-01"),
        *("2018-12-25", "2019-01-01", "2019-04-22", "2019-05-01", "2019-05-08", "2019-05-30"),
        *("2019-06-10", "2019-08-15", "2019-11-01", "2019-11-11", "2019-12-25", "2020-01-01"),
        *("2020-04-13", "2020-05-01", "2020-05-08", "2020-05-21", "2020-06-01", "2020-07-14"),
        *("2020-11-11", "2020-12-25"),
    ],
}


@dataclass(frozen=True)
class Fleet:
    """A measured fleet by day, and its days."""

    past: Past
    days: Array


@cache
def fleet(name: str, data: Path) -> Fleet:
    """The record of one set; days are judged once 99 usual ones have passed."""
    with mock.patch.dict(os.environ, EVERGRID_DATA=str(data)):
        settings = _settings(name, data)
        sessions, _ = study._sessions(settings, EXAMPLES, 0)
        stated = study._stated(settings, sessions, EXAMPLES)
    record = history(
        sessions,
        settings.time_zone,
        settings.product.record(),
        stated_utc=stated,
        gaps="missing",
        holidays=settings.days_off(),
    )
    kinds = day_kinds(record.days, settings.days_off())
    power = record.power_kw
    whole = Past(power, record.known, kinds, 0, 0, np.ones(power.shape[1]), record.car_kw)
    told = whole.usable & np.isfinite(day_ahead.told(whole).mean_kw).all(axis=1)
    first = int(np.flatnonzero(told)[days_needed(0.99)]) + LEAD_DAYS
    past = Past(power, record.known, kinds, 0, first, whole.noise_kw, record.car_kw)
    return Fleet(past, record.days)


def _settings(name: str, data: Path) -> firm_capacity.Config:
    if name == "sap":
        source = {**SAP["sessions"], "file": str(data / SAP["sessions"]["file"])}
        return config.parse(firm_capacity.Config, SAP | {"sessions": source})
    return config.read(firm_capacity.Config, EXAMPLES / f"firm_capacity_{name}.toml")


@cache
def promised(name: str, data: Path, *, proven: bool = False) -> Array:
    """Promises of every day at `LEVELS`, made the day before."""
    past = fleet(name, data).past
    return day_ahead.promised(past, day_ahead.told(past), LEVELS, proven=proven).power_kw


def figures(name: str, data: Path) -> Iterator[tuple[str, float, float]]:
    """What was measured of one set: quantity, confidence and value."""
    of, made = fleet(name, data), promised(name, data)
    past, days = of.past, of.days
    for level, power in zip(LEVELS, made, strict=True):
        ours, *_, silence = rules(past, power, level)
        yield "kept above zero", level, ours["kept_above_zero"]
        yield "kept of all", level, ours["kept"]
        yield "above zero", level, ours["above_zero"]
        yield "loss over silence", level, ours["pinball_kw"] / silence["pinball_kw"]
        by_quarter = quarters(past, days, power, level)
        yield "loss over best rule by quarter", level, _over_best(by_quarter)
        yield (
            "place in hindsight by quarter over best rule",
            level,
            _hindsight(of, level, by_quarter),
        )
        yield (
            "proven: loss over silence",
            level,
            _loss(of, promised(name, data, proven=True), level),
        )
    if name != "sap":
        before = days < PANDEMIC[0]
        yield "before March 2020: loss over silence", 0.99, _loss(of, made, 0.99, before)
        yield "zeros where two cars came on 20 like days", 0.99, _zeros(of, made[1], before)
    kept = [share for _, share in kept_by_quarter(name, data)]
    yield "quarters", 0.99, len(kept)
    yield "quarters below 99 % of all", 0.99, sum(share < 0.99 for share in kept)


def kept_by_quarter(name: str, data: Path) -> list[tuple[str, float]]:
    """Share of all 99 % promises kept in each quarter, March to June 2020 left out."""
    of = fleet(name, data)
    outside = (of.days < PANDEMIC[0]) | (of.days >= PANDEMIC[1])
    number = of.days.astype("datetime64[M]").astype(int) // 3
    judged = of.past.judged & outside
    power = promised(name, data)[1]
    found = []
    for quarter in np.unique(number[judged]).tolist():
        at = judged & (number == quarter)
        share = scores.coverage(of.past.power_kw[at], power[at]).share
        found.append((f"{1970 + quarter // 4}-Q{1 + quarter % 4}", share))
    return found


def _loss(of: Fleet, made: Array, level: float, among: Array | None = None) -> float:
    """Pinball loss over that of silence."""
    at = of.past.judged if among is None else of.past.judged & among
    came, power = of.past.power_kw[at], made[LEVELS.index(level)][at]
    loss = scores.pinball_kw(came, power, 1 - level).mean()
    return float(loss / scores.pinball_kw(came, 0 * came, 1 - level).mean())


def _over_best(rows: list[dict[str, Any]]) -> float:
    """Summed loss over that of the best simple rule, chosen in hindsight in each quarter."""
    ours, best = (
        sum(row["days"] * row[key] for row in rows) for key in ("pinball_kw", "best_pinball_kw")
    )
    return ours / best


def _hindsight(of: Fleet, level: float, rows: list[dict[str, Any]]) -> float:
    """The same for the place that lost least in each quarter, silence among them, in hindsight.

    No rule that moves all promises of a quarter up or down alike can be below it.
    """
    past, number = of.past, of.days.astype("datetime64[M]").astype(int) // 3
    forecast = day_ahead.forecast(past, day_ahead.told(past))
    places = [forecast.power_kw(place) for place in PLACES]
    made = np.stack([np.zeros_like(past.power_kw), *places])
    lost = scores.pinball_kw(past.power_kw, made, 1 - level).mean(axis=2)
    in_quarters = (past.judged & (number == quarter) for quarter in np.unique(number[past.judged]))
    ours = sum(lost[:, at].sum(axis=1).min() for at in in_quarters)
    return float(ours / sum(row["days"] * row["best_pinball_kw"] for row in rows))


def _zeros(of: Fleet, made: Array, among: Array) -> float:
    """Share of promises of nothing where two cars came at that hour of each of 20 like days."""
    past, group = of.past, of.past.kinds.group
    zeros, hours = 0, 0
    for day in np.flatnonzero(past.judged & among):
        seen = slice(0, day - LEAD_DAYS + 1)
        like = np.flatnonzero(past.usable[seen] & (group[seen] == group[day]))[-LIKE_DAYS:]
        if len(like) == LIKE_DAYS and group[day] != ODD:
            sure = (past.power_kw[like] >= TWO_CARS_KW).all(axis=0)
            hours += int(sure.sum())
            zeros += int((made[day][sure] == 0).sum())
    return zeros / hours


def rows(data: Path) -> Iterator[tuple[str, str, str, str]]:
    """All rows of expected.csv."""
    for name in SETS:
        for quantity, level, value in figures(name, data):
            yield name, quantity, f"{level:g}", f"{value:.4f}"


def main() -> None:
    """Write expected.csv."""
    data = Path(os.environ.get("EVERGRID_DATA", EXAMPLES.parent / "../shared/data")).resolve()
    with EXPECTED.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["set", "quantity", "confidence", "ours"])
        writer.writerows(rows(data))


if __name__ == "__main__":
    main()
