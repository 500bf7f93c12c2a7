"""One Newton step of the interior-point method as the stores see it: compiled loops over slots.

In a slot a store draws the share ``x`` of its limit and feeds the share ``y`` of its other limit,
with the rest ``s = 1 - x - y >= 0``: the convex hull of drawing or feeding, but not both. Per store
the Newton system is tridiagonal in the prices of stored energy, with a matrix M. A store answers a
change of its node's price with the matrix ``diag(gamma) - diag(beta) M^-1 diag(beta)``, and the
sum of these answers is all that a node needs to know of its stores.

Arrays hold one row per quantity, named below, and one column per slot. A *chunk* is a run of stores
of one node that one thread works through, a *strip* the few of them whose slots fit in the
processor's nearest memory. What slots do by themselves is written as plain loops over one strip
of a few rows each, which the compiler turns into vector instructions; what runs along the time of
a store is not. ``curve`` holds the second derivatives of both shares' costs, or is None where no
cost rises with power; for None nothing of it is compiled.
"""

from typing import no_type_check

import numpy as np
from numba import prange

from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS
from evergrid.engine.interior_point.slot_loops import (
    add,
    add_centring,
    add_scaled,
    balance,
    bend,
    copy,
    correct_pair,
    couple,
    differ,
    energy_step,
    feed,
    fill,
    give_way,
    invert,
    largest,
    missed,
    move_pair,
    multiply,
    pay,
    pay_rise,
    power_step,
    predict_pair,
    pull,
    reduced,
    respond_alone,
    scale_down,
    subtract,
)

# Rows of `data`: what the program gives.
COST_X, COST_Y, GAIN_X, GAIN_Y, NET_X, NET_Y, LOW, HIGH = range(8)
# Rows of `point`: slacks, their multipliers in the same order, stored energy and its price.
X, Y, S, ABOVE, BELOW, ZX, ZY, ZS, ZA, ZB, E, VALUE = range(12)
# Rows of `work`: inverse Hessian, factor, right-hand sides, step, second-order products.
QXX, QXY, QYY, BETA, THETA, DINV, RATIO = range(7)
RHS, GX, GY, GE, DX, DY, DE, DVALUE, CX, CY, CS, CA, CB = range(7, 20)
PAIRS = 5  # of a slack and its multiplier, each with a second-order product from row CX on
# Columns of `told`: what a chunk tells after its part of a step.
PRIMAL, DUAL, GAP, GAP_PRIMAL, GAP_DUAL, GAP_BOTH, RESIDUAL, COST, TURNOVER = range(9)
GAPS = (GAP, GAP_PRIMAL, GAP_DUAL, GAP_BOTH)

UNBLOCKED = 1e30  # length of a step that nothing blocks
STEP_SHARE = 0.99  # of the longest step that keeps everything positive
NUDGE = 0.02  # share of a range by which a guess is moved off its limits at most
DIED_OUT = 1e-120  # entries of an inverse below this are dropped before they become denormal
STRIP = 24  # stores


@kernel(parallel=True, **OPTIONS)
@no_type_check
def begin_straight(layout, point, centre, worth):
    """Begin with a straight line of energy to what is owed, and powers to match.

    Multipliers are such that every product is ``centre``.
    """
    chunks, stores, ends, data = layout.chunks, layout.stores, layout.ends, layout.data
    for c in prange(len(chunks)):
        for u in range(chunks[c, 0], chunks[c, 1]):
            begin, stop, _ = stores[u]
            held = ends[u, 0]
            slope = (max(data[LOW, stop - 1], held) - held) / (stop - begin)
            for t in range(begin, stop):
                low, high = data[LOW, t], data[HIGH, t]
                margin = min(0.05 * (high - low), 1.0)
                line = ends[u, 0] + slope * (t - begin + 1)
                energy = min(max(line, low + margin), high - margin)
                stored = energy - held - 0.1 * data[GAIN_Y, t]
                share = stored / data[GAIN_X, t] if data[GAIN_X, t] > 0 else stored
                x = min(max(share, 0.05), 0.8)
                point[X, t], point[Y, t], point[S, t] = x, 0.1, 0.9 - x
                point[ABOVE, t], point[BELOW, t] = energy - low, high - energy
                point[E, t], point[VALUE, t] = energy, worth
                for k in range(PAIRS):
                    point[ZX + k, t] = centre / point[X + k, t]
                held = energy


