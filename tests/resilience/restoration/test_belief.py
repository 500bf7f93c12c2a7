"""What a policy believes of outages, and that it acts on no more than that."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.inputs.microgrid import MicrogridEntry
from evergrid.resilience.restoration.belief import OutageBelief, drawn, exponential
from evergrid.resilience.restoration.plan import plan
from evergrid.resilience.restoration.policy import follow
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.schedule import cost_kwh
from tests.everyday import first
from tests.resilience.restoration.cases import block, bus, site

STEP_H = 0.25


def test_an_exponential_belief_has_its_mean():
    found = exponential(3.0, 400, STEP_H)
    assert found.lasting.sum() * STEP_H == pytest.approx(3.0, rel=1e-12)
    assert found.lasting[1:] / found.lasting[:-1] == pytest.approx(np.exp(-STEP_H / 3.0))


@pytest.mark.parametrize("expected_h", [0.0, 1e-3, 1e4])
def test_a_belief_in_any_mean_is_one_of_probabilities(expected_h: float):
    given = site(block(), batteries=(bus(),))
    follow(given, RestorationRule(expected_h=expected_h), 2.0, STEP_H)
    lasting = exponential(expected_h, 8, STEP_H).lasting
    assert ((lasting >= 0) & (lasting <= 1)).all()


def test_a_drawn_belief_has_the_mean_length_and_the_energy_that_still_comes():
    length, arrival, energy = (
        np.array([0.6, 2.0]),
        np.array([0.0, 0.5, 1.1]),
        np.array([9.0, 20, 4]),
    )
    found = drawn(length, arrival, energy, 8, STEP_H)
    assert found.lasting.sum() * STEP_H == pytest.approx(1.3)
    assert found.lasting[:3].tolist() == pytest.approx([1.0, 1.0, 0.7])
    assert found.coming_kwh.tolist() == [12.0, 12.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    assert found.tail_h == 0.0


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"lasting": np.ones(7)}, "lasting must have one value for each step, 8"),
        ({"lasting": np.linspace(0.5, 1.0, 8)}, "lasting must be probabilities that never rise"),
        ({"coming_kwh": np.full(8, np.nan)}, "coming_kwh must be finite"),
        ({"tail_h": np.inf}, "tail_h must be finite"),
    ],
)
def test_a_belief_that_is_none_is_refused(change: dict, rule: str):
    belief = exponential(2.0, 8, STEP_H)._replace(**change)
    with pytest.raises(InputError, match=rule):
        follow(site(block(), batteries=(bus(),)), RestorationRule(), 2.0, STEP_H, belief=belief)


@pytest.mark.parametrize("fleets", first(1, [3, 12]))
def test_the_policy_is_within_five_percent_of_who_knows_no_more_of_the_length(fleets: int):
    random = np.random.default_rng(0)
    length = np.minimum(2.5 * np.exp(0.6 * random.standard_normal(2000)), 12.0)
    sites = [MicrogridEntry().record(np.random.default_rng(seed)) for seed in range(fleets)]
    rule, steps = RestorationRule(pickup_share=0.8), 48
    units = [unit for one in sites for unit in one.batteries]
    arrival = np.array([unit.arrival_h for unit in units])
    energy = np.array([0.94 * (unit.energy_arrival_kwh - 31.0) for unit in units])
    lasts = drawn(length, np.zeros(0), np.zeros(0), steps, STEP_H)
    coming = drawn(np.ones(len(sites)), arrival, energy, steps, STEP_H).coming_kwh
    belief = lasts._replace(coming_kwh=coming)
    policy_kwh = bound_kwh = without_kwh = 0.0
    for one in sites:
        best = plan(one, rule, 12.0, STEP_H, lasting=lasts.lasting)
        found = follow(one, rule, 12.0, STEP_H, belief=belief)
        policy_kwh += cost_kwh(one, found, lasts.lasting)
        without_kwh += cost_kwh(one, follow(one, rule, 12.0, STEP_H), lasts.lasting)
        bound_kwh += best.bound_kwh
    assert bound_kwh < policy_kwh < 1.05 * bound_kwh
    assert policy_kwh < without_kwh


def test_energy_is_kept_for_life_safety_with_the_confidence_that_is_asked_for():
    care = block("care", 40.0, tier="life_safety", weight=3.0)
    given = site(care, block("ward", 40.0, weight=2.9), batteries=(bus("a", 80.0), bus("b", 80.0)))
    lasting = np.repeat([1.0, 0.2, 0.05], 8)  # one in five lasts beyond 2 h, one in twenty 4 h
    belief = OutageBelief(lasting, 0.0, np.zeros(24))
    wards = []
    for confidence in (0.0, 0.5, 0.9, 0.99):
        rule = RestorationRule(pickup_share=1.0, life_safety_confidence=confidence)
        found = follow(given, rule, 6.0, STEP_H, belief=belief).closed.sum(axis=1)
        wards.append(int(found[1]))
        # Kept for the quantile of the length: 2 h, 4 h, 6 h of 40 kW, of which 160 kWh are there.
        if confidence:
            assert found[0] >= {0.5: 8, 0.9: 16, 0.99: 16}[confidence]
    assert wards == sorted(wards, reverse=True)
    assert wards[0] > 0 == wards[-1]
