"""Harmonics of known mixes, at nominal and at other frequencies, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.waveform.harmonics import (
    IEEE_519_LOW_VOLTAGE,
    fundamental_hz,
    harmonics,
    orders_beyond,
    phasors_of,
)

SAMPLE_S = 2e-5
MIX = {2: 0.003, 3: 0.04, 5: 0.06, 7: 0.02, 11: 0.01, 49: 0.005, 50: 0.002}
THD = math.sqrt(sum(share**2 for share in MIX.values()))


def mix(frequency_hz: float, duration_s: float = 0.5, *, mean: float = 0.0) -> np.ndarray:
    """325 V with the harmonics of `MIX`, each at an angle of its own."""
    time_s = np.arange(round(duration_s / SAMPLE_S) + 1) * SAMPLE_S
    turned = 2 * math.pi * frequency_hz * time_s
    wave = np.cos(turned + 0.4) + sum(s * np.cos(n * turned + n) for n, s in MIX.items())
    return 325.0 * (wave + mean)


@pytest.mark.parametrize("frequency_hz", [59.457, 60.0, 60.731, 58.2])
def test_a_known_mix_is_found_at_its_actual_frequency(frequency_hz: float) -> None:
    found = harmonics(mix(frequency_hz, mean=0.01), SAMPLE_S, nominal_hz=60.0)
    assert found.fundamental_hz == pytest.approx(frequency_hz, abs=1e-4)
    assert found.thd == pytest.approx(THD, rel=1e-3)
    assert found.rest < 3e-4
    share = found.share
    for order in range(2, 51):
        assert share[order] == pytest.approx(MIX.get(order, 0.0), abs=2e-5)
    assert abs(found.phasors[1]) == pytest.approx(325.0, rel=1e-4)
    assert abs(found.phasors[0]) == pytest.approx(3.25, rel=0.01)


def test_nominal_cycles_would_have_shown_distortion_that_is_not_there() -> None:
    # a pure sine of 59.457 Hz over twelve cycles of 60 Hz
    wave = np.sin(2 * math.pi * 59.457 * np.arange(10_000) * SAMPLE_S)
    spectrum = np.abs(np.fft.rfft(wave))
    naive = math.sqrt((spectrum[24:600:12] ** 2).sum()) / spectrum[12]
    assert naive > 0.01
    record = np.sin(2 * math.pi * 59.457 * np.arange(30_000) * SAMPLE_S)
    assert harmonics(record, SAMPLE_S, nominal_hz=60.0).thd < 1e-5


@settings(max_examples=30)
@given(st.floats(46.0, 54.0), st.floats(0.0, 6.28), st.floats(0.0, 0.2))
def test_the_fundamental_is_measured_whatever_its_phase(
    frequency_hz: float, angle: float, third: float
) -> None:
    turned = 2 * math.pi * frequency_hz * np.arange(20_000) * SAMPLE_S + angle
    wave = np.sin(turned) + third * np.sin(3 * turned)
    found = fundamental_hz(wave, SAMPLE_S, nominal_hz=50.0)
    assert found == pytest.approx(frequency_hz, abs=2e-4)


def test_phasors_of_three_phases_share_one_reference() -> None:
    turned = 2 * math.pi * 59.457 * np.arange(20_000) * SAMPLE_S
    angles = np.array([0.0, -2.0, 1.8])
    sizes = np.array([100.0, 90.0, 110.0])
    waves = sizes[:, None] * np.cos(turned + angles[:, None])
    found = phasors_of(waves, SAMPLE_S, nominal_hz=60.0)
    np.testing.assert_allclose(np.abs(found), sizes, rtol=1e-5)
    np.testing.assert_allclose(np.angle(found / found[0]), angles, atol=1e-5)


def test_limits_from_memory_say_so_and_name_the_orders() -> None:
    assert not IEEE_519_LOW_VOLTAGE.verified
    found = harmonics(mix(60.0), SAMPLE_S, nominal_hz=60.0)
    assert orders_beyond(found, IEEE_519_LOW_VOLTAGE) == [5]


@pytest.mark.parametrize("cycles", [10.5, 9, 0, -12, math.nan, math.inf])
def test_broken_or_too_few_cycles_are_refused(cycles: float) -> None:
    with pytest.raises(InputError, match="take a whole number of the actual cycles") as refused:
        harmonics(mix(60.0), SAMPLE_S, nominal_hz=60.0, cycles=cycles)
    assert refused.value.field == "cycles"


@pytest.mark.parametrize("duration_s", [0.1, 0.19, 0.2002])
def test_a_record_too_short_is_refused_with_what_is_needed(duration_s: float) -> None:
    # twelve cycles of 59 Hz last 0.2034 s
    with pytest.raises(InputError, match=r"Simulate at least 0\.20\d\d s of steady state"):
        harmonics(mix(59.0, duration_s), SAMPLE_S, nominal_hz=60.0)


def test_a_record_that_still_changes_is_refused() -> None:
    rising = mix(60.0) * np.linspace(0.5, 1.0, 25_001)
    with pytest.raises(InputError, match="Take a later window"):
        harmonics(rising, SAMPLE_S, nominal_hz=60.0)


def test_dead_coarse_and_broken_records_are_refused() -> None:
    with pytest.raises(InputError, match="Is the island dead"):
        harmonics(np.zeros(20_000), SAMPLE_S, nominal_hz=60.0)
    with pytest.raises(InputError, match="have a fundamental within 5 Hz of 60 Hz"):
        harmonics(mix(50.0), SAMPLE_S, nominal_hz=60.0)
    with pytest.raises(InputError, match="at least 200 samples in a cycle"):
        harmonics(mix(60.0)[::10], 10 * SAMPLE_S, nominal_hz=60.0)
    broken = mix(60.0)
    broken[77] = math.nan
    with pytest.raises(InputError, match="values must be finite everywhere"):
        harmonics(broken, SAMPLE_S, nominal_hz=60.0)
    with pytest.raises(InputError, match=r"sample_s must be above 0 and finite, got -1"):
        harmonics(mix(60.0), -1.0, nominal_hz=60.0)
