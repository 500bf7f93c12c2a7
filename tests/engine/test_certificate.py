"""The certificate: a bound from any prices, an exact one from good ones, violations as they are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evergrid.core.flowgates import Flowgates
from evergrid.engine import reference
from evergrid.engine.certificate import Dual, bound, certify, proven
from evergrid.engine.parts import roots
from evergrid.engine.program import Program, net_power
from evergrid.engine.terms import flowgates
from tests.engine import naive
from tests.engine.cases import KINDS, Kind, forest, gated, random_program
from tests.everyday import first


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(list(KINDS.values())))
@settings(max_examples=60)
def test_any_prices_whatever_prove_a_valid_bound(seed: int, kind: Kind) -> None:
    program = random_program(seed, kind)
    rng = np.random.default_rng(seed)
    dual = Dual(
        energy_value=rng.normal(0, 0.3, program.slots),
        power_price=rng.normal(0, 0.2, (program.nodes, program.steps)),
        budget_price=rng.normal(0, 0.2, program.nodes),
    )
    solution = reference.solve(program)
    assert solution.certificate is not None
    best = solution.certificate.objective
    assert bound(program, dual) <= best + 1e-9 * (1 + abs(best))


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(list(KINDS.values())))
@settings(max_examples=30)
def test_any_prices_of_flowgates_prove_a_valid_bound(seed: int, kind: Kind) -> None:
    program = gated(random_program(seed, kind), seed)
    rng = np.random.default_rng(seed)
    solution = reference.solve(program)
    assume(solution.certificate is not None)
    assert solution.certificate is not None
    best = solution.certificate.objective
    for size in (0.01, 0.3):
        random = Dual(
            energy_value=rng.normal(0, size, program.slots),
            power_price=rng.normal(0, size, (program.nodes, program.steps)),
            budget_price=rng.normal(0, size, program.nodes),
            term_prices=(rng.normal(0, size, 12),),
        )
        moved = replace(solution.dual, term_prices=(rng.normal(0, size, 12),))
        for dual in (random, moved):
            assert bound(program, dual) <= best + 1e-9 * (1 + abs(best))


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.negative])
def test_prices_of_flowgates_prove_optimality_and_nothing_less_does(name: str) -> None:
    """The bound without them is that of the program without flowgates, which costs less."""
    kind = replace(KINDS[name], tight=False)
    program = gated(random_program(3, kind), 3, tight=0.1)
    found = reference.solve(program)
    assert found.certificate is not None
    assert found.certificate.gap <= (1e-6 if kind.curved else 1e-9)
    free = reference.solve(replace(program, terms=())).certificate
    assert free is not None
    assert free.objective < found.certificate.objective - 1e-3
    without = replace(found.dual, term_prices=())
    assert bound(program, without) < found.certificate.objective - 1e-3


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.negative])
@pytest.mark.parametrize("seed", first(2, range(5)))
def test_the_solvers_prices_prove_optimality_to_the_last_digits(name: str, seed: int) -> None:
    kind = KINDS[name]
    certificate = reference.solve(random_program(seed, kind)).certificate
    assert certificate is not None
    assert certificate.gap <= (1e-6 if kind.curved else 1e-9)


def test_every_kind_of_violation_is_measured() -> None:
    program = random_program(2, Kind(stores=3, tight=False))
    solution = reference.solve(program)
    assert solution.certificate is not None
    none = np.zeros((program.nodes, program.steps))
    nothing = Dual(np.zeros(program.slots), none, none[:, 0])

    over = solution.power_kw.copy()
    slot = int(np.argmin(over))
    over[slot] = -program.charge_limit_kw[slot] - 0.25
    assert certify(program, over, nothing).power_kw == pytest.approx(0.25)

    owed = replace(program, energy_end_kwh=program.energy_end_kwh + 1.5)
    idle = certify(owed, np.zeros(program.slots), nothing)
    missing = (owed.energy_end_kwh - owed.energy_start_kwh).max()
    assert idle.energy_kwh == pytest.approx(missing)

    drawn = program.step_h * (program.load_kw - net_power(program, solution.power_kw)).sum(axis=1)
    spent = replace(program, budget_kwh=np.where(np.arange(4) == 1, drawn - 0.75, np.inf))
    assert certify(spent, solution.power_kw, nothing).energy_kwh == pytest.approx(0.75)

    net = net_power(program, solution.power_kw)
    closed = replace(program, net_low_kw=net + 0.125)
    assert certify(closed, solution.power_kw, nothing).node_kw == pytest.approx(0.125)

    step = int(np.argmin(net[0]))
    gates = Flowgates(np.array([step]), -np.eye(4)[:1], np.array([-0.75 * net[0, step]]))
    through = certify(
        replace(program, terms=flowgates.terms(gates)), solution.power_kw, nothing
    ).node_kw
    assert net[0, step] < -1
    assert through == pytest.approx(-0.25 * net[0, step])


def test_gap_is_relative_and_never_negative() -> None:
    program = random_program(4)
    solution = reference.solve(program)
    assert solution.certificate is not None
    better = replace(solution.certificate, bound=solution.certificate.objective + 1e-3)
    assert better.gap == 0
    half = replace(solution.certificate, objective=100.0, bound=50.0)
    assert half.gap == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_a_peak_price_is_part_of_bound_and_cost(seed: int) -> None:
    program = random_program(seed, KINDS["peaks"])
    free = replace(program, peak_price_per_kw=np.zeros(program.nodes))
    with_peak, without = reference.solve(program), reference.solve(free)
    assert with_peak.certificate is not None
    assert without.certificate is not None
    assert with_peak.certificate.objective >= without.certificate.objective
    assert with_peak.certificate.objective == pytest.approx(naive.optimum(program), rel=1e-7)


def lone_store(**changed: Any) -> Program:
    """One store of 50 kWh, half full and without losses, at a meter with 4 and 6 kW of load."""
    given = {
        "charge_kw": 10.0,
        "discharge_kw": 8.0,
        "efficiency_charge": 1.0,
        "efficiency_discharge": 1.0,
        "energy_start_kwh": 25.0,
        "energy_low_kwh": 0.0,
        "energy_high_kwh": 50.0,
        "energy_end_kwh": 0.0,
        "end_value_per_kwh": 0.0,
    }
    columns: Any = {name: np.array([value]) for name, value in given.items()}
    steps, free = np.zeros(2), np.full((1, 2), np.inf)
    program = Program(
        step_h=1.0,
        steps=2,
        first=np.array([0]),
        stop=np.array([2]),
        share=steps + 1,
        draw_price_per_kwh=steps,
        feed_price_per_kwh=steps,
        node=np.array([0]),
        parent=np.array([-1]),
        net_low_kw=-free,
        net_high_kw=free,
        load_kw=np.array([[4.0, 6.0]]),
        surcharge_per_kwh=np.zeros((1, 2)),
        peak_price_per_kw=np.zeros(1),
        peak_before_kw=np.zeros(1),
        **columns,
    )
    return replace(program, **changed)


NO_PRICES = Dual(np.zeros(2), np.zeros((1, 2)), np.zeros(1))


def test_a_peak_already_paid_is_in_the_bound_and_makes_it_tight() -> None:
    """Idle costs 3 times the peak of 6 kW drawn before; no peak below that is left to avoid."""
    paid = lone_store(peak_price_per_kw=np.array([3.0]), peak_before_kw=np.array([6.0]))
    assert bound(paid, NO_PRICES) == pytest.approx(18.0)
    assert certify(paid, np.zeros(2), NO_PRICES).gap == 0
    # Without one before, feeding 8 kW keeps the meter from drawing at all.
    assert bound(replace(paid, peak_before_kw=np.zeros(1)), NO_PRICES) == pytest.approx(0.0)
    kept = replace(paid, discharge_kw=np.ones(1), peak_before_kw=np.zeros(1))
    assert bound(kept, NO_PRICES) == pytest.approx(15.0)


def test_of_two_directions_that_both_pay_the_bound_counts_the_better_one() -> None:
    """Drawing 10 kW earns 0.2 a kWh, feeding 8 kW 0.3: the best is 2.4 an hour, not 4.4."""
    program = lone_store(draw_price_per_kwh=np.full(2, -0.2), feed_price_per_kwh=np.full(2, 0.3))
    assert bound(program, NO_PRICES) == pytest.approx(-2 * 2.4)
    best = certify(program, np.full(2, 8.0), NO_PRICES)
    assert best.objective == pytest.approx(-4.8)
    assert best.gap == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.negative])
def test_each_tree_is_proven_by_itself(name: str) -> None:
    program = forest(3, trees=4, kind=KINDS[name])
    found = reference.solve(program)
    assert proven(program, found.power_kw, found.dual, 1e-6).all()
    second = roots(program) == roots(program)[4]
    price = np.where(second[:, None], found.dual.power_price + 0.5, found.dual.power_price)
    dual = replace(found.dual, power_price=price)
    np.testing.assert_array_equal(proven(program, found.power_kw, dual, 1e-6), ~second)
    idle = np.where(second[program.node][program.store], 0.0, found.power_kw)
    np.testing.assert_array_equal(proven(program, idle, found.dual, 1e-6), ~second)
