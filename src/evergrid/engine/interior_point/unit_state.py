"""The units' part of the iterate: laid out group by group, started, and moved by the kernels."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine.interior_point import unit_kernels
from evergrid.engine.interior_point.unit_kernels import (
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
from evergrid.engine.program import Program, of_own_units
from evergrid.engine.solution import Guess

CHUNK = 256  # units that one thread works through at a time
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
    draw_curve, feed_curve = program.curves or (0.0, 0.0)
    draw_price = np.abs(program.draw_price) + draw_curve * program.charge_limit
    feed_price = np.abs(program.feed_price) + feed_curve * program.discharge_limit
    drawn = (draw_price * program.charge_limit).mean()
    fed = (feed_price * program.discharge_limit).mean()
    worth = (program.draw_price / program.efficiency_charge[program.unit]).mean()
    return Start(max(0.5 * program.step_h * float(drawn + fed), LEAST_CENTRE), float(worth))


def reachable(program: Program, owed: Float[Array, " unit"]) -> Float[Array, " unit"]:
    """Energy owed, lowered a little where only full power all the time would serve it.

    So an interior exists. What is owed beyond that stays as it is: it cannot be served.
    """
    full = np.bincount(program.unit, program.charge_limit * program.gain, program.units)
    most = program.energy_start + full
    return np.where(owed <= most + REACH_KWH, np.minimum(owed, most - REACH_KWH), owed)


@dataclass(frozen=True)
class Answer:
    """What the solved iterate says about every slot of the program."""

    power_kw: Float[Array, " slot"]
    energy_value: Float[Array, " slot"]


class Units:
    """Units in arrays of slots, sorted by group so that a chunk of them belongs to one group.

    Args:
        program: Whose units.
        unseen: Slots whose powers do not count in any group; none by default.
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
        self.told = np.zeros((len(self.chunks), 9))
        self.reach = np.zeros((program.units, 2))
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
        order = np.argsort(p.group, kind="stable")
        lengths = (p.stop - p.first)[order]
        begin = np.cumsum(lengths) - lengths
        self.source = np.arange(p.slots) - np.repeat(begin - p.begin[order], lengths)
        self.rows = np.stack([begin, begin + lengths, p.first[order]], axis=1)
        self.ends = np.stack([p.energy_start[order], p.end_value[order]], axis=1)
        group = p.group[order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        counts = np.diff(np.append(starts, len(group)))
        pieces = -(-counts // CHUNK)
        piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        first = np.repeat(starts, pieces) + piece * CHUNK
        stop = np.minimum(first + CHUNK, np.repeat(starts + counts, pieces))
        self.chunks = np.stack([first, stop, group[first]], axis=1)
        self.slot_group = np.repeat(group, lengths)
        self.count = np.bincount(group, 5 * lengths, p.groups)
        self.whole = len(starts) == len(self.chunks)  # no group has more than one chunk

    def _fill(self) -> None:
        p, source = self.program, self.source
        draw, feed = p.charge_limit[source], p.discharge_limit[source]
        data = np.empty((8, p.slots))
        data[COST_X] = p.step_h * p.draw_price[source] * draw
        data[COST_Y] = -p.step_h * p.feed_price[source] * feed
        data[GAIN_X], data[GAIN_Y] = p.gain[source] * draw, -p.drain[source] * feed
        data[NET_X], data[NET_Y] = -draw, feed
        data[HIGH] = p.energy_high[p.unit[source]]
        floor = p.energy_floor.copy()
        floor[p.end] = reachable(p, floor[p.end])
        data[LOW] = np.minimum(floor[source], data[HIGH] - ROOM_KWH)
        self.data = data
        self.curve = None
        if p.curves is not None:
            squares = np.stack([draw, feed]) ** 2
            self.curve = 2.0 * p.step_h * np.stack(p.curves)[:, source] * squares

    def begin(self, at: Start) -> None:
        """A straight line of energy to what is owed, powers to match, multipliers to centre."""
        place = (self.chunks, self.rows, self.ends, self.data, self.point)
        unit_kernels.begin_straight(*place, at.centre, at.worth)

    def begin_from(self, guess: Guess, least: Float[Array, " group"]) -> None:
        """Begin near a guess, with products of about ``least`` in each group."""
        place = (self.chunks, self.rows, self.ends, self.data, self.curve, self.point, self.source)
        prices = (guess.dual.energy_value, guess.dual.power_price)
        unit_kernels.begin_near(*place, guess.power_kw, *prices, least)

    @property
    def chunk_group(self) -> Array:
        """Group of each chunk."""
        return self.chunks[:, 2]

    def net(self) -> Float[Array, "group step"]:
        """Net power of each group's own units at present."""
        fed = np.empty(self.program.slots)
        fed[self.source] = self.data[NET_X] * self.point[X] + self.data[NET_Y] * self.point[Y]
        return of_own_units(self.program, fed)

    # -- one iteration ----------------------------------------------------------------------

    def factor(
        self,
        damping: float,
        coupled: Bool[Array, " group"],
        answers: Float[Array, "home step step"],
        active: Bool[Array, " group"],
    ) -> None:
        """Factor every unit; the answers of each chunk go where its group looks for them."""
        place = (self.chunks, self.rows, self.data, self.curve, self.point, self.work)
        unit_kernels.factor(*place, damping, coupled, answers, active)

    def respond(
        self,
        price: Float[Array, "group step"],
        goal: Float[Array, " group"],
        active: Bool[Array, " group"],
        *,
        predict: bool,
    ) -> Float[Array, "group step"]:
        """Change of net power of each group's own units at its present price."""
        place = (self.chunks, self.rows, self.ends, self.data, self.curve, self.point, self.work)
        unit_kernels.right_hand_side(*place, price, goal, self.nets, active, predict)
        return self._by_group(self.nets)

    def direct(
        self,
        dprice: Float[Array, "group step"],
        goal: Float[Array, " group"],
        active: Bool[Array, " group"],
        *,
        predict: bool,
    ) -> None:
        """The step of every unit, and how far it reaches."""
        place = (self.chunks, self.rows, self.data, self.point, self.work)
        told = (self.told, self.reach)
        unit_kernels.direction(*place, dprice, goal, *told, active, predict)

    def move(
        self,
        goal: Float[Array, " group"],
        primal: Float[Array, " group"],
        dual: Float[Array, " group"],
        own: float,
        active: Bool[Array, " group"],
    ) -> None:
        """Take the step."""
        place = (self.chunks, self.rows, self.ends, self.data, self.curve, self.point, self.work)
        ahead = (self.reach, primal, dual, own)
        unit_kernels.move(*place, goal, *ahead, self.nets, self.lifts, self.told, active)

    def net_told(self) -> Float[Array, "group step"]:
        """Net power of each group's own units after the last move."""
        return self._by_group(self.nets)

    def lift_told(self) -> Float[Array, "group step"]:
        """By how much it rises when powers are cancelled to one direction."""
        return self._by_group(self.lifts)

    def _by_group(self, of_chunk: Float[Array, "chunk step"]) -> Float[Array, "group step"]:
        total = np.zeros((self.program.groups, self.program.steps))
        if self.whole:
            total[self.chunk_group] = of_chunk
        else:
            np.add.at(total, self.chunk_group, of_chunk)
        return total

    # -- reading ----------------------------------------------------------------------------

    def answer(self) -> Answer:
        """Powers, the smaller direction of each slot cancelled, and values, as in the program."""
        p, source = self.program, self.source
        change = self.data[GAIN_X] * self.point[X] + self.data[GAIN_Y] * self.point[Y]
        power, value = np.empty(p.slots), np.empty(p.slots)
        power[source] = np.where(change >= 0, -change / p.gain[source], -change / p.drain[source])
        value[source] = self.point[VALUE]
        # A tree that was lost may hold NaN, which must not spread into sums over all units.
        power, value = np.nan_to_num(power), np.nan_to_num(value)
        return Answer(np.clip(power, -p.charge_limit, p.discharge_limit), value)
