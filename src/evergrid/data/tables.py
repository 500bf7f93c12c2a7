"""The input tables, read strictly from Parquet or CSV, and written back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken, unique
from evergrid.core.timegrid import TimeGrid, stamp
from evergrid.data.frames import Column, Kind, cell_faults, column, load, name_faults
from evergrid.model import stamps
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import (
    USUAL,
    SiteGeneration,
    SiteLimits,
    SiteLoad,
    Sites,
    lasting_limits,
    no_generation,
    no_load,
    usual,
)
from evergrid.model.weather import Weather

Record = TypeVar("Record", Sessions, Sites, SiteLoad, SiteGeneration, SiteLimits, Prices, Weather)

SESSIONS = {
    "session_id": Kind.TEXT,
    "asset_id": Kind.TEXT,
    "site_id": Kind.TEXT,
    "arrival_utc": Kind.INSTANT,
    "departure_utc": Kind.INSTANT,
    "capacity_kwh": Kind.NUMBER,
    "energy_arrival_kwh": Kind.NUMBER,
    "energy_departure_kwh": Kind.NUMBER,
    "energy_reserve_kwh": Kind.NUMBER,
    "max_charge_kw": Kind.NUMBER,
    "max_discharge_kw": Kind.NUMBER,
    "efficiency_charge": Kind.NUMBER,
    "efficiency_discharge": Kind.NUMBER,
    "wear_cost_per_kwh": Kind.NUMBER,
    "wear_rise_per_kwh_per_kw": Kind.NUMBER,
}
SITES = {
    "site_id": Kind.TEXT,
    "parent_id": Kind.TEXT,
    "import_limit_kw": Kind.NUMBER,
    "export_limit_kw": Kind.NUMBER,
    "demand_charge_per_kw": Kind.NUMBER,
    "net_metering": Kind.FLAG,
    "energy_budget_kwh": Kind.NUMBER,
    "generation_curtailable": Kind.FLAG,
    "demand_charge_period": Kind.TEXT,
    "demand_peak_kw": Kind.NUMBER,
    "demand_charge_peaks": Kind.NUMBER,
}
SITES_OPTIONAL = ("demand_charge_per_kw", "net_metering", *USUAL)
SITE_LOAD = {"site_id": Kind.TEXT, "time_utc": Kind.INSTANT, "load_kw": Kind.NUMBER}
SITE_GENERATION = {"site_id": Kind.TEXT, "time_utc": Kind.INSTANT, "generation_kw": Kind.NUMBER}
SITE_LIMITS = {
    "site_id": Kind.TEXT,
    "time_utc": Kind.INSTANT,
    "import_limit_kw": Kind.NUMBER,
    "export_limit_kw": Kind.NUMBER,
}
PRICES = {
    "time_utc": Kind.INSTANT,
    "import_price_per_mwh": Kind.NUMBER,
    "export_price_per_mwh": Kind.NUMBER,
    "carbon_price_per_mwh": Kind.NUMBER,
}
WEATHER = {"day": Kind.DAY, "temperature_c": Kind.NUMBER}
WEATHER_BY_TIME = {"time_utc": Kind.INSTANT, "temperature_c": Kind.NUMBER}
LIMITS = ("import_limit_kw", "export_limit_kw", "energy_budget_kwh")
Tell = Callable[[str], None]
WHOLE_DAY = 0.75  # of the readings that a usual day has; a day with fewer has no mean


def untold(note: str) -> None:
    """Where nobody wants to know."""


def read_sessions(
    path: Path, *, wear_cost_per_kwh: float = 0.0, wear_rise_per_kwh_per_kw: float = 0.0
) -> Sessions:
    """The sessions table.

    Args:
        path: Parquet or CSV.
        wear_cost_per_kwh: Cost of wear where the table has no such column.
        wear_rise_per_kwh_per_kw: Rise of that cost where the table has no such column.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    optional = {
        "wear_cost_per_kwh": wear_cost_per_kwh,
        "wear_rise_per_kwh_per_kw": wear_rise_per_kwh_per_kw,
    }
    table, faults = _read(path, SESSIONS, optional=tuple(optional), source="sessions")
    rows = len(table["session_id"].values)
    values = {name: read.values for name, read in table.items()}
    values |= {n: np.full(rows, given) for n, given in optional.items() if n not in values}
    good = ~np.logical_or.reduce([read.bad for read in table.values()])
    (number,) = np.nonzero(good)

    def make() -> Sessions:
        return Sessions(**{name: cells[good] for name, cells in values.items()})

    return _made(make, faults, source="sessions", row=number)


