"""What stores hold of awards, laid out node by node for the kernels; what can be held at all."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.interior_point.held.records import HeldLayout, Sets
from evergrid.engine.interior_point.store_state import CHUNK, ROOM_KWH, reachable
from evergrid.engine.program import Program
from evergrid.engine.terms.held_capacity import HeldCapacity, strictest

LEAST_ROOM_KWH = 2e-5  # where energy has less room than this, nothing is held that needs it
MOST_BYTES = 16e9  # of squares of steps and awards, beyond which the method is not begun
LITTLE_KW = 1e-9  # limits of an award that are no further apart fix it


def of(program: Program) -> HeldCapacity | None:
    """The term of a program that holds capacity; None where there is none."""
    for term in program.terms:
        if isinstance(term, HeldCapacity):
            return term
    return None


def missing(program: Program) -> str:
    """What a program with held capacity has that the method does not cover."""
    term = of(program)
    if term is None:
        return ""
    if len(program.terms) > 1:
        return f"{term.name} beside other terms"
    if (program.peak_price_per_kw > 0).any():
        return f"{term.name} beside prices on peaks"
    if np.isfinite(program.budget).any():
        return f"{term.name} beside budgets of energy"
    if (size := squares_bytes(program, term)) > MOST_BYTES:
        return f"{term.name} at sites and steps that take {size / 1e9:,.0f} GB of memory"
    if not _simple_holders(program, term):
        return f"{term.name} by stores that take part in anything else"
    return ""


def squares_bytes(program: Program, term: HeldCapacity) -> float:
    """Memory of all nodes, each of which holds two squares of its steps and awards."""
    return 16.0 * program.nodes * float((1 + term.awards) * program.steps) ** 2


def _simple_holders(program: Program, term: HeldCapacity) -> bool:
    """Whether holders do nothing else, each of one store and award, in nodes without any limit."""
    holder, store = term.holder, term.store
    alone = len(np.unique(holder)) == len(holder) and not np.isin(store, holder).any()
    alone &= len(np.unique(store * term.awards + term.award)) == len(store)
    alone &= bool((program.first[store] == program.first[holder]).all())
    alone &= bool((program.stop[store] == program.stop[holder]).all())
    most = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    room = program.energy_high_kwh - program.energy_start_kwh
    idle = (program.discharge_kw[holder] == 0) & (most[holder] <= room[holder])
    idle &= program.energy_end_kwh[holder] <= program.energy_start_kwh[holder]
    idle &= program.end_value_per_kwh[holder] == 0
    nodes = np.unique(program.node[holder])
    others = np.setdiff1d(np.arange(program.stores), holder)
    alone &= not np.isin(program.node[others], nodes).any()
    alone &= not np.isin(program.parent, nodes).any() and bool((program.parent[nodes] < 0).all())
    free = np.isinf(program.net_low_kw[nodes]).all() and np.isinf(program.net_high_kw[nodes]).all()
    unpriced = not program.surcharge_per_kwh[nodes].any()
    if program.curves is not None:
        at = np.isin(program.store, holder)
        unpriced &= not (program.curves[0][at].any() or program.curves[1][at].any())
    return bool(alone and free and unpriced and idle.all())


@dataclass(frozen=True)
class Hindrances:
    """Where limits leave no room to hold an award; each by award and slot, but for that of power.

    Attributes:
        power: Where the store neither draws nor feeds.
        energy: Where there is no energy to last at the begin.
        room: Where there is no room for any there.
        full: Where there is no room at the end.
    """

    power: Bool[Array, " slot"]
    energy: Bool[Array, "award slot"]
    room: Bool[Array, "award slot"]
    full: Bool[Array, "award slot"]

    @property
    def any(self) -> Bool[Array, "award slot"]:
        """Where there is one of them."""
        return self.power | self.energy | self.room | self.full


@dataclass(frozen=True)
class Layout:
    """A program with held capacity as the method sees it.

    Attributes:
        program: As it was given.
        term: What it holds.
        sets: Which awards each kind of row counts.
        kernels: Arrays for the kernels.
        store: Store of the program, of each that is laid out.
        source: Slot of the program, of each that is laid out.
        held: Slot of each award's holder; -1 where there is none.
        hindered: Where limits leave no room to hold an award.
        alive: Where anything of an award can be held: its block, too, is no smaller than nothing.
        block: Of each award and step, numbered over all awards; -1 where nothing can be held.
        least_kw: Of each block.
        most_kw: Of each block.
        possible: Whether blocks may be as large as they must be.
    """

    program: Program
    term: HeldCapacity
    sets: Sets
    kernels: HeldLayout
    store: Int[Array, " store"]
    source: Int[Array, " slot"]
    held: Int[Array, "award slot"]
    hindered: Hindrances
    alive: Bool[Array, "award slot"]
    block: Int[Array, "award step"]
    least_kw: Float[Array, " block"]
    most_kw: Float[Array, " block"]
    possible: bool

    @property
    def of_node(self) -> Int[Array, " slot"]:
        """Node of each slot."""
        return self.program.node[self.program.store[self.source]]

    @property
    def step(self) -> Int[Array, " slot"]:
        """Step of each slot."""
        return self.program.step[self.source]

    @property
    def whole_kw(self) -> Float[Array, " slot"]:
        """Power from full drawing to full feeding, which a full share of an award is."""
        p, source = self.program, self.source
        return p.charge_limit_kw[source] + p.discharge_limit_kw[source]


def made(program: Program) -> Layout:
    """The layout of a program; `missing` has nothing to say of it."""
    term = of(program)
    assert term is not None
    # A holder is no store of its own here: what it draws is a share in the slots of its store.
    # Stores come node by node, so that a chunk of one node's is a run of rows.
    is_holder = np.zeros(program.stores, bool)
    is_holder[term.holder] = True
    store = np.flatnonzero(~is_holder)
    store = store[np.argsort(program.node[store], kind="stable")]
    lengths = (program.stop - program.first)[store]
    begin = np.cumsum(lengths) - lengths
    row = np.repeat(np.arange(len(store)), lengths)
    inside = np.arange(lengths.sum()) - begin[row]
    source = program.begin[store][row] + inside
    holder = np.full((term.awards, program.stores), -1)
    holder[term.award, term.store] = term.holder
    of_slot = holder[:, store[row]]
    held = np.where(of_slot >= 0, program.begin[of_slot] + inside, -1)
    hindered = _hindrances(program, term, store[row], source, inside == 0)
    alive = (held >= 0) & ~hindered.any
    block, least, most, possible = _blocks(program, term, held >= 0, alive, program.step[source])
    alive &= (block >= 0)[:, program.step[source]]
    rows = np.stack([begin, begin + lengths, program.first[store]], axis=1)
    sets = _sets(term, capped=_capped(program, term, alive, held, source))
    kernels = HeldLayout(
        chunks=_chunks(program.node[store]),
        stores=rows,
        of_store=_store_columns(program, term, store),
        of_slot=_slot_columns(program, source, held, alive),
    )
    return Layout(
        program=program,
        term=term,
        sets=sets,
        kernels=kernels,
        store=store,
        source=source,
        held=held,
        hindered=hindered,
        alive=alive,
        block=block,
        least_kw=least,
        most_kw=most,
        possible=possible,
    )


def _chunks(node: Int[Array, " store"]) -> Int[Array, "chunk 3"]:
    """First store, stop and node of each chunk, of stores sorted by node."""
    starts = np.flatnonzero(np.diff(node, prepend=-1))
    counts = np.diff(np.append(starts, len(node)))
    pieces = -(-counts // CHUNK)
    piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = np.repeat(starts, pieces) + piece * CHUNK
    stop = np.minimum(first + CHUNK, np.repeat(starts + counts, pieces))
    return np.stack([first, stop, node[first]], axis=1)


def _hindrances(
    program: Program,
    term: HeldCapacity,
    of: Int[Array, " slot"],
    source: Int[Array, " slot"],
    first: Bool[Array, " slot"],
) -> Hindrances:
    low, high = program.energy_low_kwh[of], program.energy_high_kwh[of]
    start, floor = program.energy_start_kwh[of], program.energy_floor_kwh[source]
    narrow = high - low < LEAST_ROOM_KWH
    up, down = term.up & (term.up_h > 0), term.down & (term.down_h > 0)
    return Hindrances(
        power=program.charge_limit_kw[source] + program.discharge_limit_kw[source] <= 0,
        energy=up[:, None] & (narrow | (first & (start - low < LEAST_ROOM_KWH))),
        room=down[:, None] & (narrow | (first & (high - start < LEAST_ROOM_KWH))),
        full=(down & term.at_end)[:, None] & (high - floor < LEAST_ROOM_KWH),
    )


def _blocks(
    program: Program,
    term: HeldCapacity,
    paired: Bool[Array, "award slot"],
    alive: Bool[Array, "award slot"],
    step: Int[Array, " slot"],
) -> tuple[Int[Array, "award step"], Float[Array, " block"], Float[Array, " block"], bool]:
    """Blocks in which an award can be held at all, by number; their least and most; if possible."""
    block = np.full((term.awards, program.steps), -1)
    least, most, possible, count = [], [], True, 0
    for a in range(term.awards):
        there = np.bincount(step, alive[a], program.steps) > 0
        starts = np.arange(0, program.steps, int(term.block_steps[a]))
        asked = np.bincount(step, paired[a], program.steps) > 0  # where there is nobody, nobody is
        lowest = np.maximum.reduceat(np.where(asked, term.least_kw[a], 0.0), starts)
        highest = np.minimum.reduceat(term.most_kw[a], starts)
        can = np.logical_and.reduceat(there, starts) & (highest > LITTLE_KW)
        possible &= bool((can | (lowest <= 0)).all() and (lowest <= highest + LITTLE_KW).all())
        number = np.where(can, count + np.cumsum(can) - 1, -1)
        block[a] = number[np.arange(program.steps) // int(term.block_steps[a])]
        least.append(lowest[can])
        most.append(highest[can])
        count += int(can.sum())
    return block, np.concatenate(least), np.concatenate(most), possible


def _capped(
    program: Program,
    term: HeldCapacity,
    alive: Bool[Array, "award slot"],
    held: Int[Array, "award slot"],
    source: Int[Array, " slot"],
) -> bool:
    """Whether any holder limits more than its store's power does."""
    swing = program.charge_limit_kw[source] + program.discharge_limit_kw[source]
    implied = np.where((term.up & term.down)[:, None], 0.5 * swing, swing)
    limit = program.charge_limit_kw[held]
    return bool((alive & (limit < implied - LITTLE_KW)).any())


