"""What every slot does by itself: plain loops over a few rows, made for vector instructions.

Each loop reads and writes few rows, carries no value from one slot to the next and does not branch,
so the compiler works through several slots at once. `evergrid.engine.interior_point.store_kernels`
puts them together, and says what the quantities are.
"""

from typing import no_type_check

from evergrid.core.computing.kernels import kernel
from evergrid.engine.compiled import OPTIONS


@kernel(**OPTIONS)
@no_type_check
def copy(values, made):
    """Copy values."""
    for t in range(len(made)):
        made[t] = values[t]


@kernel(**OPTIONS)
@no_type_check
def fill(value, made):
    """One value everywhere."""
    for t in range(len(made)):
        made[t] = value


@kernel(**OPTIONS)
@no_type_check
def differ(one, other, made):
    """Differences of two rows."""
    for t in range(len(made)):
        made[t] = one[t] - other[t]


@kernel(**OPTIONS)
@no_type_check
def add(values, total):
    """Add values to a total."""
    for t in range(len(total)):
        total[t] += values[t]


@kernel(**OPTIONS)
@no_type_check
def add_scaled(weight, values, total):
    """Add weighted values to a total."""
    for t in range(len(total)):
        total[t] += weight[t] * values[t]


@kernel(**OPTIONS)
@no_type_check
def subtract(values, total):
    """Subtract values from a total."""
    for t in range(len(total)):
        total[t] -= values[t]


@kernel(**OPTIONS)
@no_type_check
def multiply(one, other, made):
    """Products of two rows."""
    for t in range(len(made)):
        made[t] = one[t] * other[t]


@kernel(**OPTIONS)
@no_type_check
def bend(slack, multiplier, damping, made):
    """Second derivative of a barrier, and of damping."""
    for t in range(len(made)):
        made[t] = multiplier[t] / slack[t] + damping


@kernel(**OPTIONS)
@no_type_check
def invert(bend_x, bend_y, slack, multiplier, xx, xy, yy):
    """Inverse of the Hessian of both shares, whose rest is held by one more barrier."""
    for t in range(len(xx)):
        qx, qy, qs = bend_x[t], bend_y[t], multiplier[t] / slack[t]
        scale = 1.0 / (qx * qy + qs * (qx + qy))
        xx[t] = (qy + qs) * scale
        xy[t] = -qs * scale
        yy[t] = (qx + qs) * scale


@kernel(**OPTIONS)
@no_type_check
def couple(xx, xy, yy, gain_x, gain_y, net_x, net_y, beta, gamma, firm):
    """How powers tie stored energy to net power, each to itself, and net power to itself."""
    for t in range(len(xx)):
        ux = xx[t] * gain_x[t] + xy[t] * gain_y[t]
        uy = xy[t] * gain_x[t] + yy[t] * gain_y[t]
        beta[t] = net_x[t] * ux + net_y[t] * uy
        firm[t] = gain_x[t] * ux + gain_y[t] * uy
        vx = xx[t] * net_x[t] + xy[t] * net_y[t]
        vy = xy[t] * net_x[t] + yy[t] * net_y[t]
        gamma[t] = net_x[t] * vx + net_y[t] * vy


@kernel(**OPTIONS)
@no_type_check
def give_way(above, below, za, zb, theta):
    """How far stored energy gives way to a change of its price."""
    for t in range(len(theta)):
        a, b = above[t], below[t]
        theta[t] = a * b / (za[t] * b + zb[t] * a)


@kernel(**OPTIONS)
@no_type_check
def reduced(cost, gain, net, worth, price, made):
    """What a full share costs at these prices of stored energy and of net power."""
    for t in range(len(made)):
        made[t] = cost[t] - gain[t] * worth[t] - net[t] * price[t]


@kernel(**OPTIONS)
@no_type_check
def add_centring(mu, product, slack, sign, total):
    """Add the multiplier that a barrier aims at, ``(mu - product) / slack``."""
    for t in range(len(total)):
        total[t] += sign * ((mu - product[t]) / slack[t])


@kernel(**OPTIONS)
@no_type_check
def respond_alone(gx, gy, xx, xy, yy, gain_x, gain_y, net_x, net_y, stored, net):
    """What powers would do by themselves: to stored energy, and to net power."""
    for t in range(len(gx)):
        ux = xx[t] * gx[t] + xy[t] * gy[t]
        uy = xy[t] * gx[t] + yy[t] * gy[t]
        stored[t] = gain_x[t] * ux + gain_y[t] * uy
        net[t] = -(net_x[t] * ux + net_y[t] * uy)


@kernel(**OPTIONS)
@no_type_check
def missed(energy, held, x, y, gain_x, gain_y, total):
    """Add by how much the balance of energy is missed."""
    for t in range(len(total)):
        total[t] += energy[t] - held[t] - (gain_x[t] * x[t] + gain_y[t] * y[t])


