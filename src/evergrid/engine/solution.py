"""What a solver hands back, whichever it was."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.status import Status
from evergrid.engine.certificate import Certificate, Dual
from evergrid.engine.program import Program


@dataclass(frozen=True)
class Solution:
    """A solved program.

    Attributes:
        status: How the solve ended; the arrays are meaningful when ``status.good``.
        power_kw: Power of each slot, positive into the grid.
        dual: Prices that prove the certificate's bound.
        limit_price: Saving per kWh if a group's binding limit were wider; 0 where none binds.
        certificate: What is proven about the schedule; None without one.
        solve_s: Time taken, of the wall clock.
        iterations: Iterations of an iterative solver; 0 for others.
    """

    status: Status
    power_kw: Float[Array, " slot"]
    dual: Dual
    limit_price: Float[Array, "group step"]
    certificate: Certificate | None
    solve_s: float
    iterations: int = 0


def failed(program: Program, status: Status, solve_s: float) -> Solution:
    """A solve that ended without a schedule."""
    nothing = np.zeros((program.groups, program.steps))
    dual = Dual(np.zeros(program.slots), nothing)
    return Solution(status, np.zeros(program.slots), dual, nothing, None, solve_s)
