import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.impact.merit_order import effect, marginal_emissions, supply_stack
from tests.impact.merit_order.cases import fleet_of

NIGHT_COAL = supply_stack(fleet_of([100, 100], [20, 40], co2_kg_per_mwh=[900, 400]))


def test_feeding_at_the_peak_and_charging_at_night_costs_less_and_emits_more_where_night_is_coal():
    """10 MWh charged at 0.9 t/MWh, 8.7 fed at 0.4: +5.52 t, though it saves money."""
    done = effect(NIGHT_COAL, np.array([60.0, 160.0]), np.array([-10.0, 8.7]))
    assert done.cost_change.sum() == pytest.approx(10 * 20 - 8.7 * 40)
    assert done.emissions_change_of("co2").sum() == pytest.approx(5520)
    assert done.net_fed_mwh == pytest.approx(-1.3)


def test_flat_factors_emit_the_factor_times_the_losses():
    flat = supply_stack(fleet_of([100, 100], [20, 40], co2_kg_per_mwh=[400, 400]))
    done = effect(flat, np.array([60.0, 160.0]), np.array([-10.0, 8.7]))
    assert done.emissions_change_of("co2").sum() == pytest.approx(400 * 1.3, rel=1e-12)


def test_the_change_is_the_marginal_emission_times_the_change_of_load():
    load, power = np.array([95.0, 105.0, -5.0]), np.array([-10.0, 10.0, -3.0])
    done = effect(NIGHT_COAL, load, power, step_h=0.25)
    factor = marginal_emissions(NIGHT_COAL, load, "co2", change_mw=-power)
    assert done.emissions_change_of("co2") == pytest.approx(-0.25 * factor * power)
    assert done.curtailed_change_mwh == pytest.approx([0, 0, -0.75])
    assert done.price_change_per_mwh == pytest.approx([20, -20, 0])


def test_a_fleet_that_serves_lost_load_saves_its_value():
    done = effect(NIGHT_COAL, np.array([210.0]), np.array([4.0]), voll_per_mwh=3000.0)
    assert done.cost_change == pytest.approx([-12_000])
    assert done.lost_load_change_mwh == pytest.approx([-4])


def test_the_worth_of_feeding_falls_with_what_is_fed():
    """20 + 0.05 Q: the first MWh saves 70 - 50 / 0.87, and 20 MWh save 1390 - 1162.637."""
    stack = supply_stack(fleet_of([2000], [20], rise_per_mwh=[100]))
    load = np.array([600.0, 1000.0])
    done = effect(stack, load, np.array([-20 / 0.87, 20.0]))
    assert done.cost_change == pytest.approx([1162.637, -1390.0], abs=5e-4)
    little = effect(stack, load, np.array([-1e-6 / 0.87, 1e-6]))
    assert -little.cost_change.sum() / 1e-6 == pytest.approx(12.52874, abs=1e-4)


def test_a_schedule_of_another_length_is_refused():
    with pytest.raises(InputError, match="3 in all, got 2"):
        effect(NIGHT_COAL, np.ones(3), np.ones(2))
