"""What a solver hands back, whichever it was."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.status import Status
from evergrid.engine.certificate import Certificate, Dual
from evergrid.engine.parts import Part
from evergrid.engine.program import Program

# Of a kWh beyond a limit or budget against one of shortfall, when what must give way is sought:
# less than one over the kWh of excess, at all levels of a tree, that could save a kWh of shortfall.
EXCESS_WEIGHT = 0.01
BUDGET_FIRST = 10.0  # the same of a kWh beyond a budget, where keeping it comes before service


@dataclass(frozen=True)
class Guess:
    """What is expected of a program's solution.

    Attributes:
        power_kw: Power of each slot, positive into the grid.
        dual: Prices of stored energy, of net power and of budgets.
        limit_price: What a node's own limits add to its parent's price, per kWh.
    """

    power_kw: Float[Array, " slot"]
    dual: Dual
    limit_price: Float[Array, "node step"]

    def of(self, part: Part) -> "Guess":
        """What is expected of a part of the program."""
        dual, nodes = self.dual, part.nodes
        value = dual.energy_value[part.slots]
        terms = dual.term_prices if part.program.tied else ()
        prices = Dual(value, dual.power_price[nodes], dual.budget_price[nodes], terms)
        return Guess(self.power_kw[part.slots], prices, self.limit_price[nodes])

    def put(self, part: Part, known: "Guess") -> None:
        """Write what is known of a part into the arrays of the whole."""
        rows, dual = part.nodes, self.dual
        self.power_kw[part.slots] = known.power_kw
        dual.energy_value[part.slots] = known.dual.energy_value
        dual.power_price[rows] = known.dual.power_price
        dual.budget_price[rows] = known.dual.budget_price
        self.limit_price[rows] = known.limit_price
        if part.program.tied and len(rows) == len(dual.budget_price):  # all trees that are tied
            for whole, given in zip(dual.term_prices, known.dual.term_prices, strict=True):
                whole[:] = given


@dataclass(frozen=True)
class Relaxation:
    """The least that must give way before a program has a schedule at all.

    Attributes:
        program: The program with what is owed lowered and limits and budgets widened by just that
            much.
        shortfall_kwh: Energy owed to each store that cannot be served.
        excess_kw: How far each node's limit is exceeded by its load alone, in each step.
        limiting: Whether a node's limit in a step causes shortfall.
        excess_kwh: How far each node's budget is exceeded by its load alone.
        exhausted: Whether a node's budget causes shortfall.
        guess: A schedule of that program; of trees that feed unpaid with the prices at it.
        proven: Whether no schedule gives way less.
        bound: Least cost of schedules of each tree that give way as much, at its root, with what
            they feed unpaid; -inf for trees that feed nothing unpaid, None where that is all.
    """

    program: Program
    shortfall_kwh: Float[Array, " store"]
    excess_kw: Float[Array, "node step"]
    limiting: Bool[Array, "node step"]
    excess_kwh: Float[Array, " node"]
    exhausted: Bool[Array, " node"]
    guess: Guess
    proven: bool = True
    bound: Float[Array, " node"] | None = None

    @property
    def power_kw(self) -> Float[Array, " slot"]:
        """The schedule."""
        return self.guess.power_kw

    @property
    def needed(self) -> bool:
        """Whether anything has to give way."""
        gives = (self.shortfall_kwh, self.excess_kw, self.excess_kwh)
        return any(bool((amount > 0).any()) for amount in gives)


@dataclass(frozen=True)
class Solution:
    """A solved program.

    Attributes:
        status: How the solve ended; the arrays are meaningful when ``status.good``.
        power_kw: Power of each slot, positive into the grid.
        dual: Prices that prove the certificate's bound.
        limit_price: Saving per kWh if a node's binding limit were wider; 0 where none binds.
        certificate: What is proven about the schedule; None without one.
        solve_s: Time taken, of the wall clock.
        iterations: Iterations of an iterative solver; 0 for others.
        relaxation: What must give way, where the solver found that out on its way.
        bound: What branch and bound proved of the cost of each node's tree, at the roots; -inf
            where it was not used, None where it was used nowhere.
    """

    status: Status
    power_kw: Float[Array, " slot"]
    dual: Dual
    limit_price: Float[Array, "node step"]
    certificate: Certificate | None
    solve_s: float
    iterations: int = 0
    relaxation: Relaxation | None = None
    bound: Float[Array, " node"] | None = None

    @property
    def guess(self) -> Guess:
        """What this lets expect of a program that is nearly the same."""
        return Guess(self.power_kw, self.dual, self.limit_price)


def failed(
    program: Program, status: Status, solve_s: float, relaxation: Relaxation | None = None
) -> Solution:
    """A solve that ended without a schedule."""
    power_kw, value = np.zeros((2, program.slots))
    price, limit_price = np.zeros((2, program.nodes, program.steps))
    terms = tuple(np.zeros(len(rows)) for rows in program.term_rows)
    dual = Dual(value, price, np.zeros(program.nodes), terms)
    return Solution(status, power_kw, dual, limit_price, None, solve_s, relaxation=relaxation)
