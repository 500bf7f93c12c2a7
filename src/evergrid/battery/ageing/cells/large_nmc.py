"""How a large NMC cell of electric cars ages (75 Ah, NMC and graphite)."""

from typing import final, no_type_check

import numpy as np

from evergrid.battery.ageing.cells.graphite import anode_potential_v
from evergrid.battery.ageing.model import AbstractLargeCell, TestedRange
from evergrid.battery.ageing.power_law import PowerLaw

REFERENCE_K, REFERENCE_V = 308.15, 0.123  # 35 C; anode of a half-full cell


@final
class LargeNmc(AbstractLargeCell):
    """NMC and graphite, 75 Ah.

    Resistance is not part of the model. Cycling was tested at depths of 0.8 and more only, so
    shallow cycles are extrapolated.

    Source:
        Smith et al. (2021), J. Electrochem. Soc. 168, 100530; Gasper et al. (2023), doi
        10.1016/j.est.2023.109042; constants as in BLAST-Lite 1.1.1 of NREL.
    """

    name = "large_nmc"
    cell = "NMC-graphite, 75 Ah"
    source = "Gasper et al. (2023), doi 10.1016/j.est.2023.109042"
    tested = TestedRange((10.0, 45.0), (0.8, 1.0), 2.0)
    calendar = PowerLaw(0.578, unit=1000.0)
    cycle = PowerLaw(1.11, unit=1e4)

    @staticmethod
    @no_type_check
    def state_term(soc):
        """The exponent of the loss by time at the reference temperature."""
        return 10.0 / np.cbrt(anode_potential_v(soc) / REFERENCE_V)

    @staticmethod
    @no_type_check
    def calendar_rate(state_term, kelvin):
        """Loss per thousand days to the power of its law, at a state and a temperature."""
        return 8.71e-7 * np.exp(state_term * (kelvin / REFERENCE_K) ** 3)

    @staticmethod
    @no_type_check
    def cycle_rate(kelvin, depth, c_rate):
        """Loss per ten thousand equivalent full cycles to the power of its law."""
        warm, root = kelvin / REFERENCE_K, np.sqrt(depth)
        return np.abs(
            0.0267
            + 1.64 * warm**3 * root
            + 0.011 * np.exp(c_rate**2 / np.sqrt(warm))
            - 0.44 * np.exp(root * warm**2 * np.sqrt(c_rate))
        )
