"""Points, scale factors and values left out."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.live.sunspec.models import POINTS
from evergrid.live.sunspec.registers import (
    EXPONENT,
    INT16,
    INT32,
    UINT16,
    UINT32,
    UINT64,
    Block,
    Kind,
    Point,
    Text,
)

KINDS = (UINT16, INT16, UINT32, INT32, UINT64)


def block(kind: Kind, bits: int, exponent: int) -> Block:
    width = kind.registers
    registers = [bits >> 16 * (width - 1 - place) & 0xFFFF for place in range(width)]
    points: dict[str, Point | Text] = {
        "V": Point(0, kind, "V_SF"),
        "V_SF": Point(width, EXPONENT),
    }
    return Block(1, 0, points, [*registers, exponent & 0xFFFF])


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_is_not_implemented_is_none(kind: Kind) -> None:
    assert block(kind, kind.absent, 0).scaled("V") is None
    assert block(kind, 7, 0).scaled("V") == 7.0


@pytest.mark.parametrize("exponent", [-0x8000, 11, -11, 300, -300])
def test_a_scale_factor_that_cannot_be_makes_no_number(exponent: int) -> None:
    assert block(INT16, 7, exponent).scaled("V") is None
    with pytest.raises(InputError):
        block(INT16, 7, exponent).encode("V", 1.0)


@given(st.sampled_from(KINDS), st.integers(-(2**62), 2**62), st.integers(-10, 10))
def test_what_is_written_is_read_back_to_the_step(kind: Kind, number: int, exponent: int) -> None:
    value = float(number) * 10.0**exponent
    one = block(kind, 0, exponent)
    try:
        registers = one.encode("V", value)
    except InputError:
        return
    assert all(0 <= register <= 0xFFFF for register in registers)
    again = Block(1, 0, one.points, [*registers, exponent & 0xFFFF])
    assert again.scaled("V") == pytest.approx(value, rel=1e-9, abs=0.5 * 10.0**exponent)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 32768.0, -32768.0])
def test_a_number_that_does_not_fit_is_refused(value: float) -> None:
    with pytest.raises(InputError):
        block(INT16, 0, 0).encode("V", value)


def test_a_model_that_is_shorter_than_its_points_has_none_of_them() -> None:
    short = Block(713, 0, POINTS[713], [713, 1, 500])
    assert short.scaled("WHRtg") is None
    assert short.whole("Sta") is None
    assert Block(1, 0, POINTS[1], [1, 66, 0x4142]).text("Mn") == "AB"


@pytest.mark.parametrize("model", sorted(POINTS))
def test_points_do_not_overlap_and_scales_are_known(model: int) -> None:
    points = POINTS[model]
    ends = sorted((point.offset, point.end) for point in points.values())
    assert all(end <= begin for (_, end), (begin, _) in pairwise(ends))
    scales = {point.scale for point in points.values() if isinstance(point, Point) and point.scale}
    assert scales <= set(points)
