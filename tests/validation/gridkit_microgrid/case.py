"""The chain of inverters of GridKit's scaled microgrid."""

import itertools

import numpy as np

from evergrid.resilience.inverter.droop import DroopInverter
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import GridFormingUnit, ImpedanceLoad, SeriesBranch

W_N = 100.0 * np.pi
VIRTUAL_RESISTOR_OHM = 1e4
FIRST = DroopInverter()
OTHER = DroopInverter(
    droop_rad_per_s_per_w=12.5e-5,
    droop_v_per_var=1.5e-3,
    voltage_gain_p=0.05,
    voltage_gain_i=390.0,
    current_gain_p=10.5,
    current_gain_i=16e3,
)


def chain(inverters: int) -> DqNetwork:
    """As many buses as inverters; lines alternate, loads are at every other bus."""
    buses = tuple(f"bus {number}" for number in range(1, inverters + 1))
    units = tuple(
        GridFormingUnit(f"u{number}", bus, FIRST if number <= 2 else OTHER)
        for number, bus in enumerate(buses, 1)
    )
    lines = tuple(
        SeriesBranch(
            f"line {number}", start, end, *((0.35, 0.58 / W_N), (0.23, 0.1 / W_N))[number % 2]
        )
        for number, (start, end) in enumerate(itertools.pairwise(buses), 1)
    )
    loads = tuple(
        ImpedanceLoad(f"load {bus}", bus, *((2.0, 1.0 / W_N) if place else (3.0, 2.0 / W_N)))
        for place, bus in enumerate(buses[::2])
    )
    return DqNetwork(50.0, buses, units, lines, loads)
