"""The linear program that mixes patterns of blocks within the limits of their sources, and a bound.

Limits are added as a mixture breaks them, patterns as prices ask for them. What prices prove is
computed here from the cheapest patterns, for any prices: it does not rest on the solver's word.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.highs.growing_program import GrowingProgram
from evergrid.engine.highs.sparse_program import solve
from evergrid.resilience.restoration.decomposition.limits import PatternLimits
from evergrid.resilience.restoration.decomposition.pricing import (
    KEPT,
    KINDS,
    MORE,
    NEVER,
    ONCE,
    PatternBlocks,
    PatternPrices,
    PatternScope,
    cheapest,
)
from evergrid.resilience.restoration.decomposition.rows import (
    APPARENT,
    CLOSING,
    FIRST,
    LOAD,
    PICKED,
    CarryingProgram,
    FleetRows,
    carrying,
    fleet_rows,
    layout_of,
    places_of_runs,
    source_columns,
)
from evergrid.resilience.restoration.dispatch import SupplyCut
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR

MOST_ROUNDS = 200  # of pricing in one part
MOST_NEW = 8  # limits that are added at once where batteries that feed are all the sources
MOST_NEW_OF_SOURCES = 64  # and where there are others, which limits tie to every step
CARRY_S = 2.0  # for a search which sets run
WHOLE = 1e-5  # by which a share may miss a whole number
PENALTY = 1e3  # of a row that is not kept, against the cost of a site that stays dark
NEAR = 1e-7  # share of a limit, or of a cost, that is rounding


class Part(NamedTuple):
    """A part of all restorations.

    Attributes:
        kinds: Which kinds of patterns each block may have.
        scope: How long, and in which steps.
        runs: 1 in steps in which a diesel set must run, -1 where it must not, else 0.
        bound: Least cost of any restoration in this part, as far as it is known.
    """

    kinds: Bool[Array, "block kind"]
    scope: PatternScope
    runs: Int[Array, "set step"]
    bound: float


class Mixture(NamedTuple):
    """Shares of patterns that cost least together.

    Attributes:
        kind: Share of each kind.
        steps: Mean length of the last interval in which a block is closed.
        spread: Mean by which that of single patterns differs from it.
        closed: Share of being closed.
        runs: Share of each diesel set that runs.
        near: A restoration near it, which may break limits.
    """

    kind: Float[Array, "block kind"]
    steps: Float[Array, " block"]
    spread: Float[Array, " block"]
    closed: Float[Array, "block step"]
    runs: Float[Array, "set step"]
    near: Bool[Array, "block step"]


class PatternMixer:
    """The program of one outage, which keeps what it has found.

    Attributes:
        limits: What it began with.
        alone: Whether batteries that only feed are all the sources.
    """

    def __init__(self, limits: PatternLimits) -> None:
        self.limits = limits
        self._count, self._steps = limits.worth.shape
        self._dark = float(limits.worth.sum()) * limits.step_h
        self._stay = -limits.worth * limits.step_h
        self._open = limits.interruption_h * limits.worth
        self._blocks = _alone(limits)
        self._layout = layout_of(limits)
        self._sources = source_columns(limits, self._layout)
        self.alone = not len(self._sources.upper)
        self._runs = places_of_runs(self._layout)
        self._fleet = fleet_rows(limits, self._layout)
        self._carrying: CarryingProgram | None = None
        self._dear = PENALTY * (self._dark + 1.0)  # of a row that is not kept
        self._rows: list[int] = []  # limits of the fleet in the program, in their order
        self._known: set[tuple[int, bytes]] = set()
        self._size, room = 0, 256
        self._block, self._kind = np.zeros(room, int), np.zeros(room, int)
        self._number = np.zeros(room, int)
        self._closed = np.zeros((room, self._steps), bool)
        self._feature = np.zeros((room, self._layout.width * self._steps))
        self._child = np.flatnonzero(limits.parent >= 0)
        self._above = limits.parent[self._child]
        self._program = GrowingProgram()
        self._begin()

    def _begin(self) -> None:
        """Rows that are there from the start, with what is paid where one cannot be kept."""
        none = np.zeros(0, int), np.zeros(0)
        made, count, below = self._program, self._count, len(self._child)
        for _ in range(count):  # each block has one pattern
            made.add_row(1.0, 1.0, *none)
        for _ in range(2 * below):  # a child is closed at most as long, and only beside its parent
            made.add_row(-np.inf, 0.0, *none)
        for row in range(count + 2 * below):
            sign = np.array([1.0 if row < count else -1.0])
            made.add_column(self._dear, np.array([row]), sign)
        self._at = count + 2 * below  # where the sources begin among the columns
        for dear in self._sources.dear:
            made.add_column(self._dear * dear, *none)
        self._first = self._at + len(self._sources.upper)
        self.add(np.zeros((count, self._steps), bool))

    def add(self, closed: Bool[Array, "block step"]) -> None:
        """The patterns of a restoration."""
        for block, pattern in enumerate(closed):
            self._add(block, pattern)

    def cost(self, closed: Bool[Array, "block step"]) -> float:
        """Of a restoration."""
        opened = np.zeros_like(closed)
        opened[:, 1:] = closed[:, :-1] & ~closed[:, 1:]
        return self._dark + float((self._stay * closed + self._open * opened).sum())

    def learn(self, cut: SupplyCut) -> None:
        """One more limit, of loads that the single sources cannot feed."""
        weight = np.zeros((self._layout.width, self._steps))
        weight[LOAD] = cut.load
        flat = weight.ravel()
        flat[self._layout.columns][self._runs] = cut.runs
        self._carrying = None
        self._fleet = FleetRows(
            np.vstack([self._fleet.weight, flat]), np.append(self._fleet.most, cut.most)
        )

    def runs(self, closed: Bool[Array, "block step"]) -> Bool[Array, "set step"] | None:
        """Which sets run, so that every limit and the order of blocks is kept; None for none."""
        total = np.sum([self._features(block, one) for block, one in enumerate(closed)], axis=0)
        if (closed[self._child] & ~closed[self._above]).any():
            return None
        if self.alone:
            live = closed.any(axis=0)
            kept = (self._over(total) <= NEAR).all() and (~live | self.limits.forming).all()
            return np.zeros(self._runs.shape, bool) if kept else None
        return self._carried(total)

    def _carried(self, total: Float[Array, " feature"]) -> Bool[Array, "set step"] | None:
        """Which sets run where blocks have so much in each step; None where none is found soon."""
        weight, most = self._fleet
        near = NEAR * np.maximum(np.abs(most), 1.0)
        room = most - weight @ total + near
        if (room[~weight[:, self._layout.columns].any(axis=1)] < 0.0).any():
            return None
        if self._carrying is None:
            self._carrying = carrying(self.limits, self._layout, self._fleet, self._sources)
        program, kept = self._carrying
        low, high = program.row_lower.copy(), program.row_upper.copy()
        high[: len(kept)] = room[kept]
        load = self.limits.step_h * total[: self._steps]
        low[len(kept) : len(kept) + self._steps] = load
        high[len(kept) : len(kept) + self._steps] = load
        found = solve(replace(program, row_lower=low, row_upper=high), time_limit_s=CARRY_S)
        return found.values[self._runs] > 0.5 if len(found.values) else None

    def relax(self, part: Part, enough: float) -> tuple[Part, Mixture | None]:
        """The best mixture in a part; none where its bound is at least enough.

        Kinds of patterns with which no restoration costs less than that leave the part.
        """
        self._enter(part)
        share, sources = np.zeros(self._size), np.zeros(len(self._sources.upper))
        for _ in range(MOST_ROUNDS):
            answer = self._program.solve()
            if answer is None:
                break
            values, prices = answer
            share, sources = values[self._first :], values[self._at : self._first]
            if self._grow(share, sources):
                continue
            bound, cost, patterns = self._priced(part, prices)
            part = part._replace(bound=max(part.bound, bound))
            if part.bound >= enough:
                return part, None
            # With a kind in the place of the cheapest one of its block, the bound grows by the
            # difference: where that is enough, no restoration with it costs less.
            dear = part.kinds & (bound + cost - cost.min(axis=1, keepdims=True) >= enough)
            if dear.any():
                part = tidy(part._replace(kinds=part.kinds & ~dear), self.limits.parent)
                if not part.kinds.any(axis=1).all():
                    return part._replace(bound=enough), None
                self._enter(part)
            least = prices[: self._count, None]
            worth = part.kinds & (cost < least - NEAR * np.maximum(np.abs(least), 1.0))
            new = [
                self._add(block, patterns[block, kind])
                for block, kind in np.argwhere(worth).tolist()
            ]
            if not any(new):
                break
        share = np.pad(share, (0, self._size - len(share)))
        return part, self._mixture(share, sources[self._runs])

    def _add(self, block: int, closed: Bool[Array, " step"]) -> bool:
        """A pattern of a block; whether it is a new one."""
        key = (int(block), closed.tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        if self._size == len(self._block):
            for name in ("_block", "_kind", "_number", "_closed", "_feature"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        at, kind, number = self._size, kind_of(closed), last_steps(closed)
        feature = self._features(block, closed)
        self._block[at], self._kind[at], self._number[at] = block, kind, number
        self._closed[at], self._feature[at] = closed, feature
        self._size += 1
        # What the pattern has in each row: its block's choice of one, order of children and parents
        # (by steps closed, and by being closed at all), and the limits of the fleet.
        sign = (self._child == block) * 1.0 - (self._above == block)
        entry = np.concatenate(
            [
                np.arange(self._count) == block,
                sign * closed.sum(),
                sign * (kind != NEVER),
                self._fleet.weight[self._rows] @ feature,
            ]
        )
        rows = np.flatnonzero(entry)
        opening = closed[:-1] & ~closed[1:]
        cost = float(self._stay[block] @ closed + self._open[block, 1:] @ opening)
        self._program.add_column(cost, rows, entry[rows])
        return True

    def _features(self, block: int, closed: Bool[Array, " step"]) -> Float[Array, " feature"]:
        """What a pattern has in each step of all that is limited."""
        limits = self.limits
        closing = closed.copy()
        closing[1:] &= ~closed[:-1]
        step = np.arange(self._steps)
        age = step - np.maximum.accumulate(np.where(closing, step, 0))
        power = closed * limits.power_kw[block]
        first = power * (1 + limits.cold_first[block, age])
        load = power * (1 + limits.cold_mean[block, age])
        found = np.zeros((self._layout.width, self._steps))
        found[LOAD], found[FIRST], found[APPARENT] = load, first, first * limits.scale[block]
        found[PICKED], found[CLOSING] = closing * first, closing
        if block in self._layout.roots:
            found[self._layout.root(block)] = closed
        return found.ravel()

    def _enter(self, part: Part) -> None:
        """Lets in the patterns of a part."""
        block, kind = self._block[: self._size], self._kind[: self._size]
        number, closed = self._number[: self._size], self._closed[: self._size]
        scope = part.scope
        inside = (scope.least[block] <= number) & (number <= scope.most[block])
        allowed = part.kinds[block, kind] & (inside | (kind == NEVER))
        for one in np.flatnonzero(scope.must.any(axis=1)):
            must = scope.must[one]
            breaks = (closed[:, must < 0].any(axis=1)) | (~closed[:, must > 0]).any(axis=1)
            allowed &= (block != one) | ~breaks
        none = np.zeros(len(allowed))
        self._program.limit_columns(self._first, none, np.where(allowed, np.inf, 0.0))
        if not self.alone:
            self._program.limit_columns(self._at, *self._bounds(part))

    def _bounds(self, part: Part) -> tuple[Float[Array, " column"], Float[Array, " column"]]:
        """What sources do at least and at most in a part."""
        lower, upper = np.zeros(len(self._sources.upper)), self._sources.upper.copy()
        lower[self._runs[part.runs > 0]] = 1.0
        upper[self._runs[part.runs < 0]] = 0.0
        return lower, upper

    def _over(self, total: Float[Array, " feature"]) -> Float[Array, " row"]:
        """By how much each limit of the fleet is broken, as a share of it."""
        weight, most = self._fleet
        return (weight @ total - most) / np.maximum(np.abs(most), 1.0)

    def _grow(self, share: Float[Array, " pattern"], sources: Float[Array, " column"]) -> bool:
        """Adds limits that a mixture breaks; whether there were any."""
        used, columns = np.flatnonzero(share > 0), self._layout.columns
        total = share[used] @ self._feature[used]
        total[columns] += sources
        over = self._over(total)
        over[self._rows] = 0.0
        worst = np.argsort(-over)[: MOST_NEW if self.alone else MOST_NEW_OF_SOURCES]
        worst = worst[over[worst] > NEAR].tolist()
        for row in worst:
            weight = self._fleet.weight[row]
            values = np.concatenate([weight[columns], self._feature[: self._size] @ weight])
            places = np.flatnonzero(values)
            self._program.add_row(
                -np.inf, float(self._fleet.most[row]), self._at + places, values[places]
            )
            self._rows.append(row)
        return bool(worst)

    def _priced(
        self, part: Part, prices: Float[Array, " row"]
    ) -> tuple[float, Float[Array, "block kind"], Bool[Array, "block kind step"]]:
        """What prices prove of a part; cost and pattern of each kind of each block at them."""
        # Lagrangian relaxation: with the limits priced, each block takes its own cheapest pattern
        # and each source its best end, whatever the others do. Their sum, less prices times limits,
        # is below the cost of any restoration in the part.
        limits, count, below = self.limits, self._count, len(self._child)
        longer, beside, fleet = np.split(np.maximum(-prices[count:], 0.0), [below, 2 * below])
        stay, other = self._stay.copy(), np.zeros(count)
        np.add.at(stay, self._child, longer[:, None])
        np.add.at(stay, self._above, -longer[:, None])
        np.add.at(other, self._child, beside)
        np.add.at(other, self._above, -beside)
        flat = fleet @ self._fleet.weight[self._rows]
        wide = flat.reshape(self._layout.width, self._steps)
        for root in self._layout.roots:
            stay[root] += wide[self._layout.root(root)]
        picked = limits.power_kw * (1 + limits.cold_first[:, 0])
        found = cheapest(
            self._blocks,
            PatternPrices(
                stay=stay,
                close=wide[CLOSING] + picked[:, None] * wide[PICKED],
                open=self._open,
                load=wide[LOAD],
                first=wide[FIRST] + limits.scale[:, None] * wide[APPARENT],
            ),
            part.scope,
        )
        cost = found.cost.copy()
        cost[:, KEPT:] += other[:, None]
        cost = np.where(part.kinds, cost, np.inf)
        bound = self._dark + cost.min(axis=1).sum() - fleet @ self._fleet.most[self._rows]
        least, most = self._bounds(part)
        dear = self._dear * self._sources.dear + flat[self._layout.columns]
        bound += np.where(dear > 0, dear * least, dear * most).sum()
        return float(bound), cost, found.closed

    def _mixture(self, share: Float[Array, " pattern"], runs: Float[Array, "set step"]) -> Mixture:
        """What shares of patterns come to."""
        used = np.flatnonzero(share > 0)
        share, block, kind = share[used], self._block[used], self._kind[used]
        kinds = np.zeros((self._count, KINDS))
        steps, spread = np.zeros(self._count), np.zeros(self._count)
        closed = np.zeros((self._count, self._steps))
        np.add.at(kinds, (block, kind), share)
        np.add.at(steps, block, share * self._number[used])
        np.add.at(spread, block, share * np.abs(self._number[used] - steps[block]))
        np.add.at(closed, block, share[:, None] * self._closed[used])
        near = np.zeros(closed.shape, bool)
        for one in np.unique(block):
            of = kinds[one].argmax()
            same = (block == one) & (kind == of)
            likely = self._closed[used[same][share[same].argmax()]]
            number = int(share[same] @ self._number[used[same]] / share[same].sum() + NEAR)
            near[one] = _shortened(likely, int(of), number)
        return Mixture(kinds, steps, spread, closed, runs, near)


def _shortened(closed: Bool[Array, " step"], kind: int, number: int) -> Bool[Array, " step"]:
    """A pattern of one interval for so many steps."""
    if kind not in (KEPT, ONCE):
        return closed
    begin = len(closed) - number if kind == KEPT else int(closed.argmax())
    step = np.arange(len(closed))
    return (step >= begin) & (step < begin + number)


def last_steps(closed: Bool[Array, " step"]) -> int:
    """Length of the last interval in which a block is closed; 0 where there is none."""
    if not closed.any():
        return 0
    end = len(closed) - int(closed[::-1].argmax())
    return end if closed[:end].all() else int(closed[:end][::-1].argmin())


def kind_of(closed: Bool[Array, " step"]) -> int:
    """Which kind a pattern is of."""
    begun = int(closed[0]) + int((closed[1:] & ~closed[:-1]).sum())
    if begun > 1:
        return MORE
    return NEVER if begun == 0 else KEPT if closed[-1] else ONCE


def tidy(part: Part, parent: Int[Array, " block"]) -> Part:
    """A part without kinds that no block can have beside those of its parent or children."""
    kinds = part.kinds.copy()
    children = np.flatnonzero(parent >= 0)
    for _ in range(len(parent)):
        for child, above in zip(children, parent[children], strict=True):
            if not kinds[above, KEPT:].any():
                kinds[child, KEPT:] = False
            if not kinds[child, NEVER]:
                kinds[above, NEVER] = False
    return part._replace(kinds=kinds)


def _alone(limits: PatternLimits) -> PatternBlocks:
    """Blocks, with what all sources could do for one of them if each did its most."""
    sets_kw = limits.diesel_kw @ limits.diesel_there
    others = sets_kw + limits.solar_kw
    kva = limits.first_kva + sets_kw / DIESEL_POWER_FACTOR + limits.solar_kw
    first = np.minimum(limits.first_kw + others, kva / limits.scale[:, None])
    live = limits.forming | limits.diesel_there.any(axis=0)
    return PatternBlocks(
        power_kw=limits.power_kw,
        cold_mean=limits.cold_mean,
        cold_first=limits.cold_first,
        load_kw=np.where(live, limits.feed_kw + others, -1.0),
        first_kw=np.where(live, first, -1.0),
        pickup_kw=limits.pickup_kw + limits.pickup_share * sets_kw,
        trips=limits.trips,
    )
