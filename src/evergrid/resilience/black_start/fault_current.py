"""Does the fuse of a block clear a fault that inverters alone feed?"""

from dataclasses import dataclass

import numpy as np

from evergrid.resilience.black_start.outcome import BlackStart
from evergrid.resilience.black_start.settings import Fuse, ProtectionLimits


@dataclass(frozen=True)
class FuseCheck:
    """A fuse in a fault that is fed by the inverters that are connected at the end.

    Attributes:
        block: That it protects.
        current_a: Of all inverters together, rms of a line.
        clears_s: After which the fuse clears; infinite where never.
        trips_s: After which the inverters trip on under-voltage.
        clears: Whether the fuse is first.
    """

    block: str
    current_a: float
    clears_s: float
    trips_s: float
    clears: bool


def fuse_check(found: BlackStart, fuse: Fuse, limits: ProtectionLimits) -> FuseCheck:
    """Compare the fuse with the under-voltage relays of the inverters.

    A fault behind the fuse pulls the voltage to near zero, so that inverters give the current of
    their limit and not more, until they trip.
    """
    circuit = found.circuit
    rating_va = sum(
        1e3 * unit.apparent_kva
        for unit, since_s in zip(circuit.formers, found.connected_s, strict=True)
        if np.isfinite(since_s)
    )
    current_a = fuse.fault_current_pu * rating_va / (np.sqrt(3.0) * circuit.site.nominal_v)
    clears_s = fuse.clearing_s(current_a)
    trips_s = limits.under_voltage_s
    return FuseCheck(fuse.block, current_a, clears_s, trips_s, clears_s < trips_s)
