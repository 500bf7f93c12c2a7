"""How warm a battery gets, and what its resistance takes of its power.

A pack is one lump: its cells' voltage at rest behind one resistance, one temperature, one
conductance to the air. Over a step heat and air are constant, and the temperature follows exactly.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H, W_PER_KW


@dataclass(frozen=True)
class ThermalMass:
    """What warms up and how it cools.

    Attributes:
        heat_capacity_j_per_k: Mass times specific heat of the pack.
        conductance_w_per_k: Heat to the air per difference of temperature.
    """

    heat_capacity_j_per_k: float
    conductance_w_per_k: float

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("heat_capacity_j_per_k", "conductance_w_per_k")
            if not (value := getattr(self, name)) > 0
        ]
        raise_if_any("battery", faults)

    @property
    def time_constant_h(self) -> float:
        """Time in which all but 1/e of a difference is gone."""
        return self.heat_capacity_j_per_k / self.conductance_w_per_k / S_PER_H

    def warmed(
        self,
        temperature_c: Float[Array, "*battery"],
        heat_w: Float[Array, "*battery"],
        air_c: Float[Array, "*battery"],
        *,
        step_h: float,
    ) -> Float[Array, "*battery"]:
        """Temperature at the end of a step of constant heat and air."""
        rest_c = air_c + heat_w / self.conductance_w_per_k
        return rest_c + (temperature_c - rest_c) * np.exp(-step_h / self.time_constant_h)

    def mean_c(
        self,
        temperature_c: Float[Array, "*battery"],
        heat_w: Float[Array, "*battery"],
        air_c: Float[Array, "*battery"],
        *,
        step_h: float,
    ) -> Float[Array, "*battery"]:
        """Temperature on average over such a step; with it heat in and out balance exactly."""
        rest_c = air_c + heat_w / self.conductance_w_per_k
        lag = self.time_constant_h / step_h
        return rest_c + (temperature_c - rest_c) * lag * -np.expm1(-1.0 / lag)


def most_power_kw(
    voltage_v: Float[Array, "*battery"], resistance_ohm: Float[Array, "*battery"]
) -> Float[Array, "*battery"]:
    """Greatest power that a battery can deliver at all: half its voltage is lost inside."""
    return voltage_v**2 / (4.0 * resistance_ohm) / W_PER_KW


def current_a(
    power_kw: Float[Array, "*battery"],
    voltage_v: Float[Array, "*battery"],
    resistance_ohm: Float[Array, "*battery"],
) -> Float[Array, "*battery"]:
    """Current out of a battery that delivers a power at its terminals; negative while charging.

    Args:
        power_kw: Out of the terminals.
        voltage_v: At rest.
        resistance_ohm: Of the pack at its state and temperature.

    Raises:
        InputError: More than the battery can deliver.

    Source:
        Power balance ``P = V I - R I^2``; the smaller root.
    """
    inside = voltage_v**2 - 4.0 * resistance_ohm * power_kw * W_PER_KW
    if (inside < 0).any():
        most = float(
            np.min(np.broadcast_to(most_power_kw(voltage_v, resistance_ohm), inside.shape))
        )
        rule = f"be at most V^2/4R, {most:.6g} kW for the weakest"
        got = tuple(float(p) for p in np.broadcast_to(power_kw, inside.shape)[inside < 0][:3])
        raise InputError("battery", [Fault("power_kw", rule, got)])
    # (V - root)/(2R) loses digits where little is drawn; its conjugate form does not.
    return 2.0 * power_kw * W_PER_KW / (voltage_v + np.sqrt(inside))


def heat_w(
    current: Float[Array, "*battery"], resistance_ohm: Float[Array, "*battery"]
) -> Float[Array, "*battery"]:
    """Heat of a current in the pack."""
    return resistance_ohm * current**2


def resistance_at(
    reference_ohm: Float[Array, "*battery"],
    temperature_k: Float[Array, "*battery"],
    *,
    activation_k: float,
    reference_k: float = 298.15,
) -> Float[Array, "*battery"]:
    """Resistance at a temperature, by Arrhenius' law.

    Args:
        reference_ohm: At the reference temperature, ageing included.
        temperature_k: Of the cells.
        activation_k: Activation energy over the gas constant.
        reference_k: Temperature that the resistance is given for.
    """
    return reference_ohm * np.exp(activation_k * (1.0 / temperature_k - 1.0 / reference_k))
