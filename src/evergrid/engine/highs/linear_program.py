"""A program as the arrays of a linear program, and what of it must give way."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.certificate import Dual
from evergrid.engine.highs.sparse_program import SparseProgram
from evergrid.engine.program import Program


@dataclass(frozen=True)
class LinearProgram(SparseProgram):
    """The sparse program of a program, and where in it everything stands.

    Attributes:
        draw: Column of the power that each slot draws.
        feed: Column of the power that each slot feeds.
        balance: Row of each slot's energy balance.
        sums: Row of each node's net power in each step.
        budgets: Row of each node's budget; -1 where it has none.
        terms: Rows of each term.
    """

    draw: Int[Array, " slot"]
    feed: Int[Array, " slot"]
    balance: Int[Array, " slot"]
    sums: Int[Array, "node step"]
    budgets: Int[Array, " node"]
    terms: tuple[Int[Array, "..."], ...]

    def dual(self, row_dual: Float[Array, " row"]) -> Dual:
        """Prices of energy, net power, budgets and terms: the cost of one more of each row."""
        return Dual(
            energy_value=-row_dual[self.balance],
            power_price=-row_dual[self.sums],
            budget_price=np.where(self.budgets >= 0, row_dual[self.budgets], 0.0),
            term_prices=tuple(row_dual[rows] for rows in self.terms),
        )

    def power(self, program: Program, values: Float[Array, " column"]) -> Float[Array, " slot"]:
        """Power of each slot, the smaller of the two directions cancelled."""
        draw = np.clip(values[self.draw], 0.0, program.charge_limit_kw)
        feed = np.clip(values[self.feed], 0.0, program.discharge_limit_kw)
        change = program.gain * draw - program.drain * feed
        return np.where(change >= 0, -change / program.gain, -change / program.drain)


@dataclass(frozen=True)
class Least:
    """The least that must give way in each tree, at its root.

    Attributes:
        short_kwh: Energy owed that is not served.
        beyond_kwh: Energy beyond limits and budgets.
    """

    short_kwh: Float[Array, " node"]
    beyond_kwh: Float[Array, " node"]
