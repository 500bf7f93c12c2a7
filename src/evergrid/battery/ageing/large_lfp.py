"""How a large LFP cell of stationary storage and buses ages (250 Ah, LFP and graphite)."""

from typing import final

import numpy as np

from evergrid.battery.ageing.graphite import anode_potential_v
from evergrid.battery.ageing.model import AbstractPowerLawModel, Rates, Stress, TestedRange
from evergrid.battery.ageing.power_law import PowerLaw
from evergrid.battery.ageing.profile import Profile, mean_over_time


@final
class LargeLfp(AbstractPowerLawModel):
    """LFP and graphite, prismatic, more than 250 Ah, made for energy.

    Resistance is not part of the model. Cycling was tested at depths of 0.8 and more only, so
    shallow cycles are extrapolated.

    Source:
        Gasper et al. (2023), J. Energy Storage 73, 109042, doi 10.1016/j.est.2023.109042; constants
        as in BLAST-Lite 1.1.1 of NREL.
    """

    name = "large_lfp"
    cell = "LFP-graphite, prismatic, 250 Ah"
    source = "Gasper et al. (2023), doi 10.1016/j.est.2023.109042"
    tested = TestedRange((10.0, 45.0), (0.8, 1.0), 1.0)
    calendar = PowerLaw(0.526)
    cycle = PowerLaw(0.828)

    def rates(self, window: Profile, stress: Stress) -> Rates:
        """Rates per day and per equivalent full cycle."""
        kelvin = window.temperature_k
        pull = -5.21e3 - 3.56e3 * anode_potential_v(window.soc)
        warm = mean_over_time(np.exp(2.19e3 / kelvin) + np.exp(-1.55e5 / kelvin))
        none = np.zeros(len(kelvin))
        return Rates(
            calendar=mean_over_time(8.37e4 * np.exp(pull / kelvin)),
            cycle=(4.38e-8 + 1.55e-8 * stress.depth + 1.68e-7 * stress.c_rate) * warm,
            resistance_calendar=none,
            resistance_cycle=none,
        )
