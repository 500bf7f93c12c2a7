"""Words of a plan for what it costs and which limits leave sessions short."""

import pytest

from evergrid.studies import plan_service


@pytest.mark.parametrize(
    ("money", "text"),
    [(-0.0, "0.00"), (-0.004, "0.00"), (-0.006, "-0.01"), (1234.5, "1,234.50")],
)
def test_money_that_rounds_to_nothing_has_no_sign(money: float, text: str):
    assert plan_service.amount(money) == text


def test_limits_of_sites_that_leave_sessions_short_are_counted_and_chargers_are_not():
    causes = ["the import limit of site a"] * 2 + ["the energy budget of site b"]
    causes += ["its charger's rating and the length of its stay"] * 5
    told = plan_service.short_line({"shortfalls": [{"limit": cause} for cause in causes]})
    assert told == "2 sessions short by the import limit of site a, others by 1 more limit"
    assert plan_service.short_line({"shortfalls": [{"limit": causes[-1]}]}) == ""
