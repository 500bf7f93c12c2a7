import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.impact.merit_order import supply_stack
from evergrid.impact.merit_order.convex import blocks
from tests.everyday import first
from tests.impact.merit_order.cases import fleet_of


def test_units_stand_in_order_of_cost():
    stack = supply_stack(fleet_of([10, 20, 30], [50, 20, 30]))
    assert stack.low_price_per_mwh.tolist() == [20, 30, 50]
    assert stack.edge_mw.tolist() == [0, 20, 50, 60]
    assert stack.cost_per_h.tolist() == [0, 400, 1300, 1800]


def test_units_of_one_price_share_a_piece_in_proportion():
    stack = supply_stack(fleet_of([10, 30], [20, 20], co2_kg_per_mwh=[400, 800]))
    assert stack.edge_mw.tolist() == [0, 40]
    assert stack.emissions_kg_per_mwh[0] == pytest.approx([700])
    assert stack.type_share[:, 0] == pytest.approx([0.25, 0.75])


def test_a_dear_first_block_is_pooled_with_the_cheap_increments_on_it():
    fleet = fleet_of([40, 60], [30, 20], unit=[0, 0], co2_kg_per_mwh=[600, 400])
    stack = supply_stack(fleet)
    assert stack.low_price_per_mwh == pytest.approx([24])
    assert stack.emissions_kg_per_mwh[0] == pytest.approx([480])
    bare = supply_stack(fleet, treatment="as_given")
    assert bare.low_price_per_mwh.tolist() == [20, 30]


def test_pooling_goes_back_as_far_as_costs_fall():
    fleet = fleet_of([10, 10, 10, 10], [20, 30, 28, 10], unit=[0, 0, 0, 1])
    made = blocks(fleet, "hull", np.zeros(4))
    assert made.low_price_per_mwh == pytest.approx([20, 29, 10])
    lower = fleet_of([10, 10, 10], [20, 30, 4], unit=[0, 0, 0])
    assert blocks(lower, "hull", np.zeros(3)).low_price_per_mwh == pytest.approx([18])


@pytest.mark.parametrize("seed", first(5, range(20)))
def test_the_hull_lies_under_the_cost_of_the_unit_and_meets_it_at_the_ends(seed: int):
    """The greatest convex function below the points, by all chords."""
    rng = np.random.default_rng(seed)
    count = 6
    width, price = rng.uniform(1, 20, count), rng.uniform(5, 50, count)
    output = np.append(0.0, np.cumsum(width))
    cost = np.append(0.0, np.cumsum(width * price))
    stack = supply_stack(fleet_of(width.tolist(), price.tolist(), unit=[0] * count))
    ours = np.interp(output, stack.edge_mw, stack.cost_per_h)
    least = cost.copy()
    for i in range(count):
        for j in range(i + 2, count + 1):
            inside = slice(i + 1, j)
            share = (output[inside] - output[i]) / (output[j] - output[i])
            chord = cost[i] + share * (cost[j] - cost[i])
            least[inside] = np.minimum(least[inside], chord)
    assert ours == pytest.approx(least, rel=1e-12)


def test_rising_costs_add_up_sideways():
    stack = supply_stack(fleet_of([100, 50, 10], [20, 30, 35], rise_per_mwh=[20, 10, 0]))
    at = np.append(stack.low_price_per_mwh, stack.high_price_per_mwh[-1])
    assert at == pytest.approx([20, 30, 35, 35, 40])
    assert stack.edge_mw == pytest.approx([0, 50, 100, 110, 160])


def test_rising_segments_that_would_have_to_be_pooled_are_refused():
    good = fleet_of([10, 10], [20, 25], rise_per_mwh=[5, 5], unit=[0, 0])
    assert supply_stack(good).capacity_mw == 20
    falling = fleet_of([10, 10], [20, 24], rise_per_mwh=[5, 5], unit=[0, 0])
    with pytest.raises(InputError, match="Split it into flat segments"):
        supply_stack(falling)
    assert supply_stack(falling, treatment="as_given").capacity_mw == 20


def test_a_carbon_price_changes_the_order():
    fleet = fleet_of([10, 10], [20, 40], co2_kg_per_mwh=[900, 350])
    assert supply_stack(fleet).emissions_kg_per_mwh[0].tolist() == [900, 350]
    priced = supply_stack(fleet, carbon_price_per_tonne=100.0)
    assert priced.emissions_kg_per_mwh[0].tolist() == [350, 900]
    assert priced.low_price_per_mwh == pytest.approx([75, 110])


def test_a_carbon_price_that_costs_already_hold_is_not_added_again():
    fleet = fleet_of([10], [20], co2_kg_per_mwh=[400], carbon_price_per_tonne=25.0)
    assert supply_stack(fleet).carbon_price_per_tonne == 25
    with pytest.raises(InputError, match="counted twice"):
        supply_stack(fleet, carbon_price_per_tonne=10.0)


def test_a_unit_that_removes_carbon_is_flagged_and_refused_where_it_would_be_paid_to_run():
    fleet = fleet_of([10, 5], [20, 30], co2_kg_per_mwh=[400, -800])
    assert "u1" in supply_stack(fleet).remarks[0]
    with pytest.raises(InputError, match="be at least 0 for every unit"):
        supply_stack(fleet, carbon_price_per_tonne=100.0)


def test_an_unknown_treatment_is_refused():
    with pytest.raises(InputError, match="hull or as_given"):
        supply_stack(fleet_of([10], [20]), treatment="convex")
