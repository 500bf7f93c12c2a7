"""One Newton step as stores see it that hold capacity: loops along the time of each store.

A slot has shares ``z``: drawn, fed, and held of each award. Its rows keep each share and the rest
of the first two above 0, and what could be called within the limits of power; rows of energy count
``e`` at the begin or at the end of the slot and what is held. With the balance, energy at the end
is that at the begin and ``gain z``. So a store is solved as a control problem with one state,
backwards in time: after a slot, what is left depends on its energy by ``P e^2 / 2 - q e``.

Per slot the shares are eliminated by a Cholesky factor L of their own system Q, in which rows of
energy at the end count through ``gain``. With ``u = L^-1 gain`` and ``f`` the same of how rows tie
shares to energy at the begin, ``phi = u u``, ``psi = 1 - u f`` and P at the end::

    P_begin = P_own + psi^2 P / (1 + P phi),   e_end = (psi e_begin + phi q) / (1 + P phi) + ...

These are sums of positive numbers, also where P is very large. Only ``P_own``, the stiffness that
rows of energy leave where something can be held, is a difference; its error only slows the method.

How a store answers prices follows without a solve: a later price comes to an earlier slot through
``q`` and the energy before it, so that the answer between two slots is a product of two vectors
and of the factors ``psi / (1 + P phi)`` of the slots between them.
"""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS
from evergrid.engine.interior_point.held.slot_rows import (
    AWARDS,
    COST_X,
    COST_Y,
    CURVE_X,
    CURVE_Y,
    DRAIN,
    DRAW,
    FEED,
    FIRST,
    GAIN,
    START,
    WORTH,
    S,
    X,
    Y,
    count_rows,
    first_at_end,
    first_of_energy,
    moved,
    read,
    scratch,
)
from evergrid.engine.interior_point.held.store_answers import add_answer, mirror
from evergrid.engine.interior_point.store_kernels import (
    COST,
    DUAL,
    GAP,
    GAP_BOTH,
    GAP_DUAL,
    GAP_PRIMAL,
    PRIMAL,
    RESIDUAL,
    STEP_SHARE,
    TURNOVER,
    UNBLOCKED,
)

