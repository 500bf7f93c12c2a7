"""The table of emission factors: what a kWh from the grid emits over time."""

from pathlib import Path

import numpy as np

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.data.emissions.unit import TO_KG_PER_MWH, kg_per_mwh
from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import NoteCallback, ignore_notes, made, on_minutes, read
from evergrid.model.emission_factors import EmissionFactors, FactorKind

NAMES = {f"emissions_{unit}": unit for unit in TO_KG_PER_MWH}
SOURCE = "emission_factors"


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
    kinds = {"time_utc": Kind.INSTANT} | dict.fromkeys(NAMES, Kind.NUMBER)
    table, faults = read(path, kinds, optional=tuple(NAMES), source=SOURCE)
    given = [name for name in NAMES if name in table]
    if len(given) != 1:
        rule = f"have one column of factors, named after its unit: {', '.join(NAMES)}"
        fault = Fault("columns", rule, tuple(given) or ("none",))
        raise InputError(SOURCE, [*faults, fault])
    time, factor = table["time_utc"], table[given[0]]
    good = ~(time.bad | factor.bad)
    when = on_minutes(time.values[good], SOURCE, tell)
    values = kg_per_mwh(factor.values[good], NAMES[given[0]])
    return made(
        lambda: EmissionFactors(when, values, kind, f"{kind} factors of {path.name}"),
        faults,
        source=SOURCE,
        row=np.flatnonzero(good),
    )
