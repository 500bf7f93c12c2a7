"""The sites table: which sites share a connection, its limits, and what its energy costs."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault, broken
from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import as_frame, made, no_limit_empty, or_value, read
from evergrid.model.site import PHASE_LIMITS, USUAL, Sites, usual

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
    "phase_limit_a": Kind.NUMBER,
    "phase_unbalance_limit_a": Kind.NUMBER,
}
SITES_OPTIONAL = ("demand_charge_per_kw", "net_metering", *USUAL)
LIMITS = ("import_limit_kw", "export_limit_kw", "energy_budget_kwh", *PHASE_LIMITS)
MOST = 2.0**53  # up to which floating-point numbers tell whole numbers apart


def read_sites(path: Path) -> Sites:
    """The sites table: an empty limit or budget is none, an empty parent a root.

    Columns of `SITES_OPTIONAL` may be left out: no demand charge, no net meter, and what
    `evergrid.model.site.USUAL` tells of the others.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = read(
        path, SITES, optional=SITES_OPTIONAL, empty=("parent_id", *LIMITS), source="sites"
    )
    rows = len(table["site_id"].values)
    if rows == 0:
        fix = "Give at least one site; a single root stands for the whole fleet."
        raise InputError("sites", [*faults, Fault("site_id", "have at least one row", fix=fix)])
    values = {name: cells.values for name, cells in table.items()}
    values.setdefault("demand_charge_per_kw", np.zeros(rows))
    values.setdefault("net_metering", np.zeros(rows, bool))
    values |= {name: usual(name, rows) for name in USUAL if name not in values}
    values |= {name: or_value(values[name], np.inf) for name in LIMITS}
    for name in ("demand_charge_per_kw", "demand_peak_kw"):
        values[name] = or_value(values[name], 0.0)
    peaks = values["demand_charge_peaks"].astype(float)
    whole = np.asarray((np.abs(peaks) < MOST) & (peaks == np.floor(peaks)))
    odd = broken("demand_charge_peaks", whole | np.isnan(peaks), "be a whole number", values=peaks)
    values["demand_charge_peaks"] = np.where(whole, peaks, 1.0).astype(np.int64)
    return made(lambda: Sites(**values), faults + odd, source="sites", row=np.arange(rows))


def sites_frame(sites: Sites) -> pl.DataFrame:
    """The sites as their table; no limit and no parent are empty cells."""
    frame = as_frame(sites.columns(), SITES).with_columns(pl.col("parent_id").replace("", None))
    return no_limit_empty(frame, LIMITS)
