"""One Newton step of the interior-point method as the nodes see it: elimination up the tree.

A node answers a change of its parent's price with a change of its net power. Its stores and the
nodes below it answer its own price with a matrix G; where its rows hold it back (``stiff``, the
second derivative of their barriers), the answer becomes ``(G^-1 + S)^-1`` with S the diagonal of
``stiff``. Going up the tree, answers are summed; going down, prices are passed on. Only steps in
which a row is felt enter a factorisation, so that idle limits cost next to nothing.

A price on a node's peak ties its steps together: then ``S = D^1/2 (1 - p p') D^1/2``. All its
steps are felt, and ``1 - a p p'`` is the root of the middle factor; ``ties`` holds p and a.

A budget adds ``pool 1 1'`` to S: one more row that is felt, beside those of single steps, which
sees the sum over all steps. It comes last.
"""

from typing import no_type_check

import numpy as np
from numba import prange

from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS

FELT = 1e-5  # a row is felt where its stiffness times the node's answer exceeds this
STIFF = 1e-6  # stiffness above which the price tells a change of net power more exactly


# -- factor ---------------------------------------------------------------------------------


@kernel(**OPTIONS)
@no_type_check
def _tie(stiff, peak_bend, rise_bend, peak_total, tie):
    """Fill in p and, last, a of a node with a price on its peak."""
    steps = len(stiff)
    left = rise_bend
    size = 0.0
    for i in range(steps):
        tie[i] = peak_bend[i] / np.sqrt(stiff[i] * peak_total)
        size += tie[i] * tie[i]
        left += peak_bend[i] * (stiff[i] - peak_bend[i]) / stiff[i]
    tie[steps] = (1.0 - np.sqrt(left / peak_total)) / size


@kernel(**OPTIONS)
@no_type_check
def _project(tie, vector):
    """Multiply by the root ``1 - a p p'`` in place."""
    total = 0.0
    for i in range(len(vector)):
        total += tie[i] * vector[i]
    total *= tie[len(vector)]
    for i in range(len(vector)):
        vector[i] -= total * tie[i]


@kernel(**OPTIONS)
@no_type_check
def _project_columns(tie, count, matrix):
    """Multiply every column by the root ``1 - a p p'`` in place."""
    columns = matrix.shape[1]
    total = np.zeros(columns)
    for p in range(count):
        for j in range(columns):
            total[j] += tie[p] * matrix[p, j]
    for p in range(count):
        weight = tie[count] * tie[p]
        for j in range(columns):
            matrix[p, j] -= weight * total[j]


@kernel(**OPTIONS)
@no_type_check
def _cholesky(upper, count):
    """Factor one plus the symmetric matrix whose upper half is given, in place, into ``U' U``.

    No pivot of such a matrix is below one, whatever rounding made of its entries. Four rows at a
    time are subtracted from the rest, which is then loaded and stored a quarter as often.
    """
    for begin in range(0, count, 4):
        stop = min(begin + 4, count)
        for p in range(begin, stop):
            for q in range(begin, p):
                weight = upper[q, p]
                for j in range(p, count):
                    upper[p, j] -= weight * upper[q, j]
            root = np.sqrt(max(1.0 + upper[p, p], 1.0))
            upper[p, p] = root
            for j in range(p + 1, count):
                upper[p, j] /= root
        if stop < begin + 4:
            break
        for i in range(stop, count):
            a, b = upper[begin, i], upper[begin + 1, i]
            c, d = upper[begin + 2, i], upper[begin + 3, i]
            for j in range(i, count):
                both = a * upper[begin, j] + b * upper[begin + 1, j]
                upper[i, j] -= both + c * upper[begin + 2, j] + d * upper[begin + 3, j]


@kernel(**OPTIONS)
@no_type_check
def _forward(upper, count, rows):
    """Solve with the transposed factor for many columns at once, in place."""
    columns = rows.shape[1]
    for begin in range(0, count, 4):
        stop = min(begin + 4, count)
        for p in range(begin, stop):
            for q in range(begin, p):
                weight = upper[q, p]
                for j in range(columns):
                    rows[p, j] -= weight * rows[q, j]
            root = upper[p, p]
            for j in range(columns):
                rows[p, j] /= root
        if stop < begin + 4:
            break
        for i in range(stop, count):
            a, b = upper[begin, i], upper[begin + 1, i]
            c, d = upper[begin + 2, i], upper[begin + 3, i]
            for j in range(columns):
                both = a * rows[begin, j] + b * rows[begin + 1, j]
                rows[i, j] -= both + c * rows[begin + 2, j] + d * rows[begin + 3, j]


@kernel(**OPTIONS)
@no_type_check
def _less_square(answer, rows, seen):
    """The answer less the square of these rows."""
    square = np.dot(rows.T, rows)
    for i in range(len(answer)):
        for j in range(len(answer)):
            seen[i, j] = answer[i, j] - square[i, j]


