"""One Newton step of the interior-point method as the groups see it: elimination up the tree.

A group answers a change of its parent's price with a change of its net power. Its units and the
groups below it answer its own price with a matrix G; where its limits hold it back (``stiff``, the
second derivative of their barriers), the answer becomes ``(G^-1 + diag(stiff))^-1``. Going up the
tree, answers are summed; going down, prices are passed on. Only steps in which a limit is felt
enter a factorisation, so that idle limits cost next to nothing.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange

from evergrid.engine.unit_kernels import OPTIONS

FELT = 1e-5  # a limit is felt where its stiffness times the group's answer exceeds this
STIFF = 1e-3  # root of the stiffness above which the slack tells the step more exactly


@njit(parallel=True, **OPTIONS)
@no_type_check
def factor(groups, stiff, answers, home, factors, seen, felt, counts, root):
    """Factor each of these groups; ``seen`` is the answer that its parent sees."""
    steps = answers.shape[1]
    for k in prange(len(groups)):
        g = groups[k]
        answer = answers[home[g]]
        count = 0
        for i in range(steps):
            if stiff[g, i] * answer[i, i] > FELT:
                felt[g, count] = i
                count += 1
        counts[g] = count
        lower = factors[g]
        for p in range(count):
            i = felt[g, p]
            a = np.sqrt(stiff[g, i])
            for q in range(p + 1):
                j = felt[g, q]
                total = a * answer[i, j] * np.sqrt(stiff[g, j])
                if p == q:
                    total += 1.0
                for r in range(q):
                    total -= lower[p, r] * lower[q, r]
                lower[p, q] = np.sqrt(total) if p == q else total / lower[q, q]
        if root[g]:
            continue
        shadow = np.empty((count, steps))
        for p in range(count):
            i = felt[g, p]
            row = shadow[p]
            row[:] = np.sqrt(stiff[g, i]) * answer[i]
            for r in range(p):
                other, weight = shadow[r], lower[p, r]
                for j in range(steps):
                    row[j] -= weight * other[j]
            row /= lower[p, p]
        seen[g] = answer - np.dot(shadow.T, shadow)


@njit(parallel=True, **OPTIONS)
@no_type_check
def gather(parents, below_start, below, answers, home, seen):
    """Add the answers of the groups below, as seen from above, to each of these parents."""
    steps = answers.shape[1]
    for k in prange(len(parents) * steps):
        g, i = parents[k // steps], k % steps
        row = answers[home[g], i]
        for b in range(below_start[g], below_start[g + 1]):
            other = seen[below[b], i]
            for j in range(steps):
                row[j] += other[j]


@njit(**OPTIONS)
@no_type_check
def _apply(lower, count, vector):
    """Solve with the factor in place."""
    for p in range(count):
        total = vector[p]
        for r in range(p):
            total -= lower[p, r] * vector[r]
        vector[p] = total / lower[p, p]
    for p in range(count - 1, -1, -1):
        vector[p] /= lower[p, p]
        for r in range(p):
            vector[r] -= lower[p, r] * vector[p]


@njit(**OPTIONS)
@no_type_check
def _hold(stiff, felt, count, lower, vector, held):
    """Add to ``held`` how much of a price the limits take up when their group's net would change.

    ``vector`` is the net change without the limits, over all steps.
    """
    scaled = np.empty(count)
    for p in range(count):
        scaled[p] = np.sqrt(stiff[felt[p]]) * vector[felt[p]]
    _apply(lower, count, scaled)
    for p in range(count):
        held[p] += np.sqrt(stiff[felt[p]]) * scaled[p]


@njit(parallel=True, **OPTIONS)
@no_type_check
def upwards(groups, push, stiff, answers, home, factors, felt, counts, held, change):
    """Net change of each of these groups at its parent's present price, in place in ``change``.

    On entry ``change`` is the net change at the group's own present price.
    """
    steps = answers.shape[1]
    for k in prange(len(groups)):
        g = groups[k]
        answer, count = answers[home[g]], counts[g]
        for i in range(steps):
            total = 0.0
            for j in range(steps):
                total += answer[i, j] * push[g, j]
            change[g, i] -= total
        held[g, :count] = 0.0
        _hold(stiff[g], felt[g], count, factors[g], change[g], held[g])
        for i in range(steps):
            total = 0.0
            for p in range(count):
                total += answer[felt[g, p], i] * held[g, p]
            change[g, i] -= total


@njit(parallel=True, **OPTIONS)
@no_type_check
def downwards(
    groups, parent, push, stiff, answers, home, factors, felt, counts, held, change, dprice
):
    """Change of price and of net power of each of these groups, from its parent's change of price.

    On entry ``change`` is the net change at the parent's present price. Where a limit is stiff the
    net change follows from the price it takes up, which loses no digits.
    """
    steps = answers.shape[1]
    for k in prange(len(groups)):
        g = groups[k]
        answer, count = answers[home[g]], counts[g]
        above = np.zeros(steps)
        if parent[g] >= 0:
            above[:] = dprice[parent[g]]
            moved = np.zeros(steps)
            for i in range(steps):
                for j in range(steps):
                    moved[i] += answer[i, j] * above[j]
            before = held[g, :count].copy()
            _hold(stiff[g], felt[g], count, factors[g], moved, held[g])
            for i in range(steps):
                total = moved[i]
                for p in range(count):
                    total -= answer[felt[g, p], i] * (held[g, p] - before[p])
                change[g, i] += total
        for i in range(steps):
            dprice[g, i] = above[i] - push[g, i] - stiff[g, i] * change[g, i]
        for p in range(count):
            i = felt[g, p]
            dprice[g, i] = above[i] - push[g, i] - held[g, p]
            if stiff[g, i] > STIFF * STIFF:
                change[g, i] = held[g, p] / stiff[g, i]
