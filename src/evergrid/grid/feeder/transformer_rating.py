"""What current each winding of a transformer is rated for, and through which conductors it flows.

A winding in wye is judged by the current of each phase, one in delta by the currents of the lines
that lead to its corners: those inside it cannot be told from its terminals.
"""

import numpy as np

from evergrid.core.arrays import Array, Bool, Int
from evergrid.grid.feeder.feeder import GROUND


def rated_current_a(kva: float, kv: float, phases: int, *, delta: bool) -> float:
    """Rated current of each phase of a winding in wye, or of each line to one in delta, amperes.

    Args:
        kva: Rated power of the winding, all phases together.
        kv: Rated voltage: of the coil for one phase, between phases for more, as OpenDSS has it.
        phases: How many.
        delta: Whether its coils lie between phases.

    Source:
        Of three phases both are ``kva / (sqrt(3) kv)``. An open delta of two coils has no third
        that would share a line's current, so that each line leads what a coil is rated for,
        ``kva / (2 kv)``: 86.6 % of its kVA, of three balanced phases. OpenDSS puts sqrt(3) times
        that in its normal rating.
    """
    if phases == 1:
        return kva / kv
    corner = np.sqrt(3.0) if phases == 2 else 2.0 * np.sin(np.pi / phases)
    if delta:
        return kva / phases / kv * (1.0 if phases == 2 else corner)
    return kva / phases / (kv / corner)


def judged_conductors(
    where: Int[Array, " conductor"], phases: int, *, delta: bool
) -> Bool[Array, " conductor"]:
    """Which conductors of a winding lead the current that its rating is for.

    Args:
        where: Node of each of its conductors, or `GROUND`.
        phases: How many it has.
        delta: Whether its coils lie between phases.
    """
    order = np.arange(len(where))
    if phases == 1:  # one current, in at one end and out at the other
        return order == int(where[0] == GROUND)
    return order < (phases + 1 if delta and phases == 2 else phases)
