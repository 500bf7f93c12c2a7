"""One Newton step of the interior-point method as the units see it: compiled loops over slots.

In a slot a unit draws the share ``x`` of its limit and feeds the share ``y`` of its other limit,
with the rest ``s = 1 - x - y >= 0``: the convex hull of drawing or feeding, but not both. Per unit
the Newton system is tridiagonal in the prices of stored energy, with a matrix M. A unit answers a
change of its group's price with the matrix ``diag(gamma) - diag(beta) M^-1 diag(beta)``, and the
sum of these answers is all that a group needs to know of its units.

Arrays hold one row per quantity, named below, and one column per slot. A *chunk* is a run of units
of one group that one thread works through. ``curve`` holds the second derivatives of both shares'
costs, or is None where no cost rises with power; for None nothing of it is compiled.
"""

import os
from typing import no_type_check

# Threads that spin while they wait cost a shared machine far more than waking them does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from numba import njit, prange

# Rows of `data`: what the program gives.
COST_X, COST_Y, GAIN_X, GAIN_Y, NET_X, NET_Y, LOW, HIGH = range(8)
# Rows of `point`: the iterate, its slacks and multipliers.
X, Y, S, E, ABOVE, BELOW, ZX, ZY, ZS, ZA, ZB, VALUE = range(12)
# Rows of `work`: inverse Hessian, factor, right-hand sides, step, second-order products.
QXX, QXY, QYY, BETA, THETA, DINV, RATIO = range(7)
RHS, GX, GY, GE, DX, DY, DE, DVALUE, CX, CY, CS, CA, CB = range(7, 20)
# Columns of `told`: what a chunk tells after its part of a step.
PRIMAL, DUAL, GAP, GAP_PRIMAL, GAP_DUAL, GAP_BOTH, RESIDUAL, COST, TURNOVER = range(9)

UNBLOCKED = 1e30  # length of a step that nothing blocks
STEP_SHARE = 0.99  # of the longest step that keeps everything positive
NUDGE = 0.02  # share of a range by which a guess is moved off its limits at most
DIED_OUT = 1e-120  # entries of an inverse below this are dropped before they become denormal

OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}


@njit(parallel=True, **OPTIONS)
@no_type_check
def begin_near(chunks, units, ends, data, curve, point, source, power, value, price, least):
    """Begin with these powers and prices, in the order of the program.

    Multipliers follow from the prices, so that these are feasible; powers and energies are moved
    off their limits by what the multipliers allow for products of ``least``.
    """
    for c in prange(len(chunks)):
        begin_unit, stop_unit, group = chunks[c]
        mu = least[group]
        for u in range(begin_unit, stop_unit):
            begin, stop, first = units[u]
            energy = ends[u, 0]
            for t in range(begin, stop):
                worth = value[source[t]]
                later = value[source[t + 1]] if t + 1 < stop else ends[u, 1]
                at = price[group, first + t - begin]
                draw = data[COST_X, t] - data[GAIN_X, t] * worth - data[NET_X, t] * at
                feed = data[COST_Y, t] - data[GAIN_Y, t] * worth - data[NET_Y, t] * at
                p = power[source[t]]
                x = min(p / data[NET_X, t], 1.0) if p < 0 and data[NET_X, t] < 0 else 0.0
                y = min(p / data[NET_Y, t], 1.0) if p > 0 and data[NET_Y, t] > 0 else 0.0
                if curve is not None:
                    draw += curve[0, t] * x
                    feed += curve[1, t] * y
                zs = max(-draw, -feed, 0.0) + mu
                zx, zy = draw + zs, feed + zs
                energy += data[GAIN_X, t] * x + data[GAIN_Y, t] * y
                s = max(1.0 - x - y, min(mu / zs, NUDGE))
                x, y = max(x, min(mu / zx, NUDGE)), max(y, min(mu / zy, NUDGE))
                whole = x + y + s
                point[X, t], point[Y, t], point[S, t] = x / whole, y / whole, s / whole
                point[ZX, t], point[ZY, t], point[ZS, t] = zx, zy, zs
                low, high = data[LOW, t], data[HIGH, t]
                band = high - low
                rest = mu / min(0.1 * band, 1.0)
                za, zb = max(worth - later, 0.0) + rest, max(later - worth, 0.0) + rest
                inside = max(energy, low + min(mu / za, NUDGE * band))
                inside = min(inside, high - min(mu / zb, NUDGE * band))
                point[E, t], point[ABOVE, t], point[BELOW, t] = inside, inside - low, high - inside
                point[ZA, t], point[ZB, t], point[VALUE, t] = za, zb, worth


