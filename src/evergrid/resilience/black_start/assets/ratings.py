"""Verified gains of one inverter for a charger of any rating, by dynamic similarity."""

from dataclasses import replace

import numpy as np

from evergrid.resilience.inverter.droop import DroopInverter

VERIFIED_VA = 10e3
# Three inverters of the paper: loop gains of set 2, droop of set 1; 10 kVA at 380 V.
VERIFIED = DroopInverter(
    nominal_hz=50.0,
    voltage_v=380.0,
    droop_rad_per_s_per_w=9.4e-5,
    droop_v_per_var=1.3e-3,
    voltage_gain_p=0.05,
    voltage_gain_i=390.0,
    current_gain_p=10.5,
    current_gain_i=16e3,
)


def rated(
    apparent_va: float,
    voltage_v: float,
    nominal_hz: float,
    *,
    droop_hz: float | None = None,
    droop_voltage_pu: float | None = None,
    current_limit_pu: float = np.inf,
) -> DroopInverter:
    """The verified inverter, scaled to another rating and voltage.

    Impedances go with the base impedance V^2/S, gains from voltage to current with its inverse,
    those from current to voltage with itself, the droops with 1/S and V/S. An island whose lines
    and loads are scaled alike then has the same eigenvalues, so that gains stay verified. At 60 Hz
    inductances and capacitances stay as they are.

    Args:
        apparent_va: Rating of all three phases.
        voltage_v: Between two phases.
        nominal_hz: 50 or 60.
        droop_hz: By which the frequency falls from no load to rated power; that of the verified
            inverter, 0.1496 Hz, by default.
        droop_voltage_pu: By which the voltage falls from none to rated reactive power; 0.0342 by
            default.
        current_limit_pu: Of the reference of the inner current, over the rated current.

    Raises:
        InputError: A number out of range.
    """
    base = VERIFIED
    ohms = (voltage_v / base.voltage_v) ** 2 * VERIFIED_VA / apparent_va
    watts, volts = VERIFIED_VA / apparent_va, voltage_v / base.voltage_v
    frequency_droop = base.droop_rad_per_s_per_w * watts
    voltage_droop = base.droop_v_per_var * watts * volts
    if droop_hz is not None:
        frequency_droop = 2.0 * np.pi * droop_hz / apparent_va
    if droop_voltage_pu is not None:
        voltage_droop = droop_voltage_pu * voltage_v / apparent_va
    return replace(
        base,
        nominal_hz=nominal_hz,
        voltage_v=voltage_v,
        droop_rad_per_s_per_w=frequency_droop,
        droop_v_per_var=voltage_droop,
        voltage_gain_p=base.voltage_gain_p / ohms,
        voltage_gain_i=base.voltage_gain_i / ohms,
        current_gain_p=base.current_gain_p * ohms,
        current_gain_i=base.current_gain_i * ohms,
        filter_inductance_h=base.filter_inductance_h * ohms,
        filter_resistance_ohm=base.filter_resistance_ohm * ohms,
        filter_capacitance_f=base.filter_capacitance_f / ohms,
        coupling_inductance_h=base.coupling_inductance_h * ohms,
        coupling_resistance_ohm=base.coupling_resistance_ohm * ohms,
        current_limit_a=current_limit_pu * apparent_va / voltage_v,
    )
