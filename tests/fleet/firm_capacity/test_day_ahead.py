"""Promises of coming days come from the record alone, and as far ahead as they are made."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.day_ahead import (
    Past,
    coming_promises,
    correlation,
    forecast,
    promised,
    told,
)
from evergrid.fleet.firm_capacity.outages import Outage
from evergrid.fleet.history.day_kind import ODD, day_kinds

DAYS, STEPS, COMING, NOISE_KW, CAR_KW = 300, 4, 3, 7.0, 7.0
HOLIDAYS = np.array(["2024-05-01", "2024-05-09"], dtype="datetime64[D]")


def past(seed: int = 0, share: float = 0.07, days: int = DAYS, first: str = "2024-01-01") -> Past:
    """A steady fleet of some 700 kW with noise of its vehicles and a common one."""
    draw = np.random.default_rng(seed)
    mean = np.array([500.0, 700.0, 800.0, 600.0])
    common = 1 + share * draw.standard_normal((days, 1))
    alone = np.sqrt(NOISE_KW * mean) * draw.standard_normal((days, STEPS))
    return Past(
        power_kw=np.maximum(mean * common + alone, 0.0),
        known=np.arange(days) < days - COMING,
        kinds=day_kinds(np.datetime64(first, "D") + np.arange(days), HOLIDAYS),
        coming=COMING,
        fitted=150,
        noise_kw=np.full(STEPS, NOISE_KW),
        car_kw=CAR_KW,
    )


def changed(of: Past, power_kw: Array) -> Past:
    return replace(of, power_kw=power_kw)


@given(st.integers(0, 99))
@settings(max_examples=5)
def test_what_stands_in_the_rows_of_coming_days_changes_nothing(seed: int) -> None:
    one = past(seed)
    other = one.power_kw.copy()
    other[-COMING:] = 1e6
    left, right = (coming_promises(of, (0.9, 0.95)) for of in (one, changed(one, other)))
    np.testing.assert_array_equal(left.mean_kw, right.mean_kw)
    np.testing.assert_array_equal(left.power_kw, right.power_kw)
    assert left.kept == right.kept


def test_each_coming_day_is_told_from_the_last_known_day() -> None:
    one = past()
    other = one.power_kw.copy()
    other[-COMING - 1] *= 0.5
    before, after = coming_promises(one, (0.9,)), coming_promises(changed(one, other), (0.9,))
    assert (after.mean_kw < before.mean_kw).all()
    mean, power = before.mean_kw, before.power_kw
    for ahead in range(COMING):
        row = DAYS - COMING + ahead
        np.testing.assert_array_equal(mean[ahead], told(one, ahead + 1).mean_kw[row])
        made = promised(one, told(one, ahead + 1), (0.9,), lead_days=ahead + 1)
        np.testing.assert_array_equal(power[0, ahead], made.power_kw[0, row])


def test_more_confidence_never_promises_more_and_all_stay_below_the_mean() -> None:
    found = coming_promises(past(), (0.8, 0.9, 0.95, 0.99))
    mean, power = found.mean_kw, found.power_kw
    assert (np.diff(power, axis=0) <= 1e-9).all()
    assert (power <= mean).all()
    assert (power[0] > 0.5 * mean).all()


def test_the_lead_of_a_coming_day_counts_from_the_last_known_one() -> None:
    one = past()
    assert [one.lead_days(ahead) for ahead in range(COMING)] == [1, 2, 3]
    known = one.known & (np.arange(DAYS) < DAYS - COMING - 3)
    open_end = replace(one, known=known)
    assert [open_end.lead_days(ahead) for ahead in range(COMING)] == [4, 5, 6]
    found = coming_promises(open_end, (0.9,))
    assert found.lead_days == (4, 5, 6)
    np.testing.assert_array_equal(found.mean_kw[0], told(open_end, 4).mean_kw[DAYS - COMING])
    # What the open days hold changes nothing.
    other = open_end.power_kw.copy()
    other[DAYS - COMING - 3 :] = 0.0
    again = coming_promises(changed(open_end, other), (0.9,))
    np.testing.assert_array_equal(again.power_kw, found.power_kw)


def test_promises_are_judged_as_far_ahead_as_the_coming_days() -> None:
    one = past()
    found = coming_promises(one, (0.8, 0.9))
    for row, level in enumerate((0.8, 0.9)):
        for ahead, lead in enumerate((1, 2, 3)):
            made = promised(one, told(one, lead), (level,), lead_days=lead).power_kw[0, one.judged]
            kept = (one.power_kw[one.judged] >= made - 1e-9)[made > 0]
            assert found.kept[row][ahead].share == pytest.approx(kept.mean())
            assert found.kept[row][ahead].judged == kept.size


def test_promises_are_kept_as_often_as_asked_after_the_fitted_days() -> None:
    one = past(3, days=900)
    made = promised(one, told(one), (0.9,))
    judged = one.judged & made.able[0]
    kept = (one.power_kw >= made.power_kw[0])[judged]
    # Days are the unit: steps of one fail together.
    assert abs(kept.mean() - 0.9) < 3 * np.sqrt(0.9 * 0.1 / judged.sum())


def test_odd_days_are_not_promised_and_do_not_count() -> None:
    one = past()
    odd = one.kinds.group == ODD
    assert odd.sum() >= 4
    made = promised(one, told(one), (0.9,))
    assert (made.power_kw[:, odd] == 0).all()
    assert not made.able[:, odd].any()
    assert not one.usable[odd].any()
    assert not one.judged[odd].any()


def test_an_outage_that_must_be_survived_leaves_its_share_of_the_promise() -> None:
    one = past()
    plain = promised(one, told(one), (0.9, 0.8)).power_kw
    outage = Outage("grid", 0.5, 0.4)
    np.testing.assert_allclose(
        promised(one, told(one), (0.9, 0.8), outages=(outage,)).power_kw, 0.4 * plain
    )


def test_an_outage_left_to_chance_is_taken_from_the_risk() -> None:
    one = past()
    asked = promised(one, told(one), (0.95,)).power_kw
    outage = Outage("grid", 0.05, 0.4)
    np.testing.assert_array_equal(
        promised(one, told(one), (0.9,), outages=(outage,)).power_kw, asked
    )


def test_the_proven_form_is_another_promise() -> None:
    one = past()
    plain, proven = (promised(one, told(one), (0.9,), proven=of).power_kw for of in (False, True))
    assert not np.array_equal(plain, proven)
    assert (proven[0, one.judged] > 0).all()


@pytest.mark.parametrize("rho", [0.005, 0.02, 0.1])
def test_the_correlation_of_beta_binomial_vehicles_is_found(rho: float) -> None:
    draw = np.random.default_rng(5)
    vehicles, share = 300, np.array([0.3, 0.6, 0.8, 0.5])
    scale = 1 / rho - 1
    chance = draw.beta(share * scale, (1 - share) * scale, (2000, STEPS))
    came = draw.binomial(vehicles, chance).astype(float)
    one = past(0, days=2000)
    one = replace(one, power_kw=came, fitted=2000, noise_kw=1 - share)
    mean, every = np.tile(vehicles * share, (2000, 1)), np.full((2000, STEPS), float(vehicles))
    assert correlation(one, mean, every) == pytest.approx(rho, rel=0.1)


def test_vehicles_that_came_later_do_not_count_before() -> None:
    # Half the fleet, half the days: twice the fleet on all days would hide the correlation.
    one = past(2, 0.2)
    mean = np.tile([500.0, 700.0, 800.0, 600.0], (DAYS, 1))
    right, wrong = np.full((DAYS, STEPS), 1000.0), np.full((DAYS, STEPS), 2000.0)
    assert correlation(one, mean, wrong) < 0.5 * correlation(one, mean, right)


def test_certain_and_absent_vehicles_are_not_correlated() -> None:
    one = past()
    mean = np.full((DAYS, STEPS), 700.0)
    assert correlation(one, mean, mean) == 0.0
    assert correlation(one, np.zeros((DAYS, STEPS)), mean) == 0.0


def test_the_variance_between_what_the_kinds_tell_is_added_to_that_of_past_misses() -> None:
    one = past()
    expected = told(one)
    apart = np.full(one.power_kw.shape, 1.5)
    with_it = forecast(one, replace(expected, root_disagreement=apart)).root_spread
    without = forecast(one, replace(expected, root_disagreement=0 * apart)).root_spread
    np.testing.assert_allclose(with_it**2, without**2 + 1.5**2)


def test_less_is_promised_for_a_day_about_which_the_kinds_disagree() -> None:
    one = past()
    expected = told(one)
    apart = np.zeros(one.power_kw.shape)
    apart[-1] = 2.0
    sure, unsure = (
        promised(one, replace(expected, root_disagreement=of), (0.9,)).power_kw[0]
        for of in (0 * apart, apart)
    )
    np.testing.assert_array_equal(unsure[:-1], sure[:-1])
    assert (unsure[-1] < 0.95 * sure[-1]).all()
    assert (unsure[-1] > 0).all()
