import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.dispatch.generation.marginal import load_change
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.impact.merit_order import constant_storage, marginal_emissions, supply_stack
from tests.dispatch.generation.cases import system
from tests.impact.merit_order.cases import fleet_of

COAL_AND_GAS = fleet_of([100, 100], [20, 40], co2_kg_per_mwh=[900, 400])


def test_without_ties_between_steps_it_is_the_difference_of_the_merit_order():
    load, change = system([60.0, 150.0]), np.array([10.0, 0.0])
    found = load_change(GenerationProblem(COAL_AND_GAS, load), change)
    factor = marginal_emissions(
        supply_stack(COAL_AND_GAS), load.net_load_mw, "co2", change_mw=np.array([10.0, 1.0])
    )
    assert found.emissions_per_mwh("co2") == pytest.approx(factor[0])
    assert found.cost_change == pytest.approx(200)
    assert found.cost_uncertainty < 1e-6


def test_with_a_store_a_peak_is_served_by_the_night_though_gas_sets_the_price():
    """The store has room left: one MWh more at the peak is 1/0.8 MWh of coal at night."""
    load = system([60.0, 105.0])
    store = constant_storage(2, power_mw=50.0, energy_mwh=50.0, efficiency_charge=0.8)
    problem = GenerationProblem(COAL_AND_GAS, load, storage=(store,))
    found = load_change(problem, np.array([0.0, 1.0]))
    assert found.emissions_per_mwh("co2") == pytest.approx(900 / 0.8)
    assert found.cost_change == pytest.approx(20 / 0.8)
    alone = marginal_emissions(supply_stack(COAL_AND_GAS), load.net_load_mw, "co2")
    assert alone[1] == pytest.approx(400)


def test_a_change_that_only_moves_load_has_no_factor_per_mwh():
    found = load_change(
        GenerationProblem(COAL_AND_GAS, system([60.0, 150.0])), np.array([10.0, -10.0])
    )
    assert found.emissions_change_kg == pytest.approx([10 * 900 - 10 * 400])
    with pytest.raises(InputError, match="not sum up to 0"):
        found.emissions_per_mwh("co2")


def test_a_change_of_another_length_or_below_all_load_is_refused():
    problem = GenerationProblem(COAL_AND_GAS, system([60.0, 150.0]))
    with pytest.raises(InputError, match="2 in all, got 1"):
        load_change(problem, np.array([1.0]))
    with pytest.raises(InputError, match="load_mw must be finite and at least 0"):
        load_change(problem, np.array([-70.0, 0.0]))
