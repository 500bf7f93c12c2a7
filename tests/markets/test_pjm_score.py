"""The PJM score against a published table, plain loops, and real days of the signal."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.markets.performance.pjm_score import Reading, sampled, score
from evergrid.markets.rules.pjm import FIRST_ERA

# Absolute, as configurations made in another folder name files of it.
DATA = Path(os.environ.get("EVERGRID_DATA", "../shared/data")).resolve() / "regulation"
HOUR = np.arange(360, 720)  # of the samples; hours around it give what came before and comes after


def wave(k: np.ndarray) -> np.ndarray:
    """The signal of the published table, by its sample."""
    turns = ((0.6, 45), (0.3, 13), (0.1, 7))
    return sum((size * np.sin(2 * np.pi * (k - 360) / length) for size, length in turns), 0.0 * k)


RESPONSES = {
    "exact, 10 s late": (lambda k: wave(k - 1), (1, 1, 1, 1)),
    "at once": (wave, (1, 1, 0.7320, 0.9107)),
    "30 s late": (lambda k: wave(k - 3), (0.9909, 0.9435, 0.4782, 0.8042)),
    "60 s late": (lambda k: wave(k - 6), (0.9909, 0.8435, 0, 0.6115)),
    "80 % of it": (lambda k: 0.8 * wave(k - 1), (1, 1, 0.8, 0.9333)),
    "50 % of it": (lambda k: 0.5 * wave(k - 1), (1, 1, 0.5, 0.8333)),
    "0.1 more": (lambda k: wave(k - 1) + 0.1, (1, 1, 0.7542, 0.9181)),
    "nothing": (lambda k: 0.0 * k, (0, 0, 0, 0)),
    "inverted, 10 s late": (lambda k: -wave(k - 1), (0.8912, 0.3582, 0, 0.4165)),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_the_rows_of_the_published_table_come_out(name: str) -> None:
    respond, expected = RESPONSES[name]
    k = np.arange(1200.0)
    assert np.abs(wave(k[HOUR])).mean() == pytest.approx(0.406758, abs=1e-6)
    found = score(wave(k), respond(k), FIRST_ERA, reading="shifted")
    parts = [x[1] for x in (found.correlation, found.delay, found.precision, found.total)]
    assert parts == pytest.approx(expected, abs=6e-5)


def by_loops(signal: np.ndarray, response: np.ndarray, begin: int) -> tuple[float, float]:
    """Correlation and delay of one window, from the words of the rule book."""
    best = (0.0, 0.0)
    asked = signal[begin : begin + 30]
    for seconds in range(0, 301, 10):
        first = begin + seconds // 10
        given = response[first : first + 30]
        if len(given) < 30 or np.ptp(given) == 0:
            continue
        correlation = float(np.corrcoef(asked, given)[0, 1])
        late = 1.0 - max(seconds - 10, 0) / 300
        if correlation > 0 and correlation + late > sum(best) + 1e-12:
            best = (correlation, late)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_windows_are_those_of_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signal = np.clip(np.cumsum(rng.normal(0, 0.15, 400)) * 0.1, -1, 1)
    response = 0.9 * np.roll(signal, 2 + seed) + rng.normal(0, 0.05, 400)
    begins = range(0, 370, 30)
    made = [by_loops(signal, response, begin) for begin in begins]
    found = score(signal, response, FIRST_ERA, interval_h=1 / 12, stride=30)
    assert found.correlation == pytest.approx([one[0] for one in made], abs=1e-9)
    assert found.delay == pytest.approx([one[1] for one in made], abs=1e-12)
    sizes = [np.abs(signal[:360]).mean()] * 12 + [np.abs(signal[360:]).mean()]
    error = [np.abs(response - signal)[begin : begin + 30].mean() for begin in begins]
    expected = [max(0.0, 1 - one / size) for one, size in zip(error, sizes, strict=True)]
    assert found.precision == pytest.approx(expected)


def test_a_signal_that_hardly_moves_is_compared_by_its_slope() -> None:
    flat = np.full(400, 0.5)
    assert score(flat, flat, FIRST_ERA).total[0] == pytest.approx(1.0)
    steep = 0.5 + 0.02 * np.arange(400.0)  # .02 more in every sample
    assert score(flat, steep, FIRST_ERA).correlation[0] == pytest.approx(0.98)


# -- real days ----------------------------------------------------------------------------

needs_data = pytest.mark.skipif(not DATA.exists(), reason="needs the data folder (EVERGRID_DATA)")


def day(number: int) -> np.ndarray:
    return pl.read_parquet(DATA / f"pjm_regd_2s_2020-07-{number}.parquet")["regd"].to_numpy()


def late(signal: np.ndarray, ticks: int) -> np.ndarray:
    return np.concatenate([np.full(ticks, signal[0]), signal[: len(signal) - ticks]])


def of_day(number: int, respond: Any, reading: Reading = "unshifted") -> np.ndarray:
    signal = day(number)
    return score(
        sampled(signal, 2.0), sampled(respond(signal), 2.0), FIRST_ERA, reading=reading
    ).total


@needs_data
@pytest.mark.parametrize(("number", "mean"), [(16, 0.9906), (17, 0.9916)])
def test_a_hold_of_one_tick_scores_as_it_was_measured_by_others(number: int, mean: float) -> None:
    found = of_day(number, lambda signal: late(signal, 1))
    assert found.mean() == pytest.approx(mean, abs=6e-4)
    assert found.min() == pytest.approx(0.986, abs=5e-4)


@needs_data
@pytest.mark.parametrize("number", [16, 17])
def test_which_reading_is_taken_decides_whether_waiting_pays(number: int) -> None:
    def total(ticks: int, reading: Reading) -> float:
        return float(of_day(number, lambda signal: late(signal, ticks), reading).mean())

    assert total(1, "unshifted") > total(5, "unshifted") + 0.03
    assert total(5, "shifted") > total(1, "shifted") + 0.03
    assert total(5, "shifted") == pytest.approx(1.0, abs=1e-9)


@needs_data
def test_doing_nothing_earns_no_score_and_an_inverted_sign_more_than_the_least() -> None:
    assert of_day(16, lambda signal: 0 * signal).mean() < 0.1
    assert 0.25 < of_day(16, lambda signal: -signal).mean() < 0.4


@pytest.mark.parametrize(("sign", "inverted"), [(1.0, False), (-1.0, True), (0.0, False)])
def test_a_response_that_moves_against_the_signal_is_told(sign: float, inverted: bool) -> None:
    k = np.arange(1200.0)
    for late in (0, 1):
        found = score(wave(k), sign * wave(k - late), FIRST_ERA)
        assert found.inverted[1] == inverted


# -- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "response", "said"),
    [
        (np.zeros(100), np.zeros(99), "be as long as the signal"),
        (np.zeros(20), np.zeros(20), "last more than a window"),
        (np.full(100, np.nan), np.zeros(100), "be finite"),
        (np.zeros(100), np.full(100, np.inf), "be finite"),
        (np.full(100, 1.2), np.zeros(100), "Divide by the award"),
    ],
)
def test_series_that_cannot_be_scored_are_refused(
    signal: np.ndarray, response: np.ndarray, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        score(signal, response, FIRST_ERA)


@pytest.mark.parametrize("tick_s", [3.0, 4.0, 20.0])
def test_ticks_must_make_up_a_sample(tick_s: float) -> None:
    with pytest.raises(InputError, match="divide 10 s"):
        sampled(np.zeros(100), tick_s)
