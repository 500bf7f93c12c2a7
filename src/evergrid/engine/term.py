"""What a program can hold beside stores, nodes and their prices: the contract of a term.

A term is data of its own in `Program.terms`. It says four things, and everything that solves or
proves a program asks for these alone:

- `rows`: the columns and rows it adds to the linear program. HiGHS takes them as they are, and the
  certificate prices the rows for its bound.
- `evaluate`: what it costs, and how far it is broken, under a schedule. So whatever a term decides
  for itself follows from the powers, and a schedule is still nothing but powers.
- `part`: what is left of it in a part of the program, and `ties_trees`: whether it stands between
  trees, which are then solved as one.
- `methods`: which methods cover it. All others refuse it by its `name`.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int


@dataclass(frozen=True)
class Flows:
    """What a schedule does, as terms are evaluated by it.

    Attributes:
        power_kw: Of each slot, above 0 what it feeds.
        energy_kwh: In the store at the end of each slot.
        net_kw: Net power of each node.
    """

    power_kw: Float[Array, " slot"]
    energy_kwh: Float[Array, " slot"]
    net_kw: Float[Array, "node step"]


@dataclass(frozen=True)
class OwnColumns:
    """Columns that a term adds; finite limits let any prices of its rows prove a bound.

    Attributes:
        cost: Of one of each.
        lower: Least value of each.
        upper: Greatest value of each.
        node: A node of the tree that each belongs to.
        whole: Which are whole numbers, a decision of branch and bound; None for none.
    """

    cost: Float[Array, " own"]
    lower: Float[Array, " own"]
    upper: Float[Array, " own"]
    node: Int[Array, " own"]
    whole: Bool[Array, " own"] | None = None


@dataclass(frozen=True)
class TermRows:
    """Columns of a term's own, and rows over these and over those of the program.

    Row ``i`` keeps the sum of all matrices' row ``i`` times their columns within its limits.

    Attributes:
        columns: The own columns.
        lower: Least value of each row; -inf where there is none.
        upper: Greatest value of each row; inf where there is none.
        node: A node of the tree that each row belongs to; any node where it ties trees.
        draw: Rows by slots, of the power drawn.
        feed: Rows by slots, of the power fed.
        energy: Rows by slots, of the energy at the end of the slot.
        net: Rows by nodes and steps, of net power; steps of a node are side by side.
        own: Rows by own columns.
        spent: Slots by slots: energy that a kW drawn in the second takes from the store of the
            first, beside what that store does itself.
    """

    columns: OwnColumns
    lower: Float[Array, " row"]
    upper: Float[Array, " row"]
    node: Int[Array, " row"]
    draw: sparse.csr_array
    feed: sparse.csr_array
    energy: sparse.csr_array
    net: sparse.csr_array
    own: sparse.csr_array
    spent: sparse.csr_array

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def decisions(self) -> Int[Array, " some"]:
        """Own columns that are whole numbers."""
        whole = self.columns.whole
        return np.zeros(0, np.int64) if whole is None else np.flatnonzero(whole)

    def proving(self, price: Float[Array, " row"] | None) -> Float[Array, " row"]:
        """Prices of the rows that prove something: 0 where a row has no limit on that side."""
        if price is None:
            return np.zeros(len(self))
        limit = np.where(price > 0, self.lower, self.upper)
        return np.where(np.isfinite(limit), price, 0.0)

    def of_slots(self) -> Bool[Array, " slot"]:
        """Slots in which a row's price could reward drawing, feeding, or wasting what is held.

        A row that only limits how much is drawn or fed makes both dearer.
        """
        rewarded = [self._raised(matrix) for matrix in (self.draw, self.feed)]
        held = np.asarray(abs(self.energy).sum(axis=0)).ravel() > 0
        return np.logical_or.reduce([*rewarded, held])

    def _raised(self, matrix: sparse.csr_array) -> Bool[Array, " column"]:
        """Columns that any row keeps from falling."""
        least, most = np.isfinite(self.lower).astype(float), np.isfinite(self.upper).astype(float)
        above, below = matrix.maximum(0.0), (-matrix).maximum(0.0)
        return np.asarray(above.T @ least + below.T @ most) > 0

    def limits_export(self) -> Bool[Array, " cell"]:
        """Nodes and steps whose net power any row keeps from rising."""
        return self._raised(-self.net)


class RowBuilder:
    """Rows of a term, added block by block.

    Args:
        slots: How many slots the program has.
        cells: How many pairs of node and step.
        own: How many columns the term has of its own.
    """

    def __init__(self, slots: int, cells: int, own: int = 0) -> None:
        self.widths = {"draw": slots, "feed": slots, "energy": slots, "net": cells, "own": own}
        self.limits: list[tuple[Array, Array, Array]] = []
        self.count = 0
        self.spent = sparse.csr_array((slots, slots))
        self.entries: dict[str, list[tuple[Array, Array, Array]]] = {k: [] for k in self.widths}

    def add(self, lower: Array, upper: Array, node: Array) -> Int[Array, " row"]:
        """Further rows, each of which belongs to the tree of a node."""
        self.limits.append((lower, upper, node))
        first, self.count = self.count, self.count + len(lower)
        return np.arange(first, self.count)

    def enter(self, row: Array, **columns: tuple[Array, Array]) -> None:
        """One entry of each row in each of these columns, and its value."""
        for kind, (column, value) in columns.items():
            self.entries[kind].append((row, column, value))

    def spend(self, store: Array, drawn: Array, kwh: Array) -> None:
        """Energy taken from the store of each of these slots by a kW drawn in another slot."""
        self.spent = self.spent + sparse.csr_array((kwh, (store, drawn)), shape=self.spent.shape)

    def rows(self, columns: "OwnColumns | None" = None) -> TermRows:
        """All of them, over the term's own columns, if it has any."""
        lower, upper, node = (np.concatenate(part) for part in zip(*self.limits, strict=True))
        none = np.zeros(0)
        own = columns or OwnColumns(none, none, none, none.astype(np.int64))
        matrices = {kind: self._matrix(kind, width) for kind, width in self.widths.items()}
        return TermRows(own, lower, upper, node, **matrices, spent=self.spent)

    def _matrix(self, kind: str, width: int) -> sparse.csr_array:
        shape, blocks = (self.count, width), self.entries[kind]
        if not blocks:
            return sparse.csr_array(shape)
        row, column, value = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return sparse.csr_array((value, (row, column)), shape=shape)


