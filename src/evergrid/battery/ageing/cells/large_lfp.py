"""How a large LFP cell of stationary storage and buses ages (250 Ah, LFP and graphite)."""

from typing import final, no_type_check

import numpy as np

from evergrid.battery.ageing.cells.graphite import anode_potential_v
from evergrid.battery.ageing.model import AbstractLargeCell, TestedRange
from evergrid.battery.ageing.power_law import PowerLaw


@final
class LargeLfp(AbstractLargeCell):
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

    @staticmethod
    @no_type_check
    def state_term(soc):
        """Activation temperature of the loss by time, K, which depends on the state of charge."""
        return 5.21e3 + 3.56e3 * anode_potential_v(soc)

    @staticmethod
    @no_type_check
    def calendar_rate(state_term, kelvin):
        """Loss per day to the power of its law, at a state and a temperature."""
        return 8.37e4 * np.exp(-state_term / kelvin)

    @staticmethod
    @no_type_check
    def cycle_rate(kelvin, depth, c_rate):
        """Loss per equivalent full cycle to the power of its law."""
        warm = np.exp(2.19e3 / kelvin) + np.exp(-1.55e5 / kelvin)
        return (4.38e-8 + 1.55e-8 * depth + 1.68e-7 * c_rate) * warm