@njit(**OPTIONS)
@no_type_check
def _factor(begin, stop, first, data, curve, point, work, damping, answer):
    """Hessians and tridiagonal factor of one unit; gamma is added to the group's answer."""
    before = 0.0  # the last slot's theta times what its ratio leaves of one
    for t in range(begin, stop):
        qx = point[ZX, t] / point[X, t] + damping
        qy = point[ZY, t] / point[Y, t] + damping
        qs = point[ZS, t] / point[S, t]
        if curve is not None:
            qx += curve[0, t]
            qy += curve[1, t]
        scale = 1.0 / (qx * qy + qs * (qx + qy))
        xx, xy, yy = (qy + qs) * scale, -qs * scale, (qx + qs) * scale
        work[QXX, t], work[QXY, t], work[QYY, t] = xx, xy, yy
        kx, ky, mx, my = data[GAIN_X, t], data[GAIN_Y, t], data[NET_X, t], data[NET_Y, t]
        ux, uy = xx * kx + xy * ky, xy * kx + yy * ky
        work[BETA, t] = mx * ux + my * uy
        theta = 1.0 / (point[ZA, t] / point[ABOVE, t] + point[ZB, t] / point[BELOW, t])
        firm = kx * ux + ky * uy + before
        diagonal = firm + theta
        work[THETA, t] = theta
        work[DINV, t] = 1.0 / diagonal
        work[RATIO, t] = theta / diagonal
        before = theta * (firm / diagonal)
        i = first + t - begin
        answer[i, i] += mx * (xx * mx + xy * my) + my * (xy * mx + yy * my)


@njit(**OPTIONS)
@no_type_check
def _subtract_inverse(begin, stop, first, work, answer, row):
    """Subtract ``diag(beta) M^-1 diag(beta)`` from the upper triangle of the group's answer.

    Rows of the inverse follow from the row below by a factor between 0 and 1, so that nothing can
    overflow; ``row`` is scratch, as long as the unit.
    """
    last = stop - begin - 1
    alive = last
    corner = 0.0
    for i in range(last, -1, -1):
        t = begin + i
        beta = work[BETA, t]
        corner = work[DINV, t] + work[RATIO, t] * work[RATIO, t] * corner
        if i == last:
            corner = work[DINV, t]
        target = answer[first + i]
        while alive > i and abs(row[alive]) < DIED_OUT:
            alive -= 1
        for j in range(i + 1, alive + 1):
            row[j] *= work[RATIO, t]
            target[first + j] -= beta * row[j]
        row[i] = beta * corner
        target[first + i] -= beta * row[i]
        alive = max(alive, i)


@njit(**OPTIONS)
@no_type_check
def _solve(begin, stop, work, row):
    """Solve the unit's tridiagonal system in place in one row of ``work``."""
    for t in range(begin + 1, stop):
        work[row, t] += work[RATIO, t - 1] * work[row, t - 1]
    for t in range(begin, stop):
        work[row, t] *= work[DINV, t]
    for t in range(stop - 2, begin - 1, -1):
        work[row, t] += work[RATIO, t] * work[row, t + 1]


@njit(parallel=True, **OPTIONS)
@no_type_check
def factor(chunks, units, data, curve, point, work, damping, coupled, answers, active):
    """Factor every unit and sum the answers of each chunk, where any limit could ask for them."""
    steps = answers.shape[1]
    for c in prange(len(chunks)):
        begin_unit, stop_unit, group = chunks[c]
        if not active[group]:
            continue
        answer = answers[c]
        answer[:, :] = 0.0
        row = answer[0].copy()
        for u in range(begin_unit, stop_unit):
            begin, stop, first = units[u]
            _factor(begin, stop, first, data, curve, point, work, damping, answer)
            if coupled[group]:
                _subtract_inverse(begin, stop, first, work, answer, row)
        for i in range(steps):
            for j in range(i):
                answer[i, j] = answer[j, i]


