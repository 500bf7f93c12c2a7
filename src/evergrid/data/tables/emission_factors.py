"""The table of emission factors: what a kWh from the grid emits over time."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import MIN_PER_H
from evergrid.data.emissions.unit import TO_KG_PER_MWH, kg_per_mwh
from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import NoteCallback, ignore_notes, made, on_minutes, read
from evergrid.model.time_series.emission_factors import (
    LARGEST_KG_PER_MWH,
    SMALLEST_KG_PER_MWH,
    EmissionFactors,
    FactorKind,
)

NAMES = {f"emissions_{unit}": unit for unit in TO_KG_PER_MWH}
EMISSION_FACTORS = {"time_utc": Kind.INSTANT} | dict.fromkeys(NAMES, Kind.NUMBER)
SOURCE = "emission_factors"
LEAST_ERROR_KG_PER_MWH = SMALLEST_KG_PER_MWH  # errors that never reach it are in another unit


def read_emission_factors(
    path: Path, *, kind: FactorKind, tell: NoteCallback = ignore_notes
) -> EmissionFactors:
    """The table of ``time_utc`` and one column of factors, whose name says their unit.

    Args:
        path: Parquet or CSV, with ``emissions_kg_per_mwh`` or another of `NAMES`.
        kind: Which question the factors answer.
        tell: Called with what was done to its rows.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; two columns of factors.
    """
    table, faults = read(path, EMISSION_FACTORS, optional=tuple(NAMES), source=SOURCE)
    given = [name for name in NAMES if name in table]
    if len(given) != 1:
        rule = f"have one column of factors, named after its unit: {', '.join(NAMES)}"
        fault = Fault("columns", rule, tuple(given) or ("none",))
        raise InputError(SOURCE, [*faults, fault])
    time, factor = table["time_utc"], table[given[0]]
    good = ~time.bad  # a cell without a factor is told as such, and leaves no gap of time
    when = on_minutes(time.values[good], SOURCE, tell)
    values = kg_per_mwh(np.where(factor.bad, 0.0, factor.values)[good], NAMES[given[0]])
    return made(
        lambda: EmissionFactors(when, values, kind, f"{kind} factors of {path.name}"),
        faults,
        source=SOURCE,
        row=np.flatnonzero(good),
    )


FACTOR_ERRORS = {"time_utc": Kind.INSTANT, "error_kg_per_mwh": Kind.NUMBER}


def read_factor_errors(path: Path, step_h: float) -> Float[Array, " past"]:
    """Past errors of factors, what came less what was expected, in order.

    Args:
        path: Parquet or CSV of ``time_utc`` and ``error_kg_per_mwh``.
        step_h: Length of the steps that the errors must be of.

    Raises:
        InputError: Columns, cells or rows that break rules; rows that are not so far apart.
    """
    table, faults = read(path, FACTOR_ERRORS, source="factor_errors")
    raise_if_any("factor_errors", faults)
    apart = np.diff(table["time_utc"].values) / np.timedelta64(1, "m") / MIN_PER_H
    good = np.ones(len(table["time_utc"].values), dtype=bool)
    good[1:] = np.abs(apart - step_h) < 1e-9
    rule = f"be {MIN_PER_H * step_h:g} min after the row before, as steps of the horizon are"
    faults = broken("time_utc", good, rule, values=table["time_utc"].values)
    error = table["error_kg_per_mwh"].values
    rule = f"be at most {LARGEST_KG_PER_MWH:g} kg/MWh up or down, as factors are"
    faults += broken("error_kg_per_mwh", np.abs(error) <= LARGEST_KG_PER_MWH, rule, values=error)
    most = float(np.abs(error).max(initial=0.0))
    if 0.0 < most < LEAST_ERROR_KG_PER_MWH:
        rule = f"reach {LEAST_ERROR_KG_PER_MWH:g} kg/MWh at least once, or be 0 throughout"
        fix = "Errors of kg per kWh, or of t per MWh, are a thousand times as many kg per MWh."
        faults.append(Fault("error_kg_per_mwh", rule, (most,), fix=fix))
    raise_if_any("factor_errors", faults)
    return error