def read_sites(path: Path) -> Sites:
    """The sites table: an empty limit or budget is none, an empty parent a root.

    Columns of `SITES_OPTIONAL` may be left out: no demand charge, no net meter, and what
    `evergrid.model.site.USUAL` tells of the others.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = _read(
        path, SITES, optional=SITES_OPTIONAL, empty=("parent_id", *LIMITS), source="sites"
    )
    rows = len(table["site_id"].values)
    if rows == 0:
        fix = "Give at least one site; a single root stands for the whole fleet."
        raise InputError("sites", [*faults, Fault("site_id", "have at least one row", fix=fix)])
    values = {name: read.values for name, read in table.items()}
    values.setdefault("demand_charge_per_kw", np.zeros(rows))
    values.setdefault("net_metering", np.zeros(rows, bool))
    values |= {name: usual(name, rows) for name in USUAL if name not in values}
    values |= {name: _or_value(values[name], np.inf) for name in LIMITS}
    for name in ("demand_charge_per_kw", "demand_peak_kw"):
        values[name] = _or_value(values[name], 0.0)
    peaks = values["demand_charge_peaks"].astype(float)
    whole = np.asarray(np.isnan(peaks) | (np.isfinite(peaks) & (peaks == np.floor(peaks))))
    faults += broken("demand_charge_peaks", whole, "be a whole number", values=peaks)
    values["demand_charge_peaks"] = np.where(np.isfinite(peaks), peaks, 1.0).astype(np.int64)
    return _made(lambda: Sites(**values), faults, source="sites", row=np.arange(rows))


def read_site_load(path: Path, *, tell: Tell = untold) -> SiteLoad:
    """The site_load table: one row per site and interval, the same intervals for every site.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = _read(path, SITE_LOAD, source="site_load")
    at = _sites_by_time(table, faults, source="site_load", tell=tell)
    if at is None:
        return no_load()
    load_kw = at.spread(_or_value(table["load_kw"].values, 0.0), 0.0)

    def make() -> SiteLoad:
        return SiteLoad(at.names, at.times, load_kw)

    return _made(make, faults, source="site_load", row=None)


def read_site_generation(path: Path, *, tell: Tell = untold) -> SiteGeneration:
    """The site_generation table: one row per site and interval, the same for every site.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = _read(path, SITE_GENERATION, source="site_generation")
    at = _sites_by_time(table, faults, source="site_generation", tell=tell)
    if at is None:
        return no_generation()
    generation_kw = at.spread(_or_value(table["generation_kw"].values, 0.0), 0.0)

    def make() -> SiteGeneration:
        return SiteGeneration(at.names, at.times, generation_kw)

    return _made(make, faults, source="site_generation", row=None)


def read_site_limits(path: Path, *, tell: Tell = untold) -> SiteLimits:
    """The site_limits table: one row per site and interval; an empty limit is none.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    limits = ("import_limit_kw", "export_limit_kw")
    table, faults = _read(path, SITE_LIMITS, empty=limits, source="site_limits")
    at = _sites_by_time(table, faults, source="site_limits", tell=tell)
    if at is None:
        return lasting_limits()
    drawn, fed = (at.spread(_or_value(table[name].values, np.inf), np.inf) for name in limits)

    def make() -> SiteLimits:
        return SiteLimits(at.names, at.times, drawn, fed)

    return _made(make, faults, source="site_limits", row=None)


def _on_minutes(time_utc: Shaped[Array, " row"], source: str, tell: Tell) -> Shaped[Array, " row"]:
    """The minutes that stamps mean; that some were not on one is told."""
    moved, count = stamps.on_minutes(time_utc)
    if count:
        first = stamp(time_utc[np.argmax(moved != time_utc)])
        tell(
            f"{count:,} time stamps of {source} lie up to two seconds beside a minute, such as "
            f"{first}; they are taken as the minute."
        )
    return moved


@dataclass(frozen=True)
class _SitesByTime:
    """Rows of a table of one value per site and interval, and the cell that each is."""

    names: Shaped[Array, " site"]
    times: Shaped[Array, " interval"]
    row: Int[Array, " cell"]
    step: Int[Array, " cell"]

    def spread(self, values: Float[Array, " cell"], missing: float) -> Float[Array, "site step"]:
        found = np.full((len(self.names), len(self.times)), missing)
        found[self.row, self.step] = values
        return found


def _sites_by_time(
    table: dict[str, Column], faults: list[Fault], *, source: str, tell: Tell
) -> _SitesByTime | None:
    """Where each row belongs; None for a table without rows. Faults of the places are added.

    Raises:
        InputError: Names or stamps that cannot be read.
    """
    site = table["site_id"].values
    if len(site) == 0:
        raise_if_any(source, faults)
        return None
    if table["site_id"].bad.any() or table["time_utc"].bad.any():
        raise InputError(source, faults)
    time_utc = _on_minutes(table["time_utc"].values, source, tell)
    names = np.array(list(dict.fromkeys(site)), dtype=object)
    at = {name: i for i, name in enumerate(names)}
    row = np.array([at[name] for name in site])
    times, step = np.unique(time_utc, return_inverse=True)
    faults += _cells_once(names, times, row, step, site)
    return _SitesByTime(names, times, row, step)


