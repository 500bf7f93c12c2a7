"""Batteries, parked or on the ground, as one store that a power system sees."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken


@dataclass(frozen=True)
class AggregateStorage:
    """One store with limits that change from step to step, such as those of a fleet that drives.

    Attributes:
        charge_limit_mw: Most that it draws from the grid.
        discharge_limit_mw: Most that it feeds; 0 for charging only.
        energy_low_mwh: Least energy in the cells at the end of each step.
        energy_high_mwh: Most energy there.
        inflow_mwh: Energy that comes into the cells otherwise: below 0 what driving takes.
        energy_start_mwh: In the cells before the first step.
        energy_end_mwh: In the cells after the last step, exactly.
        efficiency_charge: Energy into the cells per energy drawn.
        efficiency_discharge: Energy fed per energy out of the cells.
        wear_cost_per_mwh: Of energy fed.

    Raises:
        InputError: Every fault found, with the steps concerned.
    """

    charge_limit_mw: Float[Array, " step"]
    discharge_limit_mw: Float[Array, " step"]
    energy_low_mwh: Float[Array, " step"]
    energy_high_mwh: Float[Array, " step"]
    inflow_mwh: Float[Array, " step"]
    energy_start_mwh: float
    energy_end_mwh: float
    efficiency_charge: float = 1.0
    efficiency_discharge: float = 1.0
    wear_cost_per_mwh: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "storage")
        faults: list[Fault] = [] if self.steps else [Fault("charge_limit_mw", "have a step")]
        for field in ("charge_limit_mw", "discharge_limit_mw", "energy_low_mwh"):
            values = getattr(self, field)
            good = np.asarray((values >= 0) & np.isfinite(values))
            faults += broken(field, good, "be finite and at least 0", values=values)
        high = self.energy_high_mwh
        good = np.asarray((high >= self.energy_low_mwh) & np.isfinite(high))
        rule = "be finite and at least energy_low_mwh"
        faults += broken("energy_high_mwh", good, rule, values=high)
        finite = np.isfinite(self.inflow_mwh)
        faults += broken("inflow_mwh", finite, "be finite", values=self.inflow_mwh)
        for field in ("efficiency_charge", "efficiency_discharge"):
            value = getattr(self, field)
            if not 0 < value <= 1:
                faults.append(Fault(field, "be in (0, 1]", (value,)))
        for field in ("energy_start_mwh", "energy_end_mwh", "wear_cost_per_mwh"):
            value = getattr(self, field)
            if not (value >= 0 and np.isfinite(value)):
                faults.append(Fault(field, "be finite and at least 0", (value,)))
        raise_if_any("storage", faults)

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.charge_limit_mw)


def constant_storage(
    steps: int,
    *,
    power_mw: float,
    energy_mwh: float,
    energy_start_mwh: float = 0.0,
    efficiency_charge: float = 1.0,
    efficiency_discharge: float = 1.0,
    wear_cost_per_mwh: float = 0.0,
) -> AggregateStorage:
    """A battery with the same limits in every step, which ends with the energy it begins with."""
    return AggregateStorage(
        charge_limit_mw=np.full(steps, power_mw),
        discharge_limit_mw=np.full(steps, power_mw),
        energy_low_mwh=np.zeros(steps),
        energy_high_mwh=np.full(steps, energy_mwh),
        inflow_mwh=np.zeros(steps),
        energy_start_mwh=energy_start_mwh,
        energy_end_mwh=energy_start_mwh,
        efficiency_charge=efficiency_charge,
        efficiency_discharge=efficiency_discharge,
        wear_cost_per_mwh=wear_cost_per_mwh,
    )
