"""The solver against a naive program, dynamic programming and its own promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import certify
from evergrid.engine.feasibility import least_violation
from evergrid.engine.program import Program, cost, energy_path, net_power
from evergrid.engine.terms import flowgates
from tests.engine import naive, quadratic
from tests.engine.cases import KINDS, Kind, gated, one_battery, random_program
from tests.everyday import first

METHODS: list[solver.Method] = ["highs", "interior_point"]
seeds = st.integers(0, 10_000)
ALL = KINDS["all of it, curved and budgeted"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("seed", first(3, range(8)))
def test_optimum_equals_that_of_a_program_built_row_by_row(kind: Kind, seed: int) -> None:
    program = random_program(seed, kind)
    solution = reference.solve(program)
    assert solution.certificate is not None
    best = naive.optimum(program)
    if kind.negative or kind.curved:
        # The naive program may draw and feed at once, and pays less where costs rise.
        assert solution.certificate.bound >= best - 1e-7 * (1 + abs(best))
        assert solution.certificate.objective >= best - 1e-7 * (1 + abs(best))
    if not kind.negative:
        assert solution.status is Status.OPTIMAL
        tolerance = 1e-6 if kind.curved else 1e-7
        most = best + naive.missed(program)
        assert solution.certificate.objective <= most + tolerance * (1 + abs(best))
    assert solution.certificate.power_kw <= 1e-9
    assert solution.certificate.energy_kwh <= 1e-7
    assert solution.certificate.node_kw <= 1e-7


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "kind",
    [Kind(curved=True, budgets=True), Kind(stores=9, steps=20, curved=True, budgets=True), ALL],
    ids=str,
)
def test_costs_that_rise_agree_with_highs_own_method_for_squares(
    method: solver.Method, kind: Kind
) -> None:
    for seed in range(8):
        program = random_program(seed, kind)
        proof = solver.solve(program, method=method, gap=1e-5).certificate
        assert proof is not None
        best = quadratic.optimum(program)
        scale = 1 + abs(best)
        assert proof.bound <= best + 1e-7 * scale, seed
        assert abs(proof.objective - best) <= proof.gap * scale + 1e-7 * scale, seed
        assert proof.gap <= 1e-4, seed
        assert max(proof.power_kw, proof.energy_kwh, proof.node_kw) <= 1e-6, seed


@pytest.mark.parametrize("name", ["plain", "no limits", "net meter", "peaks", "budgets"])
@pytest.mark.parametrize("seed", first(2, range(6)))
def test_optimum_with_flowgates_equals_that_of_a_program_built_row_by_row(
    name: str, seed: int
) -> None:
    program = gated(random_program(seed, KINDS[name]), seed)
    solution, best = reference.solve(program), naive.optimum(program)
    if np.isinf(best):
        assert solution.status is Status.INFEASIBLE
        return
    assert solution.status is Status.OPTIMAL
    proof = solution.certificate
    assert proof is not None
    assert proof.objective == pytest.approx(best, rel=1e-7, abs=1e-7)
    assert proof.gap <= 1e-9
    assert max(proof.power_kw, proof.energy_kwh, proof.node_kw) <= 1e-7
    gates = flowgates.of(program)
    assert gates is not None
    assert (gates.beyond_kw(net_power(program, solution.power_kw)) <= 1e-7).all()


def test_flowgates_of_the_referee_bind_and_some_have_no_schedule() -> None:
    """Else the test above would hold for a solver that does not know them."""
    dearer, impossible = 0, 0
    for seed in range(6):
        free = random_program(seed, KINDS["no limits"])
        best, held = naive.optimum(free), naive.optimum(gated(free, seed))
        assert held >= best - 1e-9
        dearer += held > best + 1e-3 and np.isfinite(held)
        owed = replace(free, energy_end_kwh=free.energy_high_kwh)
        impossible += np.isinf(naive.optimum(gated(owed, seed, count=60, tight=0.06)))
    assert dearer >= 3
    assert impossible >= 1


@pytest.mark.parametrize("seed", first(2, range(6)))
def test_no_schedule_within_flowgates_beats_the_bound_where_wasting_energy_pays(seed: int) -> None:
    kind = Kind(stores=2, steps=4, negative=seed % 2 == 0, tight=False)
    program = random_program(seed, kind)
    program = replace(
        program, energy_end_kwh=program.energy_low_kwh
    )  # at rest it keeps every flowgate
    program = gated(program, seed, count=8, tight=0.1)
    solution = reference.solve(program)
    best = naive.best_without_both(program)
    assert solution.certificate is not None
    slack = 1e-7 * (1 + abs(best))
    assert solution.certificate.bound <= best + slack
    assert solution.certificate.objective >= best - slack
    assert solution.certificate.objective <= best + 1e-6 * (1 + abs(best))
    assert solution.certificate.node_kw <= 1e-7


def test_no_energy_is_wasted_to_make_room_under_a_flowgate() -> None:
    """A full battery that wasted energy would draw, so that another may feed more at 0.5."""
    program = random_program(0, Kind(stores=2, steps=4, tight=False))
    feeder = program.store == 0
    full = replace(
        program,
        charge_kw=np.full(2, 6.0),
        discharge_kw=np.full(2, 6.0),
        efficiency_charge=np.full(2, 0.85),
        efficiency_discharge=np.full(2, 0.85),
        energy_start_kwh=program.energy_high_kwh,
        energy_end_kwh=np.where([True, False], program.energy_low_kwh, program.energy_high_kwh),
        draw_price_per_kwh=np.where(feeder, 0.6, 0.01),
        feed_price_per_kwh=np.where(feeder, 0.5, 0.0),
        end_value_per_kwh=np.zeros(2),
        node=np.zeros(2, np.int64),
    )
    steps = np.arange(4)
    line = Flowgates(steps, np.tile(np.eye(4)[0], (4, 1)), np.full(4, 2.0))
    program = replace(full, terms=flowgates.terms(line))
    best = naive.best_without_both(program)
    assert naive.optimum(program) < best - 0.1  # wasting would pay
    solution = reference.solve(program)
    assert solution.certificate is not None
    assert solution.certificate.bound <= best + 1e-7
    assert solution.certificate.objective == pytest.approx(best, abs=1e-6)
    assert solution.certificate.node_kw <= 1e-7


@given(seed=seeds, node=st.integers(0, 3))
@settings(max_examples=15)
def test_a_flowgate_that_says_what_a_limit_says_gives_the_same_plan(seed: int, node: int) -> None:
    program = random_program(seed, Kind(stores=9))
    wide = np.arange(program.nodes)[:, None] == node
    free = replace(
        program,
        net_low_kw=np.where(wide, -np.inf, program.net_low_kw),
        net_high_kw=np.where(wide, np.inf, program.net_high_kw),
    )
    steps = np.arange(program.steps)
    weight = np.zeros((2 * program.steps, program.nodes))
    weight[: program.steps, node], weight[program.steps :, node] = 1.0, -1.0
    limit = np.concatenate([program.net_high_kw[node], -program.net_low_kw[node]])
    lines = replace(
        free, terms=flowgates.terms(Flowgates(np.concatenate([steps, steps]), weight, limit))
    )
    first, second = reference.solve(program), reference.solve(lines)
    assert first.certificate is not None
    assert second.certificate is not None
    assert second.certificate.objective == pytest.approx(first.certificate.objective, abs=1e-7)
    net = net_power(program, first.power_kw)
    np.testing.assert_allclose(net_power(lines, second.power_kw)[0], net[0], atol=1e-5)


@given(seed=seeds, factor=st.floats(1.0, 3.0))
@settings(max_examples=15)
def test_wider_flowgates_never_cost_more_and_scaled_ones_cost_the_same(
    seed: int, factor: float
) -> None:
    program = gated(random_program(seed, Kind(tight=False)), seed)
    first, gates = reference.solve(program).certificate, flowgates.of(program)
    assert gates is not None
    assume(first is not None)
    assert first is not None
    wider = Flowgates(gates.step, gates.weight, gates.limit_kw * factor)
    scaled = Flowgates(gates.step, gates.weight * factor, gates.limit_kw * factor)
    easier = reference.solve(replace(program, terms=flowgates.terms(wider))).certificate
    same = reference.solve(replace(program, terms=flowgates.terms(scaled))).certificate
    assert easier is not None
    assert same is not None
    assert easier.objective <= first.objective + 1e-7
    assert same.objective == pytest.approx(first.objective, abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_flowgate_price_is_the_saving_of_a_little_more_room(seed: int) -> None:
    program = gated(random_program(seed, Kind(stores=12, tight=False)), seed)
    solution, gates = reference.solve(program), flowgates.of(program)
    prices = flowgates.prices(program, solution.dual)
    assert gates is not None
    assert prices is not None
    assert (prices >= 0).all()
    gate = int(np.argmax(prices))
    assert prices[gate] > 0
    more = 1e-4 * (np.arange(len(gates)) == gate)
    wider = replace(
        program, terms=flowgates.terms(Flowgates(gates.step, gates.weight, gates.limit_kw + more))
    )
    saving = cost(program, solution.power_kw) - cost(program, reference.solve(wider).power_kw)
    assert saving == pytest.approx(prices[gate] * 1e-4, rel=1e-3)


@pytest.mark.parametrize("seed", first(2, range(6)))
def test_no_schedule_beats_the_bound_where_wasting_energy_pays(seed: int) -> None:
    kind = Kind(stores=2, steps=4, negative=True, tight=seed % 2 == 0)
    program = random_program(seed, kind)
    solution = reference.solve(program)
    assert solution.certificate is not None
    best = naive.best_without_both(program)
    slack = 1e-7 * (1 + abs(best))
    assert solution.certificate.bound <= best + slack
    assert solution.certificate.objective >= best - slack


def test_branch_and_bound_proves_what_it_finds_also_where_energy_left_has_a_worth() -> None:
    prices = [-0.08] * 6
    battery = one_battery(draw=prices, feed=prices, start=100.0, capacity=100.0, end=0.0)
    worth = np.array([0.05])
    large = replace(
        battery, charge_kw=np.array([50.0]), discharge_kw=np.array([50.0]), end_value_per_kwh=worth
    )
    solution = reference.solve(large)
    assert solution.status is Status.OPTIMAL
    assert solution.certificate is not None
    assert solution.certificate.bound <= naive.best_without_both(large) + 1e-9


def test_wasting_energy_is_bounded_but_never_scheduled() -> None:
    """A full battery at a negative price could only earn by drawing and feeding at once."""
    program = one_battery(draw=[-1.0], feed=[-1.0], start=10.0, capacity=10.0, end=10.0)
    solution = reference.solve(program)
    np.testing.assert_allclose(solution.power_kw, 0.0, atol=1e-9)
    assert solution.certificate is not None
    assert solution.status is Status.OPTIMAL  # branch and bound proves what the prices cannot
    assert certify(program, solution.power_kw, solution.dual).bound < -0.01


@given(
    prices=st.lists(st.integers(1, 20), min_size=2, max_size=7),
    start=st.integers(0, 4),
    end=st.integers(0, 4),
)
@settings(max_examples=40)
def test_one_lossless_battery_matches_dynamic_programming(
    prices: list[int], start: int, end: int
) -> None:
    end = min(end, start + len(prices))
    program = one_battery(
        draw=[float(p) for p in prices],
        feed=[float(p) for p in prices],
        start=float(start),
        capacity=4.0,
        end=float(end),
        efficiency=1.0,
    )
    solution = reference.solve(program)
    assert solution.certificate is not None
    assert solution.certificate.objective == pytest.approx(_by_hand(prices, start, end), abs=1e-7)


@given(seed=seeds, kind=st.sampled_from([Kind(), ALL]))
@settings(max_examples=20)
def test_order_of_stores_changes_only_the_order(seed: int, kind: Kind) -> None:
    program = random_program(seed, kind)
    order = np.random.default_rng(seed).permutation(program.stores)
    shuffled = _reordered(program, order)
    first, second = reference.solve(program), reference.solve(shuffled)
    assert first.status is second.status
    assume(first.status is not Status.INFEASIBLE)
    assert first.certificate is not None
    assert second.certificate is not None
    objective = pytest.approx(first.certificate.objective, abs=1e-7, rel=2e-6 * kind.curved)
    assert second.certificate.objective == objective


@given(seed=seeds, factor=st.floats(0.01, 100), kind=st.sampled_from([KINDS["peaks"], ALL]))
@settings(max_examples=20)
def test_scaling_all_prices_scales_the_cost(seed: int, factor: float, kind: Kind) -> None:
    program = random_program(seed, kind)
    curves = (None, None) if program.curves is None else program.curves
    scaled = replace(
        program,
        draw_price_per_kwh=program.draw_price_per_kwh * factor,
        feed_price_per_kwh=program.feed_price_per_kwh * factor,
        end_value_per_kwh=program.end_value_per_kwh * factor,
        surcharge_per_kwh=program.surcharge_per_kwh * factor,
        peak_price_per_kw=program.peak_price_per_kw * factor,
        draw_curve_per_kwh_kw=None if curves[0] is None else curves[0] * factor,
        feed_curve_per_kwh_kw=None if curves[1] is None else curves[1] * factor,
    )
    first, second = reference.solve(program), reference.solve(scaled)
    assert first.status is second.status
    assume(first.status is not Status.INFEASIBLE)
    assert first.certificate is not None
    assert second.certificate is not None
    expected = factor * first.certificate.objective
    assert second.certificate.objective == pytest.approx(expected, rel=2e-6, abs=1e-6 * factor)


@given(seed=seeds)
@settings(max_examples=15)
def test_wider_limits_never_cost_more(seed: int) -> None:
    program = random_program(seed)
    wider = replace(program, net_low_kw=program.net_low_kw - 2, net_high_kw=program.net_high_kw + 2)
    first, second = reference.solve(program), reference.solve(wider)
    assert first.certificate is not None
    assert second.certificate is not None
    assert second.certificate.objective <= first.certificate.objective + 1e-7


@given(seed=seeds)
@settings(max_examples=15)
def test_wider_budgets_and_lower_curves_never_cost_more(seed: int) -> None:
    program = random_program(seed, ALL)
    first = reference.solve(program).certificate
    assume(first is not None)
    assert first is not None
    assert program.curves is not None
    draw, feed = program.curves
    wider = replace(program, budget_kwh=program.budget + 2.0)
    lower = replace(program, draw_curve_per_kwh_kw=0.5 * draw, feed_curve_per_kwh_kw=0.5 * feed)
    for easier in (wider, lower):
        second = reference.solve(easier).certificate
        assert second is not None
        assert second.objective <= first.objective + 2e-6 * (1 + abs(first.objective))


@pytest.mark.parametrize("method", METHODS)
def test_a_cost_that_rises_is_spread_until_its_last_kwh_costs_the_same_in_every_step(
    method: solver.Method,
) -> None:
    """Drawn power is in inverse proportion to the curve; so is fed power, where that is owed."""
    curve = np.array([0.01, 0.02, 0.04, 0.05])
    program = one_battery(draw=[0.1] * 4, feed=[0.0] * 4, start=1.0, capacity=20.0, end=7.3)
    program = replace(program, draw_curve_per_kwh_kw=curve)
    power = solver.solve(program, method=method, gap=1e-8).power_kw
    drawn_kwh = (7.3 - 1.0) / 0.9
    np.testing.assert_allclose(-power, drawn_kwh / curve / (1 / curve).sum(), rtol=1e-3)
    feeding = replace(
        program,
        draw_curve_per_kwh_kw=None,
        feed_curve_per_kwh_kw=curve,
        budget_kwh=np.array([-5.0]),
    )
    feeding = replace(
        feeding, energy_start_kwh=np.array([20.0]), draw_price_per_kwh=np.full(4, 9.0)
    )
    power = solver.solve(feeding, method=method, gap=1e-8).power_kw
    np.testing.assert_allclose(power, 5.0 / curve / (1 / curve).sum(), rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_budget_of_half_the_energy_is_worth_the_difference_of_prices(
    method: solver.Method,
) -> None:
    """A kWh that fills the battery is worth 0.3 in its cells and costs 0.1 at the plug."""
    program = one_battery(draw=[0.1] * 4, feed=[0.0] * 4, start=0.0, capacity=18.0, end=0.0)
    program = replace(program, end_value_per_kwh=np.array([0.3]))
    free = -solver.solve(program, method=method, gap=1e-6).power_kw.sum()
    assert free == pytest.approx(20.0, abs=1e-3)
    half = replace(program, budget_kwh=np.array([10.0]))
    held = solver.solve(half, method=method, gap=1e-6)
    assert -held.power_kw.sum() == pytest.approx(10.0, abs=1e-3)
    assert held.dual.budget_price[0] == pytest.approx(0.3 * 0.9 - 0.1, abs=1e-4)
    assert held.certificate is not None
    assert held.certificate.gap <= 1e-6


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_budget_price_is_the_saving_of_a_little_more_energy(seed: int) -> None:
    program = random_program(seed, Kind(stores=12, tight=False, budgets=True))
    first = reference.solve(program)
    node = int(np.argmax(first.dual.budget_price))
    assert first.dual.budget_price[node] > 0
    room = np.where(np.arange(program.nodes) == node, 1e-3, 0.0)
    wider = reference.solve(replace(program, budget_kwh=program.budget + room))
    saving = cost(program, first.power_kw) - cost(program, wider.power_kw)
    assert saving == pytest.approx(first.dual.budget_price[node] * 1e-3, rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_smoothing_keeps_the_cost_where_it_rises(seed: int) -> None:
    program = random_program(seed, Kind(stores=12, steps=24, tight=False, curved=True))
    program = replace(
        program, draw_curve_per_kwh_kw=None, draw_price_per_kwh=np.full(program.slots, 0.2)
    )
    plain, smooth = reference.solve(program), reference.solve(program, smooth=True)
    assert plain.certificate is not None
    assert smooth.certificate is not None
    assert smooth.certificate.objective == pytest.approx(plain.certificate.objective, abs=1e-7)
    assert _swing(program, smooth.power_kw) < _swing(program, plain.power_kw)


def test_limit_price_is_the_saving_of_a_little_more_room() -> None:
    program = random_program(3, Kind(stores=12))
    solution = reference.solve(program)
    node, step = np.unravel_index(np.argmax(solution.limit_price), solution.limit_price.shape)
    assert solution.limit_price[node, step] > 0
    net = net_power(program, solution.power_kw)[node, step]
    room = 1e-4
    low, high = program.net_low_kw.copy(), program.net_high_kw.copy()
    if net < 0:
        low[node, step] -= room
    else:
        high[node, step] += room
    wider = reference.solve(replace(program, net_low_kw=low, net_high_kw=high))
    saving = cost(program, solution.power_kw) - cost(program, wider.power_kw)
    expected = solution.limit_price[node, step] * program.step_h * room
    assert saving == pytest.approx(expected, rel=1e-3)


def test_smoothing_keeps_the_cost_and_calms_a_flat_tariff() -> None:
    program = random_program(5, Kind(stores=12, steps=24, tight=False))
    flat = replace(
        program,
        draw_price_per_kwh=np.full(program.slots, 0.2),
        feed_price_per_kwh=np.full(program.slots, 0.1),
        end_value_per_kwh=np.zeros(program.stores),
    )
    plain, smooth = reference.solve(flat), reference.solve(flat, smooth=True)
    assert plain.certificate is not None
    assert smooth.certificate is not None
    assert smooth.certificate.objective == pytest.approx(plain.certificate.objective, abs=1e-8)
    assert _swing(flat, smooth.power_kw) < 0.6 * _swing(flat, plain.power_kw)
    assert smooth.certificate.energy_kwh <= 1e-7


def test_unreachable_ends_are_infeasible_and_relaxed_by_the_least() -> None:
    program = random_program(1, Kind(stores=4, tight=True))
    wanted = replace(
        program,
        energy_end_kwh=program.energy_high_kwh,
        net_low_kw=np.full_like(program.net_low_kw, -6.0),
        net_high_kw=np.full_like(program.net_high_kw, 6.0),
    )
    assert reference.solve(wanted).status is Status.INFEASIBLE
    relaxation = least_violation.find(wanted)
    assert relaxation.shortfall_kwh.sum() > 0
    assert relaxation.limiting.any()
    solution = reference.solve(relaxation.program)
    assert solution.status is Status.OPTIMAL
    energy = energy_path(wanted, solution.power_kw)[wanted.end]
    served = wanted.energy_end_kwh - relaxation.shortfall_kwh
    assert (energy >= served - 1e-5).all()
    greedy = least_violation.find(replace(wanted, net_low_kw=wanted.net_low_kw - 1))
    assert greedy.shortfall_kwh.sum() < relaxation.shortfall_kwh.sum()


def test_what_a_flowgate_cannot_let_through_is_short_by_just_that() -> None:
    battery = one_battery(draw=[0.1] * 4, feed=[0.1] * 4, start=2.0, capacity=40.0, end=12.0)
    gates = Flowgates(np.arange(4), np.full((4, 1), -2.0), np.array([4.0, 4.0, 0.0, 8.0]))
    program = replace(battery, terms=flowgates.terms(gates))
    assert reference.solve(program).status is Status.INFEASIBLE
    relaxation = least_violation.find(program)  # 2, 2, 0 and 4 kW get in
    assert relaxation.shortfall_kwh == pytest.approx([12.0 - 2.0 - 0.9 * 8.0], abs=1e-6)
    served = reference.solve(relaxation.program)
    assert served.status is Status.OPTIMAL
    np.testing.assert_allclose(served.power_kw, [-2.0, -2.0, 0.0, -4.0], atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_flowgates_serve_the_more_the_wider_they_are_and_are_always_kept(seed: int) -> None:
    program = random_program(seed, Kind(stores=8, tight=False))
    program = replace(program, energy_end_kwh=program.energy_high_kwh)
    owed, shortfalls = float((program.energy_end_kwh - program.energy_start_kwh).sum()), []
    for tight in (0.06, 0.2, 0.6):
        held = gated(program, seed, count=80, tight=tight)
        relaxation = least_violation.find(held)
        shortfalls.append(float(relaxation.shortfall_kwh.sum()))
        served = reference.solve(relaxation.program)
        assert served.status.good
        assert served.certificate is not None
        assert served.certificate.node_kw <= 1e-7
    assert shortfalls[0] > shortfalls[1] >= shortfalls[2] - 1e-6
    assert shortfalls[0] < owed


def test_a_load_above_its_limit_is_met_by_feeding_as_far_as_that_goes() -> None:
    battery = one_battery(draw=[0.1] * 4, feed=[0.1] * 4, start=8.0, capacity=8.0, end=0.0)
    load_kw = np.array([[0.0, 3.0, 9.0, 0.0]])
    program = replace(
        battery, load_kw=load_kw, net_low_kw=load_kw - 2.0, net_high_kw=load_kw + 50.0
    )
    relaxation = least_violation.find(program)
    # One kW must be fed against the load of 3, and 7 against that of 9; the plug manages 5.
    np.testing.assert_allclose(relaxation.excess_kw, [[0, 0, 2, 0]], atol=1e-6)
    solution = reference.solve(relaxation.program)
    assert solution.status is Status.OPTIMAL
    assert solution.power_kw[2] == pytest.approx(5.0)


def test_a_time_limit_of_nothing_is_reported_and_not_a_plan() -> None:
    program = random_program(0, Kind(stores=200, steps=96, step_h=0.25))
    solution = reference.solve(program, time_limit_s=1e-6)
    assert solution.status is Status.TIME_LIMIT
    assert solution.certificate is None


def _by_hand(prices: list[int], start: int, end: int) -> float:
    """Least cost of moving one kWh a step up, down or not at all, capacity 4, by recursion."""
    best = {start: 0.0}
    for price in prices:
        reached: dict[int, float] = {}
        for energy, paid in best.items():
            for move in (-1, 0, 1):
                if 0 <= energy + move <= 4:
                    total = paid + price * move
                    reached[energy + move] = min(total, reached.get(energy + move, np.inf))
        best = reached
    return min(paid for energy, paid in best.items() if energy >= end)


def _reordered(program: Program, order: np.ndarray) -> Program:
    slots = np.concatenate(
        [np.arange(int(program.begin[u]), int(program.end[u]) + 1) for u in order],
    )
    stores = {
        name: getattr(program, name)[order]
        for name in (
            "first",
            "stop",
            "charge_kw",
            "discharge_kw",
            "efficiency_charge",
            "efficiency_discharge",
            "energy_start_kwh",
            "energy_low_kwh",
            "energy_high_kwh",
            "energy_end_kwh",
            "end_value_per_kwh",
            "node",
        )
    }
    names = ["share", "draw_price_per_kwh", "feed_price_per_kwh"]
    names += (
        ["draw_curve_per_kwh_kw", "feed_curve_per_kwh_kw"] if program.curves is not None else []
    )
    per_slot = {name: getattr(program, name)[slots] for name in names}
    return replace(program, **stores, **per_slot)


def _swing(program: Program, power_kw: np.ndarray) -> float:
    return float(np.abs(np.diff(net_power(program, power_kw)[0])).sum())


def test_a_full_battery_at_negative_prices_feeds_in_turn_to_draw_again() -> None:
    prices = [-0.08] * 8
    program = one_battery(draw=prices, feed=prices, start=100.0, capacity=100.0, end=100.0)
    large = replace(program, charge_kw=np.array([50.0]), discharge_kw=np.array([50.0]))
    solution = reference.solve(large)
    assert solution.certificate is not None
    best = naive.best_without_both(large)  # of all 256 choices of directions
    assert solution.certificate.objective == pytest.approx(best, abs=1e-6)
    assert solution.certificate.bound <= best
    assert solution.status is Status.OPTIMAL  # by branch and bound; the relaxation cannot prove it
