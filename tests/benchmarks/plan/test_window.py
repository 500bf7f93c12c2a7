import numpy as np
import pytest

from benchmarks.plan import window
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.window import ROUNDING_KWH, Window
from evergrid.engine import reference
from evergrid.engine.certificate import Dual, certify
from evergrid.engine.program import Program, energy_path, net_power

STEPS = 48
PASSED = 3


@pytest.fixture(scope="module", params=["mixed_tree", "metered"])
def whole(request: pytest.FixtureRequest) -> Program:
    return FAMILIES[request.param](80, seed=1, steps=STEPS + PASSED)


@pytest.fixture(scope="module")
def last(whole: Program) -> Window:
    return window.first(whole, STEPS, known=np.ones(whole.stores, bool))


@pytest.fixture(scope="module")
def power_kw(last: Window) -> np.ndarray:
    return reference.solve(last.program).power_kw


def rest_of(last: Window, now: Window, power_kw: np.ndarray) -> np.ndarray:
    """The part of a plan that lies in a later window."""
    p = last.program
    return power_kw[(p.step >= now.begin) & np.isin(last.store[p.store], now.store)]


def test_the_rest_of_a_plan_keeps_every_limit_of_what_is_left(
    whole: Program, last: Window, power_kw: np.ndarray
):
    now = window.later(whole, last, power_kw, PASSED, STEPS)
    rest = rest_of(last, now, power_kw)
    unpriced = Dual(0 * rest, 0 * now.program.load_kw, np.zeros(now.program.nodes))
    kept = certify(now.program, rest, unpriced)
    assert max(kept.power_kw, kept.node_kw) < 1e-6
    assert kept.energy_kwh < PASSED * ROUNDING_KWH


def test_energies_go_on_where_the_plan_has_left_them(
    whole: Program, last: Window, power_kw: np.ndarray
):
    now = window.later(whole, last, power_kw, PASSED, STEPS)
    before, after = (
        energy_path(p, power)[p.end]
        for p, power in (
            (last.program, power_kw),
            (now.program, rest_of(last, now, power_kw)),
        )
    )
    assert after == pytest.approx(before[last.rows_of(now)])


def test_sessions_that_have_ended_are_dropped_and_new_ones_come(
    whole: Program, last: Window, power_kw: np.ndarray
):
    now = window.later(whole, last, power_kw, PASSED, STEPS + PASSED)
    gone = np.setdiff1d(last.store, now.store)
    come = now.store[last.rows_of(now) < 0]
    assert (whole.stop[gone] <= PASSED).all()
    assert (whole.first[come] >= STEPS).all()


def test_a_window_that_moves_on_shows_the_limits_and_prices_of_its_own_steps(
    whole: Program, last: Window, power_kw: np.ndarray
):
    now = window.later(whole, last, power_kw, PASSED, STEPS + PASSED)
    assert now.program.steps == last.program.steps
    for name in ("net_low_kw", "net_high_kw", "load_kw", "surcharge_per_kwh"):
        assert np.array_equal(getattr(now.program, name), getattr(whole, name)[:, PASSED:])
    by_step = np.zeros(whole.steps)
    by_step[whole.step] = whole.draw_price_per_kwh
    assert np.array_equal(now.program.draw_price_per_kwh, by_step[now.program.step + PASSED])


def test_a_session_that_outlasts_the_window_owes_what_cannot_be_charged_later(
    whole: Program, last: Window
):
    p = last.program
    cut = whole.stop[last.store] > STEPS
    later_kwh = np.where(whole.step >= STEPS, whole.charge_limit_kw * whole.gain, 0)
    possible = np.bincount(whole.store, later_kwh, whole.stores)[last.store]
    assert cut.any()
    assert (
        p.energy_end_kwh[cut] + possible[cut] >= whole.energy_end_kwh[last.store][cut] - 1e-9
    ).all()
    assert (p.end_value_per_kwh[cut] == whole.end_value_per_kwh.max()).all()


def test_a_peak_that_was_drawn_is_remembered(whole: Program, last: Window, power_kw: np.ndarray):
    now = window.later(whole, last, power_kw, PASSED, STEPS)
    drawn = last.program.load_kw - net_power(last.program, power_kw)
    assert now.program.peak_before_kw == pytest.approx(np.maximum(drawn[:, :PASSED].max(axis=1), 0))
