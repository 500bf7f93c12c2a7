"""Every limit of a feeder in every step: how far it is violated, and what each power adds.

Where the case violates a limit without any vehicle, whether generation is curtailed or not, its
bound in that step is what is there and a little more (`Limits.base_violation_tolerance`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.limits import evaluator as stepwise
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.evaluator import Evaluator, RowValues, TransformerLoads
from evergrid.grid.limits.row_sensitivity import row_sensitivities, sensitivities_of
from evergrid.grid.limits.rows import LimitRows

CHUNK = 64 * 2**20  # numbers held at a time


@dataclass(frozen=True)
class StepLimits:
    """A case with what is monitored in it, and the bounds of each step.

    Attributes:
        evaluator: The case, and what is monitored in it.
        base: Value of each row without vehicles: the lower one of with all generation and with
            that curtailed which may be.
    """

    evaluator: Evaluator
    base: Float[Array, "step row"]

    @property
    def case(self) -> FeederCase:
        """The feeder, its load and generation without vehicles, and its limits."""
        return self.evaluator.case

    @property
    def rows(self) -> LimitRows:
        """What the rows are about."""
        return self.evaluator.rows

    @cached_property
    def bound(self) -> Float[Array, "step row"]:
        """Highest value of each row in each step."""
        return self.rows.bound(self.base, self.case.limits.base_violation_tolerance)

    def values(
        self, power_kw: Float[Array, "step branch"], reactive_kvar: Float[Array, "step branch"]
    ) -> RowValues:
        """Values of all rows under given powers, loads included.

        Args:
            power_kw: Power into the grid.
            reactive_kvar: Reactive power into the grid.
        """
        return self.evaluator.values(self.case.state, power_kw, reactive_kvar)

    def transformer_loads(
        self,
        values: RowValues,
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
    ) -> TransformerLoads:
        """As `Evaluator.transformer_loads`."""
        return self.evaluator.transformer_loads(values, power_kw, reactive_kvar)

    def sensitivities(
        self,
        values: RowValues,
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
        share: Float[Array, "site branch"],
    ) -> Float[Array, "step row site"]:
        """Change of each row per kW that a site feeds; 0 in steps without a solution.

        Args:
            values: What the powers do.
            power_kw: Power into the grid.
            reactive_kvar: Reactive power into the grid.
            share: Part of each site's power in each branch.
        """
        found = np.zeros((*values.value.shape, len(share)))
        for state, network in enumerate(self.case.networks):
            (steps,) = np.nonzero((self.case.state == state) & values.settled)
            each = max(1, CHUNK // max(1, (values.value.shape[1] + share.shape[1]) * len(share)))
            for some in np.split(steps, range(each, len(steps), each)):
                u = values.voltage_pu[some]
                s = power_kw[some] + 1j * reactive_kvar[some]
                limited = self.evaluator.limited[state]
                found[some] = row_sensitivities(network, limited, u, s, share)
        return found

    def sensitivities_of(
        self,
        values: RowValues,
        power_kw: Float[Array, "step branch"],
        reactive_kvar: Float[Array, "step branch"],
        share: Float[Array, "site branch"],
        *,
        step: Int[Array, " some"],
        row: Int[Array, " some"],
    ) -> Float[Array, "some site"]:
        """As `sensitivities`, of some rows in some steps only, which costs far less.

        Args:
            values: What the powers do.
            power_kw: Power into the grid.
            reactive_kvar: Reactive power into the grid.
            share: Part of each site's power in each branch.
            step: Step of each of these rows.
            row: The rows.
        """
        found = np.zeros((len(row), len(share)))
        for at in np.unique(step[values.settled[step]]):
            (mine,) = np.nonzero(step == at)
            state = self.case.state[at]
            network, limited = self.case.networks[state], self.evaluator.limited[state]
            s = power_kw[at] + 1j * reactive_kvar[at]
            given = network, limited, values.voltage_pu[at], s, share
            found[mine] = sensitivities_of(*given, row=row[mine])
        return found


def step_limits(
    case: FeederCase, generation_kw: Float[Array, "step branch"] | None = None
) -> StepLimits:
    """The limits of a case, step by step.

    Args:
        case: The feeder, its load and generation without vehicles, and its limits.
        generation_kw: Generation of the branches that may be curtailed, into the grid, beside the
            case.

    Raises:
        InputError: The feeder cannot even carry its load without vehicles.
    """
    evaluator = stepwise.evaluator(case)
    base = evaluator.base_values().value
    if generation_kw is not None and generation_kw.any():
        power_kw = case.base_kw.T + generation_kw
        fed = evaluator.values(case.state, power_kw, case.base_kvar.T)
        base = np.minimum(base, fed.value)
    return StepLimits(evaluator, base)