@kernel(parallel=True, **OPTIONS)
@no_type_check
def begin_warm(layout, curve, point, source, power, value, price, least):
    """Begin with these powers and prices, in the order of the program.

    Multipliers follow from the prices, so that these are feasible; powers and energies are moved
    off their limits by what the multipliers allow for products of ``least``: a product is a slack
    that would vanish times a multiplier that would not, or the other way round.
    """
    chunks, stores, ends, data = layout.chunks, layout.stores, layout.ends, layout.data
    for c in prange(len(chunks)):
        begin_store, stop_store, node = chunks[c]
        mu = least[node]
        for u in range(begin_store, stop_store):
            begin, stop, first = stores[u]
            energy = ends[u, 0]
            for t in range(begin, stop):
                worth = value[source[t]]
                later = value[source[t + 1]] if t + 1 < stop else ends[u, 1]
                at = price[node, first + t - begin]
                draw = data[COST_X, t] - data[GAIN_X, t] * worth - data[NET_X, t] * at
                feed = data[COST_Y, t] - data[GAIN_Y, t] * worth - data[NET_Y, t] * at
                p = power[source[t]]
                x = min(p / data[NET_X, t], 1.0) if p < 0 and data[NET_X, t] < 0 else 0.0
                y = min(p / data[NET_Y, t], 1.0) if p > 0 and data[NET_Y, t] > 0 else 0.0
                if curve is not None:
                    draw += curve[0, t] * x
                    feed += curve[1, t] * y
                # multipliers of the three shares that make these prices stationary
                zs = max(-draw, -feed, 0.0) + mu
                zx, zy = draw + zs, feed + zs
                energy += data[GAIN_X, t] * x + data[GAIN_Y, t] * y
                s = max(1.0 - x - y, min(mu / zs, NUDGE))
                x, y = max(x, min(mu / zx, NUDGE)), max(y, min(mu / zy, NUDGE))
                whole = x + y + s
                point[X, t], point[Y, t], point[S, t] = x / whole, y / whole, s / whole
                point[ZX, t], point[ZY, t], point[ZS, t] = zx, zy, zs
                # those of energy pay for the change of its worth to the next slot
                low, high = data[LOW, t], data[HIGH, t]
                band = high - low
                rest = mu / min(0.1 * band, 1.0)
                za, zb = max(worth - later, 0.0) + rest, max(later - worth, 0.0) + rest
                inside = max(energy, low + min(mu / za, NUDGE * band))
                inside = min(inside, high - min(mu / zb, NUDGE * band))
                point[E, t], point[ABOVE, t], point[BELOW, t] = inside, inside - low, high - inside
                point[ZA, t], point[ZB, t], point[VALUE, t] = za, zb, worth


# -- strips ---------------------------------------------------------------------------------


@kernel(**OPTIONS)
@no_type_check
def _longest(stores, begin, stop):
    """Most slots of a strip among these stores."""
    most = 0
    for u in range(begin, stop, STRIP):
        most = max(most, stores[min(u + STRIP, stop) - 1, 1] - stores[u, 0])
    return most


@kernel(**OPTIONS)
@no_type_check
def _spread(values, stores, begin, stop, made):
    """Values by step, as each slot of a strip sees them."""
    offset = stores[begin, 0]
    for u in range(begin, stop):
        at, end, first = stores[u]
        copy(values[first : first + end - at], made[at - offset : end - offset])


@kernel(**OPTIONS)
@no_type_check
def _gathered(values, stores, begin, stop, total):
    """Add what each slot of a strip has to the total of its step."""
    offset = stores[begin, 0]
    for u in range(begin, stop):
        at, end, first = stores[u]
        add(values[at - offset : end - offset], total[first : first + end - at])


@kernel(**OPTIONS)
@no_type_check
def _each(values, stores, begin, stop, made):
    """Values of the stores of a strip, as each of its slots sees them."""
    offset = stores[begin, 0]
    for u in range(begin, stop):
        fill(values[u - begin], made[stores[u, 0] - offset : stores[u, 1] - offset])


@kernel(**OPTIONS)
@no_type_check
def _next(row, stores, begin, stop, last, made):
    """The value of the slot after each slot of a strip; ``last`` after the end of each store."""
    offset, n = stores[begin, 0], len(row)
    copy(row[1:], made[: n - 1])
    for u in range(begin, stop):
        made[stores[u, 1] - 1 - offset] = last[u - begin]


