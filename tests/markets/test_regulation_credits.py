"""Credits of PJM regulation, and money dealt out to the cent: by hand."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.markets.rules import pjm
from evergrid.markets.rules.constant import unsure
from evergrid.markets.settlement.pjm_regulation import RegulationPrices, credits
from evergrid.markets.settlement.statement import to_the_cent


def one(*values: float) -> np.ndarray:
    return np.array(values, float)


def test_an_hour_of_the_first_era_is_paid_for_capability_and_for_mileage() -> None:
    prices = RegulationPrices(one(20.0), one(3.0), one(3.0))
    made = credits(one(5.0), one(0.9), prices, pjm.FIRST_ERA)
    assert made.capability == pytest.approx([90.0])
    assert made.performance == pytest.approx([40.5])
    assert made.total == pytest.approx([130.5])


@pytest.mark.parametrize(
    ("score", "paid"),
    [(0.9, 41.25), (0.25, 11.458333333), (0.2499, 0.0), (0.0, 0.0), (1.0, 45.833333333)],
)
def test_five_minutes_of_the_second_era(score: float, paid: float) -> None:
    prices = RegulationPrices(one(50.0), one(5.0), one(1.0))
    made = credits(one(10.0), one(score), prices, pjm.SECOND_ERA)
    assert made.total == pytest.approx([paid])
    assert made.forfeited.tolist() == [score < 0.25]


@pytest.mark.parametrize(
    ("day", "era"),
    [
        (date(2020, 7, 16), pjm.FIRST_ERA),
        (date(2025, 9, 30), pjm.FIRST_ERA),
        (date(2025, 10, 1), pjm.SECOND_ERA),
        (date(2026, 9, 30), pjm.SECOND_ERA),
    ],
)
def test_rules_are_those_of_the_day(day: date, era: pjm.PjmRegulation) -> None:
    assert pjm.on(day) is era


@pytest.mark.parametrize("day", [date(2012, 9, 30), date(2026, 10, 1)])
def test_days_without_known_rules_are_refused(day: date) -> None:
    with pytest.raises(InputError, match="not confirmed"):
        pjm.on(day)


def test_what_is_not_verified_says_so() -> None:
    assert unsure(pjm.FIRST_ERA) == ["near_constant (unverified)", "least_mean_score (unverified)"]
    assert "least_score (secondary)" in unsure(pjm.SECOND_ERA)
    assert "window_s (unverified)" in unsure(pjm.SECOND_ERA)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"performance": -1.0}, "performance_per_mw must be at least 0"),
        ({"performance": np.nan}, "performance_per_mw"),
        ({"capability": np.inf}, "capability_per_mw must be finite"),
        ({"ratio": -0.1}, "mileage_ratio"),
        ({"award": -1.0}, "award_mw"),
        ({"score": 95.0}, "score must lie in"),
        ({"score": np.nan}, "score"),
    ],
)
def test_numbers_out_of_range_are_refused(changed: dict[str, float], said: str) -> None:
    given_ = {"award": 1.0, "score": 0.9, "capability": 20.0, "performance": 3.0, "ratio": 2.0}
    given_ |= changed
    with pytest.raises(InputError, match=said):
        credits(
            one(given_["award"]),
            one(given_["score"]),
            RegulationPrices(
                one(given_["capability"]), one(given_["performance"]), one(given_["ratio"])
            ),
            pjm.FIRST_ERA,
        )


# -- to the cent ----------------------------------------------------------------------------


def test_a_cent_that_is_left_goes_to_whom_it_was_taken_from() -> None:
    assert to_the_cent(1.0, one(1.0, 1.0, 1.0)).tolist() == [0.34, 0.33, 0.33]
    assert to_the_cent(0.05, one(0.5, 0.3, 0.2)).tolist() == [0.03, 0.01, 0.01]
    assert to_the_cent(-1.0, one(2.0, 1.0)).tolist() == [-0.67, -0.33]
    assert to_the_cent(3.0, one(0.0, 0.0)).tolist() == [1.5, 1.5]


@given(
    amount=st.floats(-1e6, 1e6),
    shares=st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40),
)
def test_parts_add_up_to_the_cent_and_miss_their_share_by_less_than_one(
    amount: float, shares: list[float]
) -> None:
    weights = one(*shares)
    made = to_the_cent(amount, weights)
    assert round(100 * made.sum()) == round(100 * amount)
    if weights.sum() > 0:
        exact = round(100 * amount) / 100 * (weights / weights.sum())
        assert np.abs(made - exact).max() < 0.01 + 1e-9


def test_shares_below_zero_and_nobody_are_refused() -> None:
    with pytest.raises(InputError, match="shares"):
        to_the_cent(1.0, one(1.0, -1.0))
    with pytest.raises(InputError, match="one party"):
        to_the_cent(1.0, np.zeros(0))
