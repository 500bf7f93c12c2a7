"""How loads answer to voltage: one row of numbers per branch, alike in every engine.

A load takes a share of its nominal power that depends on x, its voltage over its nominal one. Like
OpenDSS, a law has four pieces: up to ``FADED`` a constant impedance; from there to ``LOW`` a
current on a straight line; above ``HIGH`` a constant impedance; and inside the model of the load.
Power and reactive power have pieces of their own; all are quadratics in x but one, the power of x.
"""

import numpy as np

from evergrid.core.arrays import Array, Float

# Columns of the power; those of the reactive power follow in the same order.
SQUARE, LINEAR, CONSTANT = range(3)  # inside: shares that go with x^2, with x, and with x^EXPONENT
EXPONENT = 3  # 0 for a constant share
RISE, LEVEL = 4, 5  # below the window: RISE x^2 + LEVEL x
ABOVE = 6  # above the window: ABOVE x^2
PART = 7  # columns of one kind of power
NOMINAL = 14  # voltage at which the load takes its nominal power, pu of its branch
FADED, LOW, HIGH = 15, 16, 17  # ends of the pieces, in x
CUTOFF = 18  # of x, around which the load drops out as the voltage falls; 0 for a load that stays
COLUMNS = 19

STEEPNESS = (
    1000.0  # of the cut-off: in a thousandth of the nominal voltage the load is e times less
)

Column = Float[Array, " branch"]


def part(
    inside: Float[Array, "branch 4"], start: Column, at_low: Column, above: Column, window: Array
) -> Float[Array, "branch 7"]:
    """The columns of one kind of power.

    Args:
        inside: Shares that go with the square, with the voltage, the rest, and its exponent.
        start: Admittance where the straight line of current begins, over the nominal one.
        at_low: The same where it ends.
        above: The same above the window.
        window: Voltages ``FADED``, ``LOW`` and ``HIGH``.
    """
    faded, low, _ = window.T
    span = low - faded
    gain = at_low * low - start * faded
    rise = np.divide(gain, span, out=np.zeros_like(low), where=span > 0)
    level = start * faded - rise * faded
    return np.column_stack([inside, rise, level, above])


def mixed(shares: Float[Array, "branch 3"], window: Array) -> Float[Array, "branch 7"]:
    """The columns of a mix of constant impedance, constant current and constant power.

    Outside the window each share is the impedance that it is at the window's end.
    """
    z, i, p = shares.T
    _, low, high = window.T
    some = low > 0
    over = np.divide(1.0, low, out=np.zeros_like(low), where=some)
    inside = np.column_stack([shares, np.zeros(len(shares))])
    at_low, above = z + (i + p * over) * over, z + (i + p / high) / high
    return part(inside, z + i + p, at_low, above, window)


def table(
    power: Float[Array, "branch 7"],
    reactive: Float[Array, "branch 7"],
    *,
    nominal_pu: Column,
    window: Array,
    cutoff: Column | None = None,
) -> Float[Array, "branch 19"]:
    """The laws of branches from their parts."""
    out = np.zeros(len(nominal_pu)) if cutoff is None else cutoff
    return np.column_stack([power, reactive, nominal_pu, window, out])


def constant(count: int) -> Float[Array, "branch 19"]:
    """Laws of branches that take the same power at any voltage."""
    window = np.tile([0.0, 0.0, np.inf], (count, 1))
    always = mixed(np.tile([0.0, 0.0, 1.0], (count, 1)), window)
    return table(always, always, nominal_pu=np.ones(count), window=window)
