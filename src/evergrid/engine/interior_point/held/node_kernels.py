"""One Newton step as nodes see it below which capacity is held: elimination up the tree.

As in `evergrid.engine.interior_point.node_kernels`, but a node hears a price of net power and one
of what is held of each award, and answers with as many sums, each by step. A row counts net power
alone, or with what could be called; ``parts`` says how much of each sum. Rows that are felt are
eliminated in each node. What hangs from no other node answers the prices of awards.
"""

from typing import no_type_check

import numpy as np
from numba import prange

from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS
from evergrid.engine.interior_point.node_kernels import FELT, STIFF, solve_factored

PANEL = 48  # columns that are squared at a time
FEW = 16  # rows that are factored at a time


@kernel(**OPTIONS)
@no_type_check
def _own_answer(parts, kind, answer, step, steps):
    """How what a row counts answers its own price."""
    total = 0.0
    for q in range(len(parts[0])):
        for p in range(len(parts[0])):
            weight = parts[kind, q] * parts[kind, p]
            total += weight * answer[q * steps + step, p * steps + step]
    return total


@kernel(**OPTIONS)
@no_type_check
def _feel(g, rows, tree, answer, steps):
    """Note which rows of a node are felt; how many."""
    count = 0
    for kind in range(len(rows.parts)):
        for i in range(steps):
            stiff = rows.stiff[kind, g, i]
            if stiff > 0 and stiff * _own_answer(rows.parts, kind, answer, i, steps) > FELT:
                tree.felt[g, count] = kind * steps + i
                count += 1
    tree.counts[g] = count
    return count


@kernel(parallel=True, **OPTIONS)
@no_type_check
def factor(nodes, begin, rows, tree, seen):
    """Factor each of these nodes; ``seen`` is the answer that its parent sees, in their order.

    Of a node without a parent only the answers from column ``begin`` on are wanted.
    """
    for k in prange(len(nodes)):
        _factor_node(nodes[k], begin, rows, tree, seen[k])


@kernel(**OPTIONS)
@no_type_check
def _factor_node(g, begin, rows, tree, seen):
    parts, outs = rows.parts, rows.parts.shape[1]
    answer = tree.answers[tree.home[g]]
    steps = len(answer) // outs
    count = _feel(g, rows, tree, answer, steps)
    # With A what is below answers and B the felt rows, each times the root of its stiffness, the
    # answer becomes (A^-1 + B' B)^-1 = A - A B' (1 + B A B')^-1 B A (Woodbury). The middle is U' U,
    # ``shadow`` is B A, and what is subtracted is the square of U'^-1 B A: no A is inverted.
    shadow = np.zeros((count, len(answer)))
    root = np.empty(count)
    for p in range(count):
        kind, i = tree.felt[g, p] // steps, tree.felt[g, p] % steps
        root[p] = np.sqrt(rows.stiff[kind, g, i])
        line = shadow[p]
        for q in range(outs):
            weight = root[p] * parts[kind, q]
            if weight != 0:
                of = answer[q * steps + i]
                for j in range(len(answer)):
                    line[j] += weight * of[j]
    upper = tree.factors[g]
    for b in range(count):
        kind, i = tree.felt[g, b] // steps, tree.felt[g, b] % steps
        for p in range(b + 1):
            total = 0.0
            for q in range(outs):
                total += parts[kind, q] * shadow[p, q * steps + i]
            upper[p, b] = root[b] * total
    rest = shadow[:, begin:].copy() if begin > 0 else shadow
    _factor_and_solve(upper, count, rest)
    _less_square(begin, answer, rest, seen)


@kernel(**OPTIONS)
@no_type_check
def _factor_and_solve(upper, count, rows):
    """Factor one plus a symmetric matrix into ``U' U``, and solve with ``U'``, in place.

    A few rows at a time: what those above make of them is taken off by products of matrices.
    """
    for begin in range(0, count, FEW):
        stop = min(begin + FEW, count)
        if begin > 0:
            above = np.ascontiguousarray(upper[:begin, begin:stop]).T
            ahead = np.dot(above, np.ascontiguousarray(upper[:begin, begin:count]))
            done = np.dot(above, rows[:begin])
            for p in range(begin, stop):
                for j in range(p, count):
                    upper[p, j] -= ahead[p - begin, j - begin]
                for j in range(rows.shape[1]):
                    rows[p, j] -= done[p - begin, j]
        for p in range(begin, stop):
            for q in range(begin, p):
                weight = upper[q, p]
                for j in range(p, count):
                    upper[p, j] -= weight * upper[q, j]
                for j in range(rows.shape[1]):
                    rows[p, j] -= weight * rows[q, j]
            root = np.sqrt(max(1.0 + upper[p, p], 1.0))
            upper[p, p] = root
            for j in range(p + 1, count):
                upper[p, j] /= root
            for j in range(rows.shape[1]):
                rows[p, j] /= root


