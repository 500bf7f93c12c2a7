"""The stack serves every load at least cost, and tells what is lost, bought and thrown away."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from evergrid.core.errors import InputError
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system.supply import StackSupply

VOLL = 1000.0


def stack(**changed: Any) -> StackSupply:
    emitted = np.zeros((len(POLLUTANTS), 3))
    emitted[0] = (900.0, 400.0, 300.0)
    fields: dict[str, Any] = {
        "name": np.array(["coal", "gas", "import"], object),
        "capacity_mw": np.array([100.0, 80.0, 20.0]),
        "cost_per_mwh": np.array([20.0, 40.0, 30.0]),
        "emission_kg_per_mwh": emitted,
        "imported": np.array([False, False, True]),
        "pays_carbon": np.array([True, True, False]),
        "carbon_price_per_t": 0.0,
        "voll_per_mwh": VOLL,
    }
    return StackSupply(**(fields | changed))


def test_the_cheapest_block_runs_first_and_neighbours_are_apart() -> None:
    served = stack().serve(np.array([110.0]))
    assert served.generation_mwh[0] == 100.0
    assert served.import_mwh[0] == pytest.approx(10.0)
    assert served.generation_cost[0] == pytest.approx(2000.0)
    assert served.import_cost[0] == pytest.approx(300.0)
    assert served.price_per_mwh[0] == 30.0
    assert served.emissions_t[0, 0] == pytest.approx(93.0)


def test_a_carbon_price_changes_who_runs_but_not_what_fuel_costs() -> None:
    served = stack(carbon_price_per_t=100.0).serve(np.array([100.0]))
    # 20 + 90 for coal, 40 + 40 for gas, 30 for neighbours, who pay none
    assert served.import_mwh[0] == pytest.approx(20.0)
    assert served.generation_cost[0] == pytest.approx(80.0 * 40.0)
    assert served.priced_co2_t[0] == pytest.approx(32.0)
    assert served.price_per_mwh[0] == pytest.approx(80.0)


def test_load_beyond_all_capacity_is_lost_at_its_value() -> None:
    served = stack().serve(np.array([200.0, 230.0]))
    assert served.unserved_mwh.tolist() == [0.0, 30.0]
    assert served.price_per_mwh.tolist() == [40.0, VOLL]


def test_wind_and_sun_beyond_the_load_are_curtailed_for_nothing() -> None:
    served = stack().serve(np.array([-25.0, 0.0]))
    assert served.curtailed_mwh.tolist() == [25.0, 0.0]
    assert served.price_per_mwh.tolist() == [0.0, 0.0]
    assert not served.generation_cost.any()


@settings(max_examples=40)
@given(st.lists(st.floats(-50.0, 250.0), min_size=1, max_size=6), st.floats(0.0, 200.0))
def test_cost_is_that_of_a_linear_program(loads: list[float], carbon: float) -> None:
    made = stack(carbon_price_per_t=carbon, voll_per_mwh=1e4)
    served = made.serve(np.array(loads))
    priced = made.cost_per_mwh + carbon * np.array([0.9, 0.4, 0.0])
    for i, load in enumerate(loads):
        program = linprog(
            [*priced, 1e4],
            A_eq=np.ones((1, 4)),
            b_eq=[max(load, 0.0)],
            bounds=[*((0, mw) for mw in made.capacity_mw), (0, None)],
        )
        cost = served.generation_cost[i] + served.import_cost[i]
        cost += carbon * served.priced_co2_t[i] + 1e4 * served.unserved_mwh[i]
        assert cost == pytest.approx(program.fun, rel=1e-9, abs=1e-4)
        made_mwh = served.generation_mwh[i] + served.import_mwh[i] + served.unserved_mwh[i]
        assert made_mwh - served.curtailed_mwh[i] == pytest.approx(load, abs=1e-6)


def test_marginal_cost_never_falls_with_the_load() -> None:
    prices = stack().serve(np.linspace(-10.0, 240.0, 400)).price_per_mwh
    assert all(after >= before for before, after in pairwise(prices.tolist()))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"capacity_mw": np.array([100.0, 0.0, 20.0])}, "capacity_mw must be above 0, got 0 for"),
        ({"emission_kg_per_mwh": np.full((len(POLLUTANTS), 3), -1.0)}, "emission_kg_per_mwh"),
        ({"voll_per_mwh": 35.0}, "at most the value of lost load, 35"),
    ],
)
def test_a_stack_that_breaks_rules_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        stack(**changed)
