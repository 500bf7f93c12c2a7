"""An island in time by implicit solvers of SciPy, for what is too stiff for explicit steps."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.integrate import BDF, Radau

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.network.assembly import Assembly
from evergrid.resilience.network.dq_state import DqState

METHODS = {"Radau": Radau, "BDF": BDF}


@dataclass(frozen=True)
class ImplicitRun:
    """Where an implicit solver came to.

    Attributes:
        state: At the end, or where it stopped.
        steps: That the solver made.
        reason: Why it stopped before the end; empty where it did not.
    """

    state: DqState
    steps: int
    reason: str

    @property
    def finished(self) -> bool:
        """Whether it came to the end."""
        return not self.reason


def solve(
    assembly: Assembly,
    state: DqState,
    duration_s: float,
    *,
    method: Literal["Radau", "BDF"] = "Radau",
    tolerance: float = 1e-7,
    most_steps: int = 100_000,
) -> ImplicitRun:
    """Follow an island from a state on, with steps of a length that the solver chooses.

    The solver gets the exact Jacobian. It is the way to integrate an assembly with a
    ``virtual_resistor_ohm``, whose modes near ``-1e7 1/s`` no explicit step bears.

    Args:
        assembly: What is connected.
        state: Where it begins.
        duration_s: For which it is followed.
        method: Of SciPy; Radau is the more exact.
        tolerance: Relative error of a step; a thousandth of it in units of the states.
        most_steps: After which it is a stall, and told as one.

    Raises:
        InputError: A duration or tolerance that is not above 0 and finite.
    """
    faults = [
        Fault(name, "be above 0 and finite", (value,))
        for name, value in (("duration_s", duration_s), ("tolerance", tolerance))
        if not 0 < value < np.inf
    ]
    raise_if_any("implicit solver", faults)
    active, values = assembly.active, state.values.copy()

    def rates(t_s: float, moving: Float[Array, " active"]) -> Float[Array, " active"]:
        values[active] = moving
        return assembly.rates(values, t_s)[active]

    def jacobian(t_s: float, moving: Float[Array, " active"]) -> Float[Array, "active active"]:
        values[active] = moving
        return assembly.jacobian(values, t_s)

    solver = METHODS[method](
        rates,
        state.time_s,
        state.values[active],
        state.time_s + duration_s,
        rtol=tolerance,
        atol=1e-3 * tolerance,
        jac=jacobian,
    )
    steps, reason = 0, ""
    while solver.status == "running" and not reason:
        reason = solver.step() or ""
        steps += 1
        if steps >= most_steps and solver.status == "running":
            reason = f"no end after {most_steps:,} steps"
    values[active] = solver.y
    return ImplicitRun(DqState(float(solver.t), values), steps, reason)