@kernel(parallel=True, **OPTIONS)
@no_type_check
def gather_seen(parents, start, answers, home, seen):
    """Add what is seen of the nodes below each of these parents, from ``start`` on, to theirs."""
    columns = answers.shape[1]
    for k in prange(len(parents) * columns):
        g, i = parents[k // columns], k % columns
        row = answers[home[g], i]
        for b in range(start[k // columns], start[k // columns + 1]):
            other = seen[b, i]
            for j in range(columns):
                row[j] += other[j]


@kernel(**OPTIONS)
@no_type_check
def _less_square(begin, answer, rows, seen):
    """The answer less the square of these rows, panel by panel of one half; then the other half."""
    size = len(answer)
    for at in range(begin, size, PANEL):
        stop = min(at + PANEL, size)
        panel = np.ascontiguousarray(rows[:, at - begin : stop - begin])
        square = np.dot(panel.T, np.ascontiguousarray(rows[:, : stop - begin]))
        for i in range(at, stop):
            for j in range(begin, at):
                seen[i, j] = seen[j, i] = answer[i, j] - square[i - at, j - begin]
            for j in range(at, stop):
                seen[i, j] = answer[i, j] - square[i - at, j - begin]


@kernel(**OPTIONS)
@no_type_check
def _subtract(answer, price, change):
    """Subtract the answer to prices, of which many are 0: only rows of others are read."""
    outs, steps = change.shape
    for q in range(outs):
        for i in range(steps):
            paid = price[q, i]
            if paid == 0.0:
                continue
            line = answer[q * steps + i]
            for p in range(outs):
                for j in range(steps):
                    change[p, j] -= paid * line[p * steps + j]


@kernel(**OPTIONS)
@no_type_check
def _hold(g, rows, tree, change, shifted, held):
    """Fill in how much of a price the felt rows take up when sums would change."""
    parts, steps = rows.parts, change.shape[1]
    count = tree.counts[g]
    scaled = np.empty(count)
    for p in range(count):
        kind, i = tree.felt[g, p] // steps, tree.felt[g, p] % steps
        total = rows.shift[kind, g, i] if shifted else 0.0
        for q in range(change.shape[0]):
            total += parts[kind, q] * change[q, i]
        scaled[p] = np.sqrt(rows.stiff[kind, g, i]) * total
    solve_factored(tree.factors[g], count, scaled)
    for p in range(count):
        kind, i = tree.felt[g, p] // steps, tree.felt[g, p] % steps
        held[p] = np.sqrt(rows.stiff[kind, g, i]) * scaled[p]


@kernel(**OPTIONS)
@no_type_check
def _felt_price(g, rows, tree, held, price):
    """Fill in what felt rows take up, as prices of sums."""
    parts, steps = rows.parts, price.shape[1]
    price[:] = 0.0
    for p in range(tree.counts[g]):
        kind, i = tree.felt[g, p] // steps, tree.felt[g, p] % steps
        for q in range(price.shape[0]):
            price[q, i] += parts[kind, q] * held[p]


@kernel(parallel=True, **OPTIONS)
@no_type_check
def upwards(nodes, push, rows, tree, change):
    """Changes of sums of each of these nodes at its parent's present prices, in place.

    On entry ``change`` is that at the node's own present prices.
    """
    for k in prange(len(nodes)):
        _up(nodes[k], push, rows, tree, change[nodes[k]])


@kernel(**OPTIONS)
@no_type_check
def _up(g, push, rows, tree, change):
    answer, price = tree.answers[tree.home[g]], np.zeros(change.shape)
    for kind in range(len(rows.parts)):
        for q in range(change.shape[0]):
            for i in range(change.shape[1]):
                price[q, i] += rows.parts[kind, q] * push[kind, g, i]
    _subtract(answer, price, change)
    held = tree.held[g]
    _hold(g, rows, tree, change, True, held)
    _felt_price(g, rows, tree, held, price)
    _subtract(answer, price, change)


@kernel(parallel=True, **OPTIONS)
@no_type_check
def downwards(nodes, push, rows, tree, change, dprice, answered):
    """Changes of prices and of what rows count, from those of each node's parent.

    On entry ``change`` is that at the parent's present prices. ``answered`` becomes the change of
    what each row adds to prices, and of what it counts. Where rows are stiff the second follows
    from what they take up, which loses no digits.
    """
    for k in prange(len(nodes)):
        g = nodes[k]
        _down(g, push, rows, tree, change[g], dprice[tree.above[g]], dprice[g], answered)


@kernel(**OPTIONS)
@no_type_check
def _down(g, push, rows, tree, change, given, own, answered):
    answer, outs, steps = tree.answers[tree.home[g]], change.shape[0], change.shape[1]
    held, parts = tree.held[g], rows.parts
    added, moved = answered.price, answered.counted
    more, price = np.zeros(change.shape), np.zeros(change.shape)
    _subtract(answer, -given, more)
    further = np.zeros(len(held))
    _hold(g, rows, tree, more, False, further)
    _felt_price(g, rows, tree, further, price)
    _subtract(answer, price, more)
    for q in range(outs):
        for i in range(steps):
            change[q, i] += more[q, i]
            own[q, i] = given[q, i]
    for kind in range(len(parts)):  # where no row is felt, stiffness tells the price
        for i in range(steps):
            counted = 0.0
            for q in range(outs):
                counted += parts[kind, q] * change[q, i]
            moved[kind, g, i] = counted
            taken = rows.stiff[kind, g, i] * (counted + rows.shift[kind, g, i])
            added[kind, g, i] = -push[kind, g, i] - taken
    for p in range(tree.counts[g]):
        held[p] += further[p]
        kind, i = tree.felt[g, p] // steps, tree.felt[g, p] % steps
        added[kind, g, i] = -push[kind, g, i] - held[p]
        stiff = rows.stiff[kind, g, i]
        if stiff > STIFF:
            moved[kind, g, i] = held[p] / stiff - rows.shift[kind, g, i]
    for kind in range(len(parts)):
        for q in range(outs):
            for i in range(steps):
                own[q, i] += parts[kind, q] * added[kind, g, i]
