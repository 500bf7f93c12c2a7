"""Flowgates: weighted sums add up, parts keep their steps, prices land where the power is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.core.flowgates import Flowgates

STEPS, SITES = 6, 3
seeds = st.integers(0, 10_000)


def gates(seed: int) -> Flowgates:
    """Some flowgates of three sites over six steps, none of them perhaps."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 12))
    weight = rng.normal(size=(count, SITES))
    return Flowgates(rng.integers(0, STEPS, count), weight, rng.uniform(0, 5, count))


@given(seeds)
def test_how_far_a_limit_is_passed_equals_a_plain_sum(seed: int):
    made = gates(seed)
    net = np.random.default_rng(seed + 1).normal(size=(SITES, STEPS))
    for row, beyond in enumerate(made.beyond_kw(net)):
        total = sum(made.weight[row, site] * net[site, made.step[row]] for site in range(SITES))
        assert beyond == pytest.approx(total - made.limit_kw[row], abs=1e-12)


@given(seeds)
def test_a_fleet_that_rests_keeps_every_limit(seed: int):
    assert (gates(seed).beyond_kw(np.zeros((SITES, STEPS))) <= 0).all()


@given(seeds)
def test_the_worth_of_power_at_its_prices_equals_that_of_the_weighted_sums(seed: int):
    made, rng = gates(seed), np.random.default_rng(seed + 1)
    price, net = rng.uniform(0, 1, len(made)), rng.normal(size=(SITES, STEPS))
    at_sites = (made.price_of_power(price, STEPS) * net).sum()
    at_gates = float(price @ (made.beyond_kw(net) + made.limit_kw))
    assert at_sites == pytest.approx(at_gates, abs=1e-9)


@given(seeds, st.integers(0, STEPS - 1), st.integers(1, STEPS))
def test_a_part_is_passed_as_the_whole_is_in_its_steps(seed: int, first: int, stop: int):
    stop = max(stop, first + 1)
    made = gates(seed)
    net = np.random.default_rng(seed + 1).normal(size=(SITES, STEPS))
    inside = (made.step >= first) & (made.step < stop)
    assert (
        made.part(first, stop).beyond_kw(net[:, first:stop]).tolist()
        == made.beyond_kw(net)[inside].tolist()
    )


@given(seeds)
def test_rows_are_those_that_were_asked_for_in_their_order(seed: int):
    made = gates(seed)
    order = np.random.default_rng(seed).permutation(len(made))
    some = made.rows(order)
    assert some.step.tolist() == made.step[order].tolist()
    assert some.weight.tolist() == made.weight[order].tolist()
    assert some.limit_kw.tolist() == made.limit_kw[order].tolist()
    assert len(made.rows(made.limit_kw > 2.5)) == int((made.limit_kw > 2.5).sum())


@pytest.mark.parametrize("limit", [np.nan, np.inf])
def test_a_limit_that_is_no_number_is_refused(limit: float):
    with pytest.raises(InputError, match="limit_kw must be finite") as refused:
        Flowgates(np.zeros(2, np.int64), np.ones((2, SITES)), np.array([1.0, limit]))
    (fault,) = refused.value.faults
    assert fault.rows == (2,)
    assert fault.got[0] == pytest.approx(limit, nan_ok=True)


@pytest.mark.parametrize("weight", [np.nan, -np.inf])
def test_a_weight_that_is_no_number_is_refused_with_its_row(weight: float):
    weights = np.ones((3, SITES))
    weights[1, 2] = weight
    with pytest.raises(InputError, match="weight must be finite") as refused:
        Flowgates(np.zeros(3, np.int64), weights, np.ones(3))
    assert refused.value.faults[0].rows == (2,)
