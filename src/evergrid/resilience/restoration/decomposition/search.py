"""The best plan of blocks for the sources of a site, and a bound: branch and price.

Sources tie blocks together by a few limits: energy until a step, power in it, pick-up. At prices
of these, the cheapest pattern of each block is found by dynamic programming, with its cold load and
its interruptions. What the cheapest patterns cost, less the prices of the limits, is a bound.

It is loose where it mixes patterns of different kinds, as the first step costs more than those
after it: never closed, closed for good, opened again. So a part of all restorations is split by the
kind of a block; then by how long it is closed; by whether it is closed in a step; last by whether a
diesel set runs in one.

Source:
    C. Barnhart et al. (1998), Branch-and-price: column generation for solving huge integer
    programs, Operations Research 46(3), doi:10.1287/opre.46.3.316.
"""

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.resilience.restoration.decomposition.limits import PatternLimits
from evergrid.resilience.restoration.decomposition.mixture import (
    WHOLE,
    Mixture,
    Part,
    PatternMixer,
    tidy,
)
from evergrid.resilience.restoration.decomposition.pricing import KINDS, ONCE, PatternScope


class BlockPlan(NamedTuple):
    """The plan of least cost that was found, and the least cost that any can have."""

    closed: Bool[Array, "block step"]
    runs: Bool[Array, "set step"]
    cost: float
    bound: float


class PlanAndRuns(NamedTuple):
    """Blocks that are closed, and the sets that run for them."""

    closed: Bool[Array, "block step"]
    runs: Bool[Array, "set step"]


Follow = Callable[[Bool[Array, "block step"]], PlanAndRuns | None]


def search(
    mixer: PatternMixer,
    closed: Bool[Array, "block step"],
    follow: Follow,
    *,
    gap: float,
    time_limit_s: float,
) -> BlockPlan:
    """Parts with the least bound first, until that is near enough to the best plan.

    Args:
        mixer: Of the outage, with what it knows from earlier searches.
        closed: A plan to begin with; it is left out where it breaks a limit.
        follow: What becomes of a plan where sources carry what they can; None where that is none.
        gap: Share of the cost by which the bound may be below it.
        time_limit_s: After which the best that is known is returned.
    """
    begun, limits = time.perf_counter(), mixer.limits
    best, runs = np.zeros_like(closed), np.zeros(limits.diesel_there.shape, bool)
    for plan in _candidates(mixer, closed, follow):
        if mixer.cost(plan.closed) < mixer.cost(best):
            best, runs = plan
    mixer.add(best)
    cost = mixer.cost(best)
    order = itertools.count()  # of parts with the same bound
    queue = [(-np.inf, next(order), _whole(limits))]
    proven = np.inf  # least bound of the parts that are done
    while queue and queue[0][0] < (enough := cost - gap * max(cost, 1.0)):
        if time.perf_counter() - begun > time_limit_s:
            break
        part, mixture = mixer.relax(heapq.heappop(queue)[2], enough)
        if mixture is None:
            proven = min(proven, part.bound)
            continue
        for plan in _candidates(mixer, mixture.near, follow):
            if (found := mixer.cost(plan.closed)) < cost:
                best, runs, cost = *plan, found
        parts = branches(part, mixture, limits.parent, limits.worth.max(axis=1))
        if not parts:
            proven = min(proven, part.bound)
        for one in parts:
            heapq.heappush(queue, (one.bound, next(order), one))
    return BlockPlan(best, runs, cost, min([proven, cost, *(bound for bound, _, _ in queue)]))


def _candidates(
    mixer: PatternMixer, near: Bool[Array, "block step"], follow: Follow
) -> Iterator[PlanAndRuns]:
    """Plans near a mixture that the sources can carry.

    Where there are others than batteries that feed, which sets run is first asked of whoever
    follows a plan step by step: what comes of it is carried, if other blocks open.
    """
    if not mixer.alone:
        followed = follow(near)
        if followed is not None:
            yield followed
            if np.array_equal(followed.closed, near):
                return
    runs = mixer.runs(near)
    if runs is not None:
        yield PlanAndRuns(near, runs)


def _whole(limits: PatternLimits) -> Part:
    """All restorations."""
    count, steps = limits.worth.shape
    kinds = np.ones((count, KINDS), bool)
    kinds[:, ONCE:] = limits.trips
    none, all_steps = np.zeros(count, int), np.full(count, steps)
    scope = PatternScope(none, all_steps, np.zeros((count, steps), int))
    return Part(kinds, scope, np.zeros(limits.diesel_there.shape, int), -np.inf)


def branches(
    part: Part,
    mixture: Mixture,
    parent: Int[Array, " block"],
    worth: Float[Array, " block"],
) -> list[Part]:
    """Smaller parts that hold every restoration of a part but not its mixture.

    None where one pattern of each block is left.
    """
    worth = worth + 1e-9
    mixed = np.where(part.kinds.sum(axis=1) > 1, 1.0 - mixture.kind.max(axis=1), 0.0)
    if mixed.max() > WHOLE:
        block = int((mixed * worth).argmax())
        found = []
        for kind in np.flatnonzero(part.kinds[block]):
            kinds = part.kinds.copy()
            kinds[block] = np.arange(KINDS) == kind
            found.append(tidy(part._replace(kinds=kinds), parent))
        return [one for one in found if one.kinds.any(axis=1).all()]
    scope = part.scope
    spread = np.where(scope.least < scope.most, mixture.spread, 0.0)
    if spread.max() > WHOLE:
        block = int((spread * worth).argmax())
        at = int(np.clip(mixture.steps[block] + WHOLE, scope.least[block], scope.most[block] - 1))
        longer, shorter = scope.least.copy(), scope.most.copy()
        longer[block], shorter[block] = at + 1, at
        scopes = [scope._replace(most=shorter), scope._replace(least=longer)]
        return [part._replace(scope=one) for one in scopes]
    if steps := _steps(part, mixture, parent):
        return [part._replace(scope=scope._replace(must=must)) for must in steps]
    return _runs(part, mixture)


def _runs(part: Part, mixture: Mixture) -> list[Part]:
    """Whether a set runs in the step in which that is least clear."""
    if not mixture.runs.size:
        return []
    split = np.where(part.runs == 0, np.minimum(mixture.runs, 1.0 - mixture.runs), 0.0)
    if split.max() <= WHOLE:
        return []
    place = np.unravel_index(split.argmax(), split.shape)
    off, on = part.runs.copy(), part.runs.copy()
    off[place], on[place] = -1, 1
    return [part._replace(runs=off), part._replace(runs=on)]


def _steps(
    part: Part, mixture: Mixture, parent: Int[Array, " block"]
) -> list[Int[Array, "block step"]]:
    """Where blocks must be closed or open, so that no step is mixed and no child without parent."""
    must = part.scope.must
    open_, closed = must.copy(), must.copy()
    mixed = np.where(must == 0, np.minimum(mixture.closed, 1.0 - mixture.closed), 0.0)
    if mixed.max() > WHOLE:
        place = np.unravel_index(mixed.argmax(), mixed.shape)
        open_[place], closed[place] = -1, 1
        return [open_, closed]
    child = np.flatnonzero(parent >= 0)
    alone = mixture.closed[child] - mixture.closed[parent[child]]
    alone = np.where((must[child] < 0) | (must[parent[child]] > 0), 0.0, alone)
    if alone.max(initial=0.0) <= WHOLE:
        return []
    at, step = np.unravel_index(alone.argmax(), alone.shape)
    open_[child[at], step] = -1
    closed[child[at], step] = closed[parent[child[at]], step] = 1
    return [open_, closed]
