"""What a battery behind an inverter can give now: power, and the voltage that it can make of it.

Cells stand behind their resistance (`evergrid.battery.pack`): the voltage at rest falls with the
state of energy, the resistance rises in the cold, and both limit current and power.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evergrid.battery.pack import Pack
from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.resilience.inverter.circuit import faults_outside

POINTS = 101  # states of energy at which limits are tabulated


class DcLimits(NamedTuple):
    """What an inverter can do at a state of energy.

    Attributes:
        charge_kw: Least power at its AC terminals, not above 0.
        discharge_kw: Greatest power there.
        rest_v: Voltage of the cells without current.
    """

    charge_kw: Float[Array, "..."]
    discharge_kw: Float[Array, "..."]
    rest_v: Float[Array, "..."]


@dataclass(frozen=True)
class DcSide:
    """A battery on the DC side of an inverter.

    Attributes:
        pack: The cells.
        state: Energy in the cells over what they hold, at the begin, in [0, 1].
        temperature_c: Of the cells; it stays.
        efficiency: Of the inverter one way, in (0, 1]; constant, as it only scales limits here.
        ac_voltage_v: Nominal voltage at the AC terminals, line to line.
        regulated: Whether a converter between cells and inverter holds the inverter's DC voltage;
            without one the AC voltage sags with that of the cells.

    Raises:
        InputError: Every number that is not one, or out of range; cells whose voltage at rest,
            full, does not reach the nominal AC voltage without a regulated DC voltage.
    """

    pack: Pack
    state: float
    temperature_c: float = 25.0
    efficiency: float = 0.97
    ac_voltage_v: float = 480.0
    regulated: bool = True

    def __post_init__(self) -> None:
        records.check(self, "dc_side")
        faults = faults_outside(
            self,
            ("state", 0.0, 1.0),
            ("temperature_c", -40.0, 60.0),
            ("efficiency", 0.5, 1.0),
            ("ac_voltage_v", 100.0, 40_000.0),
        )
        full_v, needed_v = float(self.pack.rest_v[-1]), np.sqrt(2.0) * self.ac_voltage_v
        if not self.regulated and not full_v >= needed_v:
            rule = f"reach {needed_v:.0f} V, the peak of the AC voltage between lines"
            fix = "Give the AC voltage before the transformer, or regulate the DC voltage."
            faults.append(Fault("pack.rest_v", rule, (full_v,), fix=fix))
        raise_if_any("dc_side", faults)

    @property
    def resistance_ohm(self) -> float:
        """Of the cells at their temperature."""
        temperature = np.array([self.temperature_c])
        return float(self.pack.resistance(temperature, np.ones(1))[0])

    def limits(self, state: Float[Array, "*point"]) -> DcLimits:
        """Least and greatest AC power at states of energy: by current, voltage and the cold.

        A full battery takes nothing and an empty one gives nothing.
        """
        temperature = np.full(np.shape(state), self.temperature_c)
        lowest, highest = self.pack.power_limits_kw(state, temperature, np.ones(np.shape(state)))
        charge = np.where(state >= 1.0, 0.0, lowest / self.efficiency)
        discharge = np.where(state <= 0.0, 0.0, highest * self.efficiency)
        return DcLimits(charge, discharge, self.pack.voltage_v(state))

    def table(self) -> tuple[Float[Array, " point"], DcLimits]:
        """States of energy from 0 to 1, and the limits at each."""
        state = np.linspace(0.0, 1.0, POINTS)
        return state, self.limits(state)

    def cell_voltage_v(self, state: float, power_kw: float) -> float:
        """Voltage of the cells' terminals while a power leaves the AC terminals.

        Raises:
            InputError: A power that the cells cannot give.
        """
        rest = float(self.pack.voltage_v(np.array([state]))[0])
        cells_kw = power_kw / self.efficiency if power_kw > 0 else power_kw * self.efficiency
        inside = rest**2 - 4.0 * self.resistance_ohm * cells_kw * W_PER_KW
        if not inside >= 0.0:
            most = rest**2 / (4.0 * self.resistance_ohm) / W_PER_KW * self.efficiency
            rule = f"be at most {most:.4g} kW, where the cells' resistance takes half"
            raise_if_any("dc_side", [Fault("power_kw", rule, (power_kw,))])
        return (rest + float(np.sqrt(inside))) / 2.0

    def most_voltage_pu(self, state: float, power_kw: float) -> float:
        """Greatest AC voltage over the nominal one, while a power leaves the AC terminals.

        Source:
            Linear range of a three-phase bridge whose third harmonics are used: the peak between
            lines is the DC voltage. N. Mohan, T. Undeland, W. Robbins (2003), Power Electronics,
            3rd edition, chapter 8.
        """
        if self.regulated:
            return np.inf
        return self.cell_voltage_v(state, power_kw) / (np.sqrt(2.0) * self.ac_voltage_v)
