"""How the feeder's own loads answer to the voltage, on a device; as `load_law` of the feeder."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.grid.feeder.feeder import Branches
from evergrid.grid.feeder.load_law import (
    ABOVE,
    CONSTANT,
    CUTOFF,
    EXPONENT,
    FADED,
    HIGH,
    LEVEL,
    LINEAR,
    NOMINAL,
    PART,
    RISE,
    SQUARE,
    STEEPNESS,
)


class Loads(NamedTuple):
    """The loads of a feeder.

    Attributes:
        nominal: Power and reactive power at nominal voltage, kVA into the grid.
        nominal_pu: That voltage.
        ends: Voltages that divide the pieces: faded, low, high.
        pieces: Coefficients of power and reactive power, by power of the voltage (2, 1, 0) and
            piece (faded, fading, above, inside).
        exponent: Power of the voltage that the constant part inside goes with; None where it is 0
            for all.
        cutoff: Voltage around which a load drops out, 0 for one that stays; None where all stay.
    """

    nominal: Float[jax.Array, "2 branch 1"]
    nominal_pu: Float[jax.Array, "branch 1"]
    ends: Float[jax.Array, "3 branch 1"]
    pieces: Float[jax.Array, "2 3 4 branch 1"]
    exponent: Float[jax.Array, "2 branch 1"] | None
    cutoff: Float[jax.Array, "branch 1"] | None


def loads(branches: Branches) -> Loads:
    """The loads of these branches; `power_flow_kernels.add_loads` is the same, load by load."""
    law = branches.law
    exponent, cutoff = law[:, [EXPONENT, PART + EXPONENT]].T, law[:, CUTOFF]
    return Loads(
        nominal=jnp.stack([branches.power_kw, branches.reactive_kvar])[..., None],
        nominal_pu=jnp.asarray(law[:, NOMINAL])[:, None],
        ends=jnp.asarray(law[:, FADED : HIGH + 1].T)[..., None],
        pieces=jnp.stack([_pieces(law[:, at : at + PART]) for at in (0, PART)])[..., None],
        exponent=jnp.asarray(exponent)[..., None] if exponent.any() else None,
        cutoff=jnp.asarray(cutoff)[:, None] if cutoff.any() else None,
    )


def _pieces(part: Float[Array, "branch 7"]) -> Float[Array, "3 4 branch"]:
    """Coefficients of one kind of power."""
    none = np.zeros(len(part))
    square = np.stack([none + 1.0, part[:, RISE], part[:, ABOVE], part[:, SQUARE]])
    linear = np.stack([none, part[:, LEVEL], none, part[:, LINEAR]])
    return np.stack([square, linear, np.stack([none, none, none, part[:, CONSTANT]])])


def drawn(
    own: Loads, share: Float[jax.Array, "branch lane"], size_pu: Float[jax.Array, "branch lane"]
) -> Float[jax.Array, "double lane"]:
    """Power and, below it, reactive power of the loads at voltages of this size, into the grid."""
    x = size_pu / own.nominal_pu
    faded, low, high = own.ends
    stays = 1.0
    if own.cutoff is not None:
        gone = jnp.exp(STEEPNESS * (own.cutoff - x))
        stays = jnp.where((own.cutoff > 0) & (x > faded), 1.0 / (1.0 + gone), 1.0)

    def answer(kind: int) -> Float[jax.Array, "branch lane"]:
        square, linear, constant = (
            jnp.where(x <= faded, a, jnp.where(x < low, b, jnp.where(x > high, c, d)))
            for a, b, c, d in own.pieces[kind]
        )
        if own.exponent is not None:
            constant *= x ** own.exponent[kind]
        return ((square * x + linear) * x + constant) * stays

    return jnp.concatenate([share * own.nominal[kind] * answer(kind) for kind in range(2)])
