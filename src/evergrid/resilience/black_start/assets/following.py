"""Chargers that cannot form a grid: when they enter service on an island, and when they trip."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.model.microgrid import BatteryUnit
from evergrid.resilience.black_start.assets.panels import PanelSource
from evergrid.resilience.black_start.assets.ratings import rated
from evergrid.resilience.black_start.settings import faults_outside
from evergrid.resilience.inverter.following import PllInverter

PLL_FILTER_HZ = 66.0  # of the filter before the loop; test 24 of PowerSimulationsDynamics.jl


@dataclass(frozen=True)
class FollowingRules:
    """What all chargers that follow have in common.

    Delays, windows and the rate of change of frequency are usual values told from memory of IEEE
    1547, whose table could not be read: unverified, as in `phasor.units.FollowingUnit`. By what is
    told of it a charger at a public grid waits 300 s; in a planned island that is agreed otherwise.

    Attributes:
        enter_s: For which voltage and frequency must be good before one enters service.
        ramp_s: In which its power then rises from nothing.
        power_share: Of the greatest discharging power, what each feeds.
        low_voltage_pu: Below which the voltage is bad.
        high_voltage_pu: Above which it is bad.
        low_deviation_hz: By which the frequency may be low.
        high_deviation_hz: By which it may be high.
        trip_s: For which one of them must be bad for a trip.
        anti_islanding: ``off`` in a planned island, or ``rocof``: the charger trips on the rate of
            change of frequency, which it takes for the loss of the grid.
        rocof_hz_per_s: Rate at which it does.
        rocof_window_s: Over which the rate is measured.
        pll_hz: Natural frequency of the phase-locked loop.
        pll_damping: Its damping ratio.
    """

    enter_s: float = 5.0
    ramp_s: float = 5.0
    power_share: float = 0.5
    low_voltage_pu: float = 0.88
    high_voltage_pu: float = 1.1
    low_deviation_hz: float = 1.5
    high_deviation_hz: float = 1.2
    trip_s: float = 0.16
    anti_islanding: Literal["off", "rocof"] = "off"
    rocof_hz_per_s: float = 3.0
    rocof_window_s: float = 0.5
    pll_hz: float = 3.0
    pll_damping: float = 0.7

    def __post_init__(self) -> None:
        records.check(self, "following")
        raise_if_any(
            "following",
            faults_outside(
                self,
                ("enter_s", 0.1, 3600.0, ""),
                ("ramp_s", 0.1, 3600.0, "A step of power is what a ramp avoids."),
                ("power_share", 0.01, 1.0, "Give a fraction, not a percentage."),
                ("low_voltage_pu", 0.1, 1.0, ""),
                ("high_voltage_pu", 1.0, 2.0, ""),
                ("low_deviation_hz", 0.01, 10.0, ""),
                ("high_deviation_hz", 0.01, 10.0, ""),
                ("trip_s", 0.0, 60.0, ""),
                ("rocof_hz_per_s", 0.01, 100.0, ""),
                ("rocof_window_s", 0.02, 2.0, "0.5 is usual."),
                ("pll_hz", 0.1, 30.0, ""),
                ("pll_damping", 0.1, 5.0, ""),
            ),
        )


def following_inverter(
    unit: BatteryUnit | PanelSource,
    rules: FollowingRules,
    *,
    volts: float,
    hertz: float,
    connection_resistance_pu: float,
    connection_reactance_pu: float,
    current_limit_pu: float,
) -> PllInverter:
    """The inverter of a charger that follows: the verified filter and current loop, with a loop.

    Args:
        unit: The charger.
        rules: With the loop.
        volts: Nominal.
        hertz: 50 or 60.
        connection_resistance_pu: Of cable and isolating transformer, of its own rating.
        connection_reactance_pu: The same.
        current_limit_pu: Of the inner current, over the rated one.

    Raises:
        InputError: A number out of range.
    """
    rating_va = 1e3 * unit.apparent_kva
    made = rated(rating_va, volts, hertz, current_limit_pu=current_limit_pu)
    ohms = volts**2 / rating_va
    natural = 2.0 * np.pi * rules.pll_hz
    more_h = connection_reactance_pu * ohms / (2.0 * np.pi * hertz)
    return PllInverter(
        nominal_hz=hertz,
        voltage_v=volts,
        pll_gain_rad_per_s=2.0 * rules.pll_damping * natural,
        pll_integral_rad_per_s2=natural**2,
        pll_filter_rad_per_s=2.0 * np.pi * PLL_FILTER_HZ,
        power_filter_rad_per_s=made.power_filter_rad_per_s,
        current_gain_p=made.current_gain_p,
        current_gain_i=made.current_gain_i,
        filter_inductance_h=made.filter_inductance_h,
        filter_resistance_ohm=made.filter_resistance_ohm,
        filter_capacitance_f=made.filter_capacitance_f,
        coupling_inductance_h=made.coupling_inductance_h + more_h,
        coupling_resistance_ohm=made.coupling_resistance_ohm + connection_resistance_pu * ohms,
        current_limit_a=made.current_limit_a,
    )
