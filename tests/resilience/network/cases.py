"""Islands that the tests of networks share."""

from dataclasses import replace
from functools import cache

import numpy as np

from evergrid.resilience.inverter.droop import DroopInverter
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.elements import GridFormingUnit, ImpedanceLoad, SeriesBranch
from evergrid.resilience.network.steady_state import steady_state

W_N = 100.0 * np.pi
POGAKU = DroopInverter(
    voltage_v=381.0,
    voltage_gain_p=0.05,
    voltage_gain_i=390.0,
    current_gain_p=10.5,
    current_gain_i=16e3,
)
BUSES = ("b1", "b2", "b3")
UNITS = tuple(GridFormingUnit(f"u{bus[1]}", bus, POGAKU) for bus in BUSES)
LINES = (
    SeriesBranch("line 1", "b1", "b2", 0.23, 0.1 / W_N),
    SeriesBranch("line 2", "b2", "b3", 0.35, 0.58 / W_N),
)


def island(
    inductance_h: float = 1e-3,
    *,
    load_1_ohm: float = 25.0,
    droop: float = POGAKU.droop_rad_per_s_per_w,
    more: tuple[ImpedanceLoad, ...] = (),
) -> DqNetwork:
    """The three inverters of Pogaku, Prodanovic and Green; section 2.4 of our notes."""
    inverter = replace(POGAKU, droop_rad_per_s_per_w=droop)
    units = tuple(replace(unit, inverter=inverter) for unit in UNITS)
    loads = (
        ImpedanceLoad("load 1", "b1", load_1_ohm, inductance_h),
        ImpedanceLoad("load 3", "b3", 20.0, inductance_h),
    )
    return DqNetwork(50.0, BUSES, units, LINES, (*loads, *more))


def lone(inverter: DroopInverter = POGAKU, *, ohm: float = 20.0) -> DqNetwork:
    """One unit with a load, and a second load behind a breaker."""
    loads = (
        ImpedanceLoad("load", "b1", ohm, 1e-3),
        ImpedanceLoad("more", "b1", 4.0, 1e-3),
    )
    return DqNetwork(50.0, ("b1",), (GridFormingUnit("u1", "b1", inverter),), loads=loads)


def opened(*names: str, stopped: tuple[str, ...] = ()) -> BreakerPositions:
    return BreakerPositions(frozenset(names), frozenset(stopped))


@cache
def at_rest(microgrid: DqNetwork, positions: BreakerPositions | None = None) -> DqState:
    """The steady state as a place to begin."""
    return steady_state(assemble(microgrid, positions)).state
