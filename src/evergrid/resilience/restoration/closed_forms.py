"""A check of pick-up by closed forms: how far frequency and voltage move when blocks are closed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR
from evergrid.resilience.restoration.verify import StepFinding, StepState


@dataclass(frozen=True)
class ClosedFormChecker:
    """Sources behind droop, inertia and an impedance, all per unit of their own ratings.

    With S the ratings of the sources that form the grid, ``df = f0 dP / sum(S / droop)`` once it is
    settled, ``rocof = f0 dP / (2 sum(H S))`` at first, and a dip of the voltage of about
    ``R dP + X dQ`` over all S. Motors draw their starting power and reactive power at first. These
    are first estimates: they know no limits of current, no lines and no controls.

    Attributes:
        frequency_limit_hz: Most that the frequency may settle below nominal.
        rocof_limit_hz_per_s: Most that it may fall by per second at first.
        dip_limit_pu: Most that the voltage may dip.
        droop: Of inverters, in pu of frequency at full power.
        inertia_s: Of inverters, as their control imitates it.
        resistance_pu: Of inverters.
        reactance_pu: Of inverters.
        diesel_droop: Of diesel sets.
        diesel_inertia_s: Of diesel sets.
        diesel_reactance_pu: Of diesel sets, transient.
        motor_start: Current of starting motors over their rated one.
        motor_power_factor: Of starting motors.

    Source:
        Reactance of 0.15, resistance of 0.03 and droop of 1 %: defaults of REGFM_A1, W. Du et al.
        (2021), PNNL-32278. Inertia, motors and diesel sets: usual values, to be replaced by those
        of the site. The criterion for the frequency is the linear one of restoration planning.
    """

    frequency_limit_hz: float = 0.5
    rocof_limit_hz_per_s: float = 3.0
    dip_limit_pu: float = 0.15
    droop: float = 0.01
    inertia_s: float = 2.0
    resistance_pu: float = 0.03
    reactance_pu: float = 0.15
    diesel_droop: float = 0.04
    diesel_inertia_s: float = 1.0
    diesel_reactance_pu: float = 0.25
    motor_start: float = 5.0
    motor_power_factor: float = 0.3

    def __post_init__(self) -> None:
        records.check(self, "closed-form checker")
        faults = [
            Fault(name, "be in [1e-4, 100]", (value,))
            for name in self.__dataclass_fields__
            if not 1e-4 <= (value := getattr(self, name)) <= 100
        ]
        if not self.motor_power_factor <= 1:
            faults.append(Fault("motor_power_factor", "be at most 1", (self.motor_power_factor,)))
        raise_if_any("closed-form checker", faults)

    def __call__(self, microgrid: Microgrid, state: StepState) -> Sequence[StepFinding]:
        """Frequency, its first rate of change, and the dip, as one step picks up its blocks."""
        if not state.picked_up:
            return ()
        units = [microgrid.batteries[place] for place in state.batteries]
        kva = sum(unit.apparent_kva for unit in units if unit.grid_forming)
        sets = [microgrid.diesel_sets[place].power_kw for place in state.diesel_sets]
        diesel_kva = sum(sets) / DIESEL_POWER_FACTOR
        real_kw, reactive_kvar = self._pickup(microgrid, state)
        stiffness = kva / self.droop + diesel_kva / self.diesel_droop
        inertia = kva * self.inertia_s + diesel_kva * self.diesel_inertia_s
        admittance = kva / complex(self.resistance_pu, self.reactance_pu)
        impedance = 1 / (admittance + diesel_kva / complex(0.0, self.diesel_reactance_pu))
        dip = impedance.real * real_kw + impedance.imag * reactive_kvar
        first_kw = state.pickup_kw
        return (
            _finding(
                "frequency_hz", microgrid.nominal_hz * first_kw / stiffness, self.frequency_limit_hz
            ),
            _finding(
                "rocof_hz_per_s",
                microgrid.nominal_hz * first_kw / (2 * inertia),
                self.rocof_limit_hz_per_s,
            ),
            _finding("dip_pu", dip, self.dip_limit_pu),
        )

    def _pickup(self, microgrid: Microgrid, state: StepState) -> tuple[float, float]:
        """Power and reactive power of the blocks as they are closed, with motors starting."""
        real = reactive = 0.0
        starting = self.motor_start * self.motor_power_factor
        tangent = float(np.tan(np.arccos(self.motor_power_factor)))
        for place in state.picked_up:
            block = microgrid.load_blocks[place]
            first_kw = block.power_kw * block.cold_load_factor
            still = first_kw * (1 - block.motor_share)
            motor_kw = first_kw * block.motor_share / block.power_factor * starting
            real += still + motor_kw
            reactive += still * float(np.tan(np.arccos(block.power_factor))) + motor_kw * tangent
        return real, reactive


def _finding(quantity: str, value: float, limit: float) -> StepFinding:
    return StepFinding(quantity, value, limit, passed=bool(value <= limit))
