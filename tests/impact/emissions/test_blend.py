"""Forecasts mixed with the latest factor: no look ahead, never worse than the worse one."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.impact.emissions.blend import LeadForecasts, usual_day


def made_up(noise: float, steps: int = 1000, leads: int = 12) -> LeadForecasts:
    """A random walk, and forecasts of it that miss by so much."""
    rng = np.random.default_rng(5)
    actual = 400.0 + np.cumsum(rng.normal(size=steps + leads))
    later = np.stack([actual[k : k + steps] for k in range(1, leads + 1)], axis=1)
    return LeadForecasts(actual[:steps], later + noise * rng.normal(size=later.shape))


def test_a_good_forecast_is_trusted_and_a_bad_one_is_not():
    assert made_up(0.01).weight[-1].min() > 0.99
    assert made_up(30.0).weight[-1, :3].max() < 0.05


def test_the_blend_misses_by_no_more_than_either_at_any_lead():
    leads = made_up(2.0)
    latest = np.repeat(leads.actual_kg_per_mwh[:, None], leads.leads, axis=1)
    errors = [
        leads.mean_absolute_error(expected)
        for expected in (leads.blended_kg_per_mwh, leads.forecast_kg_per_mwh, latest)
    ]
    assert (errors[0] <= 1.01 * np.minimum(errors[1], errors[2])).all()


def test_nothing_that_comes_later_changes_what_is_expected_now():
    leads = made_up(2.0)
    actual = leads.actual_kg_per_mwh.copy()
    actual[501:] += 100.0
    changed = LeadForecasts(actual, leads.forecast_kg_per_mwh)
    same = slice(0, 501)
    np.testing.assert_allclose(
        changed.blended_kg_per_mwh[same], leads.blended_kg_per_mwh[same], rtol=1e-12
    )


def test_the_usual_day_is_the_mean_of_the_past_at_the_same_time_of_day():
    past = np.concatenate([np.arange(24.0), np.arange(24.0) + 10.0, [99.0]])
    usual = usual_day(past[:48], 24)
    np.testing.assert_allclose(usual, np.arange(24.0) + 5.0)
    np.testing.assert_allclose(usual_day(past, 24)[-1], (10.0 + 99.0) / 2.0)
    assert usual_day(past[:5], 24).tolist() == [2.0] * 24


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="actual_kg_per_mwh must be finite"):
        LeadForecasts(np.array([np.nan, 1.0]), np.ones((2, 1)))


def test_rows_stamped_by_the_time_they_are_for_fit_their_own_step_better():
    leads = made_up(1.0)
    ahead, own = leads.own_step_error
    assert ahead < 0.6 * own
    late = np.stack(
        [np.roll(leads.forecast_kg_per_mwh[:, k], k + 1) for k in range(leads.leads)], axis=1
    )
    ahead, own = LeadForecasts(leads.actual_kg_per_mwh, late).own_step_error
    assert ahead > 1.5 * own
    assert LeadForecasts(np.ones(3), np.ones((3, 3))).own_step_error == (0.0, 0.0)
