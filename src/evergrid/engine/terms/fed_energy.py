"""Limits of fed energy as a term: what several stores together may feed over all steps."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.engine.program import Program
from evergrid.engine.term import Flows, RowBuilder, TermResult, TermRows


@final
@dataclass(frozen=True)
class FedEnergyLimits:
    """Energy that groups of stores may feed, such as all stays of a car under its warranty.

    Attributes:
        group: Of each store of the program; -1 for a store without a limit.
        limit_kwh: Most energy that each group feeds, measured where powers are.
        ties_trees: Whether any group has stores in several trees.

    Raises:
        InputError: A limit below 0, or none that is a number.
    """

    group: Int[Array, " store"]
    limit_kwh: Float[Array, " group"]
    ties_trees: bool
    name = "limits of fed energy (such as of a warranty)"
    methods = frozenset({"highs"})

    def __post_init__(self) -> None:
        limit = self.limit_kwh
        rule = "be at least 0 and finite"
        raise_if_any(
            "fed_energy",
            broken("limit_kwh", (limit >= 0) & (limit < np.inf), rule, values=limit),
        )

    def rows(self, program: Program) -> TermRows:
        """One row for each group; no columns."""
        made = RowBuilder(program.slots, program.nodes * program.steps)
        row = made.add(np.full(len(self.limit_kwh), -np.inf), self.limit_kwh, self._node(program))
        of_slot = self.group[program.store]
        slots = np.flatnonzero(of_slot >= 0)
        made.enter(row[of_slot[slots]], feed=(slots, np.full(len(slots), program.step_h)))
        return made.rows()

    def evaluate(self, program: Program, flows: Flows) -> TermResult:
        """How far each limit is passed; it costs nothing."""
        over = self._fed_kwh(program, flows.power_kw) - self.limit_kwh
        return TermResult(np.zeros(program.nodes), over, self._node(program))

    def part(
        self, nodes: Int[Array, " some"], stores: Int[Array, " some_store"]
    ) -> "FedEnergyLimits | None":
        """The groups that have any of these stores, which must be all stores of each."""
        inside = self.group[stores]
        kept, group = np.unique(inside[inside >= 0], return_inverse=True)
        if not len(kept):
            return None
        of_store = np.full(len(stores), -1)
        of_store[inside >= 0] = group
        return FedEnergyLimits(of_store, self.limit_kwh[kept], self.ties_trees)

    def _node(self, program: Program) -> Int[Array, " group"]:
        """A node of each group's stores."""
        node = np.zeros(len(self.limit_kwh), np.int64)
        limited = self.group >= 0
        node[self.group[limited]] = program.node[limited]
        return node

    def beside(self, program: Program, power_kw: Float[Array, " slot"]) -> "FedEnergyLimits":
        """What is left of the limits beside stores that feed these powers."""
        rest = self.limit_kwh - self._fed_kwh(program, power_kw)
        return replace(self, limit_kwh=np.maximum(rest, 0.0))

    def _fed_kwh(self, program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " group"]:
        """What each group feeds."""
        of_slot = self.group[program.store]
        limited = of_slot >= 0
        fed = program.step_h * np.maximum(power_kw[limited], 0.0)
        return np.bincount(of_slot[limited], fed, len(self.limit_kwh))


def left(
    program: Program, power_kw: Float[Array, " slot"]
) -> tuple[Int[Array, " store"], Float[Array, " store"]]:
    """Group of each store, and energy that it may feed beside what is fed; -1 and endless without.

    Args:
        program: With its terms, of which one at most limits fed energy.
        power_kw: What is fed.
    """
    for term in program.terms:
        if isinstance(term, FedEnergyLimits):
            rest = term.beside(program, power_kw).limit_kwh
            return term.group, np.where(term.group >= 0, rest[term.group], np.inf)
    return np.full(program.stores, -1), np.full(program.stores, np.inf)
