"""Every limit that blocks and sources keep to together, as rows over what they have in each step.

What patterns of blocks have comes first, by step; then what the sources do that are no battery that
only feeds: each of these is a column of its own. What batteries feed is no column: it is the load,
and what they draw, less what the others feed.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.highs.sparse_program import SparseProgram
from evergrid.resilience.restoration.decomposition.limits import PatternLimits
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR

LOAD, FIRST, APPARENT, PICKED, CLOSING = range(5)  # what a pattern has in each step
CHARGE, SOLAR, SPILL, SETS = range(5, 9)  # what batteries draw; of the sun; too much; of the sets
POWER, ON, OVER = range(3)  # of each set; what it burns above its fuel, all in the first step


class FeatureLayout(NamedTuple):
    """Where things stand, by step each.

    Attributes:
        steps: How many there are.
        sets: Diesel sets.
        roots: Blocks at the main bus, which have their own places after the sources; none where
            batteries that only feed are all the sources.
        sources: Places of sources among the features.
    """

    steps: int
    sets: int
    roots: tuple[int, ...]
    sources: range

    @property
    def width(self) -> int:
        """Of features, each with a value for every step."""
        return self.sources.stop + len(self.roots)

    @property
    def columns(self) -> slice:
        """Sources among the values of all features and steps."""
        return slice(self.sources.start * self.steps, self.sources.stop * self.steps)

    def of_set(self, number: int, what: int) -> int:
        """Place of what a set does."""
        return SETS + 3 * number + what

    def root(self, block: int) -> int:
        """Place of whether a block at the main bus is closed."""
        return self.sources.stop + self.roots.index(block)


class SourceColumns(NamedTuple):
    """What sources can do, step by step, in the order of their features.

    Attributes:
        upper: Most of each.
        dear: Whether it is what no source may do.
    """

    upper: Float[Array, " column"]
    dear: Bool[Array, " column"]


class FleetRows(NamedTuple):
    """Limits: so much of what all have, and at most so much of it."""

    weight: Float[Array, "row feature"]
    most: Float[Array, " row"]


def layout_of(limits: PatternLimits) -> FeatureLayout:
    """The places of all features."""
    steps, sets = len(limits.feed_kw), len(limits.diesel_kw)
    if not (limits.solar_kw.any() or limits.diesel_there.any()):
        return FeatureLayout(steps, 0, (), range(CHARGE, CHARGE))
    roots = tuple(np.flatnonzero(limits.parent < 0).tolist())
    return FeatureLayout(steps, sets, roots, range(CHARGE, SETS + 3 * sets))


def source_columns(limits: PatternLimits, layout: FeatureLayout) -> SourceColumns:
    """Bounds of what sources do."""
    shape = (len(layout.sources), layout.steps)
    upper, dear = np.zeros(shape), np.zeros(shape, bool)
    if not len(layout.sources):
        return SourceColumns(upper.ravel(), dear.ravel())
    rating, there = limits.diesel_kw[:, None], limits.diesel_there
    first = layout.sources.start
    upper[CHARGE - first], upper[SOLAR - first] = limits.charge_kw, limits.solar_kw
    upper[SPILL - first] = (rating * there).sum(axis=0)
    dear[SPILL - first] = True
    of = SETS - first + 3 * np.arange(layout.sets)
    upper[of + POWER], upper[of + ON] = rating * there, there
    upper[of + OVER, 0] = limits.step_h * (rating * there).sum(axis=1)
    dear[of + OVER] = True
    return SourceColumns(upper.ravel(), dear.ravel())


def fleet_rows(limits: PatternLimits, layout: FeatureLayout) -> FleetRows:
    """Every limit."""
    each = np.eye(layout.steps)
    since = np.tril(np.ones((layout.steps, layout.steps))) * limits.step_h
    closings = np.full(layout.steps, float(limits.closings))
    ons = {
        layout.of_set(g, ON): -limits.diesel_kw[g] * each for g in range(layout.sets)
    }  # by which a running set raises a limit of power
    kva = {place: value / DIESEL_POWER_FACTOR for place, value in ons.items()}
    picked = {place: limits.pickup_share[:, None] * value for place, value in ons.items()}
    sun = {SOLAR: -each} if len(layout.sources) else {}
    rows: list[tuple[Mapping[int, Array], Array]] = [
        (_of_batteries(layout, since, charge=1.0 - limits.charge_gain), limits.fed_kwh),
        (_of_batteries(layout, each), limits.feed_kw),
        ({FIRST: each} | sun | ons, limits.first_kw),
        ({APPARENT: each} | sun | kva, limits.first_kva),
        ({PICKED: each} | picked, limits.pickup_kw),
        ({CLOSING: each}, closings),
    ]
    if len(layout.sources):
        others = _rows_of_sources(limits, layout, each, since)
        rows = [rows[0], *others, *rows[1:], *_rows_of_sets(limits, layout, each)]
    weight = np.zeros((sum(len(most) for _, most in rows), layout.width, layout.steps))
    begin = 0
    for parts, most in rows:
        for place, matrix in parts.items():
            weight[begin : begin + len(most), place] = matrix
        begin += len(most)
    flat = weight.reshape(len(weight), layout.width * layout.steps)
    return FleetRows(flat, np.concatenate([most for _, most in rows]))


def _of_batteries(layout: FeatureLayout, matrix: Array, *, charge: float = 1.0) -> dict[int, Array]:
    """What all batteries feed; with a factor for what they draw at the same time."""
    if not len(layout.sources):
        return {LOAD: matrix}
    sets = {layout.of_set(g, POWER): -matrix for g in range(layout.sets)}
    return {LOAD: matrix, CHARGE: charge * matrix, SOLAR: -matrix, SPILL: matrix} | sets


def _rows_of_sources(
    limits: PatternLimits, layout: FeatureLayout, each: Array, since: Array
) -> list[tuple[Mapping[int, Array], Array]]:
    """Batteries do not feed less than nothing, charge from others only, up to their capacity."""
    none = np.zeros(layout.steps)
    feed = _of_batteries(layout, each)
    fed = _of_batteries(layout, since)
    room = {place: -limits.empties * value for place, value in fed.items()}
    room[CHARGE] = (limits.fills - limits.empties) * since
    others = {layout.of_set(g, POWER): -each for g in range(layout.sets)}
    closed = {layout.root(block): -np.diag(limits.solar_kw) for block in layout.roots}
    return [
        (room, limits.room_kwh),
        ({place: -value for place, value in feed.items()}, none),
        ({CHARGE: each, SOLAR: -each} | others, none),
        ({SOLAR: each} | closed, none),
    ]


def _rows_of_sets(
    limits: PatternLimits, layout: FeatureLayout, each: Array
) -> list[tuple[Mapping[int, Array], Array]]:
    """Least and most load of sets that run, their fuel, reserve, and steps that they must form."""
    none = np.zeros(layout.steps)
    ons = [layout.of_set(g, ON) for g in range(layout.sets)]
    rows: list[tuple[Mapping[int, Array], Array]] = []
    # A set that runs gives between its least load and its rating, and burns its idle share of the
    # rating beside the rest of its power. Without it the others must still carry the first power.
    for g, on in enumerate(ons):
        power, rating = layout.of_set(g, POWER), limits.diesel_kw[g]
        idle = limits.idle_share[g]
        burnt = np.full((1, layout.steps), limits.step_h)
        fuel = {power: (1 - idle) * burnt, on: idle * rating * burnt}
        rows += [
            ({power: each, on: -rating * each}, none),
            ({power: -each, on: limits.least_share[g] * rating * each}, none),
            (fuel | {layout.of_set(g, OVER): -np.ones((1, layout.steps))}, limits.fuel_kwh[[g]]),
        ]
        if limits.reserve_for_largest:
            without = {
                other: -limits.diesel_kw[place] * each
                for place, other in enumerate(ons)
                if other != on
            }
            rows.append(({FIRST: each, SOLAR: -each} | without, limits.battery_kw))
    headless = np.flatnonzero(~limits.forming & limits.diesel_there.any(axis=0))
    if len(headless):
        some = each[headless]
        for block in layout.roots:
            running = dict.fromkeys(ons, -some)
            rows.append(({layout.root(block): some} | running, np.zeros(len(headless))))
    return rows


class CarryingProgram(NamedTuple):
    """Whether sources can carry blocks, as a program with few entries.

    What batteries have fed and drawn to the end of a step are columns of their own, so that limits
    of energy, which are rows over all steps before, need two entries each.

    Attributes:
        program: For no load.
        kept: Rows of the limits that are rows here as they are; they come first.
    """

    program: SparseProgram
    kept: Int[Array, " row"]


def carrying(
    limits: PatternLimits, layout: FeatureLayout, rows: FleetRows, columns: SourceColumns
) -> CarryingProgram:
    """The program of all limits that sources have a part in."""
    steps, count = layout.steps, len(columns.upper)
    by_source = rows.weight[:, layout.columns]
    sums = 2 * steps  # the first rows: energy fed, and room
    kept = sums + np.flatnonzero(by_source[sums:].any(axis=1))
    each, none = sparse.eye_array(steps), sparse.csc_array((steps, steps))
    shape = (len(layout.sources), steps, steps)
    fed, drawn = np.zeros(shape), np.zeros(shape)
    first, since = layout.sources.start, limits.step_h * np.eye(steps)
    for place, matrix in _of_batteries(layout, since).items():
        if place != LOAD:
            fed[place - first] = -matrix
    drawn[CHARGE - first] = -since
    grows = each - sparse.eye_array(steps, k=-1)
    beside = sparse.csc_array((len(kept), steps))
    entries = sparse.block_array(
        [
            [sparse.csc_array(by_source[kept]), beside, beside],
            [sparse.csc_array(np.hstack(list(fed))), grows, none],
            [sparse.csc_array(np.hstack(list(drawn))), none, grows],
            [None, each, -limits.charge_gain * each],
            [None, -limits.empties * each, limits.fills * each],
        ]
    )
    zero, far = np.zeros(steps), np.full(steps, -np.inf)
    places = places_of_runs(layout).ravel()
    whole = np.zeros(count + 2 * steps, bool)
    whole[places] = True
    upper = np.where(columns.dear, 0.0, columns.upper)
    program = SparseProgram(
        cost=np.zeros(count + 2 * steps),
        lower=np.zeros(count + 2 * steps),
        upper=np.concatenate([upper, np.full(2 * steps, np.inf)]),
        row_lower=np.concatenate([np.full(len(kept), -np.inf), zero, zero, far, far]),
        row_upper=np.concatenate([rows.most[kept], zero, zero, limits.fed_kwh, limits.room_kwh]),
        matrix=sparse.csc_array(entries),
        whole=whole,
    )
    return CarryingProgram(program, kept)


def places_of_runs(layout: FeatureLayout) -> Int[Array, "set step"]:
    """Where whether each set runs stands among the sources."""
    steps = np.arange(layout.steps)
    places = [layout.of_set(g, ON) - layout.sources.start for g in range(layout.sets)]
    return np.array([place * layout.steps + steps for place in places], int).reshape(-1, len(steps))
