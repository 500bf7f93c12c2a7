"""A case: public tables and a configuration, drawn piece by piece and written to a folder."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

Row = dict[str, Any]
ZONE = "Europe/Amsterdam"
RATINGS_KW = (3.7, 7.4, 11.0, 22.0)
EFFICIENCIES = (1.0, 0.95, 0.9, 0.8)


@dataclass
class Case:
    """The tables of a case and its settings, as they are being drawn.

    Attributes:
        rng: Where everything random comes from.
        start: When the horizon begins.
        hours: How long it is.
        step_min: Length of a step.
        settings: Tables of the configuration beside the horizon, by name.
        tables: Rows by name of the table.
        batteries: Entries of [[battery]].
    """

    rng: np.random.Generator
    start: datetime
    hours: int
    step_min: int
    settings: dict[str, Row] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    batteries: list[Row] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        """When the horizon ends."""
        return self.start + timedelta(hours=self.hours)

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.hours * 60 // self.step_min

    def times(self, width_min: int) -> list[str]:
        """Stamps over the horizon, equally spaced."""
        count = -(-self.hours * 60 // width_min)
        return [(self.start + timedelta(minutes=width_min * i)).isoformat() for i in range(count)]

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return bool(self.rng.random() < probability)

    def among(self, low: float, high: float, digits: int = 3) -> float:
        """A number between the two, as one would write it down."""
        return round(float(self.rng.uniform(low, high)), digits)

    def one_of(self, *values: Any) -> Any:
        """One of the values."""
        return values[int(self.rng.integers(len(values)))]

    def varied(self, seed: int) -> "Case":
        """The same stays at the same sites with other numbers: a program of the same shape."""
        rng = np.random.default_rng(seed)
        tables = {name: [dict(row) for row in rows] for name, rows in self.tables.items()}
        for row in tables["prices"]:
            for name in ("import_price_per_mwh", "export_price_per_mwh"):
                row[name] = round(row[name] * float(rng.uniform(0.8, 1.0)), 3)
        for name, value in (("site_load", "load_kw"), ("site_generation", "generation_kw")):
            for row in tables.get(name, []):
                row[value] = round(row[value] * float(rng.uniform(0.7, 1.3)), 3)
        for row in tables.get("sessions", []):
            held = row["capacity_kwh"] - row["energy_arrival_kwh"]
            more = round(held * float(rng.uniform(0.0, 0.5)), 4)
            row["energy_arrival_kwh"] = round(row["energy_arrival_kwh"] + more, 4)
        return replace(self, rng=rng, tables=tables)

    def write(self, folder: Path, *, method: str = "highs") -> Path:
        """Write the tables as CSV and the configuration; returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            pl.DataFrame(rows, infer_schema_length=None).write_csv(folder / f"{name}.csv")
        path = folder / "plan.toml"
        path.write_text(self._toml(method))
        return path

    def _toml(self, method: str) -> str:
        beside = ("sites", "site_load", "site_generation", "site_limits")
        lines = ['study = "plan"']
        lines += [f'{name}_file = "{name}.csv"' for name in beside if name in self.tables]
        horizon = {
            "start": self.start.isoformat(),
            "days": self.hours / 24,
            "time_zone": ZONE,
            "step_min": float(self.step_min),
        }
        parts = {"horizon": horizon, "prices": {"file": "prices.csv", "currency": "EUR"}}
        if "sessions" in self.tables:
            parts["sessions"] = {"file": "sessions.csv"}
        for name, values in self.settings.items():
            parts[name] = parts.get(name, {}) | values
        parts["solve"] = {"method": method} | parts.get("solve", {})
        for name, values in parts.items():
            lines += [f"[{name}]", *(f"{key} = {_toml(each)}" for key, each in values.items())]
        for entry in self.batteries:
            lines += ["[[battery]]", *(f"{key} = {_toml(each)}" for key, each in entry.items())]
        return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def horizon(rng: np.random.Generator, start: datetime, choices: list[tuple[int, int]]) -> Case:
    step_min, hours = choices[int(rng.integers(len(choices)))]
    return Case(rng, start, hours, step_min)


def add_site(case: Case, site_id: str, parent_id: str = "", **values: Any) -> Row:
    row = {
        "site_id": site_id,
        "parent_id": parent_id,
        "import_limit_kw": None,
        "export_limit_kw": None,
        "demand_charge_per_kw": 0.0,
        "net_metering": False,
        "energy_budget_kwh": None,
    } | values
    case.tables.setdefault("sites", []).append(row)
    return row


def add_series(case: Case, table: str, value: str, site_id: str, values: np.ndarray) -> None:
    width = case.hours * 60 // len(values)
    case.tables.setdefault(table, []).extend(
        {"site_id": site_id, "time_utc": time, value: round(float(each), 3)}
        for time, each in zip(case.times(width), values, strict=True)
    )


def set_prices(
    case: Case, buy: np.ndarray, sell: np.ndarray, carbon: np.ndarray | None = None
) -> None:
    width = case.hours * 60 // len(buy)
    rows = [
        {
            "time_utc": time,
            "import_price_per_mwh": round(float(bought), 3),
            "export_price_per_mwh": round(float(sold), 3),
        }
        for time, bought, sold in zip(case.times(width), buy, sell, strict=True)
    ]
    if carbon is not None:
        for row, each in zip(rows, carbon, strict=True):
            row["carbon_price_per_mwh"] = round(float(each), 3)
    case.tables["prices"] = rows