# -- factor ---------------------------------------------------------------------------------


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _factor_square(m, square):
    """Lower Cholesky factor in place; its diagonal is inverted."""
    for i in range(m):
        for j in range(i + 1):
            total = square[i, j]
            for k in range(j):
                total -= square[i, k] * square[j, k]
            if i == j:
                square[i, i] = 1.0 / np.sqrt(max(total, 1e-14 * square[i, i]))
            else:
                square[i, j] = total * square[j, j]


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _put(m, square, gain, tie, entries):
    """Keep a factor, and both of its vectors once they are solved with it: u and f."""
    at = 0
    for i in range(m):
        for j in range(i + 1):
            entries[at] = square[i, j]
            at += 1
    _solve_lower(m, entries, gain)
    _solve_lower(m, entries, tie)
    for i in range(m):
        entries[at + i], entries[at + m + i] = gain[i], tie[i]


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _solve_lower(m, entries, vector):
    """Solve with the factor in place."""
    at = 0
    for i in range(m):
        total = vector[i]
        for j in range(i):
            total -= entries[at + j] * vector[j]
        vector[i] = total * entries[at + i]
        at += i + 1


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _solve_upper(m, entries, vector):
    """Solve with the transposed factor in place."""
    for i in range(m - 1, -1, -1):
        total = vector[i]
        for k in range(i + 1, m):
            total -= entries[k * (k + 1) // 2 + i] * vector[k]
        vector[i] = total * entries[i * (i + 1) // 2 + i]


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _dot(m, one, other):
    """Product of two vectors."""
    total = 0.0
    for i in range(m):
        total += one[i] * other[i]
    return total


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _stiffness(sets, slot, slack, multiplier, damping, made):
    """Fill in a slot's own system, and how it ties shares to energy at the begin, ``other``.

    Returns what rows make of energy at the begin alone, and of energy at the end alone.
    """
    m, rows = 2 + len(sets.awards), count_rows(sets)
    square, tie = made.square, made.other
    for i in range(m):
        tie[i] = 0.0
        for j in range(i):
            square[i, j] = 0.0
        square[i, i] = damping
    square[0, 0] += slot[CURVE_X]
    square[1, 1] += slot[CURVE_Y]
    # Q is the sum of a a' over rows a, each times multiplier / slack, the second derivative of its
    # barrier, and of the curves of costs.
    first = first_of_energy(sets)
    awards = len(sets.awards)
    rest = multiplier[S] / slack[S]
    square[0, 0] += multiplier[X] / slack[X] + rest
    square[1, 1] += multiplier[Y] / slack[Y] + rest
    square[1, 0] += rest
    for a in range(awards):
        square[2 + a, 2 + a] += multiplier[FIRST + a] / slack[FIRST + a]
    for a in range(len(sets.caps)):
        cap = FIRST + awards + a
        square[2 + a, 2 + a] += multiplier[cap] / slack[cap]
    for r in range(FIRST + awards + len(sets.caps), first):
        weight = multiplier[r] / slack[r]
        for i in range(m):
            scaled = weight * made.rows[r, i]
            for j in range(i + 1):
                square[i, j] += scaled * made.rows[r, j]
    # Rows of energy at the end see e_begin + gain z: their part of the shares is their own plus or
    # minus the gain, and they tie the shares to energy at the begin.
    own = 0.0
    for r in range(first, rows - 2):
        weight, sign, at_end = multiplier[r] / slack[r], 1.0, r >= first_at_end(sets)
        if first + len(sets.begin_lows) <= r < first_at_end(sets):
            sign = -1.0
        if r >= first_at_end(sets) + len(sets.end_lows):
            sign = -1.0
        own += weight
        for i in range(m):
            made.one[i] = made.rows[r, i] + (sign * made.gain[i] if at_end else 0.0)
        for i in range(m):
            scaled = weight * made.one[i]
            tie[i] += sign * scaled
            for j in range(i + 1):
                square[i, j] += scaled * made.one[j]
    at_end = multiplier[rows - 2] / slack[rows - 2] + multiplier[rows - 1] / slack[rows - 1]
    return own, at_end


@kernel(nogil=True, **OPTIONS)
@no_type_check
def factor(begin, stop, sets, layout, point, damping, step_h, answers):
    """Factor every store, and sum the answers of each chunk."""
    for c in range(begin, stop):
        _factor_chunk(c, sets, layout, point, damping, step_h, answers[c])


@kernel(**OPTIONS)
@no_type_check
def _factor_chunk(c, sets, layout, point, damping, step_h, answer):
    awards = len(sets.awards)
    m, outs = 2 + awards, 1 + awards
    steps = len(answer) // outs
    size = m * (m + 1) // 2
    made = scratch(sets)
    answer[:] = 0.0
    from_begin, from_pull = np.zeros((steps, outs)), np.zeros((steps, outs))
    local, row = np.zeros((steps, outs, outs)), np.zeros((outs, steps))
    passed, given = np.zeros(steps), np.zeros(steps)
    for u in range(layout.chunks[c, 0], layout.chunks[c, 1]):
        begin, stop, first = layout.stores[u]
        store = layout.of_store[u]
        later = 0.0
        # Backwards: `later` is P of the energy at the end of the slot, of all that comes after it.
        for t in range(stop - 1, begin - 1, -1):
            k, entries = t - begin, point.factor[t]
            read(sets, store, layout.of_slot[t], step_h, made)
            place = (layout.of_slot[t], point.slack[t], point.multiplier[t], damping)
            own, at_end = _stiffness(sets, *place, made)
            later += at_end
            _factor_square(m, made.square)
            _put(m, made.square, made.gain, made.other, entries)
            gain, tie = made.gain, made.other
            phi, psi = _dot(m, gain, gain), 1.0 - _dot(m, gain, tie)
            own = max(own - _dot(m, tie, tie), 0.0)
            share = 1.0 / (1.0 + later * phi)
            at = size + 2 * m
            entries[at], entries[at + 1] = phi, psi
            entries[at + 2], entries[at + 3] = later, share
            # what the node sees of this slot: net power, and what is held of each award
            for q in range(outs):
                made.one[:] = 0.0
                if q == 0:
                    made.one[0], made.one[1] = made.net[0], made.net[1]
                else:
                    made.one[1 + q] = made.held[q - 1]
                _solve_lower(m, entries, made.one)
                for i in range(m):
                    made.outs[i, q] = made.one[i]
            for q in range(outs):
                by_gain = by_tie = 0.0
                for i in range(m):
                    by_gain += made.outs[i, q] * gain[i]
                    by_tie += made.outs[i, q] * tie[i]
                from_pull[k, q] = by_gain
                from_begin[k, q] = -by_tie - by_gain * later * psi * share
            for q in range(outs):
                for p in range(outs):
                    total = -from_pull[k, q] * from_pull[k, p] * later * share
                    for i in range(m):
                        total += made.outs[i, q] * made.outs[i, p]
                    local[k, q, p] = total
            for q in range(outs):
                from_pull[k, q] *= share
            passed[k], given[k] = psi * share, phi * share
            later = own + psi * psi * later * share
        add_answer(stop - begin, first, passed, given, from_begin, from_pull, local, row, answer)
    mirror(outs, answer)


# -- right-hand side ------------------------------------------------------------------------


@kernel(nogil=True, **OPTIONS)
@no_type_check
def respond(begin, stop, sets, layout, point, price, goal, step_h, sums):
    """What each store would do at its node's present prices; sums of it by chunk.

    At a goal of 0 there are no products of changes yet.
    """
    for c in range(begin, stop):
        _respond_chunk(c, sets, layout, point, price, goal, step_h, sums.nets[c])


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _right_side(sets, slot, at, worth, goal, missed, made):
    """Fill in a slot's right-hand side, ``one``; pulls of energy at its begin and its end."""
    m, rows = 2 + len(sets.awards), count_rows(sets)
    slack, multiplier, product, share = at
    awards, right = len(sets.awards), made.one
    right[0] = made.net[0] * worth[0] - slot[COST_X] - slot[CURVE_X] * share[0]
    right[1] = made.net[1] * worth[0] - slot[COST_Y] - slot[CURVE_Y] * share[1]
    for a in range(awards):
        right[2 + a] = made.held[a] * worth[1 + a] - slot[AWARDS + awards + a]
    for r in range(rows):
        made.slope[r] = (goal - product[r]) / slack[r] if goal > 0 else 0.0
    begin = 0.0
    first, last = first_of_energy(sets), first_at_end(sets)
    # Rows of power pull at shares alone. Rows of energy at the begin pull at that energy too; those
    # at the end also through what shares add until then, by ``gain``.
    right[0] += made.slope[X] - made.slope[S]
    right[1] += made.slope[Y] - made.slope[S]
    for a in range(awards):
        right[2 + a] += made.slope[FIRST + a]
    for a in range(len(sets.caps)):
        right[2 + a] -= made.slope[FIRST + awards + a]
    for r in range(FIRST + awards + len(sets.caps), first):
        for i in range(m):
            right[i] += made.rows[r, i] * made.slope[r]
    for r in range(first, last):
        for a in range(awards):
            right[2 + a] += made.rows[r, 2 + a] * made.slope[r]
        begin += made.slope[r] if r < first + len(sets.begin_lows) else -made.slope[r]
    for r in range(last, rows - 2):
        sign = 1.0 if r < last + len(sets.end_lows) else -1.0
        aim = made.slope[r] - sign * missed * multiplier[r] / slack[r]
        begin += sign * aim
        for i in range(m):
            right[i] += (made.rows[r, i] + sign * made.gain[i]) * aim
    return begin, made.slope[rows - 2] - made.slope[rows - 1]


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _worth_later(sets, value, multiplier):
    """Present worth of energy at the end of a slot, but for the rows that also count what is held.

    Pulls count from it: they are small then, where their sum with shares that little holds back
    would lose every digit.
    """
    row = first_at_end(sets)
    for k in range(len(sets.end_lows)):
        value -= multiplier[row + k]
    row += len(sets.end_lows)
    for k in range(len(sets.end_highs)):
        value += multiplier[row + k]
    return value


@kernel(**OPTIONS)
@no_type_check
def _respond_chunk(c, sets, layout, point, price, goal, step_h, net):
    awards = len(sets.awards)
    m = 2 + awards
    size = m * (m + 1) // 2
    made = scratch(sets)
    node = layout.chunks[c, 2]
    worth = np.zeros(1 + awards)
    net[:] = 0.0
    for u in range(layout.chunks[c, 0], layout.chunks[c, 1]):
        begin, stop, first = layout.stores[u]
        store = layout.of_store[u]
        # Backwards what is wanted of energy, q, with all residuals; then forwards what follows of
        # it.
        pull = store[WORTH]
        for t in range(stop - 1, begin - 1, -1):
            slot, entries, share = layout.of_slot[t], point.factor[t], point.share[t]
            read(sets, store, slot, step_h, made)
            for q in range(1 + awards):
                worth[q] = price[node, q, first + t - begin]
            before = point.energy[t - 1] if t > begin else store[START]
            missed = before + _dot(m, made.gain, share) - point.energy[t]
            at = (point.slack[t], point.multiplier[t], point.product[t], share)
            of_begin, of_end = _right_side(sets, slot, at, worth, goal, missed, made)
            now = _worth_later(sets, point.value[t], point.multiplier[t])
            for i in range(m):
                made.one[i] += made.gain[i] * now
            _solve_lower(m, entries, made.one)
            pull += of_end - now
            gain, tie = entries[size : size + m], entries[size + m : size + 2 * m]
            psi = entries[size + 2 * m + 1]
            stiff, part = entries[size + 2 * m + 2], entries[size + 2 * m + 3]
            point.missed[t], point.pull[t] = missed, pull
            for i in range(m):
                point.right[t, i] = made.one[i]
            pushed = (pull - stiff * (_dot(m, gain, made.one) + missed)) * part
            pull = of_begin + now - _dot(m, tie, made.one) + psi * pushed
        ahead = 0.0
        for t in range(begin, stop):
            ahead = _forward(m, point.factor[t], point.right[t], point.pull[t],
                             point.missed[t], ahead, made.one)  # fmt: skip
            slot, at = layout.of_slot[t], first + t - begin
            net[0, at] += slot[FEED] * made.one[1] - slot[DRAW] * made.one[0]
            whole = slot[DRAW] + slot[FEED]
            for a in range(awards):
                net[1 + a, at] += whole * slot[AWARDS + a] * made.one[2 + a]


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _forward(m, entries, right, pull, missed, before, shares):
    """Fill in the changes of a slot's shares; the change of energy at its end."""
    size = m * (m + 1) // 2
    gain, tie = entries[size : size + m], entries[size + m : size + 2 * m]
    phi, psi = entries[size + 2 * m], entries[size + 2 * m + 1]
    stiff, part = entries[size + 2 * m + 2], entries[size + 2 * m + 3]
    free = psi * before + _dot(m, gain, right) + missed
    pushed = (pull - stiff * free) * part
    for i in range(m):
        shares[i] = right[i] - tie[i] * before + gain[i] * pushed
    _solve_upper(m, entries, shares)
    return (free + phi * pull) * part


# -- direction ------------------------------------------------------------------------------


@kernel(nogil=True, **OPTIONS)
@no_type_check
def direction(begin, stop, sets, layout, point, dprice, goal, step_h, sums):
    """The step of every store to its node's changes of price, and how far it can be taken."""
    for c in range(begin, stop):
        _direct_chunk(c, sets, layout, point, dprice, goal, step_h, sums)


@kernel(**OPTIONS)
@no_type_check
def _direct_chunk(c, sets, layout, point, dprice, goal, step_h, sums):
    awards, rows = len(sets.awards), count_rows(sets)
    m = 2 + awards
    size = m * (m + 1) // 2
    made = scratch(sets)
    node, report = layout.chunks[c, 2], sums.report[c]
    report[PRIMAL] = report[DUAL] = UNBLOCKED
    report[GAP : GAP_BOTH + 1] = 0.0
    one = made.one
    for u in range(layout.chunks[c, 0], layout.chunks[c, 1]):
        begin, stop, first = layout.stores[u]
        store = layout.of_store[u]
        # All is linear: the change of prices adds its part to what `respond` has left. The
        # prediction leaves products of its steps, the corrected direction the changes that `move`
        # takes.
        pull = 0.0
        for t in range(stop - 1, begin - 1, -1):
            slot, entries, at = layout.of_slot[t], point.factor[t], first + t - begin
            one[0] = -slot[DRAW] * dprice[node, 0, at]
            one[1] = slot[FEED] * dprice[node, 0, at]
            whole = slot[DRAW] + slot[FEED]
            for a in range(awards):
                one[2 + a] = whole * slot[AWARDS + a] * dprice[node, 1 + a, at]
            _solve_lower(m, entries, one)
            gain, tie = entries[size : size + m], entries[size + m : size + 2 * m]
            psi = entries[size + 2 * m + 1]
            stiff, part = entries[size + 2 * m + 2], entries[size + 2 * m + 3]
            point.pull[t] += pull
            for i in range(m):
                point.right[t, i] += one[i]
            pull = psi * (pull - stiff * _dot(m, gain, one)) * part - _dot(m, tie, one)
        before, forward, backward = 0.0, 0.0, 0.0
        for t in range(begin, stop):
            read(sets, store, layout.of_slot[t], step_h, made)
            after = _forward(m, point.factor[t], point.right[t], point.pull[t],
                             point.missed[t], before, one)  # fmt: skip
            moved(sets, made, one, before, after, made.slope)
            slack, multiplier = point.slack[t], point.multiplier[t]
            product = point.product[t]
            if goal > 0:
                for r in range(rows):
                    share = 1.0 / slack[r]
                    used = -made.slope[r] * share
                    gained = (goal - product[r]) * share
                    forward = max(forward, used)
                    backward = max(backward, 1.0 - used - gained / multiplier[r])
                for i in range(m):
                    point.change[t, i] = one[i]
                point.energy_change[t] = after
            else:
                for r in range(rows):
                    s, z, ds = slack[r], multiplier[r], made.slope[r]
                    used = -ds / s
                    dz = z * (used - 1.0)
                    forward = max(forward, used)
                    backward = max(backward, 1.0 - used)
                    product[r] = ds * dz
                    report[GAP] += s * z
                    report[GAP_PRIMAL] += ds * z
                    report[GAP_DUAL] += s * dz
                    report[GAP_BOTH] += ds * dz
            before = after
        for k, used in enumerate((forward, backward)):
            reach = 1.0 / used if used > 1.0 / UNBLOCKED else UNBLOCKED
            sums.reach[u, k] = reach
            report[PRIMAL + k] = min(report[PRIMAL + k], reach)


# -- move -----------------------------------------------------------------------------------


@kernel(forceinline=True, **OPTIONS)
@no_type_check
def _tempered(reach, common, own):
    """A step between what one store could take by itself and what all can take together."""
    return min(STEP_SHARE * reach, 1.0) ** own * common ** (1.0 - own)


@kernel(nogil=True, **OPTIONS)
@no_type_check
def move(begin, stop, sets, layout, point, goal, common, own, step_h, sums):
    """Take the step; tell the gap, the largest energy residual, the cost and the new sums.

    Args:
        begin: First chunk.
        stop: The one after the last.
        sets: Of awards.
        layout: Of stores.
        point: Where they are.
        goal: Product that was aimed at.
        common: Step that all can take, primal and dual.
        own: Weight of a store's own step against that.
        step_h: Length of a step.
        sums: What is told.
    """
    for c in range(begin, stop):
        _move_chunk(c, sets, layout, point, goal, common, own, step_h, sums)


@kernel(**OPTIONS)
@no_type_check
def _move_chunk(c, sets, layout, point, goal, common, own, step_h, sums):
    awards, rows = len(sets.awards), count_rows(sets)
    m = 2 + awards
    made = scratch(sets)
    net, lift, report = sums.nets[c], sums.lifts[c], sums.report[c]
    net[:] = 0.0
    lift[:] = 0.0
    gap, worst, cost, turnover = 0.0, 0.0, 0.0, 0.0
    first_energy, first_end = first_of_energy(sets), first_at_end(sets)
    for u in range(layout.chunks[c, 0], layout.chunks[c, 1]):
        begin, stop, first = layout.stores[u]
        store = layout.of_store[u]
        step = _tempered(sums.reach[u, 0], common[0], own)
        dual_step = _tempered(sums.reach[u, 1], common[1], own)
        value = store[WORTH]
        # Backwards in time: energy at the end of a slot is worth what it is at the very end and
        # what the rows of all energy after it ask for, so its dual is a sum and needs no solve.
        for t in range(stop - 1, begin - 1, -1):
            slot, share, at = layout.of_slot[t], point.share[t], first + t - begin
            read(sets, store, slot, step_h, made)
            before = point.energy_change[t - 1] if t > begin else 0.0
            moved(sets, made, point.change[t], before, point.energy_change[t], made.slope)
            slack, multiplier, product = point.slack[t], point.multiplier[t], point.product[t]
            at_begin = 0.0
            for r in range(rows):
                s, z, ds = slack[r], multiplier[r], made.slope[r]
                # The multiplier that brings the product of both to the goal after this step; the
                # last try's product of the two steps stands for what a line leaves out.
                aimed = (goal - product[r] - z * ds) / s
                if r >= first_end:
                    minus = first_end + len(sets.end_lows) <= r < rows - 2 or r == rows - 1
                    value += -aimed if minus else aimed
                elif r >= first_energy:
                    at_begin += aimed if r < first_energy + len(sets.begin_lows) else -aimed
                s += step * ds
                z += dual_step * (aimed - z)
                slack[r], multiplier[r] = s, z
                gap += s * z
            point.value[t] += dual_step * (value - point.value[t])
            value += at_begin
            for i in range(m):
                share[i] += step * point.change[t, i]
            x, y = share[0], share[1]
            paid, spent = slot[COST_X] * x + slot[COST_Y] * y, 0.0
            turned = abs(slot[COST_X]) * x + abs(slot[COST_Y]) * y
            for a in range(awards):
                if slot[AWARDS + a] > 0:
                    paid += slot[AWARDS + awards + a] * share[2 + a]
                    turned += abs(slot[AWARDS + awards + a]) * share[2 + a]
                net[1 + a, at] += made.held[a] * share[2 + a]
            spent = 0.5 * (slot[CURVE_X] * x * x + slot[CURVE_Y] * y * y)
            cost += paid + spent
            turnover += turned + spent
            stored = made.gain[0] * x + made.gain[1] * y
            both, one_way = made.net[0] * x + made.net[1] * y, 0.0
            if stored > 0:
                one_way = -stored / store[GAIN]
            elif stored < 0:
                one_way = -stored / store[DRAIN]
            net[0, at] += both
            lift[at] += one_way - both
        # Forwards in time, for what the balance of energy has drifted from the shares by rounding.
        held = store[START]
        for t in range(begin, stop):
            read(sets, store, layout.of_slot[t], step_h, made)
            point.energy[t] += step * point.energy_change[t]
            worst = max(worst, abs(held + _dot(m, made.gain, point.share[t]) - point.energy[t]))
            held = point.energy[t]
        cost -= store[WORTH] * (held - store[START])
    report[GAP], report[RESIDUAL], report[COST], report[TURNOVER] = gap, worst, cost, turnover
