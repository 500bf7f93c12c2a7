"""Two parts for two margins: power is paid for being there, energy for being fed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.impact.compensation import two_part
from evergrid.impact.compensation.two_part import ProgrammeOwners
from evergrid.impact.compensation.value import LinearValue

OWNERS = ProgrammeOwners(
    vehicles=1000.0,
    power_kw=7.0,
    first_cost_per_mwh=10.0,
    last_cost_per_mwh=60.0,
    most_mwh=4.0,
    highest_effort=200.0,
)
VALUE = LinearValue(70.0, -0.02)
NOTHING = LinearValue(0.0)


def test_the_fixed_part_is_what_power_is_worth_and_the_rate_what_energy_is() -> None:
    made = two_part.best(OWNERS, VALUE, LinearValue(5.0), capacity_per_kw_year=8.0)
    assert 0 < made.vehicles < OWNERS.vehicles
    assert 0 < made.depth_mwh < OWNERS.most_mwh
    fed = made.vehicles * made.depth_mwh
    assert made.rate_per_mwh == pytest.approx(VALUE.marginal(fed) + 5.0, abs=1e-4)
    assert made.fixed_per_kw_year == pytest.approx(8.0, abs=1e-4)


def test_power_that_is_worth_nothing_is_paid_nothing_for_being_there() -> None:
    made = two_part.best(OWNERS, VALUE, NOTHING, capacity_per_kw_year=0.0)
    assert made.fixed_per_kw_year == pytest.approx(0.0, abs=1e-4)


@settings(max_examples=3)
@given(st.floats(0.0, 20.0), st.floats(-15.0, 15.0))
def test_no_other_tariff_is_better(capacity: float, benefit: float) -> None:
    """Every number of vehicles with every depth, one by one."""
    world = LinearValue(benefit)
    made = two_part.best(OWNERS, VALUE, world, capacity_per_kw_year=capacity)
    vehicles = np.linspace(0.0, OWNERS.vehicles, 401)[:, None]
    depth = np.linspace(0.0, OWNERS.most_mwh, 401)[None, :]
    fed = vehicles * depth
    cost = 10.0 * depth + 12.5 * depth**2 / 2
    effort = 200.0 * vehicles**2 / 2000.0
    welfare = (70.0 + benefit) * fed - 0.01 * fed**2 + capacity * 7.0 * vehicles
    welfare = welfare - vehicles * cost - effort
    assert made.welfare >= welfare.max() - 1e-6
    assert made.welfare == pytest.approx(welfare.max(), rel=1e-3, abs=1.0)


def test_beside_a_rate_that_is_too_low_the_fixed_part_makes_up_for_it() -> None:
    best = two_part.best(OWNERS, VALUE, NOTHING, capacity_per_kw_year=6.0)
    low = two_part.at_rate(OWNERS, VALUE, NOTHING, 25.0, capacity_per_kw_year=6.0)
    worth = VALUE.marginal(low.vehicles * low.depth_mwh)
    assert low.fixed_per_kw_year == pytest.approx(6.0 + (worth - 25.0) * low.depth_mwh / 7.0)
    assert low.fixed_per_kw_year > best.fixed_per_kw_year
    assert low.welfare < best.welfare


def test_owners_who_join_are_those_whom_the_tariff_pays() -> None:
    made = two_part.best(OWNERS, VALUE, NOTHING, capacity_per_kw_year=6.0)
    left = made.rate_per_mwh * made.depth_mwh - OWNERS.feeding_cost(made.depth_mwh)
    paid = made.fixed_per_kw_year * OWNERS.power_kw + left
    assert paid == pytest.approx(OWNERS.highest_effort * made.vehicles / OWNERS.vehicles)
    assert OWNERS.depth(made.rate_per_mwh) == pytest.approx(made.depth_mwh)


def test_owners_beyond_their_range_are_refused() -> None:
    with pytest.raises(InputError, match="power_kw must be above 0"):
        replace(OWNERS, power_kw=0.0)
    with pytest.raises(InputError, match="last_cost_per_mwh must be above first_cost_per_mwh"):
        replace(OWNERS, last_cost_per_mwh=5.0)


def test_where_all_join_the_least_is_paid_that_brings_the_last_one() -> None:
    dear = LinearValue(500.0, -0.001)
    made = two_part.best(OWNERS, dear, NOTHING, capacity_per_kw_year=2.0)
    assert made.vehicles == OWNERS.vehicles
    assert made.fixed_per_kw_year == pytest.approx((200.0 - (240.0 - 140.0)) / 7.0)
    low = two_part.at_rate(OWNERS, dear, NOTHING, 10.0, capacity_per_kw_year=40.0)
    assert low.depth_mwh == 0.0
    assert low.vehicles == OWNERS.vehicles
    assert low.fixed_per_kw_year == pytest.approx(200.0 / 7.0)


def test_nobody_is_charged_for_being_there_where_all_join_by_the_rate_alone() -> None:
    ready = replace(OWNERS, highest_effort=50.0)
    made = two_part.best(ready, LinearValue(500.0, -0.001), NOTHING, capacity_per_kw_year=2.0)
    assert made.vehicles == ready.vehicles
    assert made.fixed_per_kw_year == 0.0
