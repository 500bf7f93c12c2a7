"""How a small NMC cell aged in accelerated tests (2.05 Ah, NMC and graphite)."""

from importlib import resources
from typing import final

import numpy as np

from evergrid.battery.ageing.model import AbstractPowerLawModel, Rates, Stress, TestedRange
from evergrid.battery.ageing.power_law import PowerLaw
from evergrid.battery.ageing.profile import Profile, mean_over_time
from evergrid.core.arrays import Array, Float

CAPACITY_AH = 2.05
PER_CYCLE_AH = 2.0 * CAPACITY_AH  # charge of an equivalent full cycle, in and out
# Voltage of the cell at rest by state of charge: Ecker et al. (2014), doi
# 10.1016/j.jpowsour.2013.09.143, and figure 1 of Schmalstieg et al.
VOLTAGES = resources.files("evergrid.battery.ageing.cells") / "schmalstieg_voltage.csv"
SOC, REST_V = np.loadtxt(VOLTAGES.read_text("utf-8").splitlines(), delimiter=",", skiprows=1).T


@final
class Schmalstieg(AbstractPowerLawModel):
    """Sanyo UR18650E, 2.05 Ah: capacity and resistance, by voltage, depth and temperature.

    Cycling does not depend on temperature or current. The tests were accelerated: the model
    overstates the ageing of modern packs three to ten times, and stands here as the model that
    most studies of V2G have used.

    Source:
        Schmalstieg et al. (2014), J. Power Sources 257, 325-334, doi
        10.1016/j.jpowsour.2014.02.012.
    """

    name = "schmalstieg"
    cell = "NMC111-graphite, 18650, 2.05 Ah"
    source = "Schmalstieg et al. (2014), doi 10.1016/j.jpowsour.2014.02.012"
    tested = TestedRange((35.0, 50.0), (0.05, 1.0), 1.0)
    calendar = PowerLaw(0.75)
    cycle = PowerLaw(0.5, unit=1.0 / PER_CYCLE_AH)
    resistance_calendar = PowerLaw(0.75)
    resistance_cycle = PowerLaw(1.0, unit=1.0 / PER_CYCLE_AH)

    def rates(self, window: Profile, stress: Stress) -> Rates:
        """Rates per day and per ampere-hour of the cell."""
        volts, kelvin = rest_voltage_v(window.soc), window.temperature_k
        rms = np.sqrt(np.mean(volts**2, axis=1))
        return Rates(
            calendar=mean_over_time((7.543 * volts - 23.75) * 1e6 * np.exp(-6976.0 / kelvin)),
            cycle=7.348e-3 * (rms - 3.667) ** 2 + 7.6e-4 + 4.081e-3 * stress.depth,
            resistance_calendar=mean_over_time(
                (5.270 * volts - 16.32) * 1e5 * np.exp(-5986.0 / kelvin)
            ),
            resistance_cycle=np.maximum(
                1.5e-5, 2.153e-4 * (rms - 3.725) ** 2 - 1.521e-5 + 2.798e-4 * stress.depth
            ),
        )


def rest_voltage_v(soc: Float[Array, "*battery"]) -> Float[Array, "*battery"]:
    """Voltage of the cell at rest."""
    return np.interp(soc, SOC, REST_V)
