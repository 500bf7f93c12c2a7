"""Checks of shapes that spare calls of a form already checked spare no others."""

import functools

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import TypeCheckError

from evergrid.core.arrays import Array, Float
from evergrid.core.tree import add_up
from tests import shape_checks


@functools.partial(shape_checks.sparing, typechecker=beartype)
def added(one: Float[Array, " item"], other: Float[Array, " item"]) -> Float[Array, " item"]:
    return one + other


def many_calls() -> None:
    for _ in range(10 * shape_checks.ENOUGH):
        added(np.ones(3), np.ones(3))


@pytest.mark.parametrize("other", [np.ones(1), np.ones((1, 3)), np.ones(3, int), 1.0])
def test_a_wrong_argument_is_found_after_any_number_of_right_ones(other: object) -> None:
    many_calls()
    with pytest.raises(TypeCheckError):
        added(np.ones(3), other)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_begins_anew(turn: str) -> None:
    assert sum(shape_checks._checked.values()) == 0, turn
    many_calls()
    assert sum(shape_checks._checked.values()) == shape_checks.ENOUGH


def test_functions_of_evergrid_are_checked() -> None:
    with pytest.raises(TypeCheckError):
        add_up(np.zeros(3), np.array([-1, 0, 0]))
