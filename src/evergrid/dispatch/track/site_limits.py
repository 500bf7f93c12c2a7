"""Orders within the limits of sites: what a tick told is cut where a connection is too small.

Chargers are chosen without a look at where they are. Where a site would then draw or feed too much,
some of its chargers are told less, and the others are asked again for what is missing.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.dispatch.track import firm, orders
from evergrid.dispatch.track.car_kernels import set_steps
from evergrid.dispatch.track.firm import Available
from evergrid.dispatch.track.fleet_state import BLOCK, DAY_S, PLUGGED, FleetState
from evergrid.dispatch.track.tick import advance

MOST_ROUNDS = 4  # of asking others for what was cut
LITTLE_W = 1.0  # beyond a limit, which is rounding
LITTLE_S = 1e-6  # of a time, which is rounding


@dataclass(frozen=True)
class SiteChargers:
    """Which chargers are below which site.

    Attributes:
        site: Of each charger itself; -1 for one without a site.
        parent: Site above each site; -1 for a root.
    """

    site: Int[Array, " charger"]
    parent: Int[Array, " site"]

    @cached_property
    def below(self) -> tuple[Int[Array, " row"], ...]:
        """Chargers at each site and at all sites below it."""
        rows: list[list[int]] = [[] for _ in self.parent]
        for row, site in enumerate(self.site.tolist()):
            if site >= 0:
                for above in tree.path(site, self.parent):
                    rows[above].append(row)
        return tuple(np.array(one, np.int64) for one in rows)

    @cached_property
    def children_first(self) -> Int[Array, " site"]:
        """Sites, each before its parent."""
        return np.argsort(-tree.depth(self.parent), kind="stable")

    def sums(self, of_charger: Float[Array, " charger"]) -> Float[Array, " site"]:
        """Sum over the chargers at and below each site."""
        at = self.site >= 0
        own = np.bincount(self.site[at], of_charger[at], len(self.parent))
        return tree.add_up(own[:, None], self.parent)[:, 0]


@dataclass(frozen=True)
class Bounds:
    """Power that each site may have now, into the grid.

    Attributes:
        least_kw: At least: what it draws at most, negative; -inf for no limit.
        most_kw: At most: what it feeds at most.
    """

    least_kw: Float[Array, " site"]
    most_kw: Float[Array, " site"]


@dataclass(frozen=True)
class LimitsByStep:
    """Chargers at sites whose limits change from step to step, from second 0 on.

    Attributes:
        chargers: Who is where.
        step_s: Length of a step.
        least_kw: Power of all chargers below each site, into the grid, at least; -inf for no limit.
        most_kw: At most.

    Raises:
        InputError: A step without length.
    """

    chargers: SiteChargers
    step_s: float
    least_kw: Float[Array, "site step"]
    most_kw: Float[Array, "site step"]

    def __post_init__(self) -> None:
        if not 0 < self.step_s <= DAY_S:
            rule = "be above 0 and at most a day"
            raise_if_any("limits_by_step", [Fault("step_s", rule, (self.step_s,))])

    @property
    def limited(self) -> bool:
        """Whether any site has a limit in any step."""
        return bool(np.isfinite(self.least_kw).any() or np.isfinite(self.most_kw).any())

    def bounds(self, now_s: float, hours: float = 0.0) -> Bounds:
        """What holds through so many hours from now on: the strictest limit of their steps."""
        last = self.least_kw.shape[1] - 1
        first = min(int((now_s + LITTLE_S) // self.step_s), last)
        stop = math.ceil((now_s + hours * S_PER_H - LITTLE_S) / self.step_s)
        steps = slice(first, max(stop, first + 1))
        return Bounds(self.least_kw[:, steps].max(axis=1), self.most_kw[:, steps].min(axis=1))


def follow(
    state: FleetState, target_kw: float, dt_s: float, chargers: SiteChargers, bounds: Bounds
) -> Float[Array, " site"]:
    """`tick.advance`, within the limits of sites.

    Args:
        state: Changed in place.
        target_kw: Power above the plan.
        dt_s: Since the last tick.
        chargers: Who is where.
        bounds: Of the sites.

    Returns:
        What each site is still beyond its limits, kW: what must be charged for drivers comes after
        a limit, so that this is above 0 only where a charger cannot be told less.
    """
    advance(state, target_kw, dt_s)
    beyond_w = _cut(state, chargers, bounds)
    asked_kw = target_kw
    for _ in range(MOST_ROUNDS):
        missing_kw = target_kw - (state.fleet_power_kw - state.base_kw)
        if abs(missing_kw) < _step_kw(state) or not _some_cut(chargers, bounds):
            break
        asked_kw += missing_kw
        reached, takes, loads = orders.choose(state, asked_kw * 1000.0)
        orders.follow_blocks(state, 0, len(takes), takes, loads, dt_s)
        orders.remainder(state, asked_kw * 1000.0, reached, dt_s)
        beyond_w = _cut(state, chargers, bounds)
        if not reached:
            break
    return beyond_w / 1000.0


def _some_cut(chargers: SiteChargers, bounds: Bounds) -> bool:
    return bool(np.isfinite(bounds.least_kw).any() or np.isfinite(bounds.most_kw).any())


def _step_kw(state: FleetState) -> float:
    return float(state.types.limits["step_w"].max()) / 1000.0


def _power_w(state: FleetState) -> Float[Array, " charger"]:
    return (state.steps * state.types.limits["step_w"][state.cars["kind"]]).astype(float)


def _cut(state: FleetState, chargers: SiteChargers, bounds: Bounds) -> Float[Array, " site"]:
    """Tell chargers of sites beyond a limit less, sites below others first; what is left."""
    left = np.zeros(len(chargers.parent))
    total = chargers.sums(_power_w(state))
    beyond = (total < 1000.0 * bounds.least_kw - LITTLE_W) | (
        total > 1000.0 * bounds.most_kw + LITTLE_W
    )
    if not beyond.any():
        return left
    for site in chargers.children_first:
        rows = chargers.below[site]
        total_w = float(_power_w(state)[rows].sum())
        over_w = total_w - 1000.0 * bounds.most_kw[site]
        under_w = 1000.0 * bounds.least_kw[site] - total_w
        if over_w > LITTLE_W:
            left[site] = _reduced(state, rows, float(over_w), feeding=True)
        elif under_w > LITTLE_W:
            left[site] = _reduced(state, rows, float(under_w), feeding=False)
    return left


def _reduced(
    state: FleetState, rows: Int[Array, " row"], excess_w: float, *, feeding: bool
) -> float:
    """Tell some of these chargers less, those first that are told most; what is left of it."""
    sign = 1 if feeding else -1
    moving = rows[state.steps[rows] * sign > 0]
    power_w = np.abs(_power_w(state)[moving])
    due = state.cars["due"][moving] > 0
    for row in moving[np.lexsort((-power_w, due))].tolist():
        if excess_w <= 0:
            break
        limit = state.types.limits[state.cars["kind"][row]]
        now = abs(int(state.steps[row]))
        wanted = max(now - math.ceil(excess_w / int(limit["step_w"])), 0)
        if wanted < limit["least"]:
            wanted = 0
        told = np.array([row], np.int32), np.array([sign * wanted], np.int16)
        set_steps(state, row // BLOCK, *told, 1)
        state.dirty[row // BLOCK] = True
        excess_w -= (now - wanted) * int(limit["step_w"])
    return max(excess_w, 0.0)


def available(
    state: FleetState,
    block_h: float,
    chargers: SiteChargers,
    bounds: Bounds,
    *,
    hold_h: float | None = None,
) -> Available:
    """What the fleet can hold for the rest of a block, within the limits of sites.

    Energy, or room, lasts for ``hold_h`` one way, or all of the block.

    Each site holds what its own chargers and the sites below it can, as far as its limit leaves
    room beside what is planned.
    """
    base_kw = chargers.sums(state.cars["base_w"] / 1000.0 * (state.mode & PLUGGED > 0))
    count = len(chargers.parent)
    up, down = np.zeros(count + 1), np.zeros(count + 1)  # the last one is for all roots
    for site in [*range(count), -1]:
        there = np.flatnonzero(chargers.site == site)
        own = firm.available_kw(state, block_h, hold_h=hold_h, rows=there)
        up[site if site >= 0 else count] += own.up_kw
        down[site if site >= 0 else count] += own.down_kw
    for site in chargers.children_first:
        above = chargers.parent[site] if chargers.parent[site] >= 0 else count
        room_up = max(float(bounds.most_kw[site] - base_kw[site]), 0.0)
        room_down = max(float(base_kw[site] - bounds.least_kw[site]), 0.0)
        up[above] += min(up[site], room_up)
        down[above] += min(down[site], room_down)
    return Available(float(up[count]), float(down[count]))
