"""Phasors as pairs of numbers, real part first, so that complex steps can differentiate them.

A phasor is an array whose first axis has two entries; further axes are free. Complex numbers would
hide the parts that are differentiated one by one.
"""

import numpy as np

from evergrid.core.arrays import Array, Shaped

Scalars = Shaped[Array, "*column"] | np.generic | float  # one value, or one for each column


def times_j(phasor: Shaped[Array, "2 *column"]) -> Shaped[Array, "2 *column"]:
    """A phasor turned ahead by a quarter."""
    return np.array((-phasor[1], phasor[0]))


def rotated(
    phasor: Shaped[Array, "2 *column"], angle_rad: Scalars
) -> Shaped[Array, "2 *column"]:
    """A phasor turned ahead by an angle."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array((cosine * phasor[0] - sine * phasor[1], sine * phasor[0] + cosine * phasor[1]))


def angle_rad(phasor: Shaped[Array, "2 *column"]) -> Scalars:
    """Angle in (-pi, pi]; a complex step goes through to first order, which NumPy's does not."""
    real, imaginary = phasor
    plain = np.arctan2(np.real(imaginary), np.real(real))
    if not np.iscomplexobj(phasor):
        return plain
    turned = np.real(real) * np.imag(imaginary) - np.real(imaginary) * np.imag(real)
    return plain + 1j * turned / (np.real(real) ** 2 + np.real(imaginary) ** 2)


def powers(
    voltage: Shaped[Array, "2 *column"], current: Shaped[Array, "2 *column"]
) -> tuple[Scalars, Scalars]:
    """Active and reactive power in the direction of the current; a lagging current gives both."""
    active = voltage[0] * current[0] + voltage[1] * current[1]
    reactive = voltage[1] * current[0] - voltage[0] * current[1]
    return active, reactive
