"""A site of three vans with a school that starts on its own and houses that do not."""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.optimize

from evergrid.core.arrays import Array
from evergrid.model.microgrid import UnitTransformer
from evergrid.resilience.black_start.neighbour.feeder import (
    NeighbourSection,
    UpstreamFeeder,
    UpstreamTransformer,
)
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import BlackStart
from evergrid.resilience.black_start.settings import StartSequence, SynchroCheck
from evergrid.resilience.inverter.droop import DroopInverter
from tests.resilience.black_start.cases import QUICK, block, site, van

FAST = SynchroCheck(slip_hz=0.3)
SCHOOL = NeighbourSection(
    "school",
    (block("gym", 3.0, "critical"), block("kitchen", 4.0, "comfort")),
    resistance_ohm=0.2,
    reactance_ohm=0.1,
    batteries=(van(11), van(12)),
)
HOUSES = NeighbourSection(
    "houses",
    (block("house A", 2.0, "comfort"), block("house B", 1.0, "comfort")),
    resistance_ohm=0.2,
    reactance_ohm=0.1,
)
LIGHTS = (block("lights", 1.5, "life_safety"),)
SMALL_SCHOOL = NeighbourSection("school", (block("gym", 3.0, "critical"),), 0.2, 0.1, (van(11),))


def upstream(kva: float = 40.0, **changed: Any) -> UpstreamTransformer:
    """A transformer between the main bus and the feeder."""
    given = UnitTransformer(kva, residual_flux_pu=(0.6, -0.3, -0.3))
    return replace(UpstreamTransformer(given), **changed)


def small(
    feeder: UpstreamFeeder, *, duration_s: float = 8.0, units: int = 1, **changed: Any
) -> BlackStart:
    """A van or two and lights, with what lies beyond."""
    told: dict[str, Any] = {
        "sequence": StartSequence(duration_s=duration_s, **QUICK),
        "synchronise": FAST,
    }
    return black_start(site(units, load_blocks=LIGHTS), **(told | changed), feeder=feeder)


class SteadyIsland:
    """Where joined sections settle, by phasors and droop alone, from elements and not from states.

    Capacitors of inverters are voltages `V - n_q Q` at angles of their own behind their coupling;
    all turn at `w_n - m_p P`. The nodal equations leave one angle, one frequency and the reactive
    powers to be found.
    """

    def __init__(self, found: BlackStart) -> None:
        network = found.circuit.network
        self.network = network
        inverters = [unit.device for unit in network.units]
        self.inverters = [one for one in inverters if isinstance(one, DroopInverter)]
        assert len(self.inverters) == len(inverters)
        self.bus = [network.bus_index[unit.bus] for unit in network.units]
        count = len(self.inverters)
        start = np.concatenate([np.zeros(count - 1), np.zeros(count), [0.0]])
        solved = scipy.optimize.root(self._misses, start, tol=1e-13)
        assert np.abs(solved.fun).max() < 1e-9
        self.power_w, self.reactive_var, self.volts, self.lost_w = self._powers(solved.x)
        self.frequency_hz = self._w(solved.x) / (2.0 * np.pi)

    def _w(self, x: Array) -> float:
        return 2.0 * np.pi * (self.network.nominal_hz + x[-1])

    def _powers(self, x: Array) -> tuple[Array, Array, Array, float]:
        count, w = len(self.inverters), self._w(x)
        angle = np.concatenate([[0.0], x[: count - 1]])
        reactive = 1e3 * x[count - 1 : 2 * count - 1]
        droop = np.array([one.droop_v_per_var for one in self.inverters])
        nominal = np.array([one.voltage_v for one in self.inverters])
        e = (nominal - droop * reactive) * np.exp(1j * angle)
        z = np.array(
            [
                one.coupling_resistance_ohm + 1j * w * one.coupling_inductance_h
                for one in self.inverters
            ]
        )
        y = np.zeros((len(self.network.buses),) * 2, complex)
        feed = np.zeros(len(self.network.buses), complex)
        for place, bus in enumerate(self.bus):
            y[bus, bus] += 1.0 / z[place]
            feed[bus] += e[place] / z[place]
        for one in self.network.branches:
            a, b = self.network.bus_index[one.from_bus], self.network.bus_index[one.to_bus]
            own = 1.0 / (one.resistance_ohm + 1j * w * one.inductance_h)
            y[a, a] += own
            y[b, b] += own
            y[a, b] -= own
            y[b, a] -= own
        for one in self.network.loads:
            bus = self.network.bus_index[one.bus]
            y[bus, bus] += 1.0 / (one.resistance_ohm + 1j * w * one.inductance_h)
        volts = np.linalg.solve(y, feed)
        current = (e - volts[self.bus]) / z
        power = e * np.conj(current)
        lost = float((np.abs(current) ** 2 * np.real(z)).sum())
        for one in self.network.branches:
            a, b = self.network.bus_index[one.from_bus], self.network.bus_index[one.to_bus]
            across = abs(volts[a] - volts[b]) / abs(one.resistance_ohm + 1j * w * one.inductance_h)
            lost += float(across**2 * one.resistance_ohm)
        for one in self.network.loads:
            if "core" in one.name:
                at = abs(volts[self.network.bus_index[one.bus]])
                lost += float(at**2 * (1.0 / (one.resistance_ohm + 1j * w * one.inductance_h)).real)
        return power.real, power.imag, np.abs(volts), lost

    def _misses(self, x: Array) -> Array:
        count = len(self.inverters)
        power, reactive, _, _ = self._powers(x)
        speed = np.array(
            [
                one.nominal_rad_per_s - one.droop_rad_per_s_per_w * watts
                for one, watts in zip(self.inverters, power, strict=True)
            ]
        )
        return np.concatenate([speed - self._w(x), reactive / 1e3 - x[count - 1 : 2 * count - 1]])
