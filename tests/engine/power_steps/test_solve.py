"""Schedules in whole steps against a program of its own, and against an independent checker."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.engine import reference
from evergrid.engine.power_steps import rounding
from evergrid.engine.power_steps import solve as power_steps
from evergrid.engine.program import Program, cost
from evergrid.engine.step_rules import ANY, PowerSteps, audit
from evergrid.engine.terms.fed_energy import FedEnergyLimits
from tests.engine.power_steps.cases import STEP_KW, referee, stepped
from tests.everyday import first


def solved(
    program: Program, rules: PowerSteps, *, gap: float = 1e-7, **how: Any
) -> power_steps.StepResult:
    found = reference.solve(program)
    assert found.status.good
    return power_steps.solve(program, rules, found, gap=gap, time_limit_s=30.0, **how)


def broken(p: Program, s: PowerSteps, power_kw: Any) -> list[str]:
    """Every rule that a schedule breaks, by plain loops over its powers."""
    found = []
    total = np.zeros(p.steps)
    for i in range(p.stores):
        at = slice(int(p.begin[i]), int(p.end[i]) + 1)
        power, share = power_kw[at], p.share[at]
        steps = -power / (share * s.step_kw[i])
        if np.abs(steps - np.round(steps)).max() > 1e-6:
            found.append(f"{i}: not whole")
        steps = np.round(steps).astype(int)
        if any(0 < abs(n) < s.least[i] or n > s.most_draw[i] or -n > s.most_feed[i] for n in steps):
            found.append(f"{i}: out of range")
        held = p.energy_start_kwh[i]
        for n, part in zip(steps, share, strict=True):
            kwh = n * part * s.step_kw[i] * p.step_h
            held += kwh * p.efficiency_charge[i] if n > 0 else kwh / p.efficiency_discharge[i]
            if not p.energy_low_kwh[i] - 1e-6 <= held <= p.energy_high_kwh[i] + 1e-6:
                found.append(f"{i}: energy")
        if held < p.energy_end_kwh[i] - 1e-6:
            found.append(f"{i}: short")
        found += [f"{i}: {fault}" for fault in _runs(s, i, steps != 0)]
        total[p.first[i] : p.stop[i]] += power
    if (total < p.net_low_kw[0] - 1e-6).any():
        found.append("node")
    return found


def _runs(s: PowerSteps, i: int, on: Any) -> list[str]:
    found, starts = [], 0
    was, length = bool(s.on_before[i] > 0), int(max(s.on_before[i], s.off_before[i]))
    for now in on.tolist():
        if now == was:
            length += 1
            continue
        if length < (s.least_on[i] if was else s.least_off[i]):
            found.append("on too short" if was else "off too short")
        starts += now
        was, length = now, 1
    return [*found, "too many starts"] if starts > s.most_starts[i] else found


@pytest.mark.parametrize("v2g", [False, True])
@pytest.mark.parametrize("seed", first(3, range(10)))
def test_a_small_program_is_solved_as_by_a_program_of_its_own(seed: int, v2g: bool) -> None:
    program, rules = stepped(seed, stores=2 if v2g else 3, limit_kw=9.0 if v2g else 12.0, v2g=v2g)
    best = referee(program, rules)
    made = solved(program, rules)
    if not np.isfinite(best):  # whole steps cannot serve what any power could
        assert made.program.energy_end_kwh.sum() < program.energy_end_kwh.sum()
        program = made.program
        best = referee(program, rules)
    assert broken(program, rules, made.power_kw) == []
    assert cost(program, made.power_kw) == pytest.approx(best, abs=1e-6)
    assert made.bound == pytest.approx(best, abs=1e-6)


def test_most_of_the_random_programs_can_be_served() -> None:
    best = [referee(*stepped(seed, limit_kw=12.0)) for seed in range(10)]
    assert np.isfinite(best).sum() >= 7


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("limit_kw", "gap"), [(np.inf, 1e-9), (68.0, 0.03)])
def test_a_fleet_is_rounded_within_every_rule_and_near_to_its_bound(
    seed: int, limit_kw: float, gap: float
) -> None:
    program, rules = stepped(seed, stores=40, steps=24, limit_kw=limit_kw)
    rules = replace(rules, on_before=np.zeros(40, np.int64), off_before=np.full(40, 9))
    made = solved(program, rules, gap=max(gap / 4, 1e-7))
    assert made.program is program
    assert broken(program, rules, made.power_kw) == []
    paid = cost(program, made.power_kw)
    assert made.bound - 1e-9 <= paid <= (1 + gap) * made.bound + 1e-9


@pytest.mark.parametrize("seed", first(2, range(6)))
def test_no_schedule_in_whole_steps_costs_less_than_the_bound_of_rounding(seed: int) -> None:
    program, rules = stepped(seed, limit_kw=12.0)
    best, made = referee(program, rules), solved(program, rules, branch=False)
    any_power = reference.solve(program).certificate
    assert any_power is not None
    if np.isfinite(best):
        assert any_power.bound - 1e-9 <= made.bound <= best + 1e-9


def test_without_steps_to_take_a_store_keeps_any_power() -> None:
    program, rules = stepped(1, limit_kw=12.0)
    rules = replace(rules, step_kw=np.where(np.arange(3) == 0, 0.0, STEP_KW))
    made = solved(program, rules)
    own = slice(0, int(program.end[0]) + 1)
    whole = made.power_kw[own] / (STEP_KW * program.share[own])
    assert np.abs(whole - np.round(whole)).max() > 1e-3
    free = cost(program, made.power_kw)
    assert free <= cost(program, solved(*stepped(1, limit_kw=12.0)).power_kw) + 1e-9


@pytest.mark.parametrize("seed", first(2, range(6)))
def test_stores_that_share_a_limit_of_fed_energy_keep_it_at_the_least_cost(seed: int) -> None:
    program, rules = stepped(seed, stores=2, limit_kw=9.0, v2g=True)
    rules = replace(rules, most_feed=np.full(2, 8))
    program = replace(program, discharge_kw=np.full(2, 8 * STEP_KW))
    term = FedEnergyLimits(np.zeros(2, np.int64), np.array([1.5]), ties_trees=False)
    limited = replace(program, terms=(term,))
    best = referee(limited, rules)
    assert np.isfinite(best)
    made = solved(limited, rules)
    assert 0.25 * made.power_kw[made.power_kw > 0].sum() <= 1.5 + 1e-6
    assert broken(limited, rules, made.power_kw) == []
    assert cost(limited, made.power_kw) == pytest.approx(best, abs=1e-6)
    rounded = solved(limited, rules, branch=False)
    assert 0.25 * rounded.power_kw[rounded.power_kw > 0].sum() <= 1.5 + 1e-6
    assert rounded.bound - 1e-9 <= best <= cost(limited, rounded.power_kw) + 1e-9


def test_a_store_of_any_power_feeds_what_those_in_whole_steps_leave_of_a_limit() -> None:
    program, rules = feeding(2, limit_kw=40.0)
    rules = replace(rules, step_kw=np.where(np.arange(30) < 10, 0.0, STEP_KW))
    group = np.arange(30) % 5  # in each some of any power and some in whole steps
    free = fed_by_group(program, solved(program, rules, gap=0.01).power_kw, group)
    term = FedEnergyLimits(group, 0.5 * free, ties_trees=False)
    limited = replace(program, terms=(term,))
    made = solved(limited, rules, gap=0.01)
    fed = fed_by_group(limited, made.power_kw, group)
    assert (free > 1.0).all()
    assert (fed <= 0.5 * free + 1e-6).all()
    assert fed.sum() >= 0.9 * 0.5 * free.sum()  # it is worth to use what is allowed


def test_a_fleet_that_feeds_with_few_starts_is_proven_near_to_the_best() -> None:
    program, rules = feeding(0, limit_kw=60.0)
    rules = replace(rules, most_starts=np.full(30, 2))
    made = solved(program, rules, gap=0.01, branch=False)
    assert broken(program, rules, made.power_kw) == []
    paid = cost(program, made.power_kw)
    assert made.bound <= paid <= made.bound + 0.025 * abs(paid)


def fed_by_group(program: Program, power_kw: Any, group: Any) -> Any:
    fed = program.step_h * np.maximum(power_kw, 0.0)
    return np.bincount(group[program.store], fed)


def feeding(seed: int, *, limit_kw: float, stores: int = 30) -> tuple[Program, PowerSteps]:
    """Stores that may feed as well as draw, and so make room for one another."""
    program, rules = stepped(seed, stores=stores, steps=24, limit_kw=limit_kw, v2g=True)
    low, high = np.full(stores, 2.0), np.full(stores, 24.0)
    program = replace(program, energy_low_kwh=low, energy_high_kwh=high)
    off = {"on_before": np.zeros(stores, np.int64), "off_before": np.full(stores, 9)}
    return program, replace(rules, **off, most_starts=np.full(stores, ANY))


@pytest.mark.parametrize("seed", range(4))
def test_no_pass_at_true_costs_makes_a_schedule_dearer(seed: int) -> None:
    """One that feeds carries others above the limit; without it they are far too dear to keep."""
    program, rules = feeding(seed, limit_kw=5.0)
    program = replace(program, energy_end_kwh=program.energy_start_kwh - 5.0)
    found = reference.solve(program)
    assert found.dual is not None
    run = rounding.Rounding(program, rules, found.power_kw, found.dual)
    run.plan_in_turn()
    values = [run.value()]
    for _ in range(3):
        run.improve()
        values.append(run.value())
    assert np.diff(values).max() <= 1e-4  # what breaks a tie may cost


def test_a_store_that_cannot_be_served_keeps_no_pass_from_the_others() -> None:
    """The first one is owed less than the smallest step brings, and may not hold more."""
    program, rules = feeding(0, limit_kw=60.0)
    owed, high, feeds = (
        part.copy()
        for part in (program.energy_end_kwh, program.energy_high_kwh, program.discharge_kw)
    )
    owed[0], high[0], feeds[0] = 10.01, 10.02, 0.0
    program = replace(program, energy_end_kwh=owed, energy_high_kwh=high, discharge_kw=feeds)
    rules = replace(rules, most_feed=np.where(np.arange(30) == 0, 0, rules.most_feed))
    made = solved(program, rules, gap=0.01)
    assert broken(made.program, rules, made.power_kw) == []
    assert made.program is not program
    paid = cost(program, made.power_kw)
    assert made.bound <= paid <= made.bound + 0.03 * abs(made.bound)


def test_an_audit_counts_the_slots_below_the_least_power_of_each_store() -> None:
    program, rules = stepped(0)
    rules = replace(rules, least=np.full(program.stores, 3))
    steps = np.where(program.store == 1, 2, 4) * (program.step % 2)
    found = audit(program, rules, -steps * rules.slot_kw(program))
    below = np.bincount(program.store, (program.store == 1) & (program.step % 2 == 1))
    np.testing.assert_array_equal(found.below_least, below)
    assert not found.keeps_rules
    np.testing.assert_allclose(found.off_step_kw, 0.0, atol=1e-12)
