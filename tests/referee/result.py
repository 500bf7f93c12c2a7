"""A result folder as it lies on disk: what it says, what it used, and what it wants done."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.referee.accounts import Schedule
from tests.referee.book import Book
from tests.referee.read import of_result


@dataclass(frozen=True)
class Result:
    """A result folder, as far as it is needed to judge it.

    Attributes:
        summary: Headline numbers as told.
        book: What was planned, by the inputs it says it used.
        schedule: What is done, by the tables of powers.
        tables: All tables that came out, by name.
    """

    summary: dict[str, Any]
    book: Book
    schedule: Schedule
    tables: dict[str, pl.DataFrame]

    def told_schedule(self, strategy: str) -> Schedule | None:
        """The schedule of one strategy, where the tables have it."""
        if strategy == "v2g":
            return self.schedule
        own = pl.col("strategy") == strategy
        powers = self.tables["strategy_schedules"].filter(own)
        if powers.is_empty():
            return None
        cut = self.tables.get("strategy_curtailment")
        cut = cut if cut is None else cut.filter(own)
        return schedule_of(self.book, powers, cut)


def read(folder: Path) -> Result:
    """Read a result."""
    book = of_result(folder)
    end_value = json.loads((folder / "summary.json").read_text())["end_value_per_kwh"]
    book = replace(book, end_value=end_value)
    tables = {path.stem: pl.read_parquet(path) for path in folder.glob("*.parquet")}
    made = schedule_of(book, tables["schedule"], tables.get("curtailment"))
    return Result(json.loads((folder / "summary.json").read_text()), book, made, tables)


def schedule_of(book: Book, powers: pl.DataFrame, cut: pl.DataFrame | None) -> Schedule:
    """Powers and curtailment of two tables; what is in neither is zero."""
    unit = {each.session_id: i for i, each in enumerate(book.units)}
    power = np.zeros((len(unit), book.steps))
    for row in powers.rows(named=True):
        power[unit[row["session_id"]], step_of(book, row)] = row["power_kw"]
    curtailed = np.zeros_like(book.base_kw)
    site = {name: i for i, name in enumerate(book.site_id)}
    for row in [] if cut is None else cut.rows(named=True):
        curtailed[site[row["site_id"]], step_of(book, row)] = row["curtailed_kw"]
    return Schedule(book, power, curtailed)


def step_of(book: Book, row: dict[str, Any]) -> int:
    """The step that a row is about."""
    return round((row["time_utc"] - book.start) / timedelta(hours=book.step_h))
