"""Bands of tonnes hold the truth as often as they say."""

import numpy as np
import pytest
from scipy.signal import lfilter

from evergrid.core.errors import InputError
from evergrid.impact.emissions.uncertainty import assumed_band, band
from tests.everyday import first


def correlated(rng: np.random.Generator, steps: int, persistence: float) -> np.ndarray:
    """Errors of 60 kg/MWh, each of which keeps a share of the one before."""
    draws = rng.normal(size=steps + 500)
    series = lfilter([1.0], [1.0, -persistence], draws)[500:]
    return 60.0 * np.sqrt(1.0 - persistence**2) * series


@pytest.mark.slow
@pytest.mark.parametrize("persistence", first(1, [0.8, 0.0, 0.95]))
def test_a_band_of_90_percent_holds_the_truth_in_88_to_92_percent(persistence: float):
    steps, trials, hits = 744, 1000, 0
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        past, now = correlated(rng, 8760, persistence), correlated(rng, steps, persistence)
        energy = 3.0 * np.sin(np.arange(steps) * 2 * np.pi / 24) + rng.normal(size=steps)
        made = band(energy, np.full(steps, 400.0), past, key=rng, replicates=2000)
        truth = energy @ (400.0 + now) / 1000.0
        hits += made.low_kg <= truth <= made.high_kg
    assert 0.88 <= hits / trials <= 0.92


def test_errors_that_hang_together_widen_the_band_of_a_long_block_of_charging():
    energy = np.ones(200)
    widths = []
    for persistence in (0.0, 0.95):
        past = correlated(np.random.default_rng(1), 8760, persistence)
        key = np.random.default_rng(2)
        made = band(energy, np.full(200, 400.0), past, key=key)
        widths.append(made.high_kg - made.low_kg)
        assert made.expected_kg == pytest.approx(80.0)
        assert made.reduction_probability == 0.0
    assert widths[1] > 3.0 * widths[0]


def test_what_is_certain_moves_the_band_and_its_probability():
    past = correlated(np.random.default_rng(1), 2000, 0.5)
    energy, factor = np.ones(100), np.zeros(100)
    plain = band(energy, factor, past, key=np.random.default_rng(3))
    moved = band(energy, factor, past, key=np.random.default_rng(3), certain_kg=-1e3)
    assert moved.low_kg == pytest.approx(plain.low_kg - 1e3)
    assert 0.3 < plain.reduction_probability < 0.7
    assert moved.reduction_probability == 1.0


def test_a_history_too_short_for_its_correlation_is_refused():
    past = np.cumsum(np.random.default_rng(0).normal(size=60))
    with pytest.raises(InputError, match="error_kg_per_mwh must have at least"):
        band(np.ones(5), np.ones(5), past, key=np.random.default_rng(0), block_steps=12)


def test_an_assumed_band_takes_both_factors_as_wrong_by_themselves():
    made = assumed_band(300.0, 400.0, 0.3)
    assert (made.low_kg, made.high_kg) == pytest.approx((-250.0, 50.0))
    assert made.reduction_probability == pytest.approx(0.864, abs=1e-3)
    nothing = assumed_band(0.0, 0.0, 0.3)
    assert (nothing.low_kg, nothing.high_kg, nothing.reduction_probability) == (0.0, 0.0, 0.0)
