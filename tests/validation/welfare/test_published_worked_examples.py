"""Worked examples of welfare and of compensation, to the printed digit."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.impact.compensation import optimum
from evergrid.impact.compensation.participation import LinearParticipation
from evergrid.impact.compensation.value import LinearValue
from evergrid.impact.welfare import change
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.power_system import feeding, supply
from evergrid.impact.welfare.power_system.feeding import FeedingSystem
from evergrid.impact.welfare.power_system.supply import LinearSupply
from evergrid.impact.welfare.power_system.system import MarketTerms

ETA = 0.87
OFF, PEAK = 600.0, 1000.0
LINE = LinearSupply(20.0, 0.05)
FREE = LinearParticipation(0.0, 1e12, 1000.0)
OWNERS = LinearParticipation(5.0, 8.0, 1000.0)
VALUE = LinearValue(70.0 - 50.0 / ETA, -(0.05 + 0.05 / ETA**2))
NOTHING = LinearValue(0.0)


def two_hours(line: LinearSupply = LINE) -> FeedingSystem:
    return FeedingSystem(
        supply=line,
        weight=np.ones(1),
        consumption_mwh=np.array([[OFF, PEAK]]),
        renewable_mwh=np.zeros((1, 2)),
        driving_mwh=np.zeros((1, 2)),
        loss_share=0.0,
        charger_mw=1000.0,
        round_trip=ETA,
    )


def saved(fed_mwh: float, line: LinearSupply = LINE) -> float:
    nodes = np.array([0.0, fed_mwh])
    worth = feeding.value(two_hours(line), nodes, voll_per_mwh=1e4)
    return float(worth.saved[0, 1])


def test_the_first_mwh_is_worth_the_difference_of_prices_less_losses() -> None:
    assert saved(1e-4) / 1e-4 == pytest.approx(12.52874, abs=5e-5)


def test_twenty_mwh_save_at_the_peak_and_cost_off_it() -> None:
    peak = [float(LINE.serve(np.array([load])).generation_cost[0]) for load in (PEAK, PEAK - 20)]
    off = [float(LINE.serve(np.array([load])).generation_cost[0]) for load in (OFF, OFF + 20 / ETA)]
    assert peak[0] - peak[1] == pytest.approx(1390.0, abs=1e-6)
    assert off[1] - off[0] == pytest.approx(1162.637, abs=5e-4)
    assert saved(20.0) == pytest.approx(227.363, abs=5e-4)


def test_the_optimum_without_wear_is_where_prices_differ_by_the_round_trip() -> None:
    best = optimum.by_bisection(FREE, VALUE, NOTHING)
    assert best.quantity_mwh == pytest.approx(107.9515, abs=5e-5)
    run = feeding.run(two_hours(), np.array([best.quantity_mwh]))
    assert run.price_per_mwh[1] == pytest.approx(64.60242, abs=5e-6)
    assert run.price_per_mwh[0] == pytest.approx(56.20411, abs=5e-6)
    assert run.price_per_mwh[0] / run.price_per_mwh[1] == pytest.approx(ETA, rel=1e-8)
    assert saved(best.quantity_mwh) == pytest.approx(676.2479, abs=5e-5)


def test_its_gain_falls_to_consumers_and_its_loss_to_generators() -> None:
    fed = optimum.by_bisection(FREE, VALUE, NOTHING).quantity_mwh
    without, with_it = (feeding.run(two_hours(), np.array([one])) for one in (0.0, fed))
    paid = MarketTerms(
        voll_per_mwh=1e4,
        carbon_price_per_t=0.0,
        retail_per_mwh=without.price_per_mwh,
        tax_per_mwh=0.0,
        tax_on_feeding_per_mwh=0.0,
        rate_per_mwh=np.zeros(2),
        adder_per_mwh=np.zeros(2),
        fixed_payment=0.0,
        loss_credit=np.ones(2),
        storage_owner=Party.UTILITY,
        damage_per_t=np.zeros(5),
    )
    after = replace(paid, retail_per_mwh=with_it.price_per_mwh)
    gains = change.of((without, paid), (with_it, after))
    assert gains.by_party[Party.CONSUMERS] == pytest.approx(1675.1096, abs=5e-5)
    assert gains.by_party[Party.GENERATORS] == pytest.approx(-998.8616, abs=1.5e-4)
    assert gains.by_party[Party.AGGREGATOR] == pytest.approx(0.0, abs=1e-5)
    assert gains.total == pytest.approx(676.2479, abs=5e-5)


@pytest.mark.parametrize(
    ("wear", "external", "quantity"),
    [
        (5.0, 0.0, 64.8699),
        (5.0, 190.0 * (0.5 - 0.35 / ETA), 224.816),
        (5.0, 190.0 * (0.5 - 0.9 / ETA), 0.0),
    ],
)
def test_wear_and_carbon_move_the_optimum(wear: float, external: float, quantity: float) -> None:
    owners = LinearParticipation(wear, 1e12, 1000.0)
    best = optimum.by_bisection(owners, VALUE, LinearValue(external))
    assert best.quantity_mwh == pytest.approx(quantity, abs=5e-4)


def test_coal_off_the_peak_would_want_feeding_backwards() -> None:
    """The unbounded optimum is far below 0: V2G should not run."""
    first = VALUE.first_per_mwh + 190.0 * (0.5 - 0.9 / ETA) - 5.0
    assert first / -VALUE.slope_per_mwh2 == pytest.approx(-810.0, abs=0.5)


def test_a_linear_market_has_the_surplus_of_its_triangles() -> None:
    market = supply.cleared(LINE, most_mwh=1000.0, mwh_per_price=5.0)
    assert market.quantity_mwh == pytest.approx(720.0, abs=1e-9)
    assert market.price_per_mwh == pytest.approx(56.0, abs=1e-9)
    assert market.consumer_surplus == pytest.approx(51_840.0, abs=1e-7)
    assert market.producer_surplus == pytest.approx(12_960.0, abs=1e-7)


def test_the_best_rate_is_the_marginal_worth_to_the_system() -> None:
    best = optimum.by_bisection(OWNERS, VALUE, NOTHING)
    assert best.quantity_mwh == pytest.approx(31.2319, abs=5e-5)
    assert best.rate_per_mwh == pytest.approx(8.90399, abs=5e-6)
    assert best.private_per_mwh == pytest.approx(best.rate_per_mwh, abs=1e-9)
    assert best.welfare == pytest.approx(117.5685, abs=5e-5)


def test_a_single_buyer_buys_less_and_loses_welfare() -> None:
    best = optimum.by_bisection(OWNERS, VALUE, NOTHING)
    alone = optimum.monopsony(OWNERS, VALUE, NOTHING)
    assert alone.quantity_mwh == pytest.approx(20.5670, abs=5e-5)
    assert alone.rate_per_mwh == pytest.approx(7.57088, abs=5e-6)
    assert alone.welfare == pytest.approx(103.8594, abs=5e-5)
    assert optimum.deadweight_loss(best, alone) == pytest.approx(13.7091, abs=5e-5)


def test_a_benefit_to_the_world_raises_rate_and_quantity() -> None:
    best = optimum.by_bisection(OWNERS, VALUE, LinearValue(19.0))
    assert best.quantity_mwh == pytest.approx(110.0508, abs=5e-5)
    assert best.rate_per_mwh == pytest.approx(18.7564, abs=5e-5)


def test_two_ways_find_one_rate_and_owners_agree() -> None:
    for external in (NOTHING, LinearValue(19.0), LinearValue(3.0, 0.01)):
        best = optimum.by_bisection(OWNERS, VALUE, external)
        tried = optimum.by_grid(OWNERS, VALUE, external)
        assert best.rate_per_mwh == pytest.approx(tried.rate_per_mwh, abs=1e-6)
        assert OWNERS.kkt_residual(best.rate_per_mwh) < 1e-9
        assert best.private_per_mwh + best.external_per_mwh == pytest.approx(
            best.rate_per_mwh, abs=1e-9
        )
