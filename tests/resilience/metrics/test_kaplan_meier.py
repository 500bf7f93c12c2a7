"""Kaplan-Meier: a published record, SciPy's estimate, and quantiles that are not reached."""

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.kaplan_meier import Band, CensoredTime, kaplan_meier

# Weeks of remission of 21 patients on 6-mercaptopurine: E. Freireich et al. (1963), Blood 21,
# as in most textbooks of survival analysis. The estimate there: .857, .807, .753, .690, .627,
# .538, .448.
WEEKS = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
RELAPSES = 9


def freireich() -> tuple[np.ndarray, np.ndarray]:
    return np.array(WEEKS, dtype=float), np.arange(len(WEEKS)) < RELAPSES


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true, seen = np.round(rng.exponential(4.0, 60), 1), np.round(rng.uniform(0.2, 9.0, 60), 1)
    return np.minimum(true, seen), true <= seen


def test_the_estimate_of_the_textbooks() -> None:
    found = kaplan_meier(*freireich())
    steps = found.not_back[found.recovered > 0]
    expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert steps == pytest.approx(expected, abs=5e-4)
    assert found.quantile(0.5).estimate == CensoredTime(23.0, reached=True)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("band", "method"), [("greenwood", "linear"), ("log_log", "log-log")])
def test_the_band_is_that_of_scipy(seed: int, band: Band, method: str) -> None:
    time_h, reached = drawn(seed)
    found = kaplan_meier(time_h, reached, band=band, confidence=0.9)
    data = CensoredData(uncensored=time_h[reached], right=time_h[~reached])
    other = ecdf(data).sf
    assert np.array_equal(other.quantiles, found.time_h)
    assert found.not_back == pytest.approx(other.probabilities, abs=1e-12)
    inside = (found.not_back < 1) & (found.not_back > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = other.confidence_interval(0.9, method=method)
    assert found.low[inside] == pytest.approx(ends.low.probabilities[inside], abs=1e-12)
    assert found.high[inside] == pytest.approx(ends.high.probabilities[inside], abs=1e-12)


def test_without_censoring_it_is_the_share_that_is_not_back() -> None:
    time_h = np.array([3.0, 1.0, 2.0, 2.0])
    found = kaplan_meier(time_h, np.ones(4, dtype=bool))
    assert found.not_back.tolist() == [0.75, 0.25, 0.0]
    assert found.recovered_within(2.0) == 0.75
    assert found.recovered_within(0.5) == 0.0
    assert found.recovered_within(99.0) == 1.0
    assert (found.low[-1], found.high[-1]) == (0.0, found.high[-2])


def test_a_quantile_that_is_not_reached_says_so() -> None:
    found = kaplan_meier(np.array([1.0, 2.0, 8.0, 8.0, 8.0]), np.array([1, 1, 0, 0, 0], dtype=bool))
    third = found.quantile(0.3)
    assert third.estimate == CensoredTime(2.0, reached=True)
    assert not third.high.reached
    median = found.quantile(0.5)
    assert median.estimate == CensoredTime(8.0, reached=False)
    assert str(median.estimate) == "not reached within 8 h"
    assert str(third.estimate) == "2 h"


def test_nobody_back_is_no_recovery_and_no_error() -> None:
    found = kaplan_meier(np.array([8.0, 9.0]), np.zeros(2, dtype=bool))
    assert found.not_back.tolist() == [1.0, 1.0]
    assert not found.quantile(0.01).estimate.reached


def test_censored_times_later_than_all_recoveries_leave_the_tail_open() -> None:
    found = kaplan_meier(np.array([1.0, 5.0]), np.array([True, False]))
    assert found.recovered_within(5.0) == 0.5
    with pytest.raises(InputError, match="what comes later was not seen"):
        found.recovered_within(5.1)


@pytest.mark.parametrize("time_h", [-1.0, float("nan")])
def test_a_time_before_the_event_is_refused(time_h: float) -> None:
    with pytest.raises(InputError, match="time_h"):
        kaplan_meier(*freireich()).recovered_within(time_h)


@pytest.mark.parametrize("share", [0.0, 1.0, 50.0, float("nan")])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"share must be in \(0, 1\)"):
        kaplan_meier(*freireich()).quantile(share)


def test_flags_for_other_times_are_refused() -> None:
    with pytest.raises(InputError, match="reached must be one for each time"):
        kaplan_meier(np.ones(3), np.ones(2, dtype=bool))


@pytest.mark.parametrize(
    ("time_h", "confidence", "field"),
    [
        ([], 0.95, "scenarios"),
        ([-1.0], 0.95, "time_h"),
        ([float("nan")], 0.95, "time_h"),
        ([float("inf")], 0.95, "time_h"),
        ([1.0], 1.0, "confidence"),
        ([1.0], 95.0, "confidence"),
    ],
)
def test_times_that_cannot_be_are_refused(
    time_h: list[float], confidence: float, field: str
) -> None:
    reached = np.ones(len(time_h), dtype=bool)
    with pytest.raises(InputError) as caught:
        kaplan_meier(np.array(time_h, dtype=float), reached, confidence=confidence)
    assert caught.value.field == field
