"""What does a fault from one phase to earth do to the voltages of the others?"""

import math
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.waveform.measurement import TURN


@dataclass(frozen=True)
class EarthFaultVoltages:
    """A fault of phase a to earth, per unit of phase voltage and rated current.

    Attributes:
        phase_pu: Voltage of each phase to earth, as amplitude over nominal.
        current_pu: Through the fault.
    """

    phase_pu: Float[Array, " phase"]
    current_pu: float

    @property
    def most_pu(self) -> float:
        """Largest voltage to earth of a healthy phase; 1.732 where nothing ties the island."""
        return float(self.phase_pu[1:].max())


def earth_fault_voltages(
    *,
    zero_admittance_pu: complex | float,
    positive_impedance_pu: complex | float,
    negative_impedance_pu: complex | float | None = None,
    fault_resistance_pu: float = 0.0,
) -> EarthFaultVoltages:
    """Voltages to earth during a fault of phase a, by symmetrical components.

    An island that nothing ties to earth has no zero-sequence admittance: the voltage of the faulty
    phase moves to earth, and the others rise to the voltage between phases.

    Args:
        zero_admittance_pu: From the point of the fault to earth, all phases together, for one of
            them: 0 without earthing, j times the susceptance for capacitance.
        positive_impedance_pu: Of the source and what lies before the fault.
        negative_impedance_pu: Likewise; the positive one where none is given.
        fault_resistance_pu: Of the fault itself.

    Raises:
        InputError: Numbers that are not finite, a negative resistance.

    Source:
        Network of a single line-to-ground fault: sequence networks in series, for example
        IEEE C62.92.1, from memory; derived anew.
    """
    negative = positive_impedance_pu if negative_impedance_pu is None else negative_impedance_pu
    given = {
        "zero_admittance_pu": zero_admittance_pu,
        "positive_impedance_pu": positive_impedance_pu,
        "negative_impedance_pu": negative,
        "fault_resistance_pu": fault_resistance_pu,
    }
    faults = [
        Fault(name, "be finite, with a real part of at least 0", (str(value),))
        for name, value in given.items()
        if not (np.isfinite(value) and complex(value).real >= 0)
    ]
    raise_if_any("earth fault", faults)
    around = positive_impedance_pu + negative + 3 * fault_resistance_pu
    zero_v = -1.0 / (1.0 + zero_admittance_pu * around)
    current = -zero_admittance_pu * zero_v
    positive_v, negative_v = 1.0 - current * positive_impedance_pu, -current * negative
    phases = [zero_v + TURN ** (-k) * positive_v + TURN**k * negative_v for k in range(3)]
    return EarthFaultVoltages(np.abs(phases), 3 * abs(current))


def is_effectively_earthed(voltages: EarthFaultVoltages) -> bool:
    """Whether healthy phases stay below 1.38 of nominal: 80 % of the voltage between phases.

    Source:
        IEEE C62.92.1, coefficient of grounding at most 80 %, from memory.
    """
    return voltages.most_pu <= 0.8 * math.sqrt(3)
