"""Reads a case, ``plan.toml`` beside its tables, or the ``inputs`` of a result as a book."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from tests.referee.book import Book, Unit

Row = dict[str, Any]
SITE = {
    "parent_id": None,
    "import_limit_kw": None,
    "export_limit_kw": None,
    "demand_charge_per_kw": 0.0,
    "net_metering": False,
    "energy_budget_kwh": None,
    "generation_curtailable": True,
    "demand_charge_period": "month",
    "demand_peak_kw": 0.0,
    "demand_charge_peaks": 1,
}


def of_case(folder: Path, file: str = "plan.toml") -> Book:
    """The book of a case: a configuration with its tables beside it."""
    given = tomllib.loads((folder / file).read_text())
    names = {name: given.get(f"{name}_file") for name in ("sites", "site_load", "site_limits")}
    names["site_generation"] = given.get("site_generation_file")
    names["sessions"] = given.get("sessions", {}).get("file")
    names["prices"] = given["prices"]["file"]
    tables = {name: _rows(folder / path) for name, path in names.items() if path}
    prices, source = tables["prices"], given["prices"]
    for row in prices:
        row["import_price_per_mwh"] += source.get("import_fee_per_mwh", 0.0)
        row["export_price_per_mwh"] *= source.get("export_share", 1.0)
    tables["sites"] = tables.get("sites", []) + given.get("site", [])
    return _book(given, tables, given.get("battery", []))


def of_result(folder: Path) -> Book:
    """The book of a result: its canonical tables, with the settings that are in no table."""
    given = tomllib.loads((folder / "config.toml").read_text())
    tables = {path.stem: _rows(path) for path in (folder / "inputs").glob("*.parquet")}
    return _book(given, tables, [])


def _rows(path: Path) -> list[Row]:
    if path.suffix == ".parquet":
        return pl.read_parquet(path).rows(named=True)
    rows = pl.read_csv(path, infer_schema_length=None).rows(named=True)
    for row in rows:
        for name in row.keys() & {"time_utc", "arrival_utc", "departure_utc"}:
            row[name] = datetime.fromisoformat(row[name])
    return rows


@dataclass(frozen=True)
class _Clock:
    """The steps of a horizon."""

    start: datetime
    end: datetime
    step_h: float

    @property
    def steps(self) -> int:
        return round((self.end - self.start) / timedelta(hours=self.step_h))

    @property
    def edges_h(self) -> np.ndarray:
        return np.arange(self.steps + 1) * self.step_h

    def hours(self, time: datetime) -> float:
        """Hours since the horizon began."""
        return (time - self.start) / timedelta(hours=1)

    def overlap_h(self, begin_h: np.ndarray, end_h: np.ndarray) -> np.ndarray:
        """Hours that each interval shares with each step: ``[interval, step]``."""
        edges = self.edges_h
        until = np.minimum(end_h[:, None], edges[1:])
        return np.maximum(until - np.maximum(begin_h[:, None], edges[:-1]), 0.0)

    def held(self, rows: Iterable[Row], value: str, *, least: bool = False) -> np.ndarray:
        """A series on the steps: each value holds to the next stamp; means, or the least."""
        ordered = sorted(rows, key=lambda row: row["time_utc"])
        begin = np.array([self.hours(row["time_utc"]) for row in ordered])
        width = begin[-1] - begin[-2] if len(begin) > 1 else self.step_h
        overlap = self.overlap_h(begin, np.append(begin[1:], begin[-1] + width))
        given = [row.get(value) for row in ordered]
        values = np.array([np.inf if x is None else float(x) for x in given])
        if least:
            return np.where(overlap > 1e-9, values[:, None], np.inf).min(axis=0)
        return (overlap * values[:, None]).sum(axis=0) / overlap.sum(axis=0)


def _clock(horizon: Row) -> _Clock:
    text, days = str(horizon["start"]), horizon.get("days", 1.0)
    step_h = horizon.get("step_min", 15.0) / 60
    if len(text) > len("2025-01-01"):
        start = datetime.fromisoformat(text).astimezone(UTC)
        return _Clock(start, start + timedelta(days=days), step_h)
    zone, first = ZoneInfo(horizon.get("time_zone", "UTC")), date.fromisoformat(text)
    start = _midnight(first, zone)
    if days == int(days):
        return _Clock(start, _midnight(first + timedelta(days=int(days)), zone), step_h)
    return _Clock(start, start + timedelta(days=days), step_h)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _book(given: Row, tables: dict[str, list[Row]], batteries: list[Row]) -> Book:
    clock = _clock(given["horizon"])
    named = {row["site_id"] for row in tables.get("sessions", [])}
    sites = tables["sites"] or [{"site_id": name} for name in sorted(named)]
    sites = [SITE | {k: v for k, v in row.items() if v is not None} for row in sites]
    place = {row["site_id"]: i for i, row in enumerate(sites)}
    stays = [*tables.get("sessions", []), *(_stay(row, clock) for row in batteries)]
    prices = tables["prices"]
    carbon = np.zeros(clock.steps)
    if prices[0].get("carbon_price_per_mwh") is not None:
        carbon = clock.held(prices, "carbon_price_per_mwh") / 1000
    buy = clock.held(prices, "import_price_per_mwh") / 1000 + carbon
    end_value = given.get("solve", {}).get("end_value_per_mwh")

    def column(name: str) -> np.ndarray:
        return np.array([row[name] for row in sites])

    def limits(name: str) -> np.ndarray:
        lasting = np.array([np.inf if row[name] is None else row[name] for row in sites], float)
        by_step = _by_site(tables.get("site_limits", []), name, place, clock, least=True)
        return np.minimum(lasting[:, None], by_step)

    budget = [
        np.inf if row["energy_budget_kwh"] is None else row["energy_budget_kwh"] for row in sites
    ]
    zone = ZoneInfo(given["horizon"].get("time_zone", "UTC"))
    return Book(
        start=clock.start,
        step_h=clock.step_h,
        steps=clock.steps,
        units=tuple(_unit(row, place, clock) for row in stays if _touches(row, clock)),
        site_id=tuple(place),
        parent=tuple(place[row["parent_id"]] if row["parent_id"] else -1 for row in sites),
        import_limit_kw=limits("import_limit_kw"),
        export_limit_kw=limits("export_limit_kw"),
        load_kw=_by_site(tables.get("site_load", []), "load_kw", place, clock),
        generation_kw=_by_site(tables.get("site_generation", []), "generation_kw", place, clock),
        curtailable=column("generation_curtailable").astype(bool),
        buy=buy,
        sell=clock.held(prices, "export_price_per_mwh") / 1000 + carbon,
        carbon=carbon,
        metered=column("net_metering").astype(bool),
        demand_rate=column("demand_charge_per_kw").astype(float),
        period=np.array([_periods(clock, zone, row["demand_charge_period"]) for row in sites]),
        peak_before_kw=column("demand_peak_kw").astype(float),
        peaks=column("demand_charge_peaks").astype(int),
        budget_kwh=np.array(budget, float),
        end_value=max(0.0, float(np.median(buy))) if end_value is None else end_value / 1000,
    )


def _by_site(
    rows: list[Row], value: str, place: dict[str, int], clock: _Clock, *, least: bool = False
) -> np.ndarray:
    """A table of series by site on the steps; sites that are not in it have none."""
    made = np.full((len(place), clock.steps), np.inf if least else 0.0)
    for name in {row["site_id"] for row in rows}:
        mine = [row for row in rows if row["site_id"] == name]
        made[place[name]] = clock.held(mine, value, least=least)
    return made


def _periods(clock: _Clock, zone: ZoneInfo, kind: str) -> np.ndarray:
    """Number of the billing period in which each step begins, by the local clock."""
    begins = [clock.start + timedelta(hours=float(hours)) for hours in clock.edges_h[:-1]]
    days = [time.astimezone(zone).date() for time in begins]
    label = {
        "month": lambda day: (day.year, day.month),
        "week": lambda day: day - timedelta(days=day.weekday()),
        "day": lambda day: day,
        "horizon": lambda day: 0,
    }[kind]
    labels = [label(day) for day in days]
    order = list(dict.fromkeys(labels))
    return np.array([order.index(label) for label in labels])


def _touches(row: Row, clock: _Clock) -> bool:
    return row["arrival_utc"] < clock.end and row["departure_utc"] > clock.start


def _stay(row: Row, clock: _Clock) -> Row:
    """A battery as a session that spans the horizon."""
    start, power, efficiency = row["energy_start_kwh"], row["power_kw"], row.get("efficiency", 0.95)
    return {
        **row,
        "session_id": row["asset_id"],
        "arrival_utc": clock.start,
        "departure_utc": clock.end,
        "energy_arrival_kwh": start,
        "energy_departure_kwh": row.get("energy_end_kwh", start),
        "energy_reserve_kwh": row.get("energy_reserve_kwh", 0.0),
        "max_charge_kw": power,
        "max_discharge_kw": power,
        "efficiency_charge": efficiency,
        "efficiency_discharge": efficiency,
    }


def _unit(row: Row, place: dict[str, int], clock: _Clock) -> Unit:
    """A stay cut to the horizon: full power before it, up to what is owed, and after it."""
    begin, end = clock.hours(row["arrival_utc"]), clock.hours(row["departure_utc"])
    full_kw = row["max_charge_kw"] * row["efficiency_charge"]
    wanted, held = row["energy_departure_kwh"], row["energy_arrival_kwh"]
    if begin < 0:
        held = min(held - begin * full_kw, max(wanted, held))
    after_h = max(end - clock.edges_h[-1], 0.0)
    share = clock.overlap_h(np.array([max(begin, 0.0)]), np.array([end]))[0] / clock.step_h
    return Unit(
        session_id=row["session_id"],
        site=place[row["site_id"]],
        share=share,
        charge_kw=row["max_charge_kw"],
        discharge_kw=row["max_discharge_kw"],
        efficiency_charge=row["efficiency_charge"],
        efficiency_discharge=row["efficiency_discharge"],
        capacity_kwh=row["capacity_kwh"],
        start_kwh=held,
        reserve_kwh=row["energy_reserve_kwh"],
        owed_kwh=max(wanted - full_kw * after_h, 0.0),
        wanted_kwh=wanted,
        outlasts=after_h > 0,
        wear=row.get("wear_cost_per_kwh") or 0.0,
        wear_rise=row.get("wear_rise_per_kwh_per_kw") or 0.0,
    )