@dataclass(frozen=True)
class TermResult:
    """What a term comes to under a schedule.

    Attributes:
        cost: At each node; below 0 for what is earned.
        excess: By how much each of its limits is broken, in kW or kWh; below 0 where it is kept.
        excess_node: A node of the tree that each limit belongs to; any node where it ties trees.
    """

    cost: Float[Array, " node"]
    excess: Float[Array, " limit"]
    excess_node: Int[Array, " limit"]


@runtime_checkable
class AbstractTerm(Protocol):
    """One kind of limit or payment; programs are given as they are, see `Program`."""

    @property
    def name(self) -> str:
        """What it is called where a method refuses it."""
        ...

    @property
    def methods(self) -> frozenset[str]:
        """The methods that cover it."""
        ...

    @property
    def ties_trees(self) -> bool:
        """Whether trees that share nothing else are no longer independent."""
        ...

    def rows(self, program: Any) -> TermRows:
        """Its columns and rows in the linear program."""
        ...

    def evaluate(self, program: Any, flows: Flows) -> TermResult:
        """What it costs under a schedule, and how far it is broken."""
        ...

    def part(
        self, nodes: Int[Array, " some"], stores: Int[Array, " some_store"]
    ) -> "AbstractTerm | None":
        """What is left of it where only these nodes and stores are, rising; None for nothing."""
        ...