def read_prices(path: Path, *, currency: str, tell: Tell = untold) -> Prices:
    """The prices table; ``carbon_price_per_mwh`` (0) may be left out.

    Args:
        path: Parquet or CSV.
        currency: ISO 4217 code of its prices.
        tell: Called with what was done to its rows.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = _read(path, PRICES, optional=("carbon_price_per_mwh",), source="prices")
    values = {name: read.values for name, read in table.items()}
    rows = len(values["time_utc"])
    if table["time_utc"].bad.any():
        raise InputError("prices", faults)
    values["time_utc"] = _on_minutes(values["time_utc"], "prices", tell)
    values.setdefault("carbon_price_per_mwh", np.zeros(rows))
    numbers = {name: _or_value(cells, 0.0) for name, cells in values.items() if name != "time_utc"}

    def make() -> Prices:
        return Prices(time_utc=values["time_utc"], currency=currency, **numbers)

    return _made(make, faults, source="prices", row=np.arange(rows))


def read_weather(path: Path, *, time_zone: str = "UTC") -> Weather:
    """The weather table: one row per local day, or one per ``time_utc``, averaged over days.

    Days with less than `WHOLE_DAY` of the usual number of readings are left out.

    Args:
        path: Parquet or CSV.
        time_zone: Of the local clock, IANA name.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    stamp = "time_utc" if "time_utc" in load(path).columns else "day"
    kinds = WEATHER_BY_TIME if stamp == "time_utc" else WEATHER
    table, faults = _read(path, kinds, source="weather")
    when, celsius = table[stamp].values, table["temperature_c"].values
    good = ~(table[stamp].bad | table["temperature_c"].bad)
    row = np.flatnonzero(good)
    if stamp == "day":
        return _made(lambda: Weather(when[good], celsius[good]), faults, source="weather", row=row)
    faults += unique(stamp, when, fix="Keep one temperature for each time.") if good.all() else []
    day, mean = _daily(when[good], celsius[good], time_zone)
    return _made(lambda: Weather(day, mean), faults, source="weather", row=None)


def _daily(
    time_utc: Shaped[Array, " reading"], celsius: Float[Array, " reading"], time_zone: str
) -> tuple[Shaped[Array, " day"], Float[Array, " day"]]:
    """Mean of each local day that is whole."""
    local = pl.Series(time_utc).dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)
    frame = pl.DataFrame({"day": local.dt.date(), "celsius": celsius})
    days = frame.group_by("day").agg(pl.len(), pl.col("celsius").mean()).sort("day")
    whole = days.filter(pl.col("len") >= WHOLE_DAY * pl.col("len").median())
    return whole["day"].to_numpy().astype("datetime64[D]"), whole["celsius"].to_numpy()


def sessions_frame(sessions: Sessions) -> pl.DataFrame:
    """The sessions as their table."""
    return _frame(sessions.columns(), SESSIONS)


def sites_frame(sites: Sites) -> pl.DataFrame:
    """The sites as their table; no limit and no parent are empty cells."""
    frame = _frame(sites.columns(), SITES).with_columns(pl.col("parent_id").replace("", None))
    return _no_limit_empty(frame, LIMITS)


def site_load_frame(
    grid: TimeGrid, sites: Sites, load_kw: Float[Array, "site step"]
) -> pl.DataFrame:
    """The load of every site in every step as the site_load table."""
    return _frame(_by_site(grid, sites.site_id, load_kw=load_kw), SITE_LOAD)


def site_generation_frame(
    grid: TimeGrid, sites: Sites, generation_kw: Float[Array, "site step"]
) -> pl.DataFrame:
    """The generation of every site that has any as the site_generation table."""
    has = generation_kw.any(axis=1)
    columns = _by_site(grid, sites.site_id[has], generation_kw=generation_kw[has])
    return _frame(columns, SITE_GENERATION)


def site_limits_frame(
    grid: TimeGrid,
    site_id: Shaped[Array, " site"],
    import_limit_kw: Float[Array, "site step"],
    export_limit_kw: Float[Array, "site step"],
) -> pl.DataFrame:
    """Limits over time as the site_limits table; no limit is an empty cell."""
    limits = {"import_limit_kw": import_limit_kw, "export_limit_kw": export_limit_kw}
    columns = _by_site(grid, site_id, **limits)
    return _no_limit_empty(_frame(columns, SITE_LIMITS), ("import_limit_kw", "export_limit_kw"))


