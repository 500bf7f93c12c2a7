"""Where inverters are connected to a feeder: to one branch each, or to several that share it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.grid.feeder import load_law
from evergrid.grid.feeder.feeder import GROUND, Branches, Feeder

PHASES = 3  # conductors above are neutrals


@dataclass(frozen=True)
class Connections:
    """Places of inverters.

    A connection of several branches divides its power equally among them and answers to the mean
    of their voltages, as a three-phase inverter does that feeds balanced currents.

    Attributes:
        name: Of each connection: the load beside it, or its bus.
        branches: Among which the connections' branches are; others may stand before them.
        row: Rows of the branches that connections span.
        owner: Which connection each of these belongs to.
    """

    name: Shaped[Array, " connection"]
    branches: Branches
    row: Int[Array, " span"]
    owner: Int[Array, " span"]

    def __len__(self) -> int:
        return len(self.name)

    @cached_property
    def share(self) -> sparse.csr_array:
        """Share of a connection's power in each branch; a row averages the voltages too."""
        weight = 1.0 / np.bincount(self.owner, minlength=len(self))[self.owner]
        shape = (len(self), len(self.branches))
        return sparse.csr_array((weight, (self.owner, self.row)), shape=shape)

    def balanced(self, voltage: Complex[Array, " branch"]) -> sparse.csr_array:
        """Share of a connection's power in each branch, at the angle of the branch's voltage.

        Three branches are taken as a symmetrical system in the order of their voltages, so that
        what they have in common does not enter: nothing fixes it behind a delta winding.

        Args:
            voltage: Of all branches without load.
        """
        spanned, count = voltage[self.row], np.bincount(self.owner, minlength=len(self))
        turn = _unit(spanned)
        order = np.argsort(self.owner, kind="stable")
        three = order[count[self.owner[order]] == PHASES].reshape(-1, PHASES)
        turn[three] = _symmetrical(spanned[three])
        shape = (len(self), len(self.branches))
        return sparse.csr_array((turn / count[self.owner], (self.owner, self.row)), shape=shape)

    def rows(self, which: Int[Array, " some"]) -> "Connections":
        """Some of them, in the order given."""
        place = np.full(len(self), -1)
        place[which] = np.arange(len(which))
        kept = place[self.owner] >= 0
        owner = place[self.owner[kept]]
        return Connections(self.name[which], self.branches, self.row[kept], owner)

    def beside(self, loads: Branches) -> "Connections":
        """Connections with the feeder's loads before their branches, for a power flow of both."""
        joined = {
            key: np.concatenate([before, getattr(self.branches, key)])
            for key, before in vars(loads).items()
        }
        return replace(self, branches=Branches(**joined), row=self.row + len(loads))


def at_loads(feeder: Feeder) -> Connections:
    """One connection beside each load, on the load's own phases."""
    names, first, owner = np.unique(
        feeder.branches.name.astype(str), return_index=True, return_inverse=True
    )
    order = np.argsort(first, kind="stable")
    rank = np.argsort(order, kind="stable")
    rows = np.arange(len(feeder.branches))
    return Connections(names[order].astype(object), feeder.branches, rows, rank[owner])


def at_buses(feeder: Feeder, names: Sequence[str] | None = None) -> Connections:
    """One connection at each bus, on all its phases, to its neutral where it has one.

    Args:
        feeder: The feeder.
        names: Of the buses; all of the feeder by default.

    Raises:
        InputError: A name that is no bus of the feeder.
    """
    if names is None:
        wanted = np.arange(len(feeder.buses.name))
    else:
        wanted = _bus_rows(feeder, [name.lower() for name in names])
    place = np.full(len(feeder.buses.name), -1)
    place[wanted] = np.arange(len(wanted))
    taken = (place[feeder.nodes.bus] >= 0) & (feeder.nodes.phase <= PHASES)
    (node,) = np.nonzero(taken)
    owner = place[feeder.nodes.bus[node]]
    name = feeder.buses.name[wanted]
    branches = _idle(feeder, node, name[owner])
    return Connections(name, branches, np.arange(len(node)), owner)


def at_nodes(feeder: Feeder) -> Connections:
    """One single-phase connection at each phase of each bus."""
    (node,) = np.nonzero(feeder.nodes.phase <= PHASES)
    name = feeder.node_name[node]
    rows = np.arange(len(node))
    return Connections(name, _idle(feeder, node, name), rows, rows)


def _symmetrical(voltage: Complex[Array, "group 3"]) -> Complex[Array, "group 3"]:
    """The symmetrical system of size 1 that is nearest to three voltages."""
    ahead = np.exp(-2j * np.pi / PHASES * np.arange(PHASES))
    forward, backward = voltage @ np.conj(ahead), voltage @ ahead
    turns = np.abs(forward) >= np.abs(backward)
    return np.where(
        turns[:, None],
        _unit(forward)[:, None] * ahead,
        _unit(backward)[:, None] * np.conj(ahead),
    )


def _unit(value: Complex[Array, " value"]) -> Complex[Array, " value"]:
    """The angle of each value as a number of size 1; 1 where it has none."""
    size = np.abs(value)
    return np.divide(value, size, out=np.ones_like(value), where=size > 0)


def _bus_rows(feeder: Feeder, names: Sequence[str]) -> Int[Array, " bus"]:
    known = feeder.buses.row
    unknown = tuple(name for name in names if name not in known)
    if unknown:
        listed = ", ".join(list(known)[:8]) + (", ..." if len(known) > 8 else "")
        fix = f"{did_you_mean(unknown[0], known)} Its buses: {listed}.".lstrip()
        fault = Fault("bus", "be a bus of the feeder", unknown, fix=fix)
        raise InputError(feeder.name, [fault])
    twice = tuple(name for name in dict.fromkeys(names) if names.count(name) > 1)
    faults = [Fault("bus", "be named once", twice, fix="Add up its ratings.")] if twice else []
    raise_if_any(feeder.name, faults)
    return np.array([known[name] for name in names], dtype=np.int64)


def _idle(feeder: Feeder, node: Int[Array, " branch"], name: Shaped[Array, " branch"]) -> Branches:
    """Branches from nodes to their neutral or ground, on which nothing hangs yet."""
    count = len(node)
    neutral = np.full(len(feeder.buses.name), GROUND)
    (wires,) = np.nonzero(feeder.nodes.phase > PHASES)
    neutral[feeder.nodes.bus[wires]] = wires
    return Branches(
        name=name,
        node=node,
        other=neutral[feeder.nodes.bus[node]],
        base_v=feeder.base_v[node],
        power_kw=np.zeros(count),
        reactive_kvar=np.zeros(count),
        law=load_law.constant(count),
        is_load=np.zeros(count, dtype=bool),
    )
