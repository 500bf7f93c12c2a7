"""Policies: finer rates are never worse, simple ones lose, and ranks are told for every cost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from evergrid.impact.compensation import policies
from evergrid.impact.compensation.participation import LinearParticipation
from evergrid.impact.compensation.policies import POLICIES, DayCurves, Policy
from evergrid.impact.welfare.pollutants import POLLUTANTS

SEED = st.integers(0, 2**32 - 1)
NODES = np.linspace(0.0, 300.0, 31)
OWNERS = LinearParticipation(4.0, 10.0, 300.0)
NAMES = {one.name: one for one in POLICIES}
DAMAGE = np.array([100.0, 0.0, 0.0, 0.0, 0.0])


def curves(rng: np.random.Generator, days: int = 8) -> DayCurves:
    slope = np.sort(rng.uniform(-30.0, 60.0, (days, 30)), axis=1)[:, ::-1]
    private = np.concatenate([np.zeros((days, 1)), np.cumsum(slope * 10.0, axis=1)], axis=1)
    damage = np.zeros((len(POLLUTANTS), days, 31))
    damage[0] = rng.uniform(-0.3, 0.3, (days, 1)) * NODES
    kind = np.arange(days) % 3
    return DayCurves(NODES, private, damage, np.zeros((days, 31)), rng.uniform(1, 60, days), kind)


@settings(max_examples=15)
@given(SEED)
def test_finer_rates_are_never_worse_and_seeing_the_world_is_never_worse(seed: int) -> None:
    of = curves(np.random.default_rng(seed))
    world = of.external(DAMAGE, 0.0)
    gain = {
        name: policies.designed(one, of, OWNERS, world).welfare(of, world)
        for name, one in NAMES.items()
    }
    least = -1e-6 * max(abs(one) for one in gain.values())
    assert gain["real_time_carbon"] - gain["time_of_use_carbon"] >= least
    assert gain["time_of_use_carbon"] - gain["flat_carbon"] >= least
    assert gain["flat_carbon"] >= least
    for blind in ("flat", "time_of_use", "real_time"):
        assert gain[f"{blind}_carbon"] - gain[blind] >= least


@settings(max_examples=15)
@given(SEED)
def test_the_flat_rate_is_the_best_flat_rate(seed: int) -> None:
    of = curves(np.random.default_rng(seed))
    world = of.external(DAMAGE, 0.0)
    made = policies.designed(NAMES["flat_carbon"], of, OWNERS, world)
    best = made.welfare(of, world)

    def lost(rate: float) -> float:
        fed = float(OWNERS.quantity(rate))
        worth = sum(
            float(w) * np.interp(fed, NODES, row)
            for w, row in zip(of.weight, of.private + world, strict=True)
        )
        return float(of.weight.sum()) * float(OWNERS.cost(fed)) - worth

    tried: list[Any] = [
        minimize_scalar(lost, bounds=(a, a + 2.0), method="bounded") for a in range(2, 34, 2)
    ]
    assert best == pytest.approx(-min(one.fun for one in tried), rel=1e-6, abs=1e-3)


def test_days_that_share_a_rate_share_it() -> None:
    of = curves(np.random.default_rng(1))
    world = of.external(DAMAGE, 0.0)
    assert len(set(policies.designed(NAMES["flat"], of, OWNERS, world).rate_per_mwh)) == 1
    by_kind = policies.designed(NAMES["time_of_use"], of, OWNERS, world).rate_per_mwh
    assert all(len(set(by_kind[of.kind == kind])) == 1 for kind in range(3))


def test_the_government_pays_what_the_world_gains_where_owners_respond() -> None:
    of = curves(np.random.default_rng(2))
    world = of.external(DAMAGE, 0.0)
    made = policies.designed(NAMES["real_time_carbon"], of, OWNERS, world)
    slope = np.diff(world, axis=1)[:, 0] / 10.0
    assert (np.abs(made.adder_per_mwh) <= np.abs(slope) + 1e-9).all()
    assert (made.adder_per_mwh * slope >= -1e-9).all()
    blind = policies.designed(NAMES["real_time"], of, OWNERS, world)
    assert not blind.adder_per_mwh.any()


def test_a_carbon_price_that_is_paid_is_not_counted_again() -> None:
    of = curves(np.random.default_rng(3))
    priced = DayCurves(NODES, of.private, of.damage, of.damage[0], of.weight, of.kind)
    assert priced.external(DAMAGE, 100.0) == pytest.approx(0.0, abs=1e-9)
    assert priced.external(DAMAGE, 40.0) == pytest.approx(0.6 * of.external(DAMAGE, 0.0))


def test_ranks_follow_welfare_and_equals_share_the_better_place() -> None:
    of = curves(np.random.default_rng(4))
    worlds = {"none": of.external(0 * DAMAGE, 0.0), "much": of.external(20 * DAMAGE, 0.0)}
    same = Policy("again", "Again", "day", external=False)
    made = [
        policies.designed(one, of, OWNERS, worlds["none"])
        for one in (NAMES["real_time"], same, NAMES["flat"])
    ]
    ranking = policies.ranked([*made, policies.no_feeding(of)], of, worlds)
    assert ranking.rank[:2, 0].tolist() == [1, 1]
    assert ranking.rank[2, 0] == 3
    assert ranking.rank[3, 0] == 4
    assert ranking.welfare[3].tolist() == [0.0, 0.0]
    for column in range(2):
        order = np.argsort(-ranking.welfare[:, column])
        assert (np.diff(ranking.rank[order, column]) >= 0).all()


def test_a_best_policy_is_stable_only_if_it_is_best_everywhere() -> None:
    of = curves(np.random.default_rng(5))
    none, much = (of.external(factor * DAMAGE, 0.0) for factor in (0.0, 50.0))
    made = [policies.designed(NAMES["real_time"], of, OWNERS, none), policies.no_feeding(of)]
    here = policies.ranked(made, of, {"none": none})
    assert here.stable
    both = policies.ranked(made, of, {"none": none, "much": much})
    harmful = both.welfare[0, 1] < 0
    assert both.stable != harmful
