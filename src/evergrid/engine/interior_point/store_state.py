"""The stores' part of the iterate: laid out node by node, started, and moved by the kernels."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine.interior_point import store_kernels
from evergrid.engine.interior_point.kernel_records import (
    ChunkSums,
    Request,
    Steps,
    StoreLayout,
    StorePoint,
)
from evergrid.engine.interior_point.store_kernels import (
    COST_X,
    COST_Y,
    GAIN_X,
    GAIN_Y,
    HIGH,
    LOW,
    NET_X,
    NET_Y,
    VALUE,
    X,
    Y,
)
from evergrid.engine.program import Program, of_own_stores
from evergrid.engine.solution import Guess

CHUNK = 256  # stores that one thread works through at a time
ROOM_KWH = 2e-7  # a band of energy is never narrower than this, so that an interior exists
REACH_KWH = 5e-7  # what is owed lies below what full power all the time would give by this
LEAST_CENTRE = 1e-6  # of the products to begin with, for programs without prices


@dataclass(frozen=True)
class Start:
    """Where to begin; the same for all zones of a program.

    Attributes:
        centre: The product of every slack and its multiplier: what a slot's full power is worth.
        worth: Of a stored kWh.
    """

    centre: float
    worth: float


def start(program: Program) -> Start:
    """Where to begin, from the prices of a whole program."""
    if not program.slots:
        return Start(LEAST_CENTRE, 0.0)
    draw_curve_per_kwh_kw, feed_curve_per_kwh_kw = program.curves or (0.0, 0.0)
    draw_price_per_kwh = (
        np.abs(program.draw_price_per_kwh) + draw_curve_per_kwh_kw * program.charge_limit_kw
    )
    feed_price_per_kwh = (
        np.abs(program.feed_price_per_kwh) + feed_curve_per_kwh_kw * program.discharge_limit_kw
    )
    drawn = (draw_price_per_kwh * program.charge_limit_kw).mean()
    fed = (feed_price_per_kwh * program.discharge_limit_kw).mean()
    worth = (program.draw_price_per_kwh / program.efficiency_charge[program.store]).mean()
    return Start(max(0.5 * program.step_h * float(drawn + fed), LEAST_CENTRE), float(worth))


def reachable(program: Program, owed: Float[Array, " store"]) -> Float[Array, " store"]:
    """Energy owed, lowered a little where only full power all the time would serve it.

    So an interior exists. What is owed beyond that stays as it is: it cannot be served.
    """
    full = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    most = program.energy_start_kwh + full
    return np.where(owed <= most + REACH_KWH, np.minimum(owed, most - REACH_KWH), owed)


@dataclass(frozen=True)
class Answer:
    """What the solved iterate says about every slot of the program."""

    power_kw: Float[Array, " slot"]
    energy_value: Float[Array, " slot"]


class Stores:
    """Stores in arrays of slots, sorted by node so that a chunk of them belongs to one node.

    Args:
        program: Whose stores.
        unseen: Slots whose powers do not count in any node; none by default.
    """

    def __init__(self, program: Program, unseen: Bool[Array, " slot"] | None = None) -> None:
        self.program = program
        self._order()
        self._fill()
        if unseen is not None:
            self.data[NET_X : NET_Y + 1, unseen[self.source]] = 0.0
        self.point = np.empty((12, program.slots))
        self.rest()
        self.ready()
        self.report = np.zeros((len(self.chunks), 9))
        self.reach = np.zeros((program.stores, 2))
        self.nets = np.zeros((len(self.chunks), program.steps))
        self.lifts = np.zeros((len(self.chunks), program.steps))

    def ready(self) -> None:
        """Make room to work in, where there is none."""
        if not self.work.size:
            self.work = np.zeros((20, self.program.slots))

    def rest(self) -> None:
        """Give the room back."""
        self.work = np.zeros((20, 0))

    def _order(self) -> None:
        p = self.program
        order = np.argsort(p.node, kind="stable")
        lengths = (p.stop - p.first)[order]
        begin = np.cumsum(lengths) - lengths
        self.source = np.arange(p.slots) - np.repeat(begin - p.begin[order], lengths)
        self.rows = np.stack([begin, begin + lengths, p.first[order]], axis=1)
        self.ends = np.stack([p.energy_start_kwh[order], p.end_value_per_kwh[order]], axis=1)
        node = p.node[order]
        starts = np.flatnonzero(np.diff(node, prepend=-1))
        counts = np.diff(np.append(starts, len(node)))
        pieces = -(-counts // CHUNK)
        piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        first = np.repeat(starts, pieces) + piece * CHUNK
        stop = np.minimum(first + CHUNK, np.repeat(starts + counts, pieces))
        self.chunks = np.stack([first, stop, node[first]], axis=1)
        self.slot_node = np.repeat(node, lengths)
        self.count = np.bincount(node, 5 * lengths, p.nodes)
        self.whole = len(starts) == len(self.chunks)  # no node has more than one chunk

    def _fill(self) -> None:
        p, source = self.program, self.source
        draw, feed = p.charge_limit_kw[source], p.discharge_limit_kw[source]
        data = np.empty((8, p.slots))
        data[COST_X] = p.step_h * p.draw_price_per_kwh[source] * draw
        data[COST_Y] = -p.step_h * p.feed_price_per_kwh[source] * feed
        data[GAIN_X], data[GAIN_Y] = p.gain[source] * draw, -p.drain[source] * feed
        data[NET_X], data[NET_Y] = -draw, feed
        data[HIGH] = p.energy_high_kwh[p.store[source]]
        floor = p.energy_floor_kwh.copy()
        floor[p.end] = reachable(p, floor[p.end])
        data[LOW] = np.minimum(floor[source], data[HIGH] - ROOM_KWH)
        self.data = data
        self.curve = None
        if p.curves is not None:
            squares = np.stack([draw, feed]) ** 2
            self.curve = 2.0 * p.step_h * np.stack(p.curves)[:, source] * squares

    def begin(self, at: Start) -> None:
        """A straight line of energy to what is owed, powers to match, multipliers to centre."""
        store_kernels.begin_straight(self._layout, self.point, at.centre, at.worth)

    def begin_from(self, guess: Guess, least: Float[Array, " node"]) -> None:
        """Begin near a guess, with products of about ``least`` in each node."""
        prices = (guess.dual.energy_value, guess.dual.power_price)
        place = (self._layout, self.curve, self.point, self.source)
        store_kernels.begin_warm(*place, guess.power_kw, *prices, least)

    @property
    def _layout(self) -> StoreLayout:
        return StoreLayout(self.chunks, self.rows, self.ends, self.data)

    @property
    def _state(self) -> StorePoint:
        return StorePoint(self.point, self.work)

    @property
    def chunk_node(self) -> Array:
        """Node of each chunk."""
        return self.chunks[:, 2]

    def net(self) -> Float[Array, "node step"]:
        """Net power of each node's own stores at present."""
        fed = np.empty(self.program.slots)
        fed[self.source] = self.data[NET_X] * self.point[X] + self.data[NET_Y] * self.point[Y]
        return of_own_stores(self.program, fed)

    # -- one iteration ----------------------------------------------------------------------

    def factor(
        self,
        damping: float,
        coupled: Bool[Array, " node"],
        answers: Float[Array, "home step step"],
        active: Bool[Array, " node"],
    ) -> None:
        """Factor every store; the answers of each chunk go where its node looks for them."""
        place = (self._layout, self.curve, self._state)
        store_kernels.factor(*place, damping, coupled, answers, active)

    def respond(
        self,
        price: Float[Array, "node step"],
        goal: Float[Array, " node"],
        active: Bool[Array, " node"],
        *,
        predict: bool,
    ) -> Float[Array, "node step"]:
        """Change of net power of each node's own stores at its present price."""
        place, asked = (self._layout, self.curve, self._state), Request(goal, active)
        store_kernels.right_hand_side(*place, price, asked, self.nets, predict)
        return self._by_node(self.nets)

    def direct(
        self,
        dprice: Float[Array, "node step"],
        goal: Float[Array, " node"],
        active: Bool[Array, " node"],
        *,
        predict: bool,
    ) -> None:
        """The step of every store, and how far it reaches."""
        made = (dprice, Request(goal, active), self.report, self.reach)
        store_kernels.direction(self._layout, self._state, *made, predict)

    def move(
        self,
        goal: Float[Array, " node"],
        primal: Float[Array, " node"],
        dual: Float[Array, " node"],
        own: float,
        active: Bool[Array, " node"],
    ) -> None:
        """Take the step."""
        place, asked = (self._layout, self.curve, self._state), Request(goal, active)
        steps = Steps(self.reach, primal, dual, own)
        store_kernels.move(*place, asked, steps, ChunkSums(self.nets, self.lifts, self.report))

    def net_reported(self) -> Float[Array, "node step"]:
        """Net power of each node's own stores after the last move."""
        return self._by_node(self.nets)

    def lift_reported(self) -> Float[Array, "node step"]:
        """By how much it rises when powers are cancelled to one direction."""
        return self._by_node(self.lifts)

    def _by_node(self, of_chunk: Float[Array, "chunk step"]) -> Float[Array, "node step"]:
        total = np.zeros((self.program.nodes, self.program.steps))
        if self.whole:
            total[self.chunk_node] = of_chunk
        else:
            np.add.at(total, self.chunk_node, of_chunk)
        return total

    # -- reading ----------------------------------------------------------------------------

    def answer(self) -> Answer:
        """Powers, the smaller direction of each slot cancelled, and values, as in the program."""
        p, source = self.program, self.source
        change = self.data[GAIN_X] * self.point[X] + self.data[GAIN_Y] * self.point[Y]
        power, value = np.empty(p.slots), np.empty(p.slots)
        power[source] = np.where(change >= 0, -change / p.gain[source], -change / p.drain[source])
        value[source] = self.point[VALUE]
        # A tree that was lost may hold NaN, which must not spread into sums over all stores.
        power, value = np.nan_to_num(power), np.nan_to_num(value)
        return Answer(np.clip(power, -p.charge_limit_kw, p.discharge_limit_kw), value)