def add_stay(case: Case, site_id: str, arrival_h: float, departure_h: float, **values: Any) -> Row:
    """A session between two hours of the horizon; what is not given is drawn."""
    number = len(case.tables.get("sessions", []))
    capacity = case.among(10, 80)
    held = round(capacity * case.among(0.05, 0.95), 3)
    row = {
        "session_id": f"v{number}",
        "asset_id": f"a{number}",
        "site_id": site_id,
        "arrival_utc": _stamp(case, arrival_h),
        "departure_utc": _stamp(case, departure_h),
        "capacity_kwh": capacity,
        "energy_arrival_kwh": held,
        "energy_departure_kwh": 0.0,
        "energy_reserve_kwh": 0.0,
        "max_charge_kw": case.one_of(*RATINGS_KW),
        "max_discharge_kw": case.one_of(0.0, 3.7, 7.4, 11.0),
        "efficiency_charge": case.one_of(*EFFICIENCIES),
        "efficiency_discharge": case.one_of(*EFFICIENCIES),
        "wear_cost_per_kwh": case.one_of(0.0, 0.01, 0.05),
        "wear_rise_per_kwh_per_kw": 0.0,
    } | values
    case.tables.setdefault("sessions", []).append(row)
    return row


def _stamp(case: Case, hour: float) -> str:
    return (case.start + timedelta(minutes=round(hour * 60))).isoformat()


def owe(case: Case, row: Row, share: float) -> None:
    """Owe a share of what the charger can bring in by the departure, and what is held at least."""
    stay = datetime.fromisoformat(row["departure_utc"]) - datetime.fromisoformat(row["arrival_utc"])
    full = row["max_charge_kw"] * row["efficiency_charge"] * (stay / timedelta(hours=1))
    reach = min(row["capacity_kwh"], row["energy_arrival_kwh"] + full)
    owed = row["energy_arrival_kwh"] + share * (reach - row["energy_arrival_kwh"])
    row["energy_departure_kwh"] = round(min(owed, row["capacity_kwh"]), 4)


def add_battery(case: Case, site_id: str, capacity: float, power: float, **values: Any) -> Row:
    row = {
        "asset_id": f"battery{len(case.batteries)}",
        "site_id": site_id,
        "capacity_kwh": capacity,
        "power_kw": power,
        "energy_start_kwh": round(capacity * case.among(0, 1), 3),
        "efficiency": case.one_of(*EFFICIENCIES),
        "wear_cost_per_kwh": case.one_of(0.0, 0.02),
    } | values
    case.batteries.append(row)
    return row


def sun(case: Case, peak_kw: float, width_min: int) -> np.ndarray:
    """Solar power through a day with clouds: zero at night by the clock of the horizon."""
    hour = case.start.hour + np.arange(case.hours * 60 // width_min) * width_min / 60
    height = np.maximum(np.sin((hour % 24 - 5) / 15 * np.pi), 0.0) * (hour % 24 < 20)
    return peak_kw * height * case.rng.uniform(0.5, 1.0, len(hour))


def set_tariff(case: Case, kind: str) -> None:
    """Prices of a household or a depot: one kind of tariff over the horizon, hour by hour."""
    hour = (case.start.hour + np.arange(case.hours)) % 24
    spot = case.rng.uniform(-60, 250, case.hours)
    night = (hour < 6) | (hour >= 23)
    feed_in = case.among(20, 150)
    buy, sell = {
        "flat": (np.full(case.hours, 280.0), np.full(case.hours, min(feed_in, 100.0))),
        "tou": (np.where((hour >= 16) & (hour < 21), 350.0, 180.0), np.full(case.hours, 80.0)),
        "spot": (np.maximum(spot, 0) + 120.0, np.maximum(spot, 0)),
        "negative": (spot, spot - case.among(0, 20)),
        "night": (np.where(night, 70.0, 280.0), np.full(case.hours, 150.0)),
        "feed_in": (spot, np.full(case.hours, feed_in)),
        "punished": (spot + 100.0, np.where(spot < 40, -30.0, spot)),
    }[kind]
    set_prices(case, buy, sell)


def add_solar(case: Case, site_id: str, peak_kw: float, *, curtailable: float = 0.7) -> None:
    """Solar power at a site: generation, curtailable or not, or negative load as of old."""
    kind = "generation" if case.chance(curtailable) else case.one_of("negative", "must_take")
    power = sun(case, peak_kw, 60)
    if kind == "negative":
        _add_load(case, site_id, -power)
        return
    add_series(case, "site_generation", "generation_kw", site_id, power)
    for row in case.tables["sites"]:
        row.setdefault("generation_curtailable", True)
        if row["site_id"] == site_id and kind == "must_take":
            row["generation_curtailable"] = False


def _add_load(case: Case, site_id: str, power: np.ndarray) -> None:
    rows = [row for row in case.tables.get("site_load", []) if row["site_id"] == site_id]
    if not rows:
        add_series(case, "site_load", "load_kw", site_id, power)
        return
    for row, each in zip(rows, power, strict=True):
        row["load_kw"] = round(row["load_kw"] + float(each), 3)


def add_limits_by_step(case: Case, names: list[str]) -> None:
    """Limits that change, now and then one that asks for feeding or for drawing."""
    asking = case.chance(0.3)
    for name in names:
        if case.chance(0.5):
            continue
        for time in case.times(60):
            least, most = case.among(1, 20), case.among(1, 30)
            if asking and case.chance(0.1):
                least, most = case.one_of((-min(most, 2.0), most), (least, -min(least, 2.0)))
            row = {"site_id": name, "time_utc": time}
            row |= {"import_limit_kw": least, "export_limit_kw": most}
            case.tables.setdefault("site_limits", []).append(row)