def prices_frame(prices: Prices) -> pl.DataFrame:
    """The prices as their table; the currency is not in it."""
    return _frame(prices.columns(), PRICES)


def weather_frame(weather: Weather) -> pl.DataFrame:
    """The weather as its table, by day."""
    return _frame({"day": weather.day, "temperature_c": weather.temperature_c}, WEATHER)


def _by_site(
    grid: TimeGrid, site_id: Shaped[Array, " site"], **values: Float[Array, "site step"]
) -> dict[str, Shaped[Array, " row"]]:
    """Columns of a table with a row for each site and step."""
    columns = {
        "site_id": np.repeat(site_id, grid.steps),
        "time_utc": np.tile(grid.times, len(site_id)),
    }
    return columns | {name: table.ravel() for name, table in values.items()}


def _no_limit_empty(frame: pl.DataFrame, limits: Sequence[str]) -> pl.DataFrame:
    """The table with an empty cell where a limit is infinite."""
    finite = (pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in limits)
    return frame.with_columns(*finite)


def _frame(columns: dict[str, Shaped[Array, " row"]], kinds: dict[str, Kind]) -> pl.DataFrame:
    return pl.DataFrame([_series(name, columns[name], kind) for name, kind in kinds.items()])


def _series(name: str, values: Shaped[Array, " row"], kind: Kind) -> pl.Series:
    if kind is Kind.TEXT:
        return pl.Series(name, values.astype(object).tolist(), dtype=pl.String)
    if kind is Kind.INSTANT:
        stamps = pl.Series(name, values.astype("datetime64[us]"))
        return stamps.dt.replace_time_zone("UTC")
    return pl.Series(name, values)


def _read(
    path: Path,
    kinds: dict[str, Kind],
    *,
    source: str,
    optional: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> tuple[dict[str, Column], list[Fault]]:
    """The columns that are there, and the faults of names and cells.

    Args:
        path: The file.
        kinds: Every column the table may have.
        source: Name of the table.
        optional: Columns that may be left out.
        empty: Columns whose cells may be empty.

    Raises:
        InputError: A column that must be there is not; nothing further can be said.
    """
    frame = load(path)
    required = [name for name in kinds if name not in optional]
    faults = name_faults(frame, required, list(kinds))
    table = {n: column(frame[n], kind) for n, kind in kinds.items() if n in frame.columns}
    for name, read in table.items():
        faults += cell_faults(name, kinds[name], read, required=name not in empty)
    if any(name not in table for name in required):
        raise InputError(source, faults)
    return table, faults


def _made(
    make: Callable[[], Record],
    faults: list[Fault],
    *,
    source: str,
    row: Int[Array, " row"] | None,
) -> Record:
    """The record, or every fault of the cells and of the record together.

    Args:
        make: Makes the record of the rows whose cells could be read.
        faults: Faults of the cells.
        source: Name of the table.
        row: Place in the file of each row of the record; None where it has other rows.
    """
    try:
        record = make()
    except InputError as error:
        said = {(fault.field, fault.rule) for fault in faults}
        new = [fault for fault in error.faults if (fault.field, fault.rule) not in said]
        found = [_in_file(fault, row) for fault in new]
        raise InputError(source, [*faults, *found]) from None
    raise_if_any(source, faults)
    return record


def _in_file(fault: Fault, row: Int[Array, " row"] | None) -> Fault:
    if row is None:
        return replace(fault, rows=())
    return replace(fault, rows=tuple(int(row[number - 1]) + 1 for number in fault.rows))


def _or_value(values: Float[Array, " row"], value: float) -> Float[Array, " row"]:
    """The cells, and a stand-in where there is none; a fault is on record where one is due."""
    return np.where(np.isnan(values), value, values)


def _cells_once(
    names: Shaped[Array, " site"],
    times: Shaped[Array, " interval"],
    row: Int[Array, " cell"],
    step: Int[Array, " cell"],
    site: Shaped[Array, " cell"],
) -> list[Fault]:
    """Faults of values that are given twice, or missing at a stamp that other sites have."""
    cell = row * len(times) + step
    _, first = np.unique(cell, return_index=True)
    twice = np.delete(np.arange(len(cell)), first)
    faults = []
    if twice.size:
        got, ids = tuple(times[step[twice]]), tuple(site[twice])
        rows = tuple(int(i) + 1 for i in twice)
        faults.append(Fault("time_utc", "be given once for each site", got, ids, rows))
    absent: Bool[Array, " cell"] = np.ones(len(names) * len(times), bool)
    absent[cell] = False
    (missing,) = np.nonzero(absent)
    if missing.size:
        got = tuple(times[missing % len(times)])
        ids = tuple(names[missing // len(times)])
        fix = "Give every site a row in every interval."
        faults.append(Fault("time_utc", "be given for every site", got, ids, fix=fix))
    return faults