@njit(parallel=True, **OPTIONS)
@no_type_check
def right_hand_side(chunks, units, ends, data, curve, point, work, price, target, nets, active):
    """What each unit would do at its group's present price; the sum is each chunk's net change."""
    for c in prange(len(chunks)):
        begin_unit, stop_unit, group = chunks[c]
        if not active[group]:
            continue
        net = nets[c]
        net[:] = 0.0
        mu = target[group]
        for u in range(begin_unit, stop_unit):
            begin, stop, first = units[u]
            held, before = ends[u, 0], 0.0
            for t in range(begin, stop):
                i = first + t - begin
                worth = point[VALUE, t]
                later = point[VALUE, t + 1] if t + 1 < stop else ends[u, 1]
                rest = (mu - work[CS, t]) / point[S, t]
                gx = data[COST_X, t] - data[GAIN_X, t] * worth - data[NET_X, t] * price[group, i]
                gy = data[COST_Y, t] - data[GAIN_Y, t] * worth - data[NET_Y, t] * price[group, i]
                gx += rest - (mu - work[CX, t]) / point[X, t]
                gy += rest - (mu - work[CY, t]) / point[Y, t]
                if curve is not None:
                    gx += curve[0, t] * point[X, t]
                    gy += curve[1, t] * point[Y, t]
                ge = worth - later - (mu - work[CA, t]) / point[ABOVE, t]
                ge += (mu - work[CB, t]) / point[BELOW, t]
                work[GX, t], work[GY, t], work[GE, t] = gx, gy, ge
                ux = work[QXX, t] * gx + work[QXY, t] * gy
                uy = work[QXY, t] * gx + work[QYY, t] * gy
                stored = data[GAIN_X, t] * point[X, t] + data[GAIN_Y, t] * point[Y, t]
                residual = point[E, t] - held - stored
                held = point[E, t]
                moved = work[THETA, t] * ge
                answer = data[GAIN_X, t] * ux + data[GAIN_Y, t] * uy
                work[RHS, t] = residual - (moved - before) + answer
                before = moved
                net[i] -= data[NET_X, t] * ux + data[NET_Y, t] * uy
            _solve(begin, stop, work, RHS)
            for t in range(begin, stop):
                net[first + t - begin] += work[BETA, t] * work[RHS, t]


@njit(**OPTIONS)
@no_type_check
def _blocked(value, change, longest):
    """The longest step that keeps a positive value positive."""
    return min(longest, -value / change) if change < 0 else longest


@njit(parallel=True, **OPTIONS)
@no_type_check
def direction(chunks, units, data, point, work, dprice, target, told, reach, active, predict):
    """The step of every unit to its group's change of price, and how far it can be taken.

    ``reach`` is that distance by unit, primal and dual; chunks tell the shortest of theirs. When
    predicting, the products of changes that the next right-hand side needs are kept.
    """
    for c in prange(len(chunks)):
        begin_unit, stop_unit, group = chunks[c]
        if not active[group]:
            continue
        mu = target[group]
        shortest_primal, shortest_dual = UNBLOCKED, UNBLOCKED
        gap, gap_primal, gap_dual, gap_both = 0.0, 0.0, 0.0, 0.0
        for u in range(begin_unit, stop_unit):
            begin, stop, first = units[u]
            primal, dual = UNBLOCKED, UNBLOCKED
            for t in range(begin, stop):
                work[DVALUE, t] = -work[BETA, t] * dprice[group, first + t - begin]
            _solve(begin, stop, work, DVALUE)
            for t in range(begin, stop):
                work[DVALUE, t] += work[RHS, t]
            for t in range(begin, stop):
                change = dprice[group, first + t - begin]
                worth = work[DVALUE, t]
                later = work[DVALUE, t + 1] if t + 1 < stop else 0.0
                bx = data[GAIN_X, t] * worth + data[NET_X, t] * change - work[GX, t]
                by = data[GAIN_Y, t] * worth + data[NET_Y, t] * change - work[GY, t]
                dx = work[QXX, t] * bx + work[QXY, t] * by
                dy = work[QXY, t] * bx + work[QYY, t] * by
                ds = -dx - dy
                de = -work[THETA, t] * (work[GE, t] + worth - later)
                work[DX, t], work[DY, t], work[DE, t] = dx, dy, de
                x, y, s = point[X, t], point[Y, t], point[S, t]
                above, below = point[ABOVE, t], point[BELOW, t]
                zx, zy, zs = point[ZX, t], point[ZY, t], point[ZS, t]
                za, zb = point[ZA, t], point[ZB, t]
                dzx = (mu - work[CX, t] - zx * dx) / x - zx
                dzy = (mu - work[CY, t] - zy * dy) / y - zy
                dzs = (mu - work[CS, t] - zs * ds) / s - zs
                dza = (mu - work[CA, t] - za * de) / above - za
                dzb = (mu - work[CB, t] + zb * de) / below - zb
                primal = _blocked(x, dx, primal)
                primal = _blocked(y, dy, primal)
                primal = _blocked(s, ds, primal)
                primal = _blocked(above, de, primal)
                primal = _blocked(below, -de, primal)
                dual = _blocked(zx, dzx, dual)
                dual = _blocked(zy, dzy, dual)
                dual = _blocked(zs, dzs, dual)
                dual = _blocked(za, dza, dual)
                dual = _blocked(zb, dzb, dual)
                if predict:
                    gap += x * zx + y * zy + s * zs + above * za + below * zb
                    gap_primal += dx * zx + dy * zy + ds * zs + de * (za - zb)
                    gap_dual += x * dzx + y * dzy + s * dzs + above * dza + below * dzb
                    work[CX, t], work[CY, t], work[CS, t] = dx * dzx, dy * dzy, ds * dzs
                    work[CA, t], work[CB, t] = de * dza, -de * dzb
                    gap_both += dx * dzx + dy * dzy + ds * dzs + de * (dza - dzb)
            reach[u, 0], reach[u, 1] = primal, dual
            shortest_primal = min(shortest_primal, primal)
            shortest_dual = min(shortest_dual, dual)
        told[c, PRIMAL], told[c, DUAL], told[c, GAP] = shortest_primal, shortest_dual, gap
        told[c, GAP_PRIMAL], told[c, GAP_DUAL] = gap_primal, gap_dual
        told[c, GAP_BOTH] = gap_both