def _sets(term: HeldCapacity, *, capped: bool) -> Sets:
    """Which awards each kind of row counts."""
    up_h, down_h = term.up * term.up_h, term.down * term.down_h

    def table(awards: Array, hours: Array) -> Array:
        rows = strictest(term.calls & awards)
        return (rows * hours).reshape(-1, term.awards).astype(float)

    ends = term.at_end
    tables = {
        "up": table(term.up, np.ones(term.awards)),
        "down": table(term.down, np.ones(term.awards)),
        "begin_low": table(up_h > 0, up_h),
        "begin_high": table(down_h > 0, down_h),
        "end_low": table((up_h > 0) & ends, up_h),
        "end_high": table((down_h > 0) & ends, down_h),
    }
    awards = (0.0,) * term.awards
    counts = [(0.0,) * len(made) for made in tables.values()]
    return Sets._make([awards, awards if capped else (), *counts, *tables.values()])


def _store_columns(
    program: Program, term: HeldCapacity, store: Int[Array, " store"]
) -> Float[Array, "store column"]:
    drain = np.zeros((program.stores, term.awards))
    drain[term.store, term.award] = term.drain
    eta_c, eta_d = program.efficiency_charge[store], program.efficiency_discharge[store]
    columns = [
        program.step_h * eta_c,
        program.step_h / eta_d,
        eta_c,
        1.0 / eta_d,
        program.energy_low_kwh[store],
        program.energy_high_kwh[store],
        program.energy_start_kwh[store],
        program.end_value_per_kwh[store],
        *drain[store].T,
    ]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _slot_columns(
    program: Program,
    source: Int[Array, " slot"],
    held: Int[Array, "award slot"],
    alive: Bool[Array, "award slot"],
) -> Float[Array, "slot column"]:
    draw, feed = program.charge_limit_kw[source], program.discharge_limit_kw[source]
    floor = program.energy_floor_kwh.copy()
    floor[program.end] = reachable(program, floor[program.end])
    floor = np.minimum(floor[source], program.energy_high_kwh[program.store[source]] - ROOM_KWH)
    curves = (np.zeros(program.slots),) * 2 if program.curves is None else program.curves
    draw_curve, feed_curve = (2.0 * program.step_h * one[source] for one in curves)
    whole = np.where(draw + feed > 0, draw + feed, 1.0)
    price = program.step_h * program.draw_price_per_kwh[held] * whole
    # What cannot be held earns nothing, costs a little, and so comes to nothing by itself.
    typical = program.step_h * np.abs(program.draw_price_per_kwh[source]).mean() * whole + 1e-6
    columns = [
        draw,
        feed,
        program.step_h * program.draw_price_per_kwh[source] * draw,
        -program.step_h * program.feed_price_per_kwh[source] * feed,
        floor,
        draw_curve * draw**2,
        feed_curve * feed**2,
        *alive.astype(float),
        *np.where(alive, price, typical),
        *np.where(alive, program.charge_limit_kw[held] / whole, 1.0),
    ]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def without_holders(program: Program, term: HeldCapacity) -> Program:
    """The program as if nothing were held, for a first guess of prices; holders stay idle."""
    idle = program.charge_kw.copy()
    idle[term.holder] = 0.0
    return replace(program, charge_kw=idle, terms=())