@kernel(**OPTIONS)
@no_type_check
def pull(gain, net, worth, price, reduced, made):
    """By how much new prices of energy and power speak for a share, beyond what it costs."""
    for t in range(len(made)):
        made[t] = gain[t] * worth[t] + net[t] * price[t] - reduced[t]


@kernel(**OPTIONS)
@no_type_check
def power_step(bx, by, xx, xy, yy, dx, dy, ds):
    """Changes of both shares and of the rest, from what pulls at them."""
    for t in range(len(dx)):
        x, y = xx[t] * bx[t] + xy[t] * by[t], xy[t] * bx[t] + yy[t] * by[t]
        dx[t], dy[t], ds[t] = x, y, -x - y


@kernel(**OPTIONS)
@no_type_check
def energy_step(theta, ge, worth, later, de, down):
    """Change of stored energy, and its opposite."""
    for t in range(len(de)):
        change = theta[t] * (ge[t] + worth[t] - later[t])
        de[t], down[t] = -change, change


@kernel(**OPTIONS)
@no_type_check
def predict_pair(slack, multiplier, change, product, forward, backward):
    """Where a slack and its multiplier would go, aiming at 0, and what that does to the gap.

    ``product`` is that of both changes. ``forward`` and ``backward`` are raised to the share of
    the slack, and of the multiplier, that the whole step would use up.
    """
    gap, of_slack, of_multiplier, of_both = 0.0, 0.0, 0.0, 0.0
    for t in range(len(slack)):
        s, z, ds = slack[t], multiplier[t], change[t]
        used = -ds / s
        dz = z * (used - 1.0)
        forward[t] = max(forward[t], used)
        backward[t] = max(backward[t], 1.0 - used)
        product[t] = ds * dz
        gap += s * z
        of_slack += ds * z
        of_multiplier += s * dz
        of_both += ds * dz
    return gap, of_slack, of_multiplier, of_both


@kernel(**OPTIONS)
@no_type_check
def correct_pair(slack, multiplier, change, product, mu, forward, backward):
    """How much of a slack and of its multiplier the whole step would use up."""
    for t in range(len(slack)):
        share = 1.0 / slack[t]
        used = -change[t] * share
        gained = (mu - product[t]) * share
        forward[t] = max(forward[t], used)
        backward[t] = max(backward[t], 1.0 - used - gained / multiplier[t])


@kernel(**OPTIONS)
@no_type_check
def scale_down(weight, values, made):
    """Weighted values with the opposite sign."""
    for t in range(len(made)):
        made[t] = -weight[t] * values[t]


@kernel(**OPTIONS)
@no_type_check
def move_pair(slack, multiplier, change, product, mu, step, dual_step):
    """Move a slack and its multiplier; their product then."""
    gap = 0.0
    for t in range(len(slack)):
        s, z, ds = slack[t], multiplier[t], change[t]
        z += dual_step[t] * ((mu - product[t] - z * ds) / s - z)
        s += step[t] * ds
        slack[t], multiplier[t] = s, z
        gap += s * z
    return gap


@kernel(**OPTIONS)
@no_type_check
def pay(cost_x, cost_y, x, y):
    """What both shares cost, and the same with every payment counted as positive."""
    cost, turnover = 0.0, 0.0
    for t in range(len(x)):
        cost += cost_x[t] * x[t] + cost_y[t] * y[t]
        turnover += abs(cost_x[t]) * x[t] + abs(cost_y[t]) * y[t]
    return cost, turnover


@kernel(**OPTIONS)
@no_type_check
def pay_rise(curve_x, curve_y, x, y):
    """What rising prices add to the cost."""
    rise = 0.0
    for t in range(len(x)):
        rise += 0.5 * (curve_x[t] * x[t] * x[t] + curve_y[t] * y[t] * y[t])
    return rise


@kernel(**OPTIONS)
@no_type_check
def balance(energy, held, x, y, gain_x, gain_y, stored):
    """Energy stored in each slot; how far the balance is missed at worst."""
    worst = 0.0
    for t in range(len(stored)):
        stored[t] = gain_x[t] * x[t] + gain_y[t] * y[t]
        worst = max(worst, abs(energy[t] - held[t] - stored[t]))
    return worst


@kernel(**OPTIONS)
@no_type_check
def feed(net_x, net_y, gain_x, gain_y, x, y, stored, fed, lift):
    """Net power, and by how much it rises when the smaller direction is cancelled."""
    for t in range(len(fed)):
        both = net_x[t] * x[t] + net_y[t] * y[t]
        one_way = 0.0
        if stored[t] > 0:
            one_way = net_x[t] / gain_x[t] * stored[t]
        elif stored[t] < 0:
            one_way = net_y[t] / gain_y[t] * stored[t]
        fed[t], lift[t] = both, one_way - both


@kernel(**OPTIONS)
@no_type_check
def largest(row):
    """The largest value of a row, at least 0."""
    worst = 0.0
    for t in range(len(row)):
        worst = max(worst, row[t])
    return worst