@kernel(**OPTIONS)
@no_type_check
def _previous(row, stores, begin, stop, start, made):
    """The value of the slot before each slot of a strip; ``start`` before that of each store."""
    offset, n = stores[begin, 0], len(row)
    copy(row[: n - 1], made[1:n])
    for u in range(begin, stop):
        made[stores[u, 0] - offset] = start[u - begin]


# -- factor ---------------------------------------------------------------------------------


@kernel(**OPTIONS)
@no_type_check
def _eliminate(firm, theta, dinv, ratio):
    """Tridiagonal factor of one store, along its time."""
    before = 0.0  # the last slot's theta times what its ratio leaves of one
    for t in range(len(firm)):
        own = firm[t] + before
        dinv[t] = 1.0 / (own + theta[t])
        ratio[t] = theta[t] * dinv[t]
        before = theta[t] * (own * dinv[t])


@kernel(**OPTIONS)
@no_type_check
def _subtract_inverse(beta, dinv, ratio, answer, row):
    """Subtract ``diag(beta) M^-1 diag(beta)`` from the upper triangle of a store's answer.

    Rows of the inverse follow from the row below by a factor between 0 and 1, so that nothing can
    overflow; ``row`` is scratch, as long as the store.
    """
    last = len(beta) - 1
    alive = last
    corner = 0.0
    for i in range(last, -1, -1):
        corner = dinv[i] + ratio[i] * ratio[i] * corner
        if i == last:
            corner = dinv[i]
        while alive > i and abs(row[alive]) < DIED_OUT:
            alive -= 1
        shrink, weight = ratio[i], beta[i]
        for j in range(i + 1, alive + 1):
            row[j] *= shrink
            answer[i, j] -= weight * row[j]
        row[i] = weight * corner
        answer[i, i] -= weight * row[i]
        alive = max(alive, i)


@kernel(**OPTIONS)
@no_type_check
def _solve(dinv, ratio, vector):
    """Solve one store's tridiagonal system in place."""
    n = len(vector)
    for t in range(1, n):
        vector[t] += ratio[t - 1] * vector[t - 1]
    for t in range(n):
        vector[t] *= dinv[t]
    for t in range(n - 2, -1, -1):
        vector[t] += ratio[t] * vector[t + 1]


@kernel(**OPTIONS)
@no_type_check
def _solve_strip(stores, begin, stop, work, row):
    """Solve the systems of all stores of a strip in place."""
    offset = stores[begin, 0]
    for u in range(begin, stop):
        at, end = stores[u, 0], stores[u, 1]
        _solve(work[DINV, at:end], work[RATIO, at:end], row[at - offset : end - offset])


@kernel(**OPTIONS)
@no_type_check
def _mirror(matrix):
    """Make a matrix symmetric whose upper half is given."""
    for i in range(len(matrix)):
        for j in range(i):
            matrix[i, j] = matrix[j, i]


