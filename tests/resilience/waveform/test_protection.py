"""Fuses and the limited current of inverters."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.waveform.protection import (
    FAULT_PU,
    FuseCurve,
    FuseEnergy,
    fault_current_a,
    fuse_clearing,
)
from evergrid.resilience.waveform.sources import EmtInverter

# shaped like a 200 A fuse; the numbers are made up
CURVE = FuseCurve("200 A", (320.0, 640.0, 2000.0, 4000.0), (1000.0, 8.0, 0.05, 0.01))


def test_an_inverter_does_not_clear_what_a_grid_would() -> None:
    inverter = EmtInverter()
    for limit in FAULT_PU:
        current = fault_current_a(inverter, limit)
        assert current == pytest.approx(limit * 150.35, rel=1e-4)
        assert fuse_clearing(CURVE, current, within_s=2.0).outcome == "does not clear"
    found = fuse_clearing(CURVE, fault_current_a(inverter, FAULT_PU[1]), within_s=2.0)
    assert math.isinf(found.melting_s)  # 301 A is below what melts it at all
    # between the points of 8 s and 0.05 s, both axes logarithmic
    share = math.log(8 / 2) / math.log(8 / 0.05)
    assert found.needed_a == pytest.approx(640 ** (1 - share) * 2000**share)
    assert str(found) == (
        "fuse 200 A does not clear: at 301 A it never melts, the current lasts 2 s, "
        "and 874 A would be needed"
    )
    grid = fuse_clearing(CURVE, 5000.0, within_s=2.0)
    assert grid.outcome == "clears"
    assert grid.melting_s == pytest.approx(0.01 * (4000 / 5000) ** 2)


def test_the_limit_of_the_controller_is_taken_where_none_is_given() -> None:
    assert fault_current_a(EmtInverter()) == fault_current_a(EmtInverter(), 1.2)


@given(st.floats(330.0, 8000.0))
def test_the_current_that_is_needed_melts_the_fuse_just_in_time(current: float) -> None:
    within = CURVE.melting_time_s(current)
    assert fuse_clearing(CURVE, 1.001 * current, within_s=within).outcome == "clears"
    assert fuse_clearing(CURVE, 0.999 * current, within_s=within).outcome == "does not clear"
    found = fuse_clearing(CURVE, 0.9 * current, within_s=within)
    assert found.needed_a == pytest.approx(current, rel=1e-9)


def test_melting_energy_gives_the_time_and_the_least_current_still_holds() -> None:
    fuse = FuseEnergy("100 A", 40_000.0, 180.0)
    assert fuse_clearing(fuse, 400.0, within_s=0.26).outcome == "clears"
    found = fuse_clearing(fuse, 400.0, within_s=0.24)
    assert (found.outcome, found.melting_s) == ("does not clear", 0.25)
    assert found.needed_a == pytest.approx(math.sqrt(40_000 / 0.24))
    # it never melts below its least current, however long that flows
    assert fuse_clearing(fuse, 179.0, within_s=3600.0).outcome == "does not clear"
    assert fuse_clearing(fuse, 179.0, within_s=3600.0).needed_a == 180.0


@pytest.mark.parametrize("field", ["current_a", "within_s"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_figures_that_are_not_above_zero_are_refused(field: str, value: float) -> None:
    figures = {"current_a": 100.0, "within_s": 1.0} | {field: value}
    with pytest.raises(InputError) as refused:
        fuse_clearing(CURVE, figures["current_a"], within_s=figures["within_s"])
    assert refused.value.field == field
    with pytest.raises(InputError, match="2 is usual"):
        fault_current_a(EmtInverter(), -1.0)
