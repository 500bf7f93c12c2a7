"""How the feeder's own loads answer to the voltage, on a device.

Over the size of the voltage, the power of a load is a quadratic in four pieces: where it fades
out, on the straight line of current up to its window, above the window, and inside.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.grid.feeder import Branches


class Loads(NamedTuple):
    """The loads of a feeder.

    Attributes:
        nominal: Power and reactive power at nominal voltage, kVA into the grid.
        nominal_pu: That voltage.
        ends: Voltages that divide the pieces: faded, low, high.
        pieces: Coefficients of power and reactive power, by power of the voltage (2, 1, 0) and
            piece (faded, fading, above, inside).
    """

    nominal: Float[jax.Array, "2 branch 1"]
    nominal_pu: Float[jax.Array, "branch 1"]
    ends: Float[jax.Array, "3 branch 1"]
    pieces: Float[jax.Array, "2 3 4 branch 1"]


def loads(branches: Branches) -> Loads:
    """The loads of these branches; `power_flow_kernels.answer` is the same, load by load."""
    ends = branches.window_pu.T
    mixes = (branches.zip_power, branches.zip_reactive)
    return Loads(
        nominal=jnp.stack([branches.power_kw, branches.reactive_kvar])[..., None],
        nominal_pu=jnp.asarray(branches.nominal_pu)[:, None],
        ends=jnp.asarray(ends)[..., None],
        pieces=jnp.stack([_pieces(*mix.T, *ends) for mix in mixes])[..., None],
    )


def _pieces(
    z: Float[Array, " branch"],
    i: Float[Array, " branch"],
    p: Float[Array, " branch"],
    faded: Float[Array, " branch"],
    low: Float[Array, " branch"],
    high: Float[Array, " branch"],
) -> Float[Array, "3 4 branch"]:
    """Coefficients of one kind of power."""
    some = low > 0
    at_low = z * low + i + np.divide(p, low, out=np.zeros_like(p), where=some)
    rise = np.divide(at_low - faded, low - faded, out=np.zeros_like(p), where=low > faded)
    above = z + (i + p / high) / high
    none = np.zeros_like(p)
    square = np.stack([none + 1.0, rise, above, z])
    linear = np.stack([none, faded * (1.0 - rise), none, i])
    return np.stack([square, linear, np.stack([none, none, none, p])])


def drawn(
    own: Loads, share: Float[jax.Array, "branch lane"], size_pu: Float[jax.Array, "branch lane"]
) -> Float[jax.Array, "double lane"]:
    """Power and, below it, reactive power of the loads at voltages of this size, into the grid."""
    x = size_pu / own.nominal_pu
    faded, low, high = own.ends

    def answer(pieces: Float[jax.Array, "3 4 branch 1"]) -> Float[jax.Array, "branch lane"]:
        square, linear, constant = (
            jnp.where(x <= faded, a, jnp.where(x < low, b, jnp.where(x > high, c, d)))
            for a, b, c, d in pieces
        )
        return (square * x + linear) * x + constant

    parts = [share * kva * answer(of) for kva, of in zip(own.nominal, own.pieces, strict=True)]
    return jnp.concatenate(parts)
