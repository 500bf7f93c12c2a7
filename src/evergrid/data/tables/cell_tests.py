"""The ageing table: what cells had lost in tests, over days or cycles, under which conditions."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault, broken
from evergrid.core.units import ZERO_C_IN_K
from evergrid.data.files.frames import Column, Kind, load
from evergrid.data.tables.reading import NoteCallback, ignore_notes, made, or_value, read
from evergrid.model.batteries.cell_tests import CONDITIONS, CellTests

# Columns that say the same in another way; a table has one of each.
CELL = ("cell", "curve")
TEMPERATURE = ("temperature_c", "temperature_k")
AMOUNT = ("days", "efc", "cycles")
CHANGE = ("soh_pct", "capacity_loss_pct", "resistance_pct")
OTHERS = ("soc", "depth", "c_rate")
PERCENT = 100.0
FRACTION = 1.5  # in a column of percent of new cells no value is as low; in one of fractions, all
LEAST_LOSS = 1.0  # percent, below which a whole column of losses is one of fractions, or too short


def read_cell_tests(path: Path, *, tell: NoteCallback = ignore_notes) -> CellTests:
    """The ageing table: a row for each measurement of each cell.

    It has ``cell`` (or ``curve``), one of ``days``, ``efc`` and ``cycles``, one of ``soh_pct``,
    ``capacity_loss_pct`` and ``resistance_pct``, and what is known of the conditions:
    ``temperature_c`` (or ``temperature_k``), ``soc``, ``depth``, ``c_rate``.

    Args:
        path: Parquet or CSV.
        tell: Called with what the table holds, and how it was read.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    columns = load(path).columns
    cell, amount, change = (_only(columns, names) for names in (CELL, AMOUNT, CHANGE))
    conditions = [name for name in (*TEMPERATURE, *OTHERS) if name in columns]
    if set(TEMPERATURE) <= set(conditions):
        fault = Fault("temperature_c, temperature_k", "not both be columns", fix="Keep one.")
        raise InputError("ageing", [fault])
    kinds = {cell: Kind.TEXT} | dict.fromkeys((amount, change, *conditions), Kind.NUMBER)
    table, faults = read(path, kinds, source="ageing")
    faults += _percent_faults(change, table[change])
    values = {
        "amount": or_value(table[amount].values, 0.0),
        "change": or_value(_change(change, table[change].values), 0.0),
        **_conditions(table, conditions),
    }
    if amount == "cycles":
        depth = values.get("depth")
        values["amount"] = values["amount"] * (1.0 if depth is None else depth)
        told = "taken as full cycles" if depth is None else "multiplied by their depth"
        tell(f"The column cycles is {told}, as equivalent full cycles.")

    def make() -> CellTests:
        return CellTests(
            measure="resistance" if change == "resistance_pct" else "capacity",
            over="days" if amount == "days" else "cycles",
            cell=table[cell].values,
            **values,
        )

    tests = made(make, faults, source="ageing", row=np.arange(len(table[cell].values)))
    tell(f"{tests.description()}.")
    return tests


def _only(columns: list[str], names: tuple[str, ...]) -> str:
    """The one of some columns that a table has."""
    there = [name for name in names if name in columns]
    if len(there) == 1:
        return there[0]
    fix = f"Keep one of {', '.join(there)}." if there else f"Columns found: {', '.join(columns)}."
    rule = "be columns of the table, exactly one of them"
    raise InputError("ageing", [Fault(", ".join(names), rule, fix=fix)])


def _conditions(table: dict[str, Column], names: list[str]) -> dict[str, Float[Array, " row"]]:
    """The conditions by the names of the record; empty cells are on record as faults."""
    found = {}
    for name in names:
        values = table[name].values
        key = "temperature_c" if name == "temperature_k" else name
        shown = values - ZERO_C_IN_K if name == "temperature_k" else values
        found[key] = or_value(shown, 0.5)
    return {name: found[name] for name in CONDITIONS if name in found}


def _change(name: str, percent: Float[Array, " row"]) -> Float[Array, " row"]:
    """Share of the capacity lost, or of the resistance gained."""
    if name == "soh_pct":
        return 1.0 - percent / PERCENT
    return percent / PERCENT - (1.0 if name == "resistance_pct" else 0.0)


def _percent_faults(name: str, read: Column) -> list[Fault]:
    """The fault of a column of fractions that is called one of percent."""
    values, lost = read.values[~read.bad], name == "capacity_loss_pct"
    if not len(values) or values.max() > (LEAST_LOSS if lost else FRACTION):
        return []
    fix = "These look like fractions; multiply them by 100."
    if lost:
        fix += " Cells that lost less than 1 % say too little of how they age."
    return broken(name, read.bad, "be percent of the new cell", values=read.values, fix=fix)