@kernel(**OPTIONS)
@no_type_check
def _sum(answer, weight):
    """The weighted sum of all rows."""
    total = np.zeros(len(answer))
    for row in answer:
        for j in range(len(row)):
            total[j] += weight * row[j]
    return total


@kernel(parallel=True, **OPTIONS)
@no_type_check
def factor(nodes, rows, tree, seen):
    """Factor each of these nodes; ``seen`` is the answer that its parent sees, in their order.

    What is eliminated are the rows that are felt: with A the answer and R the root of their
    stiffness, ``1 + R A R`` is factored, and the parent sees ``A - A R (1 + R A R)^-1 R A``. The
    factored matrix is the identity and a square, so that no pivot is below one. All else is kept.
    """
    stiff, pool, peak, ties = rows.stiff, rows.pool, rows.peak, rows.ties
    answers, home, factors = tree.answers, tree.home, tree.factors
    felt, counts, root = tree.felt, tree.counts, tree.root
    steps = answers.shape[1]
    for k in prange(len(nodes)):
        g = nodes[k]
        answer = answers[home[g]]
        tied = peak[g] >= 0
        count = 0
        for i in range(steps):
            if tied or stiff[g, i] * answer[i, i] > FELT:
                felt[g, count] = i
                count += 1
        counts[g] = count
        # the square R A R of the felt rows
        root_stiff = np.empty(count)
        for p in range(count):
            root_stiff[p] = np.sqrt(stiff[g, felt[g, p]])
        upper = factors[g]
        for p in range(count):
            row, weight = answer[felt[g, p]], root_stiff[p]
            for q in range(count):
                upper[p, q] = weight * row[felt[g, q]] * root_stiff[q]
        if tied:
            at = peak[g]
            tie = ties[at]
            bends = (rows.peak_bend[at], rows.rise_bend[at], rows.peak_total[at])
            _tie(stiff[g], bends[0], bends[1], bends[2], tie)
            for p in range(count):
                _project(tie, upper[p, :count])
            _project_columns(tie, count, upper[:, :count])
        # a budget is one row more, which sees the sum over all steps
        size = count
        if pool[g] > 0:
            size += 1
            summed = _sum(answer, np.sqrt(pool[g]))
            last = np.empty(count)
            for p in range(count):
                last[p] = summed[felt[g, p]] * root_stiff[p]
            upper[count, count] = np.sqrt(pool[g]) * summed.sum()
            if tied:
                _project(ties[peak[g]], last)
            for p in range(count):
                upper[p, count] = last[p]
        _cholesky(upper, size)
        if root[g]:
            continue
        # what the parent sees: the answer less what the rows hold back of it
        shadow = np.empty((size, steps))
        for p in range(count):
            row = answer[felt[g, p]]
            for j in range(steps):
                shadow[p, j] = root_stiff[p] * row[j]
        if tied:
            _project_columns(ties[peak[g]], count, shadow)
        if pool[g] > 0:
            shadow[count] = summed
        _forward(upper, size, shadow)
        _less_square(answer, shadow, seen[k])