@kernel(parallel=True, **OPTIONS)
@no_type_check
def factor(layout, curve, state, damping, coupled, answers, active):
    """Factor every store and sum the answers of each chunk, where any limit could ask for them.

    Both shares of a slot are eliminated first, a two by two matrix whose inverse is written out;
    then energies, which are diagonal; what is kept is tridiagonal in the prices of energy. Pivots
    are sums of positive numbers: nothing is subtracted, so that no digits are lost.
    """
    chunks, stores, data = layout.chunks, layout.stores, layout.data
    point, work = state.point, state.work
    steps = answers.shape[1]
    for c in prange(len(chunks)):
        begin_store, stop_store, node = chunks[c]
        if not active[node]:
            continue
        answer = answers[c]
        for i in range(steps):
            fill(0.0, answer[i])
        row = np.empty(steps)
        scratch = np.empty((4, _longest(stores, begin_store, stop_store)))
        for begin in range(begin_store, stop_store, STRIP):
            stop = min(begin + STRIP, stop_store)
            a, b = stores[begin, 0], stores[stop - 1, 1]
            bend_x, bend_y = scratch[0, : b - a], scratch[1, : b - a]
            gamma, firm = scratch[2, : b - a], scratch[3, : b - a]
            # eliminated: both shares of a slot, with the rest between them
            for k in range(2):
                bend(point[X + k, a:b], point[ZX + k, a:b], damping, scratch[k, : b - a])
                if curve is not None:
                    add(curve[k, a:b], scratch[k, : b - a])
            xx, xy, yy = work[QXX, a:b], work[QXY, a:b], work[QYY, a:b]
            invert(bend_x, bend_y, point[S, a:b], point[ZS, a:b], xx, xy, yy)
            gain_x, gain_y = data[GAIN_X, a:b], data[GAIN_Y, a:b]
            net_x, net_y = data[NET_X, a:b], data[NET_Y, a:b]
            beta, theta = work[BETA, a:b], work[THETA, a:b]
            couple(xx, xy, yy, gain_x, gain_y, net_x, net_y, beta, gamma, firm)
            # then energies; what is kept is tridiagonal along the time of each store
            give_way(point[ABOVE, a:b], point[BELOW, a:b], point[ZA, a:b], point[ZB, a:b], theta)
            for u in range(begin, stop):
                at, end, first = stores[u]
                dinv, ratio = work[DINV, at:end], work[RATIO, at:end]
                _eliminate(firm[at - a : end - a], work[THETA, at:end], dinv, ratio)
                inside = answer[first : first + end - at, first : first + end - at]
                for t in range(end - at):
                    inside[t, t] += gamma[at - a + t]
                if coupled[node]:
                    _subtract_inverse(work[BETA, at:end], dinv, ratio, inside, row)
        _mirror(answer)


# -- right-hand side ------------------------------------------------------------------------


@kernel(parallel=True, **OPTIONS)
@no_type_check
def right_hand_side(layout, curve, state, price, asked, nets, predict):
    """What each store would do at its node's present price; the sum is each chunk's net change.

    When predicting, the target is 0 and there are no products of changes yet. Shares and energies
    are eliminated as in `factor`, and the tridiagonal system gives the price of energy.
    """
    chunks, stores, ends, data = layout.chunks, layout.stores, layout.ends, layout.data
    point, work, target, active = state.point, state.work, asked.target, asked.active
    for c in prange(len(chunks)):
        begin_store, stop_store, node = chunks[c]
        if not active[node]:
            continue
        fill(0.0, nets[c])
        mu = target[node]
        scratch = np.empty((3, _longest(stores, begin_store, stop_store)))
        none = np.zeros(STRIP)
        for begin in range(begin_store, stop_store, STRIP):
            stop = min(begin + STRIP, stop_store)
            a, b = stores[begin, 0], stores[stop - 1, 1]
            n = b - a
            side, later, net = scratch[0, :n], scratch[1, :n], scratch[2, :n]
            gain_x, gain_y = data[GAIN_X, a:b], data[GAIN_Y, a:b]
            net_x, net_y = data[NET_X, a:b], data[NET_Y, a:b]
            gx, gy, ge = work[GX, a:b], work[GY, a:b], work[GE, a:b]
            x, y, worth = point[X, a:b], point[Y, a:b], point[VALUE, a:b]
            # gradients of both shares and of energy at the present prices
            _spread(price[node], stores, begin, stop, side)
            for k in range(2):
                prices = (data[GAIN_X + k, a:b], data[NET_X + k, a:b], worth, side)
                reduced(data[COST_X + k, a:b], *prices, work[GX + k, a:b])
                if curve is not None:
                    add_scaled(curve[k, a:b], point[X + k, a:b], work[GX + k, a:b])
            _next(worth, stores, begin, stop, ends[begin:stop, 1], later)
            differ(worth, later, ge)
            if not predict:
                for k in range(2):
                    share = work[GX + k, a:b]
                    add_centring(mu, work[CX + k, a:b], point[X + k, a:b], -1.0, share)
                    add_centring(mu, work[CS, a:b], point[S, a:b], 1.0, share)
                add_centring(mu, work[CA, a:b], point[ABOVE, a:b], -1.0, ge)
                add_centring(mu, work[CB, a:b], point[BELOW, a:b], 1.0, ge)
            # what shares and energies would do alone, and the price of energy that balances it
            right = work[RHS, a:b]
            xx, xy, yy = work[QXX, a:b], work[QXY, a:b], work[QYY, a:b]
            respond_alone(gx, gy, xx, xy, yy, gain_x, gain_y, net_x, net_y, right, net)
            _previous(point[E, a:b], stores, begin, stop, ends[begin:stop, 0], side)
            missed(point[E, a:b], side, x, y, gain_x, gain_y, right)
            multiply(work[THETA, a:b], ge, later)
            subtract(later, right)
            _previous(later, stores, begin, stop, none, side)
            add(side, right)
            _solve_strip(stores, begin, stop, work, right)
            add_scaled(work[BETA, a:b], right, net)
            _gathered(net, stores, begin, stop, nets[c])


