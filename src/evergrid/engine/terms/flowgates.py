"""Flowgates as a term: weighted sums of several nodes' net power, each held below its limit."""

from dataclasses import dataclass
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.engine.certificate import Dual
from evergrid.engine.program import Program
from evergrid.engine.term import Flows, RowBuilder, TermResult, TermRows


@final
@dataclass(frozen=True)
class FlowgateTerm:
    """Limits of wires that several sites share.

    Attributes:
        flowgates: One weight for each node of the program.
    """

    flowgates: Flowgates
    name = "flowgates (network limits that several sites share)"
    methods = frozenset({"highs", "interior_point"})
    ties_trees = True

    def rows(self, program: Program) -> TermRows:
        """One row for each flowgate; no columns."""
        gates, steps = self.flowgates, program.steps
        made = RowBuilder(program.slots, program.nodes * steps)
        count = len(gates)
        row = made.add(np.full(count, -np.inf), gates.limit_kw, np.zeros(count, np.int64))
        gate, node = np.nonzero(gates.weight)
        made.enter(row[gate], net=(node * steps + gates.step[gate], gates.weight[gate, node]))
        return made.rows()

    def evaluate(self, program: Program, flows: Flows) -> TermResult:
        """How far each flowgate is passed; it costs nothing."""
        over = self.flowgates.beyond_kw(flows.net_kw)
        return TermResult(np.zeros(program.nodes), over, np.zeros(len(over), np.int64))

    def part(self, nodes: Int[Array, " some"], stores: Int[Array, " some_store"]) -> "FlowgateTerm":
        """The flowgates with the weights of these nodes."""
        gates = self.flowgates
        return FlowgateTerm(Flowgates(gates.step, gates.weight[:, nodes], gates.limit_kw))


def terms(flowgates: Flowgates | None) -> tuple[FlowgateTerm, ...]:
    """The terms of a program that has these flowgates and no other term."""
    return () if flowgates is None else (FlowgateTerm(flowgates),)


def of(program: Program) -> Flowgates | None:
    """The flowgates of a program; None where it has none."""
    for term in program.terms:
        if isinstance(term, FlowgateTerm):
            return term.flowgates
    return None


def prices(program: Program, dual: Dual) -> Float[Array, " flowgate"]:
    """What one kW more of each flowgate's limit saves in its step, by prices that were found."""
    for term, price in zip(program.terms, dual.term_prices, strict=False):
        if isinstance(term, FlowgateTerm):
            return -price
    gates = of(program)
    return np.zeros(0 if gates is None else len(gates))
