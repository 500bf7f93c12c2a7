"""The error of dynamic response against plain loops over the words of the performance code."""

from typing import cast

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.markets.performance.dynamic_response import measured
from evergrid.markets.rules.frequency_response import FrequencyResponse
from evergrid.markets.rules.great_britain import DC_LOW

CURVE = cast(FrequencyResponse, DC_LOW.response)
TICK_S = 0.05


def frequency(seconds: float, seed: int = 0) -> np.ndarray:
    """A wander with a fall to 49.5 Hz in the middle."""
    t = np.arange(round(seconds / TICK_S)) * TICK_S
    noise = np.random.default_rng(seed).normal(0, 0.004, len(t)).cumsum() * 0.05
    return -0.5 * np.exp(-(((t - seconds / 2) / 8.0) ** 2)) + noise


def late(values: np.ndarray, seconds: float) -> np.ndarray:
    ticks = round(seconds / TICK_S)
    return np.concatenate([np.full(ticks, values[0]), values[: len(values) - ticks]])


def by_loops(deviation: np.ndarray, response: np.ndarray) -> tuple[np.ndarray, float]:
    """Errors sample by sample, and the worst of all, from the words of the code."""
    errors, low, high = [], None, None
    for t in range(len(deviation)):
        lags = [t - k for k in range(4, 12) if t - k >= 0] or [t]
        most, least = deviation[lags].max(), deviation[lags].min()
        want_low = float(CURVE.due(np.array([most]))[0])
        want_high = float(CURVE.due(np.array([least]))[0])
        low = want_low if low is None else min(max(want_low, low - 0.2), low + 0.1)
        high = want_high if high is None else min(max(want_high, high - 0.1), high + 0.2)
        free = t < 20
        errors.append(0.0 if free else max(low - response[t], response[t] - high, 0.0))
    smooth = [min(errors[max(t - 3, 0) : t + 1]) if t >= 3 else 0.0 for t in range(len(errors))]
    return np.array(errors), max(smooth)


@pytest.mark.parametrize("seed", range(3))
def test_errors_are_those_of_plain_loops(seed: int) -> None:
    deviation = frequency(60.0, seed)
    response = late(CURVE.due(deviation), 1.0)
    errors, worst = by_loops(deviation, response)
    found = measured(deviation, response, CURVE)
    assert found.error == pytest.approx(errors, abs=1e-12)
    assert found.worst == pytest.approx([worst], abs=1e-12)


@pytest.mark.parametrize("lag_s", [0.2, 0.35, 0.5])
def test_a_response_within_the_lags_has_no_error(lag_s: float) -> None:
    deviation = frequency(60.0)
    found = measured(deviation, late(CURVE.due(deviation), lag_s), CURVE)
    assert found.worst[0] < 1e-9
    assert found.factor.tolist() == [1.0]


def test_nothing_delivered_and_an_inverted_sign_lose_all() -> None:
    deviation = frequency(60.0)
    share = CURVE.due(deviation)
    nothing, inverted = (measured(deviation, x, CURVE) for x in (0 * share, -share))
    assert nothing.worst[0] == pytest.approx(share.max(), abs=0.02)
    assert inverted.worst[0] == pytest.approx(2 * share.max(), abs=0.04)
    assert nothing.factor.tolist() == inverted.factor.tolist() == [0.0]


@pytest.mark.parametrize(("scale", "factor"), [(1.0, 1.0), (0.97, 1.0), (0.95, 0.5), (0.92, 0.0)])
def test_an_error_costs_between_three_and_seven_percent(scale: float, factor: float) -> None:
    deviation = np.full(1200, -0.5)
    found = measured(deviation, np.full(1200, scale), CURVE)
    assert found.worst[0] == pytest.approx(1 - scale)
    assert found.factor[0] == pytest.approx(factor, abs=1e-9)


def test_a_spike_of_three_samples_is_forgiven_and_one_of_four_is_not() -> None:
    deviation = np.full(1200, -0.5)
    for wide, worst in ((3, 0.0), (4, 0.5)):
        response = np.ones(1200)
        response[600 : 600 + wide] = 0.5
        assert measured(deviation, response, CURVE).worst[0] == pytest.approx(worst)


def test_each_settlement_period_stands_alone_and_a_gap_zeroes_its_own() -> None:
    per = round(1800 / TICK_S)
    deviation, response = np.full(2 * per + 100, -0.5), np.ones(2 * per + 100)
    response[per + 500] = np.nan
    found = measured(deviation, response, CURVE)
    assert found.available.tolist() == [1.0, 1.0 - 1.0 / per, 1.0]
    assert found.factor.tolist() == [1.0, 1.0, 1.0]
    response[per + 500 : per + 540] = np.nan  # two seconds of half an hour, more than .1 %
    response[per + 540 : per + 560] = 0.0  # the first second after a gap is free
    assert measured(deviation, response, CURVE).factor.tolist() == [1.0, 0.0, 1.0]
    assert measured(deviation, response, CURVE).worst.tolist() == [0.0, 0.0, 0.0]


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="each sample"):
        measured(np.zeros(10), np.zeros(9), CURVE)
