"""What nobody pays for: the rows of the term against its own words, step by step."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from evergrid.core import tree
from evergrid.engine.program import Program, flows, net_power
from evergrid.engine.terms.unpaid_feed import UnpaidFeed
from tests.engine.cases import Kind, random_program
from tests.everyday import first

KIND = Kind(stores=9, steps=6)


def drawn(seed: int) -> tuple[Program, UnpaidFeed, np.ndarray]:
    """A program, a term on its nodes with meters at random places, and powers within limits."""
    rng = np.random.default_rng(seed)
    program = random_program(seed, KIND)
    shape = program.load_kw.shape
    meter = np.zeros(program.nodes, bool)
    for node in rng.permutation(program.nodes):  # no meter lies below another
        ways = [list(tree.path(int(other), program.parent)) for other in np.flatnonzero(meter)]
        clear = not meter[list(tree.path(int(node), program.parent))].any()
        meter[node] = clear and not any(node in way for way in ways) and rng.random() < 0.6
    most = np.where(rng.random(shape) < 0.6, rng.uniform(0.0, 9.0, shape), 0.0)
    high = program.net_range_kw[1]
    limit = np.minimum(program.load_kw + rng.uniform(-1.0, 4.0, shape), high)
    term = UnpaidFeed(
        node=np.arange(program.nodes),
        parent=program.parent,
        meter=meter,
        limit_kw=limit,
        most_kw=np.where(most > 0, np.maximum(most, high - limit), 0.0),
        price_per_kwh=rng.uniform(-0.05, 0.3, program.steps).clip(0.0),
    )
    share = rng.uniform(-1.0, 1.0, program.slots)
    limits = np.where(share > 0, program.discharge_limit_kw, program.charge_limit_kw)
    return program, term, share * limits


def costs(program: Program, term: UnpaidFeed, power_kw: np.ndarray) -> np.ndarray:
    """What the term costs each node by its own words."""
    return term.evaluate(program, flows(program, power_kw)).cost


def least_cost(program: Program, term: UnpaidFeed, net_kw: np.ndarray) -> float:
    """The least cost that the rows leave at these net powers, by another solver."""
    rows, own = term.rows(program), term.rows(program).columns
    if not len(own.cost):
        return 0.0
    fixed = rows.net @ net_kw.ravel()
    low: Any = rows.lower - fixed  # the stubs of scipy know no arrays here
    high: Any = rows.upper - fixed
    least: Any = own.lower
    most: Any = own.upper
    kept = LinearConstraint(rows.own.toarray(), low, high)
    assert own.whole is not None
    found = milp(own.cost, constraints=kept, bounds=Bounds(least, most), integrality=own.whole)
    assert found.success, found.message
    return float(found.fun)


@pytest.mark.parametrize("seed", first(5, range(20)))
def test_the_rows_cost_what_the_rule_says(seed: int) -> None:
    program, term, power_kw = drawn(seed)
    net_kw = net_power(program, power_kw)
    told = costs(program, term, power_kw).sum()
    assert least_cost(program, term, net_kw) == pytest.approx(told, abs=1e-7)


def test_the_draws_have_much_and_little_that_goes_unpaid() -> None:
    paid, decided = [], 0
    for seed in range(20):
        program, term, power_kw = drawn(seed)
        paid.append(costs(program, term, power_kw).sum())
        decided += len(term.rows(program).decisions)
    assert sum(cost > 0.01 for cost in paid) > 10
    assert decided > 50


def test_a_part_costs_what_its_trees_do() -> None:
    program, term, power_kw = drawn(4)
    again = term.part(np.arange(program.nodes), np.arange(program.stores))
    assert again is not None
    np.testing.assert_array_equal(costs(program, again, power_kw), costs(program, term, power_kw))
    assert term.part(np.array([], np.int64), np.array([], np.int64)) is None
