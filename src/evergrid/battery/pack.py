"""What a pack of cells can do at its state and temperature, and what a day of power does to it.

Cells stand in series behind one resistance. Their state is the energy in them over what they hold:
it changes by voltage at rest times current, and what the resistance takes becomes heat. So what
goes in is what is stored, what is lost as heat and what the charger loses, to the last digit.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.battery.converter import Converter
from evergrid.battery.thermal import ThermalMass, current_a, heat_w, resistance_at
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import J_PER_KWH, W_PER_KW, ZERO_C_IN_K

FULL_PRECISION = 1e-12  # of a power limit, within which a request is met as it is


@dataclass(frozen=True)
class Pack:
    """Cells in series, as one.

    Attributes:
        capacity_kwh: Energy that the cells hold between empty and full.
        state: States of energy, ascending from 0 to 1, at which the voltage at rest is given.
        rest_v: Voltage of the pack at rest there.
        least_v: Lowest voltage at the terminals while it discharges.
        most_v: Highest voltage at the terminals while it charges.
        most_a: Greatest current, either way.
        resistance_ohm: At 25 C, new.
        activation_k: By which resistance grows in the cold: activation energy over gas constant.
        charge_temperature_c: Temperatures, ascending, at which charging is limited.
        charge_share: Share of ``most_a`` with which cells may be charged there.
        mass: What warms up, and how it cools.
    """

    capacity_kwh: float
    state: Float[Array, " point"]
    rest_v: Float[Array, " point"]
    least_v: float
    most_v: float
    most_a: float
    resistance_ohm: float
    activation_k: float
    charge_temperature_c: Float[Array, " limit"]
    charge_share: Float[Array, " limit"]
    mass: ThermalMass

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("capacity_kwh", "least_v", "most_a", "resistance_ohm")
            if not (value := getattr(self, name)) > 0
        ]
        for name in ("state", "charge_temperature_c"):
            if not (np.diff(getattr(self, name)) > 0).all():
                faults.append(Fault(name, "ascend", tuple(getattr(self, name))[:5]))
        ends = (float(self.rest_v.min()), float(self.rest_v.max()))
        if not self.least_v < ends[0] or not ends[1] < self.most_v:
            rule = f"lie around the voltages at rest, {ends[0]:g} to {ends[1]:g} V"
            faults.append(Fault("least_v, most_v", rule, (self.least_v, self.most_v)))
        if (np.diff(self.rest_v) < 0).any():
            fix = "A fuller pack has a higher voltage; put both lists in the order of its state."
            faults.append(Fault("rest_v", "not fall with state", tuple(self.rest_v)[:5], fix=fix))
        if not ((self.charge_share >= 0) & (self.charge_share <= 1)).all():
            fix = "Give fractions of most_a, not percentages."
            got = tuple(self.charge_share)[:5]
            faults.append(Fault("charge_share", "lie in [0, 1]", got, fix=fix))
        raise_if_any("pack", faults)

    def voltage_v(self, state: Float[Array, "*battery"]) -> Float[Array, "*battery"]:
        """Voltage at rest."""
        return np.interp(state, self.state, self.rest_v)

    def resistance(
        self, temperature_c: Float[Array, "*battery"], growth: Float[Array, "*battery"]
    ) -> Float[Array, "*battery"]:
        """Resistance at a temperature, of batteries whose resistance has grown by a factor."""
        kelvin = temperature_c + ZERO_C_IN_K
        return resistance_at(self.resistance_ohm * growth, kelvin, activation_k=self.activation_k)

    def power_limits_kw(
        self,
        state: Float[Array, "*battery"],
        temperature_c: Float[Array, "*battery"],
        growth: Float[Array, "*battery"],
    ) -> tuple[Float[Array, "*battery"], Float[Array, "*battery"]]:
        """Lowest (charging, not above 0) and highest power at the terminals.

        By current, by voltage at the terminals, and by the cold; energy is not looked at.
        """
        rest, ohm = self.voltage_v(state), self.resistance(temperature_c, growth)
        cold = np.interp(temperature_c, self.charge_temperature_c, self.charge_share)
        out_a = np.minimum(self.most_a, (rest - self.least_v) / ohm)
        out_a = np.minimum(out_a, rest / (2.0 * ohm))  # beyond, more current gives less power
        in_a = np.minimum(self.most_a * cold, (self.most_v - rest) / ohm)
        highest = (rest * out_a - ohm * out_a**2) / W_PER_KW
        lowest = -(rest * in_a + ohm * in_a**2) / W_PER_KW
        return lowest, highest

    def preheat_kwh(
        self, from_c: Float[Array, "*battery"], to_c: Float[Array, "*battery"]
    ) -> Float[Array, "*battery"]:
        """Heat that brings the pack to a temperature at once, losses to the air left out."""
        warmer = np.maximum(to_c - from_c, 0.0)
        return warmer * self.mass.heat_capacity_j_per_k / J_PER_KWH


@dataclass(frozen=True)
class PackPath:
    """What steps of power do to packs.

    Attributes:
        state: Energy in the cells over what they hold, at the begin and at the end of each step.
        temperature_c: Of the cells, likewise.
        grid_kw: Power into the grid in each step: what was asked for, as far as the pack could.
        stored_kw: Change of the energy in the cells, over time.
        heat_kw: Heat of the cells' resistance.
        converter_kw: Loss of the charger.
    """

    state: Float[Array, "battery point"]
    temperature_c: Float[Array, "battery point"]
    grid_kw: Float[Array, "battery step"]
    stored_kw: Float[Array, "battery step"]
    heat_kw: Float[Array, "battery step"]
    converter_kw: Float[Array, "battery step"]


def driven(
    pack: Pack,
    converter: Converter,
    grid_kw: Float[Array, "battery step"],
    air_c: Float[Array, "battery step"],
    *,
    state: Float[Array, " battery"],
    temperature_c: Float[Array, " battery"],
    growth: Float[Array, " battery"],
    step_h: float,
) -> PackPath:
    """What packs do that are asked for a power into the grid, step by step.

    In a step, voltage, resistance and limits are those at its begin. What a pack cannot do it does
    as far as it can: by voltage, by current, by temperature, and by the energy that is left or
    missing. A charger that is asked for nothing is in standby, which the grid pays for.

    Args:
        pack: The cells; the same for all.
        converter: Between them and the grid.
        grid_kw: What is asked for.
        air_c: Around the packs.
        state: At the begin.
        temperature_c: At the begin.
        growth: Resistance over that of new cells.
        step_h: Length of a step.
    """
    batteries, steps = grid_kw.shape
    path = PackPath(
        *(np.empty((batteries, steps + 1)) for _ in range(2)),
        *(np.empty((batteries, steps)) for _ in range(4)),
    )
    path.state[:, 0], path.temperature_c[:, 0] = state, temperature_c
    none = np.zeros(batteries)
    for k in range(steps):
        state, warm = path.state[:, k], path.temperature_c[:, k]
        rest, ohm = pack.voltage_v(state), pack.resistance(warm, growth)
        lowest, highest = _within_energy(
            pack.power_limits_kw(state, warm, growth),
            rest,
            ohm,
            state * pack.capacity_kwh,
            pack,
            step_h,
        )
        asked = grid_kw[:, k]
        terminals = np.where(asked == 0, 0.0, converter.battery_kw(asked, none))
        met = np.clip(terminals, lowest, highest)
        # What is met in full is what was asked for to the last digit, not its way there and back.
        whole = np.abs(met - terminals) <= FULL_PRECISION * np.abs(terminals)
        given = np.where(whole, asked, converter.grid_kw(met))
        current = current_a(met, rest, ohm)
        heat = heat_w(current, ohm)
        path.grid_kw[:, k] = np.where(asked == 0, -converter.standby_kw, given)
        path.stored_kw[:, k] = -rest * current / W_PER_KW
        path.heat_kw[:, k] = heat / W_PER_KW
        path.converter_kw[:, k] = met - path.grid_kw[:, k]
        path.state[:, k + 1] = state + path.stored_kw[:, k] * step_h / pack.capacity_kwh
        path.temperature_c[:, k + 1] = pack.mass.warmed(warm, heat, air_c[:, k], step_h=step_h)
    return path


def _within_energy(
    limits_kw: tuple[Float[Array, " battery"], Float[Array, " battery"]],
    rest_v: Float[Array, " battery"],
    ohm: Float[Array, " battery"],
    energy_kwh: Float[Array, " battery"],
    pack: Pack,
    step_h: float,
) -> tuple[Float[Array, " battery"], Float[Array, " battery"]]:
    """Limits that also keep the cells from being emptied or filled within the step."""
    out_a = energy_kwh / step_h * W_PER_KW / rest_v
    in_a = (pack.capacity_kwh - energy_kwh) / step_h * W_PER_KW / rest_v
    most_out = np.where(out_a < rest_v / (2.0 * ohm), rest_v * out_a - ohm * out_a**2, np.inf)
    most_in = -(rest_v * in_a + ohm * in_a**2)
    lowest, highest = limits_kw
    return np.maximum(lowest, most_in / W_PER_KW), np.minimum(highest, most_out / W_PER_KW)
