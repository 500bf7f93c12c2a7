"""What a charger with its vehicle can do: limits, steps and losses, as tables of whole steps.

Powers are counted in whole steps, and steps in whole watts, so that sums over a fleet are exact and
do not depend on the order of the chargers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evergrid.battery.converter import LossCurve
from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

DRAW, FEED = 0, 1  # directions, as columns
# Of what a charger can do and how far it is from its planned energy: the first two can only draw,
# the last two only feed. Chargers that are planned to draw, or feed, at full power are apart.
BUCKETS = 20
FULL_DRAW_ONLY, DRAW_ONLY, FULL_DRAW = range(3)
FULL_FEED, FEED_ONLY, FULL_FEED_ONLY = range(BUCKETS - 3, BUCKETS)
PHASES = 4  # of a charger that can be called
RUNNING, READY, OPEN, STUCK = range(PHASES)
STEER_PER_BUCKET = 0.002  # loss per energy that a bucket of distance from the plan outweighs
LIKE_LOSS = 5 * STEER_PER_BUCKET  # within which losses are alike, as energy outweighs them
READY_PENALTY = 0.004  # loss per energy that starting outweighs, so that those that run keep on
OPEN_PENALTY = 0.02  # the same of closing a contactor
LEAST_CURVATURE = 1e-6  # of a loss curve without k2, so that loadings are unique
LOADINGS = 16  # that chargers of one type have at most, from zero to full power
MOST_TYPES = 256  # of chargers in one fleet
MOST_STEPS = 4096  # of one charger in one direction


@dataclass(frozen=True)
class ChargerType:
    """A charger together with the vehicle that is plugged in.

    Attributes:
        max_charge_kw: Greatest power it draws, at the grid.
        max_discharge_kw: Greatest power it feeds; 0 where it cannot.
        charge: Loss while it draws, relative to `rating_kva`.
        discharge: Loss while it feeds.
        least_kw: Smallest power but zero: 6 A times voltage and phases by IEC 61851-1.
        step_kw: By which its power can be set: 1 A times voltage and phases.
        zero_held: Whether it stays connected at zero power, as in ISO 15118-20. Where not, zero
            power means that a contactor opens (a pause by IEC 61851-1).
        idle_kw: Drawn while it is connected at zero power.
        ramp_kw_per_s: By which its power changes at most.

    Raises:
        InputError: Every number that is out of range.
    """

    max_charge_kw: float
    max_discharge_kw: float
    charge: LossCurve
    discharge: LossCurve
    least_kw: float = 1.38
    step_kw: float = 0.23
    zero_held: bool = True
    idle_kw: float = 0.0
    ramp_kw_per_s: float = np.inf

    def __post_init__(self) -> None:
        faults = []
        whole = self.step_kw * 1000
        if not (self.step_kw >= 0.001 and abs(whole - round(whole)) < 1e-6):
            fix = "A step is 1 A times voltage and phases: 230 W on one phase."
            faults.append(Fault("step_kw", "be whole watts, 1 or more", (self.step_kw,), fix=fix))
        elif not np.ceil(self.least_kw / self.step_kw) * self.step_kw <= self.max_charge_kw + 1e-9:
            rule = "be at most max_charge_kw, in whole steps"
            faults.append(Fault("least_kw", rule, (self.least_kw,)))
        elif not self.max_charge_kw <= MOST_STEPS * self.step_kw:
            rule = f"be at most {MOST_STEPS} steps"
            faults.append(Fault("max_charge_kw", rule, (self.max_charge_kw,)))
        if not self.least_kw >= 0:
            faults.append(Fault("least_kw", "be at least 0", (self.least_kw,)))
        if not (self.max_discharge_kw == 0 or self.least_kw <= self.max_discharge_kw <= 1e6):
            rule = "be 0, or at least least_kw"
            faults.append(Fault("max_discharge_kw", rule, (self.max_discharge_kw,)))
        if not 0 <= self.idle_kw < self.charge.k0 * self.rating_kva + 1e-12:
            fix = "More than that is lost at no power."
            rule = "lie in [0, k0 x rating]"
            faults.append(Fault("idle_kw", rule, (self.idle_kw,), fix=fix))
        if not self.ramp_kw_per_s > 0:
            faults.append(Fault("ramp_kw_per_s", "be above 0", (self.ramp_kw_per_s,)))
        raise_if_any("charger type", faults)

    @property
    def rating_kva(self) -> float:
        """Power that the loss curves are relative to."""
        return max(self.max_charge_kw, self.max_discharge_kw)


LIMITS = np.dtype(
    [
        ("step_w", np.int64),  # watts of a step
        ("least", np.int64),  # steps of the smallest power but zero
        ("zero_held", np.bool_),  # whether it stays connected at zero power
        ("idle_kw", np.float64),  # drawn at zero power while connected
        ("ramp", np.float64),  # steps per second at most
        ("stride", np.int64),  # steps between two loadings, so that few are told another
        ("most_draw", np.int64),  # steps of full charging
        ("most_feed", np.int64),  # steps of full discharging
        ("into_kw", np.float64),  # into the cells, at full charging
        ("out_kw", np.float64),  # out of the cells, at full discharging; 0 where it cannot
        ("group", np.int64),  # number of the types alike
    ],
    align=True,
)
WAYS = np.dtype(
    [
        ("most", np.int64),  # steps of the greatest power
        ("k1", np.float64),  # linear loss
        ("curvature_per_w", np.float64),  # second derivative of the loss
        ("best_w", np.float64),  # loading at which least is lost per energy
        ("slope", np.float64),  # loss per energy there
    ]
)


class TypeTables(NamedTuple):
    """All types of a fleet as the kernels see them.

    Attributes:
        limits: `LIMITS` of each type.
        ways: `WAYS` of each type and direction.
        powers_kw: Power out of the cells, and lost, by steps from -most to most.
        order: Items of the fleet in the order in which a direction calls them; -1 beyond.
        groups: How many groups of types alike there are.
    """

    limits: Shaped[Array, " type"]
    ways: Shaped[Array, "type 2"]
    powers_kw: Float[Array, "type power 2"]
    order: Int[Array, "2 item"]
    groups: int


def tables(types: Sequence[ChargerType]) -> TypeTables:
    """The tables of some types.

    Raises:
        InputError: There are none, or too many.
    """
    if not 0 < len(types) <= MOST_TYPES:
        fix = "Round limits to whole steps, so that more vehicles are alike."
        rule = f"be 1 to {MOST_TYPES}"
        raise_if_any("fleet", [Fault("types", rule, (len(types),), fix=fix)])
    limits, ways = _limits(types), np.zeros((len(types), 2), WAYS)
    step_w, least = limits["step_w"], limits["least"]
    powers_kw = np.array([(one.max_charge_kw, one.max_discharge_kw) for one in types])
    most = np.floor(powers_kw * 1000 / step_w[:, None] + 1e-9).astype(np.int64)
    most[most < least[:, None]] = 0
    middle = int(most.max())
    power = np.array([_powers(one, one.step_kw, middle) for one in types])
    curves = [(one.charge, one.discharge) for one in types]
    rating_w = np.array([one.rating_kva * 1000 for one in types])[:, None]
    k0 = np.array([[curve.k0 for curve in pair] for pair in curves])
    k1 = np.array([[curve.k1 for curve in pair] for pair in curves])
    k2 = np.array([[max(curve.k2, LEAST_CURVATURE) for curve in pair] for pair in curves])
    # What running costs beside what is lost at zero power anyway.
    idle_w = (limits["zero_held"] * limits["idle_kw"] * 1000)[:, None]
    fixed_w = np.maximum(k0 * rating_w - idle_w, 0.0)
    best_w = np.sqrt(fixed_w * rating_w / k2)
    best_w = np.clip(best_w, (least * step_w)[:, None], np.maximum(most, 1) * step_w[:, None])
    slope = fixed_w / best_w + k1 + k2 * best_w / rating_w
    ways["most"], ways["k1"], ways["best_w"], ways["slope"] = most, k1, best_w, slope
    ways["curvature_per_w"] = 2 * k2 / rating_w
    order = np.full((2, len(types) * BUCKETS * PHASES), -1)
    for way in (DRAW, FEED):
        items = _order(slope[:, way], most[:, way] > 0, way)
        order[way, : len(items)] = items
    row = np.arange(len(types))
    limits["most_draw"], limits["most_feed"] = most[:, DRAW], most[:, FEED]
    limits["stride"] = np.maximum(most.max(axis=1) // LOADINGS, 1)
    limits["into_kw"] = -power[row, middle - most[:, DRAW], 0]
    limits["out_kw"] = power[row, middle + most[:, FEED], 0]
    limits["group"] = _groups(rating_w[:, 0], slope, most)
    return TypeTables(limits, ways, power, order, int(limits["group"].max()) + 1)


def _groups(
    rating_w: Float[Array, " type"], slope: Float[Array, "type 2"], most: Int[Array, "type 2"]
) -> list[int]:
    """Types that take turns: of one size, feeding or not, whose loss a few buckets outweigh.

    Among them energy decides who runs. Among others it would be the loss alone: the type that loses
    least would draw what is planned for all.
    """
    size = np.floor(np.log2(rating_w))
    losses = np.floor(np.where(most > 0, slope, 0.0) / LIKE_LOSS)
    found = dict[tuple[float, ...], int]()
    keys = np.column_stack([size, most[:, FEED] > 0, losses]).tolist()
    return [found.setdefault(tuple(key), len(found)) for key in keys]


def _limits(types: Sequence[ChargerType]) -> Shaped[Array, " type"]:
    limits = np.zeros(len(types), LIMITS)
    limits["step_w"] = [round(one.step_kw * 1000) for one in types]
    limits["least"] = [max(int(np.ceil(one.least_kw / one.step_kw - 1e-9)), 1) for one in types]
    limits["zero_held"] = [one.zero_held for one in types]
    limits["idle_kw"] = [one.idle_kw for one in types]
    limits["ramp"] = [one.ramp_kw_per_s / one.step_kw for one in types]
    return limits


def _powers(one: ChargerType, step_kw: float, most: int) -> Float[Array, "power 2"]:
    """Power out of the cells and loss at every number of steps; the middle one is zero power."""
    grid_kw = np.arange(-most, most + 1) * step_kw
    share = np.abs(grid_kw) / one.rating_kva
    loss_kw = np.where(grid_kw < 0, one.charge.of(share), one.discharge.of(share)) * one.rating_kva
    loss_kw[most] = 0.0
    return np.stack([grid_kw + loss_kw, loss_kw], axis=1)


def _order(slope: Float[Array, " type"], able: Bool[Array, " type"], way: int) -> list[int]:
    """Items in the order of a direction: first what cannot stop, then by loss and the plan.

    An item is the chargers of one type, bucket and phase. Among equals, more stored energy feeds
    first and less draws first.
    """
    buckets = range(FULL_DRAW, BUCKETS) if way == FEED else range(FEED_ONLY)
    ranked = []
    for kind in np.flatnonzero(able):
        for bucket in buckets:
            ahead = (bucket - BUCKETS / 2) * (1 if way == FEED else -1)
            value = slope[kind] - STEER_PER_BUCKET * ahead
            for phase, penalty in ((RUNNING, 0.0), (READY, READY_PENALTY), (OPEN, OPEN_PENALTY)):
                ranked.append((1, value + penalty, item(int(kind), bucket, phase)))
            ranked.append((0, value, item(int(kind), bucket, STUCK)))
    return [one for *_, one in sorted(ranked)]


def item(kind: int, bucket: int, phase: int) -> int:
    """Index of the chargers of one type, bucket and phase."""
    return (kind * BUCKETS + bucket) * PHASES + phase