# -- direction ------------------------------------------------------------------------------


@kernel(**OPTIONS)
@no_type_check
def _reach(used):
    """The longest step, from the most that a whole step uses up."""
    most = largest(used)
    return 1.0 / most if most > 1.0 / UNBLOCKED else UNBLOCKED


@kernel(parallel=True, **OPTIONS)
@no_type_check
def direction(layout, state, dprice, asked, report, reach, predict):
    """The step of every store to its node's change of price, and how far it can be taken.

    ``reach`` is that distance by store, primal and dual; chunks tell the shortest of theirs. When
    predicting, the products of changes that the next right-hand side needs are kept, and what the
    step would do to the gap is told; the step itself is only kept when correcting.
    """
    chunks, stores, data = layout.chunks, layout.stores, layout.data
    point, work, target, active = state.point, state.work, asked.target, asked.active
    for c in prange(len(chunks)):
        begin_store, stop_store, node = chunks[c]
        if not active[node]:
            continue
        mu = target[node]
        report[c, PRIMAL] = report[c, DUAL] = UNBLOCKED
        fill(0.0, report[c, GAP : GAP_BOTH + 1])
        longest = _longest(stores, begin_store, stop_store)
        scratch, step = np.empty((7, longest)), np.empty((PAIRS, longest))
        none = np.zeros(STRIP)
        for begin in range(begin_store, stop_store, STRIP):
            stop = min(begin + STRIP, stop_store)
            a, b = stores[begin, 0], stores[stop - 1, 1]
            n = b - a
            change, worth, later = scratch[0, :n], scratch[1, :n], scratch[2, :n]
            bx, by = scratch[3, :n], scratch[4, :n]
            forward, backward = scratch[5, :n], scratch[6, :n]
            # the price of energy answers first; shares and energies follow from it
            _spread(dprice[node], stores, begin, stop, change)
            scale_down(work[BETA, a:b], change, worth)
            _solve_strip(stores, begin, stop, work, worth)
            add(work[RHS, a:b], worth)
            _next(worth, stores, begin, stop, none, later)
            for k in range(2):
                prices = (data[GAIN_X + k, a:b], data[NET_X + k, a:b], worth, change)
                pull(*prices, work[GX + k, a:b], scratch[3 + k, :n])
            xx, xy, yy = work[QXX, a:b], work[QXY, a:b], work[QYY, a:b]
            power_step(bx, by, xx, xy, yy, step[X, :n], step[Y, :n], step[S, :n])
            up, down = step[ABOVE, :n], step[BELOW, :n]
            energy_step(work[THETA, a:b], work[GE, a:b], worth, later, up, down)
            # the share of each slack and multiplier that a whole step would use up
            fill(0.0, forward)
            fill(0.0, backward)
            for k in range(PAIRS):
                slack, multiplier = point[X + k, a:b], point[ZX + k, a:b]
                moved, product = step[k, :n], work[CX + k, a:b]
                if predict:
                    sums = predict_pair(slack, multiplier, moved, product, forward, backward)
                    report[c, GAP] += sums[0]
                    report[c, GAP_PRIMAL] += sums[1]
                    report[c, GAP_DUAL] += sums[2]
                    report[c, GAP_BOTH] += sums[3]
                else:
                    correct_pair(slack, multiplier, moved, product, mu, forward, backward)
            if not predict:
                copy(step[X, :n], work[DX, a:b])
                copy(step[Y, :n], work[DY, a:b])
                copy(step[ABOVE, :n], work[DE, a:b])
                copy(worth, work[DVALUE, a:b])
            for u in range(begin, stop):
                at, end = stores[u, 0] - a, stores[u, 1] - a
                reach[u, 0], reach[u, 1] = _reach(forward[at:end]), _reach(backward[at:end])
                report[c, PRIMAL] = min(report[c, PRIMAL], reach[u, 0])
                report[c, DUAL] = min(report[c, DUAL], reach[u, 1])


