"""Symmetric reserve against a program built variable by variable, and against its own words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import Dual, bound, certify
from evergrid.engine.parts import part
from evergrid.engine.program import Program, energy_path, flows, net_power
from evergrid.engine.terms.symmetric_reserve import SymmetricReserve
from evergrid.engine.violations import violations
from tests.engine.cases import Kind, random_program

KIND = Kind(stores=9, steps=5)
BLOCK = 2  # steps, so that the last block is shorter
WITHIN = {1: (1, 3), 2: (2,)}  # nodes at and below each that offers
CARRIED_BY = {0: (0, 1), 1: (0,), 2: (1,)}  # offers at and below each node


def reserved(seed: int, *, required: float = 0.0) -> Program:
    rng = np.random.default_rng(seed)
    prices = rng.uniform(0.0, 0.6, (2, 3))
    least = np.array([[required, 0.0, required], [0.0, 0.0, 0.0]])
    term = SymmetricReserve(np.array([1, 2]), BLOCK, prices, least)
    return replace(random_program(seed, KIND), terms=(term,))


def reserve_of(program: Program) -> SymmetricReserve:
    (term,) = program.terms
    assert isinstance(term, SymmetricReserve)
    return term


def refereed(p: Program) -> float:
    """Least cost by plain loops written from the docstring of the term; infinite without a plan."""
    term, names, cost, low, high, whole = reserve_of(p), {}, [], [], [], []
    rows: list[tuple[dict[Any, Any], Any, Any]] = []

    def variable(name: Any, price: Any, least: Any, most: Any, *, integer: bool = False):
        names[name] = len(names)
        cost.append(price)
        low.append(least)
        high.append(most)
        whole.append(integer)

    h, hold_h = p.step_h, p.step_h * BLOCK
    slots = {}
    for k in range(p.slots):
        s, t = int(p.store[k]), int(p.step[k])
        slots[s, t] = k
        variable(("c", s, t), h * p.draw_price_per_kwh[k], 0, np.inf)
        variable(("d", s, t), -h * p.feed_price_per_kwh[k], 0, np.inf)
        variable(("y", s, t), 0, 0, np.inf)
        variable(("draws", s, t), 0, 0, 1, integer=True)
        last = t == p.stop[s] - 1
        floor = max(p.energy_low_kwh[s], p.energy_end_kwh[s]) if last else p.energy_low_kwh[s]
        variable(("e", s, t), -p.end_value_per_kwh[s] if last else 0, floor, p.energy_high_kwh[s])
        most_c, most_d = p.share[k] * p.charge_kw[s], p.share[k] * p.discharge_kw[s]
        into, out = p.efficiency_charge[s], p.efficiency_discharge[s]
        rows.append(({("c", s, t): 1, ("draws", s, t): -most_c}, -np.inf, 0))
        rows.append(({("d", s, t): 1, ("draws", s, t): most_d}, -np.inf, most_d))
        change = {("e", s, t): 1, ("c", s, t): -into * h, ("d", s, t): h / out}
        start = p.energy_start_kwh[s]
        if t > p.first[s]:
            change[("e", s, t - 1)], start = -1, 0.0
        rows.append((change, start, start))
        rows.append(({("d", s, t): 1, ("c", s, t): -1, ("y", s, t): 1}, -np.inf, most_d))
        rows.append(({("c", s, t): 1, ("d", s, t): -1, ("y", s, t): 1}, -np.inf, most_c))
        rows.append(({("e", s, t): 1, ("y", s, t): -hold_h / out}, floor, np.inf))
        rows.append(({("e", s, t): 1, ("y", s, t): hold_h * into}, -np.inf, p.energy_high_kwh[s]))
    for offer, block in np.ndindex(term.price_per_kw.shape):
        least = term.required_kw[offer, block]
        variable(("r", offer, block), -term.price_per_kw[offer, block], least, 1e3)
        for t in range(block * BLOCK, min((block + 1) * BLOCK, p.steps)):
            nodes = WITHIN[int(term.node[offer])]
            shares = {("y", s, t): 1.0 for s, u in slots if u == t and p.node[s] in nodes}
            rows.append((shares | {("r", offer, block): -1.0}, 0.0, np.inf))
    below = {0: (0, 1, 2, 3), 1: (1, 3), 2: (2,), 3: (3,)}
    for node, t in np.ndindex(p.net_low_kw.shape):
        net = {("d", s, t): 1.0 for s, u in slots if u == t and p.node[s] in below[node]}
        net |= {("c", s, t): -1.0 for s, u in slots if u == t and p.node[s] in below[node]}
        held = {("r", offer, t // BLOCK): 1.0 for offer in CARRIED_BY.get(node, ())}
        rows.append((net | held, -np.inf, p.net_high_kw[node, t]))
        rows.append((net | dict.fromkeys(held, -1.0), p.net_low_kw[node, t], np.inf))
    matrix = np.zeros((len(rows), len(names)))
    for i, (entries, _, _) in enumerate(rows):
        for name, value in entries.items():
            matrix[i, names[name]] = value
    solve: Any = optimize  # whose stubs know no arrays of limits
    found = solve.milp(
        cost,
        integrality=whole,
        bounds=solve.Bounds(low, high),
        constraints=solve.LinearConstraint(matrix, *zip(*(row[1:] for row in rows), strict=True)),
        options={"mip_rel_gap": 1e-9},
    )
    if not found.success:
        return np.inf
    return float(found.fun + p.end_value_per_kwh @ p.energy_start_kwh)


@pytest.mark.parametrize("seed", range(8))
def test_the_optimum_equals_that_of_a_program_built_variable_by_variable(seed: int) -> None:
    program = reserved(seed, required=0.5 if seed % 2 else 0.0)
    solution, least = reference.solve(program, gap=1e-7), refereed(program)
    if not np.isfinite(least):
        assert solution.status is Status.INFEASIBLE
        return
    assert solution.status is Status.OPTIMAL
    assert solution.certificate is not None
    assert solution.certificate.objective == pytest.approx(least, abs=2e-6)


@pytest.mark.parametrize("seed", range(4))
def test_reserve_is_worth_something_and_changes_the_plan(seed: int) -> None:
    program = reserved(seed)
    found, free = reference.solve(program), reference.solve(replace(program, terms=()))
    held = held_kw(program, found.power_kw)
    assert held.sum() > 0.1
    assert found.certificate is not None
    # What the best plan without reserve could hold by chance earns less.
    assert found.certificate.objective <= certify(program, free.power_kw, found.dual).objective
    assert not np.allclose(found.power_kw, free.power_kw)


def held_kw(program: Program, power_kw: np.ndarray) -> np.ndarray:
    return reserve_of(program).held_kw(program, flows(program, power_kw))


def test_what_is_held_is_constant_over_a_block_and_within_every_limit() -> None:
    program = reserved(3)
    power = reference.solve(program).power_kw
    held, net = held_kw(program, power), net_power(program, power)
    energy = energy_path(program, power)
    for block, t in [(t // BLOCK, t) for t in range(program.steps)]:
        for offer, node in enumerate((1, 2)):
            shares = 0.0
            for k in np.flatnonzero(program.step == t):
                s = program.store[k]
                if program.node[s] not in WITHIN[node]:
                    continue
                up = program.discharge_limit_kw[k] - power[k]
                down = power[k] + program.charge_limit_kw[k]
                hours = BLOCK * program.step_h
                spare = energy[k] - program.energy_floor_kwh[k]
                free = program.energy_high_kwh[s] - energy[k]
                up = min(up, spare * program.efficiency_discharge[s] / hours)
                down = min(down, free / program.efficiency_charge[s] / hours)
                shares += max(min(up, down), 0.0)
            assert held[offer, block] <= shares + 1e-9
        assert net[0, t] + held[:, block].sum() <= program.net_high_kw[0, t] + 1e-9
        assert net[0, t] - held[:, block].sum() >= program.net_low_kw[0, t] - 1e-9


def test_a_requirement_out_of_reach_has_no_plan_and_is_a_violation() -> None:
    program = reserved(0, required=1e3)
    assert reference.solve(program).status is Status.INFEASIBLE
    at_rest = violations(program, np.zeros(program.slots))
    assert at_rest.worst_node_kw == pytest.approx(
        1e3 - held_kw(program, np.zeros(program.slots))[0].min()
    )


@pytest.mark.parametrize("seed", range(4))
def test_any_prices_prove_a_bound_and_those_that_were_found_a_tight_one(seed: int) -> None:
    program, rng = reserved(seed), np.random.default_rng(seed)
    solution = reference.solve(program)
    assert solution.certificate is not None
    best = solution.certificate.objective
    for size in (0.0, 0.01, 0.1):
        prices = tuple(
            price + rng.normal(0, size, len(price)) for price in solution.dual.term_prices
        )
        assert bound(program, replace(solution.dual, term_prices=prices)) <= best + 1e-9
    found = solution.dual
    blind = Dual(0 * found.energy_value, 0 * found.power_price, np.zeros(4))
    assert bound(program, blind) < best - 0.1


def test_offers_of_one_tree_stay_with_it() -> None:
    program = reserved(1)
    split = replace(program, parent=np.array([-1, -1, 0, 1]))
    piece = part(split, np.array([1, 3]))
    (term,) = piece.program.terms
    assert isinstance(term, SymmetricReserve)
    assert term.node.tolist() == [0]
    assert term.price_per_kw.tolist() == reserve_of(program).price_per_kw[:1].tolist()
    assert part(replace(split, terms=()), np.array([0, 2])).program.terms == ()


@pytest.mark.parametrize("method", ["interior_point", "device", "cluster"])
def test_methods_that_do_not_cover_it_refuse_it_by_name_with_the_way_out(method: Any) -> None:
    with pytest.raises(InputError, match=r"be highs.*symmetric reserve.*Choose auto"):
        solver.solve(reserved(0), method=method)


def test_prices_below_0_and_offers_below_each_other_are_refused() -> None:
    prices, none = np.full((1, 3), 0.1), np.zeros((1, 3))
    with pytest.raises(InputError, match="price_per_kw"):
        SymmetricReserve(np.array([1]), BLOCK, -prices, none)
    two = np.repeat(prices, 2, axis=0)
    nested = SymmetricReserve(np.array([1, 3]), BLOCK, two, 0 * two)
    with pytest.raises(InputError, match="another offer"):
        reference.solve(replace(random_program(0, KIND), terms=(nested,)))
