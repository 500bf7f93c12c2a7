"""How cells aged in the laboratory: what each had lost, after how much, under which conditions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, between, broken

CONDITIONS = ("temperature_c", "soc", "depth", "c_rate")
COLDEST_C, WARMEST_C = -30.0, 60.0  # in which cells are in use; beyond, no model here holds
MOST_C_RATE = 20.0  # 1/h; above, it is an ampere
LOWEST_CHANGE = -0.3  # cells gain some capacity, or lose some resistance, at first
MOST_GROWTH = 9.0  # of a resistance; tests end long before it is ten times that of a new cell
SHORTEST = 1.0  # day or equivalent full cycle, below which a test tells nothing of ageing
FEWEST_POINTS = 3  # of a cell, from which a law can be seen at all
WAY_OUT = {
    "temperature_c": "Give C in a column temperature_c, or kelvin in a column temperature_k.",
    "soc": "Give a fraction, not a percentage.",
    "depth": "Give a fraction, not a percentage.",
}


@dataclass(frozen=True)
class CellTests:
    """Measured fade of cells, each under conditions of its own.

    Attributes:
        measure: What was measured, ``capacity`` or ``resistance``.
        over: What it is told over, ``days`` of storage or equivalent full ``cycles``.
        cell: Which cell a row is of. Rows of a cell stand in the order of ``amount``.
        amount: Days or cycles since the cell was new.
        change: Share of the new cell's capacity lost, or of its resistance gained.
        temperature_c: Of the cell in its test; None where the table does not tell.
        soc: State of charge at which it was stored, or on average; 0 to 1.
        depth: Depth of its cycles, 0 to 1.
        c_rate: Current over capacity, 1/h.

    Raises:
        InputError: Values out of range, a cell with few rows, in no order, or under two conditions.
    """

    measure: Literal["capacity", "resistance"]
    over: Literal["days", "cycles"]
    cell: Shaped[Array, " row"]
    amount: Float[Array, " row"]
    change: Float[Array, " row"]
    temperature_c: Float[Array, " row"] | None = None
    soc: Float[Array, " row"] | None = None
    depth: Float[Array, " row"] | None = None
    c_rate: Float[Array, " row"] | None = None

    def __post_init__(self) -> None:
        records.check(self, "ageing")
        rule = "be 0 or more, as a number"
        ok = np.isfinite(self.amount) & (self.amount >= 0)
        faults = broken(self.over, ok, rule, values=self.amount, ids=self.cell)
        if len(self.amount) and ok.all() and self.amount.max() < SHORTEST:
            fix = "Give days of storage, equivalent full cycles, or cycles."
            rule = f"reach {SHORTEST:g} at least"
            faults.append(Fault(self.over, rule, (float(self.amount.max()),), fix=fix))
        faults += self._change_faults()
        for name, low, high in (
            ("temperature_c", COLDEST_C, WARMEST_C),
            ("soc", 0.0, 1.0),
            ("depth", 0.0, 1.0),
            ("c_rate", 0.0, MOST_C_RATE),
        ):
            values = getattr(self, name)
            if values is None:
                continue
            rule = f"lie in [{low:g}, {high:g}]"
            fix = WAY_OUT.get(name, "")
            faults += between(name, values, low, high, ids=self.cell, rule=rule, fix=fix)
        faults += self._cell_faults()
        raise_if_any("ageing", faults)

    @property
    def cells(self) -> Shaped[Array, " cell"]:
        """Names of the cells, in the order in which they come."""
        _, first = np.unique(self.cell.astype(str), return_index=True)
        return self.cell[np.sort(first)]

    def conditions(self) -> dict[str, Float[Array, " cell"]]:
        """What each cell was tested at, by the conditions that the table tells."""
        _, first = np.unique(self.cell.astype(str), return_index=True)
        first = np.sort(first)
        told = {name: getattr(self, name) for name in CONDITIONS}
        return {name: values[first] for name, values in told.items() if values is not None}

    def of(self, cells: Shaped[Array, " some"]) -> "CellTests":
        """The tests of some of the cells."""
        keep = np.isin(self.cell.astype(str), cells.astype(str))
        told = {name: getattr(self, name) for name in CONDITIONS}
        kept = {name: None if values is None else values[keep] for name, values in told.items()}
        return CellTests(
            self.measure, self.over, self.cell[keep], self.amount[keep], self.change[keep], **kept
        )

    def description(self) -> str:
        """What the tests hold: cells, conditions, and how far they go."""
        parts = [f"{len(self.cells)} cells, {self.measure} over {self.over}"]
        for name, values in self.conditions().items():
            distinct = np.unique(values.round(6))
            parts.append(f"{name} {', '.join(f'{value:g}' for value in distinct[:6])}")
        most = self.amount.max()
        worst = 100.0 * self.change.max()
        grown = "lost" if self.measure == "capacity" else "gained"
        return "; ".join([*parts, f"up to {most:,.0f} {self.over} and {worst:.1f} % {grown}"])

    def _change_faults(self) -> list[Fault]:
        high = 1.0 if self.measure == "capacity" else MOST_GROWTH
        rule = f"be a change of {100 * LOWEST_CHANGE:g} to {100 * high:g} % of the new cell"
        fix = "Give percent of the new cell, such as 97.5."
        return between(
            self.measure, self.change, LOWEST_CHANGE, high, ids=self.cell, rule=rule, fix=fix
        )

    def _cell_faults(self) -> list[Fault]:
        """Faults of cells that have too few rows, rows in no order, or changing conditions."""
        if not len(self.cell):
            return [Fault("cell", "have a row at least")]
        faults, names = [], self.cell.astype(str)
        same = names[1:] == names[:-1]
        last = np.flatnonzero(np.append(~same, True))
        again = len(last) > len(self.cells)
        falls = np.concatenate([[False], same & (np.diff(self.amount) < 0)])
        if again:
            faults.append(Fault("cell", "have its rows one after the other", fix="Sort the table."))
        else:
            fix = "Sort the rows of a cell."
            rule = "not fall within a cell"
            faults += broken(self.over, ~falls, rule, values=self.amount, ids=names, fix=fix)
        known, count = np.unique(names, return_counts=True)
        rule = f"have {FEWEST_POINTS} rows at least"
        faults += broken("cell", count >= FEWEST_POINTS, rule, values=count, ids=known)
        for name in CONDITIONS:
            values = getattr(self, name)
            if values is not None:
                moved = np.concatenate([[False], same & (np.diff(values) != 0)])
                rule = "be the same in all rows of a cell"
                fix = "A cell of which conditions change is one cell for each."
                faults += broken(name, ~moved, rule, values=values, ids=names, fix=fix)
        return faults