# -- move -----------------------------------------------------------------------------------


@kernel(**OPTIONS)
@no_type_check
def _tempered(reach, common, own):
    """A step between what one store could take by itself and what all can take together."""
    return min(STEP_SHARE * reach, 1.0) ** own * common ** (1.0 - own)


@kernel(**OPTIONS)
@no_type_check
def _changes(dx, dy, de, change):
    """Changes of all slacks from those of both shares and of stored energy."""
    for t in range(len(dx)):
        change[X, t], change[Y, t], change[S, t] = dx[t], dy[t], -dx[t] - dy[t]
        change[ABOVE, t], change[BELOW, t] = de[t], -de[t]


@kernel(parallel=True, **OPTIONS)
@no_type_check
def move(layout, curve, state, asked, steps, sums):
    """Take the step; tell the gap, the largest energy residual, the cost and the new net power.

    A store moves by the geometric mean of its own longest step, weighted ``own``, and the step that
    its whole tree can take, ``primal`` and ``dual``. ``lifts`` is by how much net power rises when
    the smaller direction of each slot is cancelled.
    """
    chunks, stores, ends, data = layout.chunks, layout.stores, layout.ends, layout.data
    point, work, target, active = state.point, state.work, asked.target, asked.active
    reach, primal, dual, own = steps.reach, steps.primal, steps.dual, steps.own
    nets, lifts, report = sums.nets, sums.lifts, sums.report
    for c in prange(len(chunks)):
        begin_store, stop_store, node = chunks[c]
        if not active[node]:
            continue
        mu = target[node]
        fill(0.0, nets[c])
        fill(0.0, lifts[c])
        gap, worst, cost, turnover = 0.0, 0.0, 0.0, 0.0
        longest = _longest(stores, begin_store, stop_store)
        scratch, change = np.empty((4, longest)), np.empty((PAIRS, longest))
        ahead = np.empty((2, STRIP))
        for begin in range(begin_store, stop_store, STRIP):
            stop = min(begin + STRIP, stop_store)
            a, b = stores[begin, 0], stores[stop - 1, 1]
            n = b - a
            for u in range(begin, stop):
                ahead[0, u - begin] = _tempered(reach[u, 0], primal[node], own)
                ahead[1, u - begin] = _tempered(reach[u, 1], dual[node], own)
            step, dual_step = scratch[0, :n], scratch[1, :n]
            _each(ahead[0], stores, begin, stop, step)
            _each(ahead[1], stores, begin, stop, dual_step)
            x, y, energy, de = point[X, a:b], point[Y, a:b], point[E, a:b], work[DE, a:b]
            _changes(work[DX, a:b], work[DY, a:b], de, change)
            for k in range(PAIRS):
                pair = (point[X + k, a:b], point[ZX + k, a:b], change[k, :n], work[CX + k, a:b])
                gap += move_pair(*pair, mu, step, dual_step)
            # energy and its price, then what the new point costs, misses and delivers
            add_scaled(step, de, energy)
            add_scaled(dual_step, work[DVALUE, a:b], point[VALUE, a:b])
            paid = pay(data[COST_X, a:b], data[COST_Y, a:b], x, y)
            cost += paid[0]
            turnover += paid[1]
            if curve is not None:
                rise = pay_rise(curve[0, a:b], curve[1, a:b], x, y)
                cost += rise
                turnover += rise
            held, stored = scratch[0, :n], scratch[1, :n]
            gain_x, gain_y = data[GAIN_X, a:b], data[GAIN_Y, a:b]
            _previous(energy, stores, begin, stop, ends[begin:stop, 0], held)
            worst = max(worst, balance(energy, held, x, y, gain_x, gain_y, stored))
            for u in range(begin, stop):
                cost -= ends[u, 1] * (energy[stores[u, 1] - 1 - a] - ends[u, 0])
            fed, lift = scratch[2, :n], scratch[3, :n]
            feed(data[NET_X, a:b], data[NET_Y, a:b], gain_x, gain_y, x, y, stored, fed, lift)
            _gathered(fed, stores, begin, stop, nets[c])
            _gathered(lift, stores, begin, stop, lifts[c])
        report[c, GAP], report[c, RESIDUAL] = gap, worst
        report[c, COST], report[c, TURNOVER] = cost, turnover
