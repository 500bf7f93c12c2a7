"""The part of a feeder below one line or transformer, for an island: what is there, what is lost.

Phases are taken as alike. A line has the impedance that balanced currents meet in it, averaged over
its phases; a transformer that of a short circuit at its other end. Buses without load that only
pass current on, and ends without load, are taken out, which changes nothing where lines have no
capacitance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.units import consumption_from_grid_power
from evergrid.grid.feeder.feeder import GROUND, Currents, Feeder
from evergrid.model.section_network import SectionBranch, SectionNetwork

THREE = 3  # phases
LEAST_KW = 1e-3  # of a bus that counts as one with load
OPEN_S = 1e-9  # admittance below which a line is open
SHOWN = 5  # names that a note spells out


@dataclass(frozen=True)
class BusLoad:
    """What draws at one bus, all phases together.

    Attributes:
        bus: Its name.
        power_kw: Drawn at nominal voltage, above 0.
        reactive_kvar: The same; negative where it leads.
    """

    bus: str
    power_kw: float
    reactive_kvar: float


@dataclass(frozen=True)
class SectionOfFeeder:
    """A section as it was cut out of a feeder.

    Attributes:
        section: Its network.
        nominal_v: Between two phases at the head.
        nominal_hz: Of the feeder.
        loads: By bus.
        notes: What a reader must know, what is not modelled first of all.
    """

    section: SectionNetwork
    nominal_v: float
    nominal_hz: float
    loads: tuple[BusLoad, ...]
    notes: tuple[str, ...]


def cut_out(feeder: Feeder, head: str) -> SectionOfFeeder:
    """What lies below a line or transformer, seen from the feeder's source.

    Args:
        feeder: As read.
        head: Name of the line or transformer; those beside it between the same buses are opened
            with it.

    Raises:
        InputError: There is no such line or transformer, nothing or no load lies below it, it is
            not the only way, a line changes phases on its way.
    """
    pairs = _pairs(feeder)
    top, below = _below(feeder, pairs, head)
    loads = _loads(feeder, below)
    if not loads:
        fix = "Name a line or transformer nearer to the source."
        raise InputError("feeder", [Fault("head", "have loads below it", (head,), fix=fix)])
    names = [str(name) for name in feeder.buses.name]
    base_v = float(feeder.buses.base_v[top])
    branches = [
        _branch(feeder, pair, members, base_v)
        for pair, members in pairs.items()
        if pair[0] in below and pair[1] in below
    ]
    kept = {load.bus for load in loads} | {names[top]}
    reduced = _reduced([one for one in branches if one is not None], kept)
    buses = sorted({end for one in reduced for end in (one.from_bus, one.to_bus)} | kept)
    return SectionOfFeeder(
        SectionNetwork(names[top], tuple(buses), tuple(reduced)),
        float(np.sqrt(3.0) * base_v),
        feeder.frequency_hz,
        loads,
        _notes(feeder, below, loads),
    )


Pair = tuple[int, int]
Member = tuple[str, int]  # "line" or "transformer", and its row


def _pairs(feeder: Feeder) -> dict[Pair, list[Member]]:
    """Lines and transformers by the buses at their ends."""
    found: dict[Pair, list[Member]] = {}
    for kind, ends in (("line", feeder.lines.bus), ("transformer", feeder.transformers.bus)):
        for row, (one, other) in enumerate(ends.tolist()):
            if one != other:
                pair = (min(one, other), max(one, other))
                found.setdefault(pair, []).append((kind, row))
    closed = {}
    for pair, members in found.items():
        kept = [one for one in members if one[0] == "transformer" or not _open(feeder, one[1])]
        if kept:
            closed[pair] = kept
    return closed


def _open(feeder: Feeder, line: int) -> bool:
    """Whether a line lets no current through."""
    (rows,) = np.nonzero(feeder.lines.currents.element == line)
    return bool(abs(feeder.lines.currents.per_volt[rows]).max() < OPEN_S)


def _below(feeder: Feeder, pairs: dict[Pair, list[Member]], head: str) -> tuple[int, set[int]]:
    """The bus right below the head, and all buses that it feeds."""
    lines = [str(name) for name in feeder.lines.name]
    transformers = [str(name) for name in feeder.transformers.name]
    told = head.lower()
    found = [
        pair
        for pair, members in pairs.items()
        for kind, row in members
        if told == (lines if kind == "line" else transformers)[row].lower()
    ]
    if not found:
        known = sorted([*lines, *transformers])
        fix = did_you_mean(told, known) or f"Known: {', '.join(known[:12])}."
        rule = "name a closed line or transformer of the feeder"
        raise InputError("feeder", [Fault("head", rule, (head,), fix=fix)])
    (pair,) = set(found[:1])
    ways = [other for other in pairs if other != pair]
    sources = {int(feeder.nodes.bus[node]) for node in feeder.source_nodes}
    fed = _reached(sources, ways)
    lost = [end for end in pair if end not in fed]
    if len(lost) != 1:
        rule = "be the only way from the source to what lies below it"
        fix = "Open the other way by feeder.commands, or name another line."
        if len(lost) == 2:
            rule, fix = "be fed by the source", "Name a line that is connected to it."
        raise InputError("feeder", [Fault("head", rule, (head,), fix=fix)])
    return lost[0], _reached({lost[0]}, ways)


def _reached(start: set[int], ways: Sequence[Pair]) -> set[int]:
    beside: dict[int, list[int]] = {}
    for one, other in ways:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    found, pending = set(start), list(start)
    while pending:
        fresh = [bus for bus in beside.get(pending.pop(), []) if bus not in found]
        found.update(fresh)
        pending += fresh
    return found


def _branch(
    feeder: Feeder, pair: Pair, members: Sequence[Member], head_v: float
) -> SectionBranch | None:
    """All lines and transformers between two buses as one impedance."""
    admittance_s = np.zeros(THREE, complex)
    rating_kva, names = 0.0, []
    for kind, row in members:
        each = (_line if kind == "line" else _transformer)(feeder, row)
        admittance_s += each
        there = int((each != 0).sum())
        of = feeder.lines if kind == "line" else feeder.transformers
        names.append(f"{kind} {of.name[row]}")
        if kind == "transformer":
            rating_kva += float(feeder.transformers.rating_kva[row])
        else:
            base_v = float(feeder.buses.base_v[feeder.lines.bus[row, 0]])
            rated_kva = there * base_v * float(feeder.lines.rating_a[row]) / 1e3
            rating_kva += np.inf if np.isnan(rated_kva) else rated_kva
    phases = admittance_s != 0
    ohms = complex(np.mean(1.0 / admittance_s[phases])) * head_v**2
    one, other = (str(feeder.buses.name[bus]) for bus in pair)
    return SectionBranch(
        " and ".join(names), one, other, max(ohms.real, 0.0), max(ohms.imag, 0.0), rating_kva
    )


def _line(feeder: Feeder, row: int) -> Complex[Array, " phase"]:
    """Admittance of a line by phase for balanced currents, over its nominal voltage squared."""
    currents = feeder.lines.currents
    (rows,) = np.nonzero(currents.element == row)
    near, far = (int(bus) for bus in feeder.lines.bus[row])
    phases = feeder.nodes.phase[currents.node[rows]]
    (columns,) = np.nonzero((feeder.nodes.bus == far) & np.isin(feeder.nodes.phase, phases))
    columns = columns[np.argsort(feeder.nodes.phase[columns])]
    rows, phases = rows[np.argsort(phases)], np.sort(phases)
    if len(columns) != len(rows):
        name = str(feeder.lines.name[row])
        rule = "have the same phases at both ends of each line"
        raise_if_any("feeder", [Fault("section", rule, ids=(name,))])
    ohms = np.linalg.inv(-currents.per_volt[rows][:, columns].toarray())
    live = phases <= THREE
    turned = _turned(phases[live])
    drop = ohms[np.ix_(live, live)] @ turned / turned
    found = np.zeros(THREE, complex)
    # Of the drops that balanced currents cause in the phases the mean counts.
    found[phases[live] - 1] = 1.0 / drop.mean()
    return found * float(feeder.buses.base_v[near]) ** 2


def _transformer(feeder: Feeder, row: int) -> Complex[Array, " phase"]:
    """Admittance of a transformer that is short-circuited at its other windings, as of `_line`."""
    transformers = feeder.transformers
    currents = Currents(
        transformers.currents.element,
        transformers.currents.node,
        feeder.transformer_currents(feeder.state),
    )
    mine = (currents.element == row) & (transformers.winding == 1) & (currents.node != GROUND)
    (rows,) = np.nonzero(mine)
    near = int(transformers.bus[row, 0])
    rows = rows[feeder.nodes.phase[currents.node[rows]] <= THREE]
    volts = np.zeros(len(feeder.nodes), complex)
    (here,) = np.nonzero((feeder.nodes.bus == near) & (feeder.nodes.phase <= THREE))
    volts[here] = _turned(feeder.nodes.phase[here])
    phases = feeder.nodes.phase[currents.node[rows]]
    found = np.zeros(THREE, complex)
    found[phases - 1] = (currents.per_volt[rows] @ volts) / _turned(phases)
    return found * float(feeder.buses.base_v[near]) ** 2


def _turned(phases: Int[Array, " conductor"]) -> Complex[Array, " conductor"]:
    """Balanced phasors of some phases."""
    return np.exp(-2j * np.pi * (np.asarray(phases) - 1) / THREE)


def _reduced(branches: Sequence[SectionBranch], kept: set[str]) -> list[SectionBranch]:
    """Without ends that feed nothing, and without buses that only pass current on."""
    left = list(branches)
    while True:
        at: dict[str, list[SectionBranch]] = {}
        for one in left:
            for end in (one.from_bus, one.to_bus):
                at.setdefault(end, []).append(one)
        spare = next((bus for bus, those in at.items() if bus not in kept and len(those) <= 2), "")
        if not spare:
            return left
        ending = at[spare]
        left = [one for one in left if one not in ending]
        if len(ending) == 2:
            left.append(_in_a_row(ending[0], ending[1], spare))


def _in_a_row(one: SectionBranch, other: SectionBranch, between: str) -> SectionBranch:
    ends = [end for each in (one, other) for end in (each.from_bus, each.to_bus) if end != between]
    return replace(
        one,
        name=f"{one.name}, {other.name}",
        from_bus=ends[0],
        to_bus=ends[1],
        resistance_ohm=one.resistance_ohm + other.resistance_ohm,
        reactance_ohm=one.reactance_ohm + other.reactance_ohm,
        rating_kva=min(one.rating_kva, other.rating_kva),
    )


def _loads(feeder: Feeder, below: set[int]) -> tuple[BusLoad, ...]:
    """What draws at each bus of the section."""
    branches = feeder.branches
    power, reactive = np.zeros((2, len(feeder.buses.name)))
    at = feeder.nodes.bus[branches.node[branches.is_load]]
    np.add.at(power, at, consumption_from_grid_power(branches.power_kw[branches.is_load]))
    np.add.at(reactive, at, consumption_from_grid_power(branches.reactive_kvar[branches.is_load]))
    return tuple(
        BusLoad(str(feeder.buses.name[bus]), float(power[bus]), float(reactive[bus]))
        for bus in sorted(below)
        if power[bus] > LEAST_KW
    )


def _notes(feeder: Feeder, below: set[int], loads: Sequence[BusLoad]) -> tuple[str, ...]:
    """What is simplified, and what of the files is not there."""
    branches = feeder.branches
    inside = np.isin(feeder.nodes.bus[branches.node], list(below))
    told = [
        "The section counts as balanced: a line has the impedance that balanced currents meet, "
        "averaged over its phases, without capacitance; loads of all phases of a bus are summed "
        "and become a constant impedance.",
    ]
    if partial := _on_some_phases(feeder, [load.bus for load in loads]):
        told.append(
            f"Loads at {len(partial)} of {len(loads)} buses are not alike in the three phases and "
            f"count as if they were: {_named(partial)}."
        )
    own = sorted({str(name) for name in branches.name[inside & ~branches.is_load]})
    if own:
        told.append(f"Not modelled, and off: generators and storage of the files, {_named(own)}.")
    banks = sorted(
        bank.name
        for bank in feeder.capacitors
        if any(int(feeder.nodes.bus[node]) in below for node in bank.nodes if node != GROUND)
    )
    if banks:
        told.append(f"Not modelled, and off: capacitor banks {_named(banks)}.")
    regulators = sorted(
        one.name
        for one in feeder.regulators
        if all(int(feeder.nodes.bus[node]) in below for node in one.nodes if node != GROUND)
    )
    if regulators:
        told.append(f"Taps stay at the nominal ratio: {_named(regulators)}.")
    return tuple(told)


def _on_some_phases(feeder: Feeder, buses: Sequence[str]) -> list[str]:
    """Buses whose loads are not the same in each of three phases."""
    branches, found = feeder.branches, []
    for bus in buses:
        here = branches.is_load & (feeder.nodes.bus[branches.node] == feeder.buses.row[bus])
        by_phase: Float[Array, " phase"] = np.zeros(THREE + 1)
        np.add.at(by_phase, feeder.nodes.phase[branches.node[here]] - 1, branches.power_kw[here])
        if np.ptp(by_phase[:THREE]) > 1e-6 * np.abs(by_phase).max():
            found.append(bus)
    return found


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
