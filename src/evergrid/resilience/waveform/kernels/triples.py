"""Three phases as one value that stays in registers: what the kernels calculate with."""

import math
from typing import no_type_check

from evergrid.core.computing.kernels import kernel

Triple = tuple[float, float, float]
ROOT_THIRD = 1.0 / math.sqrt(3.0)


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def plus(first, factor, second):
    """The first, and the second times a factor."""
    return (
        first[0] + factor * second[0],
        first[1] + factor * second[1],
        first[2] + factor * second[2],
    )


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def times(first, second):
    """Products, phase by phase."""
    return (first[0] * second[0], first[1] * second[1], first[2] * second[2])


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def scaled(factor, values):
    """All three times a factor."""
    return (factor * values[0], factor * values[1], factor * values[2])


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def shifted(values, by):
    """All three and a number."""
    return (values[0] + by, values[1] + by, values[2] + by)


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def mean(values):
    """Of the three."""
    return (values[0] + values[1] + values[2]) * (1.0 / 3.0)


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def largest(values):
    """The largest magnitude."""
    return max(abs(values[0]), abs(values[1]), abs(values[2]))


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def onto_windings(delta, phases):
    """Voltages of the windings; in delta each lies between a phase and the next."""
    if not delta:
        return phases
    a, b, c = phases
    return (ROOT_THIRD * (a - b), ROOT_THIRD * (b - c), ROOT_THIRD * (c - a))


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def onto_phases(delta, windings):
    """Currents of the phases; in delta each feeds two windings."""
    if not delta:
        return windings
    a, b, c = windings
    return (ROOT_THIRD * (a - c), ROOT_THIRD * (b - a), ROOT_THIRD * (c - b))


@kernel(error_model="numpy", forceinline=True)
@no_type_check
def row(values, number):
    """One row of an array with three columns."""
    return (values[number, 0], values[number, 1], values[number, 2])
