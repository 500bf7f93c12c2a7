"""By how much do given powers violate the limits of a feeder, step by step?

This is the definition of a feeder's limits: the compiled loops over deployments and the form for
accelerators are implementations of it and are tested against it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.grid.flow.monitored import (
    MonitoredElements,
    in_all_states,
    monitored_elements,
    read,
)
from evergrid.grid.flow.power_flow import solve
from evergrid.grid.limits import rows as limit_rows
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.kinds import OF_STEP, Kind
from evergrid.grid.limits.rows import LimitRows

TOLERANCE_PU = 1e-8


@dataclass(frozen=True)
class RowValues:
    """What given powers do to a feeder.

    Attributes:
        voltage_pu: Voltage of each branch; meaningless where not ``settled``.
        value: Value of each row; infinite where the power flow has no solution.
        settled: Whether the power flow was solved.
    """

    voltage_pu: Complex[Array, "step branch"]
    value: Float[Array, "step row"]
    settled: Bool[Array, " step"]


@dataclass(frozen=True)
class TransformerLoads:
    """What transformers carry over their ratings; infinite where there is no solution.

    Attributes:
        phase: Current in each phase of each winding, in the order of `MonitoredElements.winding`.
        total: Power of each transformer as a whole.
    """

    phase: Float[Array, "step phase"]
    total: Float[Array, "step transformer"]


@dataclass(frozen=True)
class LimitResults:
    """How far the powers of each step violate each kind of limit.

    Attributes:
        excess: Beyond the limit at the worst place; negative where it is kept, minus infinity
            where there is nothing to evaluate. Of `Kind.NO_SOLUTION` 1 without and -1 with a
            solution; without one nothing else is evaluated.
        where: `LimitRows.place` of the worst place; 0 for no solution, -1 for none.
    """

    excess: Float[Array, "step kind"]
    where: Int[Array, "step kind"]

    @property
    def violated(self) -> Bool[Array, " step"]:
        """Whether any limit is violated."""
        return np.asarray((self.excess > 0).any(axis=1))


@dataclass(frozen=True)
class Evaluator:
    """Evaluates powers of a case against its limits.

    Attributes:
        case: The feeder, its load and generation without vehicles, and its limits.
        monitored: What is monitored in each state of the feeder, with a limit or without.
    """

    case: FeederCase
    monitored: tuple[MonitoredElements, ...]

    @cached_property
    def limited(self) -> tuple[MonitoredElements, ...]:
        """What is monitored in each state and has a limit."""
        by = self.case.limits.transformer_by
        return tuple(each.transformers_by(by) for each in self.monitored)

    @cached_property
    def rows(self) -> LimitRows:
        """The limits that one step alone tells."""
        return limit_rows.rows(self.case, self.limited[0], OF_STEP)

    def values(
        self,
        state: Int[Array, " step"],
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
        *,
        tolerance_pu: float | None = None,
    ) -> RowValues:
        """Values of all rows under given powers, loads included.

        Args:
            state: Row of the network that each step meets.
            power_kw: Power into the grid.
            reactive_kvar: Reactive power into the grid.
            tolerance_pu: Error that may be left in a voltage; `TOLERANCE_PU` by default.

        Raises:
            InputError: Powers that are no numbers.
        """
        tolerance_pu = TOLERANCE_PU if tolerance_pu is None else tolerance_pu
        value = np.full((len(power_kw), len(self.rows)), np.inf)
        voltage = np.ones(power_kw.shape, dtype=np.complex128)
        settled = np.zeros(len(power_kw), dtype=bool)
        for row in np.unique(state):
            (here,) = np.nonzero(state == row)
            network = self.case.networks[row]
            flow = solve(network, power_kw[here], reactive_kvar[here], tolerance_pu=tolerance_pu)
            solved, u = here[flow.settled], flow.voltage_pu[flow.settled]
            settled[solved], voltage[solved] = True, u
            current = np.conj((power_kw[solved] + 1j * reactive_kvar[solved]) / u)
            readings, size = read(self.limited[row], current), np.abs(u)
            of_kind = (-size, size, readings.line, readings.transformer, readings.unbalance)
            value[solved] = np.concatenate(of_kind, axis=1)
        return RowValues(voltage, value, settled)

    def base_values(self, tolerance_pu: float | None = None) -> RowValues:
        """Values of all rows without vehicles.

        Raises:
            InputError: The feeder cannot even carry its load without vehicles.
        """
        case = self.case
        power = (case.base_kw.T, case.base_kvar.T)
        values = self.values(case.state, *power, tolerance_pu=tolerance_pu)
        if not values.settled.all():
            fix = "The loads without vehicles are more than the feeder can carry; lower them."
            steps = tuple(str(step) for step in np.flatnonzero(~values.settled))
            fault = Fault("load", "have a solution at every step", steps, fix=fix)
            raise InputError("feeder", [fault])
        return values

    def results(self, values: RowValues, bound: Float[Array, "*step row"]) -> LimitResults:
        """The worst place of each kind of limit in each step.

        Args:
            values: Values of all rows.
            bound: Highest values allowed.
        """
        shape = (len(values.value), len(Kind))
        excess, where = np.full(shape, -np.inf), np.full(shape, -1)
        beyond = values.value - bound
        for kind in OF_STEP:
            of_kind = beyond[:, self.rows.of(kind)]
            if of_kind.shape[1]:
                excess[:, kind], where[:, kind] = of_kind.max(axis=1), of_kind.argmax(axis=1)
        excess[~values.settled], where[~values.settled] = -np.inf, -1
        excess[:, Kind.NO_SOLUTION] = np.where(values.settled, -1.0, 1.0)
        where[:, Kind.NO_SOLUTION] = np.where(values.settled, -1, 0)
        return LimitResults(excess, where)

    def transformer_loads(
        self,
        values: RowValues,
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
    ) -> TransformerLoads:
        """Loading of transformers by phase and as a whole, whichever of the two has the limit.

        Args:
            values: What the powers do over the steps of the case.
            power_kw: Power into the grid.
            reactive_kvar: Reactive power into the grid.
        """
        first, steps = self.monitored[0], len(power_kw)
        phase = np.full((steps, len(first.phase)), np.inf)
        total = np.full((steps, first.totals), np.inf)
        for state, monitored in enumerate(self.monitored):
            (here,) = np.nonzero((self.case.state == state) & values.settled)
            power = power_kw[here] + 1j * reactive_kvar[here]
            readings = read(monitored, np.conj(power / values.voltage_pu[here]))
            phase[here], total[here] = readings.phase, readings.total
        return TransformerLoads(phase, total)


def evaluator(case: FeederCase) -> Evaluator:
    """What evaluates powers of a case."""
    states = [monitored_elements(network) for network in case.networks]
    return Evaluator(case, in_all_states(states))
