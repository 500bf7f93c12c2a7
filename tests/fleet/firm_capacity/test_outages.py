"""Outages that the record does not show are left to chance, or survived."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.fleet.firm_capacity.outages import Outage, with_outages

RARE_BLACKOUT = Outage("grid", 0.004, 0.0)
TELECOM = Outage("telecom", 0.003, 0.5)


def test_without_outages_the_confidence_stays() -> None:
    assert with_outages(0.99, (), 500) == (pytest.approx(0.99), 1.0)


def test_rare_outages_are_left_to_chance_and_the_risk_left_over_is_asked() -> None:
    asked, share = with_outages(0.99, (TELECOM, RARE_BLACKOUT), 500)
    assert asked == pytest.approx(1 - (0.01 - 0.007))
    assert share == 1.0


def test_an_outage_is_survived_when_the_days_cannot_vouch_for_the_rest() -> None:
    # 0.006 needs 166 days, 0.003 needs 333.
    asked, share = with_outages(0.99, (RARE_BLACKOUT, TELECOM), 200)
    assert asked == pytest.approx(1 - 0.006)
    assert share == 0.5


def test_an_outage_as_likely_as_the_risk_is_survived() -> None:
    assert with_outages(0.99, (Outage("feeder", 0.02, 0.6),), 5000) == (pytest.approx(0.99), 0.6)


def test_what_the_worst_outage_leaves_survives_milder_ones_without_spending_risk() -> None:
    outages = (Outage("feeder", 0.02, 0.3), Outage("telecom", 0.003, 0.5))
    asked, share = with_outages(0.99, outages, 5000)
    assert share == 0.3
    assert asked == pytest.approx(0.99)


@given(
    st.floats(0.8, 0.999),
    st.lists(st.tuples(st.floats(0, 0.1), st.floats(0, 1)), max_size=4),
    st.integers(1, 5000),
)
@settings(max_examples=50)
def test_by_the_union_bound_no_more_is_broken_than_asked(
    confidence: float, rows: list[tuple[float, float]], days: int
) -> None:
    outages = tuple(Outage(f"o{i}", *row) for i, row in enumerate(rows))
    asked, share = with_outages(confidence, outages, days)
    breaking = sum(o.probability for o in outages if o.share < share)
    assert (1 - asked) + breaking <= 1 - confidence + 1e-12
    assert 1 - asked > 0
