import numpy as np
import pytest

from benchmarks.plan import __main__ as command
from benchmarks.plan import replan
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.replan import CHANGES, GAP, Pair
from evergrid.engine import solver

SESSIONS, STEPS, LIMIT_S = 100, 96, 30.0


def pair(change: str, family: str = "home") -> Pair:
    whole = FAMILIES[family](SESSIONS, seed=1, steps=STEPS + replan.PASSED)
    return replan.prepared(whole, CHANGES[change], seed=1, limit_s=LIMIT_S)


@pytest.mark.parametrize("family", replan.FAMILY_NAMES)
@pytest.mark.parametrize("change", CHANGES)
def test_both_plans_of_every_change_are_certified(family: str, change: str):
    row = replan.run(family, SESSIONS, change, seed=1, steps=STEPS, limit_s=LIMIT_S)
    assert row.gap <= GAP
    assert row.violation < 1e-6
    assert row.ratio == row.cold_s / row.warm_s
    assert row.cold_iterations > 0
    assert row.warm_iterations >= 0  # a plan that is good enough already is kept


@pytest.mark.parametrize("change", CHANGES)
def test_the_warm_plan_costs_what_the_cold_one_costs(change: str):
    made = pair(change, "mixed_tree")
    cold, warm = (
        solver.solve(made.now.program, method="interior_point", gap=GAP, guess=guess)
        for guess in (None, replan.carried(made))
    )
    assert cold.certificate is not None
    assert warm.certificate is not None
    assert warm.certificate.objective == pytest.approx(cold.certificate.objective, rel=2 * GAP)


def test_the_last_plan_knows_everyone_where_all_is_as_expected():
    made = pair("next_step")
    assert (made.last.rows_of(made.now) >= 0).all()
    assert made.now.program.steps == STEPS - replan.PASSED


def test_the_last_plan_has_never_heard_of_the_new_sessions():
    made = pair("new_sessions")
    new = made.now.store[made.last.rows_of(made.now) < 0]
    assert len(new) == round(CHANGES["new_sessions"].new_share * SESSIONS)
    assert not np.isin(new, made.last.store).any()


def test_a_rolling_horizon_keeps_its_length():
    assert pair("rolling").now.program.steps == STEPS


def test_a_revised_price_is_the_same_for_everyone_in_a_step():
    before, after = pair("rolling").now.program, pair("new_prices").now.program
    factor = after.draw_price_per_kwh / before.draw_price_per_kwh
    by_step = np.zeros(STEPS)
    by_step[after.step] = factor
    assert factor == pytest.approx(by_step[after.step])
    assert 0.005 < by_step.std() < 0.02


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]):
    command.main(["--replan", "--sizes", "60", "--families", "home"])
    shown = capsys.readouterr()
    assert shown.out.count("\n") == 2 + len(CHANGES)
    assert "home 60 rolling: cold" in shown.err
