"""What ties each load of a feeder to its source, and what is done with loads that nothing ties.

An open phase leaves nodes that nothing feeds, and behind a delta winding only traces of admittance
tie the phases to ground. There a power has no voltage to be drawn at.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Complex
from scipy import sparse
from scipy.sparse.linalg import splu

from evergrid.core.arrays import Array, Bool, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.name_list import name_list
from evergrid.grid.feeder.feeder import GROUND, Branches, Feeder, fed_nodes, incidence, islands
from evergrid.grid.feeder.load_law import FADED, NOMINAL

LEAK_KVA = 1.0  # admittance that holds what nothing feeds at no voltage, over its base voltage
STRAINED = 1.0  # rise of voltage by a branch's own power, pu: no wires carry as much
LEAST_KVA = 0.1  # that every branch is to carry
KVA = 1000.0
DEAD_PU = 1e-3  # a load of any law draws nothing to speak of at a lower voltage
MOST_NAMED = 5  # places in one note


def tied(feeder: Feeder, voltage: Complex[Array, " node"]) -> Feeder:
    """A feeder whose every branch is tied to the source firmly enough to draw a power.

    A load of which phases are open draws there what OpenDSS has it draw, as an impedance. A
    balanced load on three phases to ground, where nothing ties these to ground, draws between them.
    Both are told in the feeder's notes.

    Args:
        feeder: As read, with branches that nothing may tie.
        voltage: That OpenDSS found, volts.

    Raises:
        InputError: A load on a part that nothing reaches, or that needs a way to ground where there
            is none.
    """
    fed = fed_nodes(feeder, feeder.state)
    held = _held(feeder, fed)
    scale = sparse.diags_array(feeder.base_v)
    factor = splu(sparse.csc_array(scale @ held.at(held.state) @ scale))
    floating = fed & (np.abs(factor.solve(_by_chance(len(fed)) * KVA)) > STRAINED)
    loose, heavy = _loose(feeder, factor, fed)
    if loose.any():
        feeder = _settled(feeder, voltage, fed, loose, heavy)
        fed = fed_nodes(feeder, feeder.state)
        held = _held(feeder, fed)
    if floating.any():
        buses = feeder.buses.name[np.unique(feeder.nodes.bus[floating])]
        said = "hardly anything ties phases to ground: voltages to ground mean little there"
        held = _noted(held, f"At {name_list(map(str, buses), MOST_NAMED)} {said}.")
    if not fed.all():
        nodes = name_list(map(str, feeder.node_name[~fed]), MOST_NAMED)
        held = _noted(held, f"Nothing feeds {nodes}: no voltage there.")
    return held


def _behind_open_phases(feeder: Feeder, fed: Bool[Array, " node"]) -> Bool[Array, " node"]:
    """Which nodes nothing feeds, while another phase of a bus that they are wired to is fed.

    A part of the feeder that nothing reaches at all may stand at a bus whose name is mistaken.
    """
    island, bus = islands(feeder, feeder.state), feeder.nodes.bus
    beside = ~fed & np.isin(bus, bus[fed])
    return ~fed & np.isin(island, island[beside])


def _held(feeder: Feeder, fed: Bool[Array, " node"]) -> Feeder:
    """The feeder with what nothing feeds held at no voltage.

    Raises:
        InputError: A source of current drives into it.
    """
    if fed.all():
        return feeder
    driven = feeder.node_name[~fed & (feeder.source_a != 0)]
    if len(driven):
        rule = "stand where a source of voltage feeds"
        fix = "Close a switch towards it, or take it out of the files."
        raise InputError(feeder.name, [Fault("isource", rule, tuple(driven.tolist()), fix=fix)])
    leak = sparse.diags_array(np.where(fed, 0.0, LEAK_KVA * KVA / feeder.base_v**2))
    return replace(feeder, admittance=sparse.csc_array(feeder.admittance + leak))


def _noted(feeder: Feeder, note: str) -> Feeder:
    return replace(feeder, notes=(*feeder.notes, note))


def _by_chance(count: int) -> Complex[Array, " value"]:
    """Numbers of size 1 at random angles: powers that do not cancel one another."""
    return np.exp(2j * np.pi * np.random.default_rng(0).uniform(size=count))


def _loose(
    feeder: Feeder, factor: Any, fed: Bool[Array, " node"]
) -> tuple[Bool[Array, " branch"], Bool[Array, " branch"]]:
    """Branches that nothing ties, or so little that their own power would lift any voltage.

    Beside them, those whose power alone is too much: wires tie them that carry `LEAST_KVA`.
    """
    branches = feeder.branches
    grounded = branches.other == GROUND
    loose = ~fed[branches.node] | ~(grounded | fed[branches.other])
    across = incidence(branches, len(fed))
    scale = sparse.diags_array(feeder.base_v)
    size_kva = np.maximum(np.hypot(branches.power_kw, branches.reactive_kvar), LEAST_KVA)
    ends = sparse.csr_array(sparse.diags_array(1.0 / branches.base_v) @ across @ scale)
    # One solution with all powers at once shows where an impedance is huge.
    rise = ends @ factor.solve(ends.T @ (size_kva * KVA * _by_chance(len(branches))))
    (doubtful,) = np.nonzero(np.abs(rise) > STRAINED / 2)
    heavy = np.zeros_like(loose)
    for row in doubtful:
        own = ends[[row]].toarray()[0]
        per_kva = abs(own @ factor.solve(own + 0j)) * KVA
        strained = per_kva * size_kva[row] > STRAINED
        heavy[row] = strained and not loose[row] and per_kva * LEAST_KVA <= STRAINED
        loose[row] |= strained
    return loose, heavy


def _settled(
    feeder: Feeder,
    voltage: Complex[Array, " node"],
    fed: Bool[Array, " node"],
    loose: Bool[Array, " branch"],
    heavy: Bool[Array, " branch"],
) -> Feeder:
    branches = feeder.branches
    across = incidence(branches, len(feeder.nodes))
    size = np.abs(across @ voltage) / branches.base_v / branches.law[:, NOMINAL]
    low = size <= np.maximum(branches.law[:, FADED], DEAD_PU)
    out, faded, between = _sorted_out(feeder, fed, loose, heavy, low)
    drawn_kva = -(branches.power_kw - 1j * branches.reactive_kvar)
    volts = branches.base_v * branches.law[:, NOMINAL]
    own = np.where(faded, drawn_kva * KVA / volts**2, 0.0)
    impedances = across.T @ sparse.diags_array(own) @ across
    notes = list(feeder.notes)
    for name in dict.fromkeys(branches.name[faded].tolist()):
        at = ", ".join(feeder.node_name[branches.node[faded & (branches.name == name)]])
        notes.append(f"load.{name} draws nothing to speak of at {at}: an open phase feeds it.")
    for name in dict.fromkeys(branches.name[between].tolist()):
        notes.append(
            f"load.{name} is connected to ground where nothing ties the phases to ground: it draws "
            "the same power between its phases."
        )
    return replace(
        feeder,
        admittance=sparse.csc_array(feeder.admittance + impedances),
        branches=_between(branches, between).rows(~out),
        notes=tuple(notes),
    )


def _sorted_out(
    feeder: Feeder,
    fed: Bool[Array, " node"],
    loose: Bool[Array, " branch"],
    heavy: Bool[Array, " branch"],
    low: Bool[Array, " branch"],
) -> tuple[Bool[Array, " branch"], Bool[Array, " branch"], Bool[Array, " branch"]]:
    """Branches that go, among them those that stay as impedances; and those put between phases.

    Raises:
        InputError: Loads that nothing can be done with.
    """
    branches = feeder.branches
    idle = loose & ~branches.is_load & (branches.power_kw == 0) & (branches.reactive_kvar == 0)
    faded, between = np.zeros_like(loose), np.zeros_like(loose)
    behind = _behind_open_phases(feeder, fed)
    opened = behind[branches.node] | ((branches.other != GROUND) & behind[branches.other])
    unfed: list[str] = []
    floating: list[str] = []
    large: list[str] = []
    # Nothing is guessed: a part without voltage behind an open phase becomes the impedance that
    # OpenDSS has there, a balanced load draws the same between phases, and all else is a fault,
    # sorted by what its user has to mend.
    for name in dict.fromkeys(branches.name[loose & ~idle].tolist()):
        (rows,) = np.nonzero(branches.name == name)
        mine = rows[loose[rows]]
        if low[mine].all() and (len(mine) < len(rows) or opened[mine].all()):
            faded[mine] = True
        elif fed[branches.node[rows]].all() and _balanced(branches, rows):
            between[rows] = True
        elif heavy[mine].all():
            large.append(name)
        elif low[mine].all():
            unfed.append(name)
        else:
            floating.append(name)
    faults = []
    if unfed:
        fix = "Close a switch towards it, or take it out of the files."
        faults.append(Fault("load", "be fed by the source", tuple(unfed), fix=fix))
    if floating:
        fix = (
            "Nothing but loads ties its neutral, or its phases to ground: ground the winding or "
            "the neutral with a Reactor, or connect the load between phases."
        )
        rule = "be tied at both ends by wires"
        faults.append(Fault("load", rule, tuple(floating), fix=fix))
    if large:
        fix = "Lower it, or correct its unit: OpenDSS takes kilowatts."
        rule = "be a power that wires to it can carry"
        faults.append(Fault("load", rule, tuple(large), fix=fix))
    if faults:
        raise InputError(feeder.name, faults)
    return idle | faded, faded, between


def _balanced(branches: Branches, rows: Int[Array, " row"]) -> bool:
    """Whether these are three equal powers from three phases to ground."""
    power = branches.power_kw[rows] + 1j * branches.reactive_kvar[rows]
    three = len(rows) == 3 and len(set(branches.node[rows].tolist())) == 3
    alike = np.abs(power - power.mean()).max() <= 1e-9 * np.abs(power).max()
    return three and bool(alike) and bool((branches.other[rows] == GROUND).all())


def _between(branches: Branches, rows: Bool[Array, " branch"]) -> Branches:
    """Branches with groups of three to ground put between their phases."""
    other, base_v = branches.other.copy(), branches.base_v.copy()
    for name in dict.fromkeys(branches.name[rows].tolist()):
        (mine,) = np.nonzero(rows & (branches.name == name))
        other[mine] = np.roll(branches.node[mine], -1)
        base_v[mine] *= np.sqrt(3.0)
    return replace(branches, other=other, base_v=base_v)
