"""REGFM_A1, the droop-controlled grid-forming inverter of positive-sequence studies: parameters.

Its equations run in `evergrid.resilience.phasor`. REGFM_B1 is not here: neither default numbers nor
a trajectory of it are public.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.circuit import NOMINAL_HZ, faults_outside

MOST_DROOP = 0.3  # pu per pu; 3.77, which is 1 % at 60 Hz in rad/s per pu, must not pass


@dataclass(frozen=True)
class RegfmA1:
    """Parameters in per unit of the inverter's rating.

    Attributes:
        reactance_pu: Behind which the internal voltage stands, XL.
        resistance_pu: Likewise, RL.
        power_droop_pu: Frequency in per unit over power in per unit, mp.
        reactive_droop_pu: Voltage over reactive power, mq.
        voltage_gain: Proportional gain of the voltage control, kpv.
        voltage_integral_per_s: Its integral gain, kiv.
        least_voltage_pu: Of the internal voltage, Emin.
        most_voltage_pu: Of the internal voltage, Emax.
        most_power_pu: Pmax.
        least_power_pu: Pmin; 0 for an inverter that only feeds. See `bidirectional`.
        most_reactive_pu: Qmax; the least is its negative.
        power_limit_gain: kppmax, frequency in per unit over power in per unit.
        power_limit_integral_per_s: kipmax.
        reactive_limit_gain: kpqmax.
        reactive_limit_integral_per_s: kiqmax.
        measuring_s: Time constant of the filters of power, reactive power and voltage, TPf.
        most_current_pu: ImaxF, to which the current is clipped with its angle kept.
        voltage_control: VFlag: whether the voltage at the terminals is controlled, or the internal.

    Raises:
        InputError: Every number that is not one, or out of range; a droop in rad/s.

    Source:
        W. Du and others (2021), Model Specification of Droop-Controlled, Grid-Forming Inverters
        (REGFM_A1), PNNL-32278; equations and defaults as in GridKit (LLNL and ORNL, BSD-3).
    """

    reactance_pu: float = 0.15
    resistance_pu: float = 0.03
    power_droop_pu: float = 0.01
    reactive_droop_pu: float = 0.05
    voltage_gain: float = 0.0
    voltage_integral_per_s: float = 5.86
    least_voltage_pu: float = 0.0
    most_voltage_pu: float = 1.15
    most_power_pu: float = 0.9
    least_power_pu: float = 0.0
    most_reactive_pu: float = 0.44
    power_limit_gain: float = 0.01
    power_limit_integral_per_s: float = 0.1
    reactive_limit_gain: float = 3.0
    reactive_limit_integral_per_s: float = 20.0
    measuring_s: float = 0.01
    most_current_pu: float = 2.0
    voltage_control: bool = True

    def __post_init__(self) -> None:
        records.check(self, "regfm_a1")
        gains = (
            "voltage_gain",
            "voltage_integral_per_s",
            "power_limit_gain",
            "power_limit_integral_per_s",
            "reactive_limit_gain",
            "reactive_limit_integral_per_s",
        )
        faults = faults_outside(
            self,
            ("reactance_pu", 0.01, 1.0),
            ("resistance_pu", 0.0, 1.0),
            ("reactive_droop_pu", 0.0, 1.0),
            *((name, 0.0, 1e4) for name in gains),
            ("least_voltage_pu", 0.0, 1.0),
            ("most_voltage_pu", 1.0, 2.0),
            ("most_power_pu", 1e-3, 1.5),
            ("least_power_pu", -1.5, 0.0),
            ("most_reactive_pu", 1e-3, 1.5),
            ("measuring_s", 0.005, 1.0),
            ("most_current_pu", 1.0, 5.0),
        )
        if not 1e-5 <= self.power_droop_pu <= MOST_DROOP:
            fix = "From rad/s per pu, use droop_from_rad_per_s: 3.77 is 0.01 at 60 Hz."
            rule = f"be in [1e-05, {MOST_DROOP:g}] pu per pu"
            faults.append(Fault("power_droop_pu", rule, (self.power_droop_pu,), fix=fix))
        if np.hypot(self.most_power_pu, 0.0) > self.most_current_pu:
            rule = "be at most most_current_pu"
            faults.append(Fault("most_power_pu", rule, (self.most_power_pu,)))
        raise_if_any("regfm_a1", faults)

    def bidirectional(self) -> "RegfmA1":
        """The inverter of a charger that also takes power: as much as it feeds."""
        return replace(self, least_power_pu=-self.most_power_pu)

    def without_voltage_control(self) -> "RegfmA1":
        """With VFlag 0, and with that flag's defaults of the limiter of reactive power."""
        return replace(
            self,
            voltage_control=False,
            reactive_limit_gain=0.1,
            reactive_limit_integral_per_s=10.0,
        )


def droop_from_rad_per_s(droop_rad_per_s: float, nominal_hz: float) -> float:
    """Droop in per unit per per unit of one in rad/s per per unit, as some programs give it.

    Args:
        droop_rad_per_s: Angular frequency over power in per unit; 3.77 is usual at 60 Hz.
        nominal_hz: 50 or 60.

    Raises:
        InputError: A droop that is in per unit already; another nominal frequency.
    """
    faults = []
    if nominal_hz not in NOMINAL_HZ:
        faults.append(Fault("nominal_hz", "be 50 or 60", (nominal_hz,)))
    elif not MOST_DROOP <= droop_rad_per_s <= MOST_DROOP * 2 * np.pi * nominal_hz:
        rule = "be in rad/s per pu, between 0.3 and 113 at 60 Hz"
        fix = "0.01 is in per unit already: pass it on as it is."
        faults.append(Fault("droop_rad_per_s", rule, (droop_rad_per_s,), fix=fix))
    raise_if_any("regfm_a1", faults)
    return droop_rad_per_s / (2 * np.pi * nominal_hz)
