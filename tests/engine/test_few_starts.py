"""Among schedules of equal cost, the one with few starts: what it keeps, and what it is worth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.engine import reference
from evergrid.engine.few_starts.improve import improved
from evergrid.engine.program import Program, cost, energy_path
from evergrid.engine.violations import violations
from tests.engine.cases import Kind, random_program
from tests.everyday import first

LEAST_KW = 4.0
KINDS = {
    "plain": Kind(),
    "tight": Kind(tight=True, stores=9),
    "metered": Kind(metered=True),
    "peaks": Kind(peaks=True),
    "budgets": Kind(budgets=True),
}


def flat(program: Program) -> Program:
    """The same with two prices, so that many slots cost the same."""
    price = np.where(program.step % 4 < 3, 0.2, 0.3)
    return replace(program, draw_price_per_kwh=price, feed_price_per_kwh=price - 0.05)


def few(program: Program, power_kw: Any, least_kw: float = LEAST_KW, on: Any = None) -> Any:
    none = np.zeros(program.stores, bool)
    least = np.full(program.stores, least_kw)
    return improved(program, power_kw, least, on_before=none if on is None else on)


def badness(program: Program, power_kw: Any) -> int:
    """Starts, and slots on below the least power, by plain loops."""
    found = 0
    for i in range(program.stores):
        was = 0.0
        for k in range(int(program.begin[i]), int(program.end[i]) + 1):
            now = abs(power_kw[k])
            least = min(LEAST_KW, program.charge_kw[i]) * program.share[k]
            found += int(now > 1e-6 and was <= 1e-6) + int(1e-6 < now < least - 1e-7)
            was = now
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", first(2, range(6)))
def test_the_cost_and_all_limits_are_kept_and_starts_fall(seed: int, kind: str) -> None:
    program = flat(random_program(seed, KINDS[kind]))
    given = reference.solve(program, smooth=True).power_kw
    made = few(program, given)
    assert cost(program, made) == pytest.approx(cost(program, given), abs=1e-9)
    assert violations(program, made).worst_power_kw <= 1e-6
    assert violations(program, made).worst_energy_kwh <= 1e-6
    assert violations(program, made).worst_node_kw <= 1e-6
    assert badness(program, made) <= badness(program, given)
    ends = program.end
    held, was = energy_path(program, made)[ends], energy_path(program, given)[ends]
    np.testing.assert_allclose(held, was, atol=1e-6)


def test_over_many_programs_far_fewer_starts_are_left() -> None:
    before = after = 0
    for seed in range(12):
        program = flat(random_program(seed))
        given = reference.solve(program, smooth=True).power_kw
        before += badness(program, given)
        after += badness(program, few(program, given))
    assert after < 0.8 * before


def a_car(steps: int = 24) -> Program:
    """One car of 11 kW at a flat price, which may only draw."""
    program = random_program(0, Kind(stores=1, steps=steps, tight=False))
    return replace(
        program,
        first=np.array([0]),
        stop=np.array([steps]),
        share=np.ones(steps),
        charge_kw=np.array([11.0]),
        discharge_kw=np.array([0.0]),
        energy_start_kwh=np.array([20.0]),
        energy_low_kwh=np.array([10.0]),
        energy_high_kwh=np.array([100.0]),
        energy_end_kwh=np.array([20.0 + 30.0]),
        end_value_per_kwh=np.zeros(1),
        draw_price_per_kwh=np.full(steps, 0.2),
        feed_price_per_kwh=np.full(steps, 0.2),
        node=np.array([0]),
    )


def test_a_flat_tariff_is_charged_in_one_run_at_a_power_that_a_charger_gives() -> None:
    program = a_car()
    given = reference.solve(program, smooth=True).power_kw
    assert ((given < 0) & (given > -LEAST_KW)).sum() > 10
    made = few(program, given)
    on = made < 0
    assert np.diff(np.r_[False, on].astype(int)).clip(0).sum() == 1
    assert (-made[on] >= LEAST_KW).all()
    assert made.sum() == pytest.approx(given.sum(), abs=1e-9)


def test_a_store_that_is_on_goes_on_before_it_starts_anew() -> None:
    program = a_car()
    given = reference.solve(program, smooth=True).power_kw
    made = few(program, given, on=np.array([True]))
    assert made[0] < 0
    assert np.diff((made < 0).astype(int)).clip(0).sum() == 0


def test_what_is_left_over_goes_where_it_costs_no_more() -> None:
    program = a_car()
    price = np.where(np.arange(24) < 6, 0.1, 0.3)
    program = replace(program, draw_price_per_kwh=price)
    given = np.where(np.arange(24) < 6, -5.0, -1e-4)
    made = few(program, given)
    assert (made[6:] == 0).all()
    assert cost(program, made) < cost(program, given)


def test_nothing_changes_where_no_store_has_a_least_power() -> None:
    program = a_car()
    given = reference.solve(program, smooth=True).power_kw
    assert few(program, given, 0.0) is given


def a_depot(nodes: int = 1) -> Program:
    """Two cars for a day under one limit of 6 kW that binds in every hour; hourly prices."""
    one, both = a_car(), np.ones(2)
    price = np.tile(np.random.default_rng(0).uniform(0.1, 0.3, 24), 2)
    room = np.full((nodes, 24), 11.0)
    room[0] = 6.0
    return replace(
        one,
        first=np.zeros(2, np.int64),
        stop=np.full(2, 24),
        share=np.ones(48),
        charge_kw=11.0 * both,
        discharge_kw=0.0 * both,
        efficiency_charge=0.9 * both,
        efficiency_discharge=0.9 * both,
        energy_start_kwh=20.0 * both,
        energy_low_kwh=10.0 * both,
        energy_high_kwh=100.0 * both,
        energy_end_kwh=84.8 * both - 1e-9,
        end_value_per_kwh=0.0 * both,
        draw_price_per_kwh=price,
        feed_price_per_kwh=price,
        node=np.zeros(2, np.int64),
        parent=np.where(np.arange(nodes) > 0, 0, -1),
        net_low_kw=-room,
        net_high_kw=np.full((nodes, 24), np.inf),
        load_kw=np.zeros((nodes, 24)),
        surcharge_per_kwh=np.zeros((nodes, 24)),
        peak_price_per_kw=np.zeros(nodes),
        peak_before_kw=np.zeros(nodes),
    )


def in_turns() -> Any:
    """Two cars that draw 6 kW in every other hour each."""
    even = np.arange(24) % 2 == 0
    return np.concatenate([np.where(even, -6.0, 0.0), np.where(even, 0.0, -6.0)])


def test_cars_behind_a_limit_that_binds_draw_one_after_the_other() -> None:
    program, given = a_depot(), in_turns()
    made = few(program, given)
    assert badness(program, given) == 24
    assert badness(program, made) == 2
    assert cost(program, made) == pytest.approx(cost(program, given), abs=1e-9)
    np.testing.assert_allclose(made.reshape(2, 24).sum(axis=0), np.full(24, -6.0), atol=1e-9)
    np.testing.assert_allclose(made.reshape(2, 24).sum(axis=1), np.full(2, -72.0), atol=1e-9)


def test_what_two_cars_share_evenly_is_given_to_one_at_a_time() -> None:
    program = a_depot()
    made = few(program, np.full(48, -3.0))
    assert badness(program, np.full(48, -3.0)) == 2 + 48
    assert badness(program, made) == 2


def test_an_exchange_keeps_the_limits_between_a_car_and_the_one_that_binds() -> None:
    program, given = a_depot(nodes=3), in_turns()
    program = replace(program, node=np.array([1, 2]))
    free = few(program, given)
    assert badness(program, free) == 2
    bound = program.net_low_kw.copy()
    bound[1, :3] = np.array([-6.0, 0.0, -6.0])  # the first car cannot draw in the second hour
    made = few(replace(program, net_low_kw=bound), given)
    assert made[1] == 0.0
    assert badness(program, made) < 8
    np.testing.assert_allclose(made.reshape(2, 24).sum(axis=0), np.full(24, -6.0), atol=1e-9)


def test_cars_that_pay_differently_exchange_nothing() -> None:
    program, given = a_depot(), in_turns()
    price = program.draw_price_per_kwh + np.repeat([0.0, 0.01], 24)
    dearer = replace(program, draw_price_per_kwh=price)
    assert few(dearer, given) is given or (few(dearer, given) == given).all()


def test_a_car_that_leaves_early_is_served_before_the_other() -> None:
    program, given = a_depot(), in_turns()[:38]
    program = replace(
        program,
        stop=np.array([24, 14]),
        share=np.ones(38),
        energy_end_kwh=np.array([84.8, 57.8]) - 1e-9,
        draw_price_per_kwh=program.draw_price_per_kwh[:38],
        feed_price_per_kwh=program.feed_price_per_kwh[:38],
    )
    made = few(program, given)
    assert badness(program, given) == 19
    assert badness(program, made) <= 8  # hours of the first car alone are left as they are
    held, was = energy_path(program, made)[program.end], energy_path(program, given)[program.end]
    np.testing.assert_allclose(held, was, atol=1e-9)


def test_an_exchange_looks_at_none_of_the_slots_of_other_cars() -> None:
    """Two cars of one site leave early; the slots of cars of another site stand around theirs."""
    program = a_depot(nodes=2)
    first_draws = np.isin(np.arange(14) // 4, [0, 2])
    two = np.concatenate([np.where(first_draws, -6.0, 0.0), np.where(first_draws, 0.0, -6.0)])
    on_and_off = np.tile([-4.0, 0.0], 12)  # as the price has it, so that it stays
    hours = np.array([24, 14, 14, 24])
    swings = 0.3 + 0.05 * on_and_off
    price = np.concatenate([swings, np.full(28, 0.2), swings])
    stores = {
        name: np.resize(value, 4)
        for name, value in vars(program).items()
        if isinstance(value, np.ndarray) and value.shape == (2,)
    }
    program = replace(
        program,
        **stores
        | {
            "stop": hours,
            "charge_kw": np.array([4.0, 11.0, 11.0, 4.0]),
            "share": np.ones(76),
            "energy_end_kwh": 20.0 + 0.9 * np.array([48.0, 48.0, 36.0, 48.0]) - 1e-9,
            "draw_price_per_kwh": price,
            "feed_price_per_kwh": price,
            "node": np.array([1, 0, 0, 1]),
            "parent": np.array([-1, -1]),
            "peak_price_per_kw": np.zeros(2),
            "peak_before_kw": np.zeros(2),
        },
    )
    given = np.concatenate([on_and_off, two, on_and_off])
    made = few(program, given)
    np.testing.assert_array_equal(made[:24], on_and_off)
    np.testing.assert_array_equal(made[52:], on_and_off)
    assert badness(program, given) == 12 + 4 + 12
    assert badness(program, made) == 12 + 2 + 12
