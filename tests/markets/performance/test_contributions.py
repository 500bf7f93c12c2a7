"""Accuracy of CAISO and contributions of Australia: by hand and by plain loops."""

from datetime import date

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.markets.performance import caiso_accuracy
from evergrid.markets.performance.frequency_contribution import contributions, frequency_measure
from evergrid.markets.rules import caiso

RULES = caiso.on(date(2024, 5, 1))
PER = 225  # samples of four seconds in a quarter of an hour


def wave(count: int = 2 * PER) -> np.ndarray:
    return 5.0 + 3.0 * np.sin(np.arange(count) / 9.0)


@pytest.mark.parametrize(
    ("scale", "accuracy"), [(1.0, 1.0), (0.8, 0.8), (1.3, 0.7), (0.0, 0.0), (-1.0, 0.0)]
)
def test_accuracy_falls_with_what_is_missed_either_way(scale: float, accuracy: float) -> None:
    found = caiso_accuracy.measured(wave(), scale * wave(), RULES)
    assert found.accuracy == pytest.approx([accuracy, accuracy])


def test_adjusted_mileage_is_what_was_followed() -> None:
    exact = caiso_accuracy.measured(wave(), wave(), RULES)
    assert exact.adjusted_mw == pytest.approx(exact.instructed_mw)
    assert exact.instructed_mw.sum() == pytest.approx(np.abs(np.diff(wave(), prepend=0.0)).sum())
    half = caiso_accuracy.measured(wave(), 0.5 * wave(), RULES)
    assert half.adjusted_mw == pytest.approx(0.5 * exact.instructed_mw)
    assert caiso_accuracy.measured(wave(), 2.0 * wave(), RULES).adjusted_mw == pytest.approx(
        exact.instructed_mw
    )
    assert caiso_accuracy.measured(wave(), -wave(), RULES).adjusted_mw.sum() == 0.0


def test_a_quarter_without_set_points_is_right_only_at_rest() -> None:
    nothing = np.zeros(PER)
    assert caiso_accuracy.measured(nothing, nothing, RULES).accuracy.tolist() == [1.0]
    assert caiso_accuracy.measured(nothing, nothing + 1.0, RULES).accuracy.tolist() == [0.0]


def test_readings_that_did_not_come_count_as_no_response_and_a_part_is_measured() -> None:
    response = wave(PER + 100)
    response[:50] = np.nan
    found = caiso_accuracy.measured(wave(PER + 100), response, RULES)
    whole = wave(PER)
    assert found.accuracy == pytest.approx([1 - whole[:50].sum() / whole.sum(), 1.0])


@pytest.mark.parametrize(
    ("asked", "given", "said"),
    [(wave(), wave()[1:], "each set point"), (np.full(9, np.nan), np.zeros(9), "finite")],
)
def test_series_that_cannot_be_measured_are_refused(
    asked: np.ndarray, given: np.ndarray, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        caiso_accuracy.measured(asked, given, RULES)


def test_the_measure_of_frequency_is_smoothed_and_holds_in_gaps() -> None:
    deviation = np.array([-0.1, -0.1, np.nan, 0.2])
    first = 0.05 * 0.1
    second = 0.05 * 0.1 + 0.95 * first
    assert frequency_measure(deviation) == pytest.approx(
        [first, second, second, -0.01 + 0.95 * second]
    )
    assert frequency_measure(np.full(500, -0.1))[-1] == pytest.approx(0.1, rel=1e-9)


def test_who_gives_power_while_it_is_needed_contributes() -> None:
    measure = np.array([0.1, 0.1, -0.05])
    deviation = np.array([[2.0, 2.0, 0.0], [-2.0, -2.0, 0.0], [0.0, np.nan, -4.0]])
    found = contributions(measure, deviation)
    assert found == pytest.approx(np.array([0.4, -0.4, 0.2]) * 4.0 / 3600.0)
    with pytest.raises(InputError, match="each sample"):
        contributions(measure, deviation[:, :2])
