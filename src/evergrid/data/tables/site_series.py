"""Tables with a value for each site and interval: load, generation and limits over time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.timegrid import TimeGrid
from evergrid.data.files.frames import Column, Kind
from evergrid.data.tables.reading import (
    NoteCallback,
    as_frame,
    ignore_notes,
    made,
    no_limit_empty,
    on_minutes,
    or_value,
    read,
)
from evergrid.model.site import (
    GENERATES,
    SiteGeneration,
    SiteLimits,
    SiteLoad,
    Sites,
    lasting_limits,
    no_generation,
    no_load,
    sign_hint,
)

SITE_LOAD = {"site_id": Kind.TEXT, "time_utc": Kind.INSTANT, "load_kw": Kind.NUMBER}
SITE_GENERATION = {"site_id": Kind.TEXT, "time_utc": Kind.INSTANT, "generation_kw": Kind.NUMBER}
SITE_LIMITS = {
    "site_id": Kind.TEXT,
    "time_utc": Kind.INSTANT,
    "import_limit_kw": Kind.NUMBER,
    "export_limit_kw": Kind.NUMBER,
}


def read_site_load(path: Path, *, tell: NoteCallback = ignore_notes) -> SiteLoad:
    """The site_load table: one row per site and interval, the same intervals for every site.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = read(path, SITE_LOAD, source="site_load")
    at = _sites_by_time(table, faults, source="site_load", tell=tell)
    if at is None:
        return no_load()
    load_kw = at.spread(or_value(table["load_kw"].values, 0.0), 0.0)

    def make() -> SiteLoad:
        return SiteLoad(at.names, at.times, load_kw)

    return made(make, faults, source="site_load", row=None)


def read_site_generation(path: Path, *, tell: NoteCallback = ignore_notes) -> SiteGeneration:
    """The site_generation table: one row per site and interval, the same for every site.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = read(path, SITE_GENERATION, source="site_generation")
    at = _sites_by_time(table, faults, source="site_generation", tell=tell)
    if at is None:
        return no_generation()
    told = table["generation_kw"].values
    ok = np.asarray(np.isnan(told) | (np.isfinite(told) & (told >= 0)))
    where = {"values": told, "ids": table["site_id"].values, "fix": sign_hint(told)}
    faults += broken("generation_kw", ok, GENERATES, **where)
    generation_kw = at.spread(or_value(told, 0.0), 0.0)

    def make() -> SiteGeneration:
        return SiteGeneration(at.names, at.times, generation_kw)

    return made(make, faults, source="site_generation", row=None)


def read_site_limits(path: Path, *, tell: NoteCallback = ignore_notes) -> SiteLimits:
    """The site_limits table: one row per site and interval; an empty limit is none.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    limits = ("import_limit_kw", "export_limit_kw")
    table, faults = read(path, SITE_LIMITS, empty=limits, source="site_limits")
    at = _sites_by_time(table, faults, source="site_limits", tell=tell)
    if at is None:
        return lasting_limits()
    drawn, fed = (at.spread(or_value(table[name].values, np.inf), np.inf) for name in limits)

    def make() -> SiteLimits:
        return SiteLimits(at.names, at.times, drawn, fed)

    return made(make, faults, source="site_limits", row=None)


def site_load_frame(
    grid: TimeGrid, sites: Sites, load_kw: Float[Array, "site step"]
) -> pl.DataFrame:
    """The load of every site in every step as the site_load table."""
    return as_frame(_by_site(grid, sites.site_id, load_kw=load_kw), SITE_LOAD)


def site_generation_frame(
    grid: TimeGrid, sites: Sites, generation_kw: Float[Array, "site step"]
) -> pl.DataFrame:
    """The generation of every site that has any as the site_generation table."""
    has = generation_kw.any(axis=1)
    columns = _by_site(grid, sites.site_id[has], generation_kw=generation_kw[has])
    return as_frame(columns, SITE_GENERATION)


def site_limits_frame(
    grid: TimeGrid,
    site_id: Shaped[Array, " site"],
    import_limit_kw: Float[Array, "site step"],
    export_limit_kw: Float[Array, "site step"],
) -> pl.DataFrame:
    """Limits over time as the site_limits table; no limit is an empty cell."""
    limits = {"import_limit_kw": import_limit_kw, "export_limit_kw": export_limit_kw}
    columns = _by_site(grid, site_id, **limits)
    return no_limit_empty(as_frame(columns, SITE_LIMITS), ("import_limit_kw", "export_limit_kw"))


def _by_site(
    grid: TimeGrid, site_id: Shaped[Array, " site"], **values: Float[Array, "site step"]
) -> dict[str, Shaped[Array, " row"]]:
    """Columns of a table with a row for each site and step."""
    columns = {
        "site_id": np.repeat(site_id, grid.steps),
        "time_utc": np.tile(grid.times, len(site_id)),
    }
    return columns | {name: table.ravel() for name, table in values.items()}


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
    table: dict[str, Column], faults: list[Fault], *, source: str, tell: NoteCallback
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
    time_utc = on_minutes(table["time_utc"].values, source, tell)
    names = np.array(list(dict.fromkeys(site)), dtype=object)
    at = {name: i for i, name in enumerate(names)}
    row = np.array([at[name] for name in site])
    times, step = np.unique(time_utc, return_inverse=True)
    faults += _cells_once(names, times, row, step, site)
    return _SitesByTime(names, times, row, step)


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