@njit(**OPTIONS)
@no_type_check
def _tempered(reach, common, own):
    """A step between what one unit could take by itself and what all can take together."""
    return min(STEP_SHARE * reach, 1.0) ** own * common ** (1.0 - own)


@njit(parallel=True, **OPTIONS)
@no_type_check
def move(
    chunks, units, ends, data, curve, point, work, target, reach, primal, dual, own, nets, lifts,
    told, active,
):  # fmt: skip
    """Take the step; tell the gap, the largest energy residual, the cost and the new net power.

    A unit moves by the geometric mean of its own longest step, weighted ``own``, and the step that
    its whole tree can take, ``primal`` and ``dual``. ``lifts`` is by how much net power rises when
    the smaller direction of each slot is cancelled.
    """
    for c in prange(len(chunks)):
        begin_unit, stop_unit, group = chunks[c]
        if not active[group]:
            continue
        mu = target[group]
        net, lift = nets[c], lifts[c]
        net[:] = 0.0
        lift[:] = 0.0
        gap, worst, cost, turnover = 0.0, 0.0, 0.0, 0.0
        for u in range(begin_unit, stop_unit):
            begin, stop, first = units[u]
            held = ends[u, 0]
            step = _tempered(reach[u, 0], primal[group], own)
            dual_step = _tempered(reach[u, 1], dual[group], own)
            for t in range(begin, stop):
                dx, dy, de = work[DX, t], work[DY, t], work[DE, t]
                x, y, s = point[X, t], point[Y, t], point[S, t]
                above, below = point[ABOVE, t], point[BELOW, t]
                zx, zy, zs = point[ZX, t], point[ZY, t], point[ZS, t]
                za, zb = point[ZA, t], point[ZB, t]
                zx += dual_step * ((mu - work[CX, t] - zx * dx) / x - zx)
                zy += dual_step * ((mu - work[CY, t] - zy * dy) / y - zy)
                zs += dual_step * ((mu - work[CS, t] + zs * (dx + dy)) / s - zs)
                za += dual_step * ((mu - work[CA, t] - za * de) / above - za)
                zb += dual_step * ((mu - work[CB, t] + zb * de) / below - zb)
                x, y, s = x + step * dx, y + step * dy, s - step * (dx + dy)
                above, below = above + step * de, below - step * de
                point[X, t], point[Y, t], point[S, t] = x, y, s
                point[ABOVE, t], point[BELOW, t] = above, below
                point[ZX, t], point[ZY, t], point[ZS, t] = zx, zy, zs
                point[ZA, t], point[ZB, t] = za, zb
                point[E, t] += step * de
                point[VALUE, t] += dual_step * work[DVALUE, t]
                work[CX, t], work[CY, t], work[CS, t] = 0.0, 0.0, 0.0
                work[CA, t], work[CB, t] = 0.0, 0.0
                gap += x * zx + y * zy + s * zs + above * za + below * zb
                stored = data[GAIN_X, t] * x + data[GAIN_Y, t] * y
                worst = max(worst, abs(point[E, t] - held - stored))
                held = point[E, t]
                cost += data[COST_X, t] * x + data[COST_Y, t] * y
                turnover += abs(data[COST_X, t]) * x + abs(data[COST_Y, t]) * y
                if curve is not None:
                    rise = 0.5 * (curve[0, t] * x * x + curve[1, t] * y * y)
                    cost += rise
                    turnover += rise
                fed = data[NET_X, t] * x + data[NET_Y, t] * y
                net[first + t - begin] += fed
                one_way = 0.0
                if stored > 0:
                    one_way = data[NET_X, t] / data[GAIN_X, t] * stored
                elif stored < 0:
                    one_way = data[NET_Y, t] / data[GAIN_Y, t] * stored
                lift[first + t - begin] += one_way - fed
            cost -= ends[u, 1] * (held - ends[u, 0])
        told[c, GAP], told[c, RESIDUAL] = gap, worst
        told[c, COST], told[c, TURNOVER] = cost, turnover
