"""Energy out of each battery and tank, and why a unit can feed no longer."""

import numpy as np

from evergrid.core.arrays import Float
from evergrid.core.units import S_PER_H
from evergrid.resilience.black_start.assets.emergency import DieselSource
from evergrid.resilience.black_start.circuit import FollowingSource, SiteCircuit
from evergrid.resilience.network.simulation import DqTrajectory

WS_PER_KWH = 3.6e6
ENERGY_OUT = "its energy has run out"
FUEL_OUT = "its fuel has run out"


class EnergyMeters:
    """What has left each battery and tank; auxiliaries of a charger are fed by its own.

    Args:
        circuit: The site.
        rating_w: Of each unit that forms the grid.

    Attributes:
        used_kwh: Out of each unit that forms the grid: of a diesel set, fuel as electric energy at
            full load.
        auxiliary_kwh: Of it, chargers' own use.
        auxiliary_on: Whether that is on.
        peak_pu: Greatest current of each unit so far, over its rated current.
        follower_kwh: Out of each unit that follows.
    """

    def __init__(self, circuit: SiteCircuit, rating_w: Float[np.ndarray, " unit"]) -> None:
        count = len(circuit.formers)
        self._circuit = circuit
        self._rating_w = rating_w
        self.used_kwh = np.zeros(count)
        self.auxiliary_kwh = np.zeros(count)
        self.auxiliary_on = np.zeros(count, bool)
        self.peak_pu = np.zeros(count)
        self.follower_kwh = np.zeros(len(circuit.followers))

    def count(self, went: DqTrajectory, seconds: float) -> None:
        """Add what a stretch has taken."""
        circuit, volts = self._circuit, self._circuit.site.nominal_v
        formers = {unit.name: place for place, unit in enumerate(circuit.formers)}
        followers = {unit.name: place for place, unit in enumerate(circuit.followers)}
        for place, number in enumerate(went.assembly.units):
            name = circuit.network.units[number].name
            ac_kwh = went.unit_energy_ws[place] / WS_PER_KWH
            if name in followers:
                follower = followers[name]
                battery = circuit.followers[follower]
                ac_kwh += battery.auxiliary_kw * seconds / S_PER_H
                self.follower_kwh[follower] += _out_kwh(battery, ac_kwh)
            elif name in formers:
                unit = formers[name]
                source = circuit.formers[unit]
                if isinstance(source, DieselSource):
                    self.used_kwh[unit] += source.fuel_kwh(ac_kwh, seconds)
                else:
                    self.used_kwh[unit] += _out_kwh(source, ac_kwh)
                peak = went.peak_filter_current_a[place] * volts / self._rating_w[unit]
                self.peak_pu[unit] = max(self.peak_pu[unit], peak)

    def feed_auxiliaries(self, seconds: float, time_s: float) -> None:
        """Take what chargers use themselves."""
        left = self.left_kwh()
        for unit, source in enumerate(self._circuit.formers):
            there = time_s < S_PER_H * source.departure_h
            if self.auxiliary_on[unit] and left[unit] > 0 and there:
                used = source.auxiliary_kw * seconds / S_PER_H
                self.auxiliary_kwh[unit] += used
                self.used_kwh[unit] += used

    def left_kwh(self) -> Float[np.ndarray, " unit"]:
        """In each battery above its reserve, and in each tank."""
        formers = self._circuit.formers
        had = [unit.energy_arrival_kwh - unit.energy_reserve_kwh for unit in formers]
        return np.array(had) - self.used_kwh

    def spent(self, time_s: float) -> list[tuple[int, str]]:
        """Units that cannot feed any longer, and why."""
        left, found = self.left_kwh(), []
        for unit, source in enumerate(self._circuit.formers):
            if time_s >= S_PER_H * source.departure_h:
                found.append((unit, f"it leaves {source.departure_h:.3g} h after the loss"))
            elif left[unit] <= 0:
                short = source.energy_arrival_kwh <= source.energy_reserve_kwh
                cause = "it came with no energy above its reserve" if short else ENERGY_OUT
                if isinstance(source, DieselSource):
                    cause = "its tank is empty" if short else FUEL_OUT
                found.append((unit, cause))
        return found


def _out_kwh(battery: FollowingSource, ac_kwh: float) -> float:
    """Energy out of the cells for energy on the grid side."""
    return ac_kwh / (battery.efficiency_discharge if ac_kwh > 0 else 1 / battery.efficiency_charge)
