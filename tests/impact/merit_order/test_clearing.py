import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.impact.merit_order import dispatch, marginal_emissions, supply_stack
from tests.impact.merit_order.cases import fleet_of

STACK = supply_stack(fleet_of([100, 50, 50], [20, 30, 80], co2_kg_per_mwh=[0, 900, 400]))


def cleared(*loads: float, **more: float):
    return dispatch(STACK, np.array(loads, float), **more)


def test_cost_price_generation_and_emissions_of_a_step():
    one = cleared(120, step_h=0.5)
    assert one.generation_cost.tolist() == [0.5 * (100 * 20 + 20 * 30)]
    assert one.price_per_mwh.tolist() == [30]
    assert one.generation_mw[:, 0].tolist() == [100, 20, 0]
    assert one.emissions_of("co2").tolist() == [0.5 * 20 * 900]
    assert one.price_setter_kg_per_mwh[0].tolist() == [900]


def test_a_price_at_an_edge_is_a_set():
    one = cleared(100, 150, 125)
    assert one.low_price_per_mwh.tolist() == [20, 30, 30]
    assert one.high_price_per_mwh.tolist() == [30, 80, 30]


def test_an_edge_missed_by_rounding_is_an_edge():
    width = [0.1] * 10
    stack = supply_stack(fleet_of(width, list(range(1, 11))))
    one = dispatch(stack, np.array([0.3, 0.7]))
    assert one.low_price_per_mwh.tolist() == [3, 7]
    assert one.high_price_per_mwh.tolist() == [4, 8]


def test_a_surplus_is_curtailed_and_costs_nothing():
    one = cleared(-40, 0)
    assert one.curtailed_mw.tolist() == [40, 0]
    assert one.generation_mw.sum() == 0
    assert one.cost == 0
    assert one.price_per_mwh.tolist() == [0, 0]
    assert one.high_price_per_mwh.tolist() == [0, 20]
    assert one.price_setter_kg_per_mwh.tolist() == [[0, 0]]


def test_charging_from_a_surplus_saves_no_unit_and_emits_nothing():
    change = marginal_emissions(STACK, np.array([-40.0]), "co2", change_mw=30.0)
    assert change.tolist() == [0]


def test_load_beyond_the_capacity_is_lost_at_its_value():
    one = cleared(230, 200, voll_per_mwh=5000.0)
    assert one.lost_load_mw.tolist() == [30, 0]
    assert one.lost_load_cost.tolist() == [150_000, 0]
    assert one.price_per_mwh.tolist() == [5000, 80]
    assert one.high_price_per_mwh.tolist() == [5000, 5000]
    assert one.emissions_of("co2")[0] == one.emissions_of("co2")[1]


def test_load_beyond_the_capacity_is_refused_without_a_value():
    with pytest.raises(InputError, match=r"capacity of 200 MW, got 230 \(row 2\).*voll_per_mwh"):
        cleared(150, 230)


def test_a_unit_dearer_than_lost_load_is_refused():
    with pytest.raises(InputError, match="at least the cost of the dearest unit, 80"):
        cleared(150, voll_per_mwh=70.0)


def test_a_load_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="net_load_mw must be finite"):
        cleared(np.nan)


def test_an_hour_without_fossil_is_flagged():
    one = cleared(-40, 60, 130)
    assert one.carbon_free.tolist() == [True, True, False]


def test_an_unknown_pollutant_is_refused_with_those_that_are_known():
    with pytest.raises(InputError, match="be one of co2"):
        cleared(100).emissions_of("nox")


def test_marginal_emissions_cross_edges_where_the_price_setter_does_not():
    loads = np.array([90.0])
    assert cleared(90).price_setter_kg_per_mwh[0].tolist() == [0]
    assert marginal_emissions(STACK, loads, "co2", change_mw=20.0) == pytest.approx([450])
    assert marginal_emissions(STACK, loads, "co2", change_mw=-20.0).tolist() == [0]
    assert marginal_emissions(STACK, loads, "co2", change_mw=0.0).tolist() == [0]


def test_price_and_marginal_cost_agree_on_a_rising_piece():
    stack = supply_stack(fleet_of([2000], [20], rise_per_mwh=[100]))
    one = dispatch(stack, np.array([600.0, 1000.0]))
    assert one.price_per_mwh == pytest.approx([50, 70])
    assert one.generation_cost == pytest.approx([600 * 35, 1000 * 45])


def test_a_linear_market_has_its_textbook_equilibrium():
    """Demand 1000 - 5 P meets 20 + 0.05 Q at Q = 720 and P = 56."""
    stack = supply_stack(fleet_of([2000], [20], rise_per_mwh=[100]))
    one = dispatch(stack, np.array([1000 - 5 * 56.0]))
    assert one.price_per_mwh == pytest.approx([56])
    assert one.price_per_mwh @ one.net_load_mw - one.cost == pytest.approx(12_960)


widths = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@given(widths, st.data())
def test_generation_serves_the_load_and_cost_is_the_integral_of_the_price(
    width: list[int], data: st.DataObject
):
    prices = data.draw(st.lists(st.integers(0, 60), min_size=len(width), max_size=len(width)))
    rises = data.draw(st.lists(st.integers(0, 9), min_size=len(width), max_size=len(width)))
    stack = supply_stack(fleet_of(width, prices, rise_per_mwh=rises))
    loads = np.linspace(-5, 1.2 * stack.capacity_mw, 50)
    one = dispatch(stack, loads, voll_per_mwh=100.0)
    met = one.generation_mw.sum(axis=0) - one.curtailed_mw + one.lost_load_mw
    assert met == pytest.approx(loads, abs=1e-9)
    assert (np.diff(one.low_price_per_mwh) >= -1e-9).all()
    assert (one.high_price_per_mwh >= one.low_price_per_mwh).all()
    total = one.generation_cost + one.lost_load_cost
    slope = np.diff(total) / np.diff(loads)
    assert (slope >= one.low_price_per_mwh[:-1] - 1e-6).all()
    assert (slope <= one.high_price_per_mwh[1:] + 1e-6).all()