@kernel(parallel=True, **OPTIONS)
@no_type_check
def gather(parents, start, answers, home, seen):
    """Add what is seen of the nodes below each of these parents, from ``start`` on, to theirs."""
    steps = answers.shape[1]
    for k in prange(len(parents) * steps):
        g, i = parents[k // steps], k % steps
        row = answers[home[g], i]
        for b in range(start[k // steps], start[k // steps + 1]):
            other = seen[b, i]
            for j in range(steps):
                row[j] += other[j]


@kernel(**OPTIONS)
@no_type_check
def solve_factored(upper, count, vector):
    """Solve with both factors, ``U' U``, in place."""
    for p in range(count):
        vector[p] /= upper[p, p]
        for j in range(p + 1, count):
            vector[j] -= upper[p, j] * vector[p]
    for p in range(count - 1, -1, -1):
        total = 0.0
        for j in range(p + 1, count):
            total += upper[p, j] * vector[j]
        vector[p] = (vector[p] - total) / upper[p, p]


@kernel(**OPTIONS)
@no_type_check
def _subtract_answer(answer, price, change):
    """Subtract the answer to a change of price."""
    for i in range(len(change)):
        total = 0.0
        for j in range(len(change)):
            total += answer[i, j] * price[j]
        change[i] -= total


@kernel(**OPTIONS)
@no_type_check
def _subtract_felt(answer, felt, count, price, change):
    """Subtract the answer to a change of price in the steps that are felt."""
    for p in range(count):
        row, weight = answer[felt[p]], price[p]
        for i in range(len(change)):
            change[i] -= row[i] * weight


@kernel(**OPTIONS)
@no_type_check
def _hold(stiff, pool, felt, count, upper, tied, tie, vector, held):
    """Add to ``held`` how much of a price the rows take up when their node's net would change.

    ``vector`` is the net change without the rows, over all steps. What the budget takes up, the
    same in every step, comes after ``count`` rows.
    """
    size = count + 1 if pool > 0 else count
    scaled = np.empty(size)
    for p in range(count):
        scaled[p] = np.sqrt(stiff[felt[p]]) * vector[felt[p]]
    if tied:
        _project(tie, scaled[:count])
    if pool > 0:
        scaled[count] = np.sqrt(pool) * vector.sum()
    solve_factored(upper, size, scaled)
    if tied:
        _project(tie, scaled[:count])
    for p in range(count):
        held[p] += np.sqrt(stiff[felt[p]]) * scaled[p]
    if pool > 0:
        held[count] += np.sqrt(pool) * scaled[count]


@kernel(**OPTIONS)
@no_type_check
def _charge(answer, price, change):
    """Subtract the answer to a price that is the same in every step."""
    for row in answer:
        for i in range(len(change)):
            change[i] -= row[i] * price


@kernel(parallel=True, **OPTIONS)
@no_type_check
def upwards(nodes, push, rows, tree, change):
    """Net change of each of these nodes at its parent's present price, in place in ``change``.

    On entry ``change`` is the net change at the node's own present price. Rows count from
    ``-shift``, where they would undo the offset of their slacks.
    """
    stiff, shift, pool, peak, ties = rows.stiff, rows.shift, rows.pool, rows.peak, rows.ties
    answers, home, factors = tree.answers, tree.home, tree.factors
    felt, counts, held = tree.felt, tree.counts, tree.held
    steps = answers.shape[1]
    for k in prange(len(nodes)):
        g = nodes[k]
        answer, count = answers[home[g]], counts[g]
        _subtract_answer(answer, push[g], change[g])
        for i in range(steps):
            change[g, i] += shift[g, i]
        held[g, : count + 1] = 0.0
        tied, tie = peak[g] >= 0, ties[max(peak[g], 0)]
        _hold(stiff[g], pool[g], felt[g], count, factors[g], tied, tie, change[g], held[g])
        _subtract_felt(answer, felt[g], count, held[g], change[g])
        for i in range(steps):
            change[g, i] -= shift[g, i]
        if pool[g] > 0:
            _charge(answer, held[g, count], change[g])


@kernel(parallel=True, **OPTIONS)
@no_type_check
def downwards(nodes, push, rows, tree, change, dprice):
    """Change of price and of net power of each of these nodes, from its parent's change of price.

    On entry ``change`` is the net change at the parent's present price; the change of that price
    is answered as in `upwards`. A node's own price then changes by its parent's, less what its rows
    take up. Where rows are stiff the net change follows from that, which loses no digits: a
    difference of large answers would.
    """
    stiff, shift, pool, peak, ties = rows.stiff, rows.shift, rows.pool, rows.peak, rows.ties
    peak_bend, peak_total = rows.peak_bend, rows.peak_total
    answers, home, factors = tree.answers, tree.home, tree.factors
    felt, counts, held, above, root = tree.felt, tree.counts, tree.held, tree.above, tree.root
    steps = answers.shape[1]
    for k in prange(len(nodes)):
        g = nodes[k]
        answer, count = answers[home[g]], counts[g]
        tied, tie = peak[g] >= 0, ties[max(peak[g], 0)]
        given = np.zeros(steps)
        if not root[g]:
            given[:] = dprice[above[g]]
            moved = np.zeros(steps)
            _subtract_answer(answer, given, moved)
            moved = -moved
            before = held[g].copy()
            _hold(stiff[g], pool[g], felt[g], count, factors[g], tied, tie, moved, held[g])
            _subtract_felt(answer, felt[g], count, held[g] - before, moved)
            for i in range(steps):
                change[g, i] += moved[i]
            if pool[g] > 0:
                _charge(answer, held[g, count] - before[count], change[g])
        # where no row is felt, stiffness tells the price; else what rows hold tells the change
        pooled = held[g, count] if pool[g] > 0 else 0.0
        for i in range(steps):
            change[g, i] += shift[g, i]
            dprice[g, i] = given[i] - push[g, i] - pooled - stiff[g, i] * change[g, i]
        common = 0.0
        if tied:
            bend = peak_bend[peak[g]]
            for i in range(steps):
                common += bend[i] * change[g, i] / peak_total[peak[g]]
        for p in range(count):
            i = felt[g, p]
            dprice[g, i] = given[i] - push[g, i] - pooled - held[g, p]
            if stiff[g, i] > STIFF:
                change[g, i] = held[g, p] / stiff[g, i]
                if tied:
                    change[g, i] += peak_bend[peak[g], i] * common / stiff[g, i]
        for i in range(steps):
            change[g, i] -= shift[g, i]
