"""Promises and their scores against two independent libraries, on the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.conformity_scores import AbsoluteConformityScore
from mapie.regression import SplitConformalRegressor
from scoringrules import crps_ensemble, quantile_score
from sklearn.dummy import DummyRegressor

from evergrid.core.arrays import Array
from evergrid.fleet.conformal import days_needed, promises
from evergrid.fleet.scores import crps_kw, pinball_kw

MEAN_KW = 100.0


def of_mapie(scores: Array, confidence: float) -> float:
    """Lower end of MAPIE's interval; its two tails together have twice our risk."""
    nothing = np.zeros((len(scores), 1))
    regressor = SplitConformalRegressor(
        DummyRegressor(strategy="constant", constant=MEAN_KW).fit(nothing, scores),
        confidence_level=1 - 2 * (1 - confidence),
        conformity_score=AbsoluteConformityScore(sym=False),
        prefit=True,
    )
    regressor.conformalize(nothing, MEAN_KW + scores)
    _, interval = regressor.predict_interval(nothing[:1])
    return float(interval[0, 0, 0])


def ours(scores: Array, confidence: float) -> float:
    """The promise for the day after these, with no promise before it to learn from."""
    came = np.append(MEAN_KW + scores, 0.0)[:, None]
    last = np.arange(len(came)) == len(scores)
    made = promises(
        came,
        np.full(came.shape, MEAN_KW),
        np.ones(came.shape),
        np.ones(len(came), dtype=bool),
        wanted=last,
        confidence=confidence,
        lead_days=1,
    )
    return float(made.power_kw[-1, 0])


@given(
    seed=st.integers(0, 999),
    confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    more=st.integers(3, 150),  # MAPIE asks for a few more days than are needed,
)
@settings(max_examples=25)
def test_a_promise_is_the_lower_split_conformal_bound_of_mapie(
    seed: int, confidence: float, more: int
) -> None:
    days = days_needed(confidence) + more
    scores = np.random.default_rng(seed).gumbel(0, 8, days)
    assert ours(scores, confidence) == pytest.approx(of_mapie(scores, confidence), rel=1e-12)


@given(seed=st.integers(0, 999), members=st.integers(2, 60))
@settings(max_examples=20)
def test_crps_is_the_fair_one_of_scoringrules(seed: int, members: int) -> None:
    draw = np.random.default_rng(seed)
    came, told = draw.gamma(2, 50, (5, 4)), draw.gamma(2, 50, (5, 4, members))
    expected = np.asarray(crps_ensemble(came, told, estimator="fair"))
    np.testing.assert_allclose(crps_kw(came, told), expected, rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 999), level=st.floats(0.001, 0.999))
@settings(max_examples=20)
def test_pinball_loss_is_the_quantile_score_of_scoringrules(seed: int, level: float) -> None:
    draw = np.random.default_rng(seed)
    came, told = draw.gamma(2, 50, (2, 5, 4))
    np.testing.assert_allclose(
        pinball_kw(came, told, level), quantile_score(came, told, level), rtol=1e-12
    )
