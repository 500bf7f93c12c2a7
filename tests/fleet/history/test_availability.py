"""Each vehicle has its own share of like days, drawn towards the fleet's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.fleet.firm_capacity.day_forecast import day_forecast
from evergrid.fleet.history.availability import availability
from evergrid.fleet.history.day_kind import day_kinds
from evergrid.fleet.history.past_days import History, Product

DAYS, STEPS, VEHICLES = 84, 3, 30
MONDAY = np.datetime64("2024-01-01", "D")
ALL_SAME = np.full(VEHICLES, 7.0)


def record(seed: int, power_kw: Array, first_day: Array | None = None) -> History:
    """Vehicles that come with shares of their own; those first seen later come every day."""
    draw = np.random.default_rng(seed)
    share = draw.uniform(0.1, 0.8, (VEHICLES, STEPS))
    since = np.zeros(VEHICLES, dtype=np.int64) if first_day is None else first_day
    share[since > 0] = 1.0
    there = draw.random((DAYS, VEHICLES, STEPS)) < share
    there &= np.arange(DAYS)[:, None, None] >= since[:, None]
    day, asset, step = np.nonzero(there)
    return History(
        product=Product("up", 1.0, 8.0),
        days=MONDAY + np.arange(DAYS),
        known=np.ones(DAYS, dtype=bool),
        steps=STEPS,
        asset_id=np.array([f"car-{i:02}" for i in range(VEHICLES)]),
        first_day=since,
        asset=asset,
        day=day,
        step=step,
        row_kw=power_kw[asset],
        row_energy_kwh=draw.uniform(10, 60, len(asset)),
        left_early=0.0,
    )


def weights(found: History) -> Array:
    kinds = day_kinds(found.days, np.array([], dtype="datetime64[D]"))
    return day_forecast(found.power_kw, found.known, kinds, lead_days=2).weights[-1]


@given(st.integers(0, 999))
@settings(max_examples=10)
def test_equal_vehicles_sum_to_what_is_told_of_the_fleet(seed: int) -> None:
    # Exact: what is drawn from one vehicle towards the fleet's share goes to another.
    found = record(seed, ALL_SAME)
    told = weights(found)
    made = availability(found, told)
    np.testing.assert_allclose(made.mean_kw, told @ found.power_kw, rtol=1e-9)


@given(st.integers(0, 999))
@settings(max_examples=10)
def test_unequal_vehicles_sum_to_almost_what_is_told_of_the_fleet(seed: int) -> None:
    # Within a tenth: three of about nine like days, and so a quarter of each vehicle's share,
    # are the fleet's, which is off where strong vehicles come more or less often than weak ones.
    power = np.random.default_rng(seed).choice([3.0, 7.0, 11.0], VEHICLES)
    found = record(seed, power)
    told = weights(found)
    made = availability(found, told)
    np.testing.assert_allclose(made.mean_kw, told @ found.power_kw, rtol=0.1)


@given(st.integers(0, 999), st.floats(0.05, 1.5))
@settings(max_examples=10)
def test_probabilities_and_powers_are_possible(seed: int, level: float) -> None:
    first = np.random.default_rng(seed).integers(0, DAYS, VEHICLES)
    found = record(seed, ALL_SAME, first)
    told = weights(found)
    made = availability(found, told * level / told.sum())
    assert ((made.probability >= 0) & (made.probability <= 1)).all()
    assert (made.power_kw <= 7.0 + 1e-9).all()
    assert (made.energy_kwh <= 60.0).all()
    assert (made.noise_kw <= 7.0 * np.sqrt(VEHICLES) / 2 + 1e-9).all()


def test_a_vehicle_never_seen_is_the_fleets_average() -> None:
    found = record(1, ALL_SAME)
    plain = availability(found, weights(found))
    made = availability(found, weights(found), others=("new",))
    assert made.asset_id[-1] == "new"
    assert made.pooled.tolist() == [False] * VEHICLES + [True]
    assert made.own_days[-1] == 0
    np.testing.assert_allclose(made.probability[-1], plain.probability.mean(axis=0))
    np.testing.assert_allclose(made.power_kw[-1], 7.0)
    np.testing.assert_allclose(made.probability[:-1], plain.probability)


def test_names_of_vehicles_never_seen_stay_whole_however_long() -> None:
    found = record(1, ALL_SAME)
    others = (
        "a name longer than those of the record 1",
        "a name longer than those of the record 2",
    )
    assert tuple(availability(found, weights(found), others=others).asset_id[-2:]) == others


def test_days_before_a_vehicle_was_seen_do_not_count_against_it() -> None:
    late = np.where(np.arange(VEHICLES) == 0, DAYS - 28, 0)
    found = record(2, ALL_SAME, late)
    made = availability(found, weights(found))
    assert made.own_days[0] < made.own_days[1]
    # It came on each of its about five like days, which would be about half of all nine.
    assert (made.probability[0] > 0.7 * weights(found).sum()).all()


def test_without_like_days_nobody_is_expected() -> None:
    made = availability(record(1, ALL_SAME), np.zeros(DAYS))
    assert (made.mean_kw == 0).all()
    assert made.pooled.all()


def test_half_the_level_is_half_of_every_probability() -> None:
    found = record(3, ALL_SAME)
    told = weights(found)
    one, half = availability(found, told), availability(found, told / 2)
    np.testing.assert_allclose(half.probability, one.probability / 2)
    assert half.mean_kw[0] == pytest.approx(one.mean_kw[0] / 2)
