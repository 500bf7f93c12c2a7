"""What reaches households: range of drivers, groups of incomes."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.impact.welfare import groups, range_value
from evergrid.impact.welfare.range_value import UnplannedTrips

TRIPS = UnplannedTrips(trips_per_day=0.1, mean_trip_kwh=10.0, cost_per_failure=40.0)


def test_range_is_worth_the_rise_of_the_chance_not_to_get_there() -> None:
    rng = np.random.default_rng(1)
    needs = rng.exponential(10.0, 2_000_000)
    failing = [(needs > stored).mean() for stored in (40.0, 25.0)]
    wanted = 0.1 * 40.0 * (failing[1] - failing[0])
    got = range_value.option_value_per_day(TRIPS, 40.0, 15.0)
    assert got == pytest.approx(wanted, rel=0.01)


def test_range_is_worth_nothing_where_nothing_is_fed_and_more_the_more_is_fed() -> None:
    worth = [
        range_value.option_value_per_day(TRIPS, 40.0, fed) for fed in (0.0, 5.0, 20.0, 40.0, 60.0)
    ]
    assert worth[0] == 0.0
    assert worth[1] < worth[2] < worth[3]
    assert worth[3] == worth[4] == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize("name", ["trips_per_day", "mean_trip_kwh", "cost_per_failure"])
def test_trips_below_nothing_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        replace(TRIPS, **{name: -1.0})


def test_groups_share_out_all_and_no_more() -> None:
    gains = groups.dealt_out(groups.EXAMPLE, owners=100.0, consumers=-40.0, health=7.0)
    assert gains.as_owners.sum() == pytest.approx(100.0)
    assert gains.as_consumers.sum() == pytest.approx(-40.0)
    assert gains.in_health.sum() == pytest.approx(7.0)
    assert gains.total.sum() == pytest.approx(67.0)


def test_a_dollar_counts_more_where_incomes_are_lower_and_alike_without_aversion() -> None:
    people = groups.EXAMPLE
    even = groups.dealt_out(people, owners=1.0, consumers=1.0, health=0.0, aversion=0.0)
    assert even.weighted == pytest.approx(even.total)
    gains = groups.dealt_out(people, owners=1.0, consumers=1.0, health=0.0)
    weight = gains.weighted / gains.total
    order = np.argsort(people.income_per_year)
    assert (np.diff(weight[order]) < 0).all()


def test_the_shipped_groups_say_that_they_are_examples() -> None:
    assert groups.EXAMPLE.example


@pytest.mark.parametrize("field", groups.SHARES)
def test_shares_that_are_not_of_a_whole_are_refused(field: str) -> None:
    with pytest.raises(InputError, match=f"{field} must add up to 1"):
        replace(groups.EXAMPLE, **{field: 0.5 * getattr(groups.EXAMPLE, field)})
