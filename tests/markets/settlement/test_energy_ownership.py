"""Who bears the energy of a called reserve: each rule by hand, and how baselines are gamed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.markets.settlement import energy_ownership as energy
from evergrid.markets.settlement.energy_ownership import SAYS, EnergyPrices, OwnershipRules


def one(*values: float) -> np.ndarray:
    return np.array(values, float)


PRICES = EnergyPrices(one(100.0, 40.0), one(70.0, 70.0), one(20.0, 20.0))
CALLED, DRAWN, FED = one(1.0, -2.0), one(0.0, 4.0), one(1.0, 0.0)


def amounts(**rules: Any) -> dict[str, float]:
    made = energy.lines(CALLED, DRAWN, FED, PRICES, OwnershipRules(**rules))
    return {each.item: each.amount for each in made}


def test_by_default_only_the_grid_fee_is_due_and_on_all_that_is_drawn() -> None:
    assert amounts() == {
        "imbalance": 0.0,
        "compensation": 0.0,
        "grid fee": -80.0,
        "grid fee relieved": 0.0,
    }


@pytest.mark.parametrize(
    ("rules", "item", "amount"),
    [
        ({"imbalance": "aggregator"}, "imbalance", 1.0 * 100.0 - 2.0 * 40.0),
        ({"imbalance": "supplier"}, "imbalance", 0.0),
        ({"compensation": "reference"}, "compensation", -(1.0 - 2.0) * 70.0),
        ({"grid_fee": "net_drawn"}, "grid fee relieved", 1.0 * 20.0),
    ],
)
def test_each_rule_moves_its_own_line(rules: dict[str, str], item: str, amount: float) -> None:
    found = amounts(**rules)
    assert found[item] == pytest.approx(amount)
    others = {name: value for name, value in amounts().items() if name != item}
    assert {name: found[name] for name in others} == others


@given(drawn=st.lists(st.floats(0, 100), min_size=1, max_size=20), share=st.floats(0, 1))
def test_no_more_is_relieved_of_the_fee_than_was_fed_again(
    drawn: list[float], share: float
) -> None:
    count = len(drawn)
    prices = EnergyPrices(np.zeros(count), np.zeros(count), np.full(count, 30.0))
    rules = OwnershipRules(grid_fee="net_drawn")
    made = energy.lines(np.zeros(count), one(*drawn), share * one(*drawn), prices, rules)
    fee = sum(each.amount for each in made)
    assert fee == pytest.approx(-(1 - share) * 30.0 * sum(drawn), abs=0.011)
    assert fee <= 0.005


def test_a_meter_of_the_site_counts_its_load() -> None:
    charger, load = one(5.0, -3.0), one(2.0, 2.0)
    assert energy.response_kw(charger, load, "charger").tolist() == [5.0, -3.0]
    assert energy.response_kw(charger, load, "site").tolist() == [3.0, -5.0]


def test_a_baseline_is_gamed_by_drawing_more_before_the_call_or_on_other_days() -> None:
    plan = np.full(4, -5.0)
    given_ = {"plan_kw": plan, "recent_kw": np.full((3, 4), -5.0)}
    for rule in ("plan", "meter_before", "recent_days"):
        honest = energy.baseline_kw(rule, before_kw=-5.0, **given_)
        assert energy.inflation_mwh(honest, plan, 0.25) == pytest.approx(0.0)
    before = energy.baseline_kw("meter_before", before_kw=-11.0, **given_)
    assert energy.inflation_mwh(before, plan, 0.25) == pytest.approx(0.006)
    days = {"plan_kw": plan, "recent_kw": np.full((3, 4), -9.0)}
    recent = energy.baseline_kw("recent_days", before_kw=-5.0, **days)
    assert energy.inflation_mwh(recent, plan, 0.25) == pytest.approx(0.004)
    told = energy.baseline_kw("plan", before_kw=-11.0, **days)
    assert energy.inflation_mwh(told, plan, 0.25) == 0.0


def test_every_rule_says_what_it_does() -> None:
    told = OwnershipRules(imbalance="supplier").answers()
    assert len(told) == len(SAYS) == 5
    assert told[0] == ("imbalance", "supplier", SAYS["imbalance"]["supplier"])


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="drawn_mwh"):
        energy.lines(CALLED, -DRAWN, FED, PRICES, OwnershipRules())
    with pytest.raises(InputError, match="a day at least"):
        energy.baseline_kw(
            "recent_days", plan_kw=one(1.0), before_kw=0.0, recent_kw=np.zeros((0, 1))
        )
