"""Rms, frequency and symmetrical components of known waveforms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.waveform.measurement import (
    TURN,
    cycle_rms,
    frequency_hz,
    sequence_components,
    space_vector,
)

SAMPLE_S = 2e-5


def three_phases(hz: float, count: int = 10_000) -> np.ndarray:
    turned = 2 * math.pi * hz * np.arange(count) * SAMPLE_S
    return np.cos(turned - 2 * math.pi / 3 * np.arange(3)[:, None])


@pytest.mark.parametrize("nominal_hz", [50.0, 60.0])
def test_a_steady_sine_has_a_steady_rms(nominal_hz: float) -> None:
    # a cycle of 60 Hz is no whole number of samples
    rms = cycle_rms(three_phases(nominal_hz), SAMPLE_S, nominal_hz)
    np.testing.assert_allclose(rms, 1 / math.sqrt(2), rtol=1e-5)
    assert cycle_rms(three_phases(50.0, 100), SAMPLE_S, 50.0).shape == (3, 0)


def test_the_space_vector_turns_with_the_frequency_and_has_the_amplitude() -> None:
    waves = 3.0 * three_phases(59.457) + 5.0  # a common part does not count
    np.testing.assert_allclose(np.abs(space_vector(waves)), 3.0, rtol=1e-12)
    found = frequency_hz(waves, SAMPLE_S, window_s=1 / 60)
    np.testing.assert_allclose(found, 59.457, atol=1e-9)
    with pytest.raises(InputError, match="shorter than the record"):
        frequency_hz(waves, SAMPLE_S, window_s=1.0)


PARTS = st.complex_numbers(max_magnitude=5.0, allow_nan=False, allow_infinity=False)


@given(PARTS, PARTS)
def test_components_put_together_give_the_phasors(zero: complex, negative: complex) -> None:
    phasors = np.array([zero + TURN ** (-k) + TURN**k * negative for k in range(3)])
    found = sequence_components(phasors)
    assert found.positive == pytest.approx(1.0, abs=1e-12)
    assert found.zero == pytest.approx(zero, abs=1e-12)
    assert found.negative == pytest.approx(negative, abs=1e-12)
    assert found.negative_share == pytest.approx(abs(negative), abs=1e-12)


def test_one_phase_alone_has_three_equal_components() -> None:
    found = sequence_components(np.array([3.0 + 0j, 0.0, 0.0]))
    assert (found.zero, found.positive, found.negative) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    "phasors", [np.zeros(3, complex), np.ones(2, complex), np.array([np.nan, 1.0, 1.0])]
)
def test_phasors_that_are_none_are_refused(phasors: np.ndarray) -> None:
    with pytest.raises(InputError) as refused:
        sequence_components(phasors)
    assert refused.value.field == "phasors"
