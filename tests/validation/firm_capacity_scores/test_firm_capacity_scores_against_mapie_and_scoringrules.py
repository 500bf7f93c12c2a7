"""Promises and their scores against two independent libraries, on the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.risk_control.methods import find_best_predict_param, get_r_hat_plus
from scoringrules import crps_ensemble, quantile_score

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.risk_control import (
    LEAST_DAYS,
    PLACES,
    PowerForecast,
    days_needed,
    promises,
)
from evergrid.fleet.firm_capacity.scores import crps_kw, pinball_kw

CAR_KW, MEAN_KW, SPREAD = 10.0, 400.0, 1.5


def of_mapie(risks: Array, confidence: float) -> float:
    """Highest place at which MAPIE controls the risk; its risks fall as its parameter rises."""
    caution = -PLACES[::-1]  # ascending, as MAPIE wants it
    _, bound = get_r_hat_plus(risks[:, ::-1], caution, "crc", None, None, None)
    found = find_best_predict_param(caution, bound, np.array([1 - confidence]))
    return -float(found[0])


def ours(came_kw: Array, confidence: float) -> float:
    """Place of the promise for the day after these."""
    came = np.vstack([came_kw, came_kw[:1]])
    last = np.arange(len(came)) == len(came_kw)
    made = promises(
        came,
        PowerForecast(np.full(came.shape, MEAN_KW), np.full(came.shape, SPREAD), CAR_KW),
        ~last,
        wanted=last,
        confidence=(confidence,),
        lead_days=1,
        proven=True,
    )
    return float(made.place[0, -1])


@given(
    seed=st.integers(0, 999),
    confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    more=st.integers(3, 150),
)
@settings(max_examples=25)
def test_the_proven_promise_lies_where_mapie_controls_the_risk(
    seed: int, confidence: float, more: int
) -> None:
    days = max(days_needed(confidence), LEAST_DAYS) + more
    draw = np.random.default_rng(seed)
    shock = draw.gumbel(0, 40, (days, 1))
    came = np.maximum(MEAN_KW + shock + draw.normal(0, 20, (days, 6)), 0)
    root = np.sqrt(MEAN_KW) + PLACES * SPREAD
    power = np.maximum(root, 0) ** 2
    power[power < CAR_KW / 2] = 0
    risks = (came[:, :, None] < power - 1e-9).mean(axis=1)  # of each day at each place
    assert ours(came, confidence) == pytest.approx(of_mapie(risks, confidence))


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
