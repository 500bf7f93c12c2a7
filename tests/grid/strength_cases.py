"""Small feeders of known impedance, for the tests of strength and droop."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array
from evergrid.grid.feeder import load_law
from evergrid.grid.feeder.feeder import (
    GROUND,
    Branches,
    Buses,
    Currents,
    Feeder,
    Lines,
    Nodes,
    State,
    Transformers,
)

BASE_V = 240.0


def thevenin(scr: float, x_over_r: float, *, rating_kva: float) -> Feeder:
    """One single-phase bus behind the impedance with that ratio for that rating."""
    ohm = BASE_V**2 / (scr * rating_kva * 1000.0)
    return radial([], x_over_r, source_ohm=ohm / np.hypot(1.0, x_over_r), names=["home"])


def radial(
    lengths: Sequence[float],
    x_over_r: float,
    *,
    source_ohm: float = 1.0,
    names: Sequence[str] | None = None,
) -> Feeder:
    """Single-phase buses in a row behind resistances of these ohms, with reactance beside.

    Args:
        lengths: Resistance of each wire to the next bus, ohms.
        x_over_r: Reactance over resistance of all.
        source_ohm: Resistance behind the first bus.
        names: Of the buses.
    """
    count = len(lengths) + 1
    ohm = np.array([source_ohm, *lengths]) * (1.0 + 1j * x_over_r)
    parents = np.arange(count) - 1
    return tree(parents, ohm, names or [f"b{i}" for i in range(count)])


def tree(parents: Array, ohm: Array, names: Sequence[str]) -> Feeder:
    """Single-phase buses, each behind an impedance to its parent; parent -1 is the source."""
    count = len(parents)
    y = 1.0 / ohm
    admittance = np.diag(y).astype(complex)
    for child, parent in enumerate(parents):
        if parent >= 0:
            admittance[parent, parent] += y[child]
            admittance[parent, child] -= y[child]
            admittance[child, parent] -= y[child]
    source = np.zeros(count, dtype=complex)
    source[parents < 0] = BASE_V * y[parents < 0]
    name = np.array(names, dtype=object)
    ones, rows = np.ones(count), np.arange(count)
    none = np.zeros(0, dtype=np.int64)
    quiet = Currents(none, none, sparse.csr_array((0, count), dtype=complex))
    empty, no_bus = np.array([], dtype=object), np.zeros((0, 2), dtype=np.int64)
    return Feeder(
        name="made",
        frequency_hz=50.0,
        buses=Buses(name, BASE_V * ones, ones * np.nan, ones * np.nan),
        nodes=Nodes(rows, np.ones(count, dtype=np.int64)),
        admittance=sparse.csc_array(admittance),
        source_a=source,
        source_nodes=np.flatnonzero(parents < 0),
        branches=Branches(
            name=name,
            node=rows,
            other=np.full(count, GROUND),
            base_v=BASE_V * ones,
            power_kw=-0.1 * ones,
            reactive_kvar=0.0 * ones,
            law=load_law.constant(count),
            is_load=np.ones(count, dtype=bool),
        ),
        lines=Lines(empty, no_bus, empty, np.zeros(0), quiet),
        transformers=Transformers(empty, no_bus, np.zeros(0), quiet, none, none, np.zeros(0), none),
        regulators=(),
        capacitors=(),
        state=State((), ()),
    )
