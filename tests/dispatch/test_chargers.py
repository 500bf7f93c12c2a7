"""Plans in whole amperes, held against the chargers by plain loops over the schedule."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.dispatch import forecast, plan, rolling
from evergrid.dispatch.equipment import chargers
from evergrid.model.charging.chargers import Chargers
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, plugged_share
from tests.dispatch.charger_cases import a_workplace, text, v2g

RULES = {"least_on_min": 45.0, "least_off_min": 30.0, "most_starts": 2}


def options(**given: Any) -> plan.Options:
    return plan.Options(end_value_per_kwh=0.05, **given)


def broken(portfolio: Portfolio, done: Schedule) -> list[str]:
    """Every rule of a charger that a schedule breaks."""
    found, of, sessions = [], portfolio.chargers, portfolio.sessions
    assert of is not None
    share = plugged_share(sessions, portfolio.grid)
    for i, name in enumerate(sessions.charger_id):
        c = int(np.nonzero(of.charger_id == name)[0][0])
        phase_kw = sessions.phases[i] * of.voltage_v[c] / 1000
        runs: list[list[float]] = []  # on or off, minutes
        starts = 0
        for t in np.nonzero(done.plugged[i])[0]:
            ampere = abs(done.power_kw[i, t]) / (phase_kw * share[i, t])
            on = ampere > 1e-6
            if on and (ampere < of.least_a[c] - 1e-6 or ampere > of.most_a[c] + 1e-6):
                found.append(f"{name} at {t}: {ampere} A")
            if on and abs(ampere / of.step_a[c] - round(ampere / of.step_a[c])) > 1e-6:
                found.append(f"{name} at {t}: {ampere} A is not whole")
            if not runs or runs[-1][0] != on:
                starts += on
                runs.append([on, 0.0])
            runs[-1][1] += 15.0
        for n, (on, minutes) in enumerate(runs[:-1]):
            if minutes < (of.least_on_min[c] if on else of.least_off_min[c]) and (on or n > 0):
                found.append(f"{name}: {'on' if on else 'off'} for {minutes} min")
        if starts > of.most_starts[c]:
            found.append(f"{name}: {starts} starts")
    return found


@pytest.mark.parametrize(
    ("seed", "feeds"),
    [
        *((seed, False) for seed in range(3)),
        (2, True),
        *(pytest.param(seed, True, marks=pytest.mark.exhaustive) for seed in range(2)),
    ],
)
def test_a_plan_keeps_every_rule_of_its_chargers_and_tells_its_gap(seed: int, feeds: bool) -> None:
    portfolio = a_workplace(seed, rules=RULES, import_limit_kw=25.0)
    portfolio = v2g(portfolio) if feeds else portfolio
    made = plan.v2g(portfolio, options(branch=False))
    assert broken(portfolio, made.schedule) == []
    assert not made.shortfalls
    assert made.assessment.limits_kw < 1e-6
    assert made.certificate.bound <= made.costs.net + 1e-9
    assert (made.status is Status.OPTIMAL) == (made.certificate.gap <= 1e-6)
    assert made.any_power_cost is not None
    free = plan.v2g(chargers_left_out(portfolio), options())
    assert made.any_power_cost == pytest.approx(free.costs.net, abs=1e-6)
    assert made.costs.net >= free.costs.net - 1e-9


def chargers_left_out(portfolio: Portfolio) -> Portfolio:
    return replace(portfolio, chargers=None)


def test_use_counts_what_the_loops_count() -> None:
    portfolio = a_workplace(1, rules={"most_starts": 3})
    any_power = plan.v2g(chargers_left_out(portfolio), options(smooth=False)).schedule
    rng = np.random.default_rng(0)
    flutter = replace(
        any_power, power_kw=np.where(any_power.plugged, -rng.choice([0, 0.5, 3], (6, 24)), 0.0)
    )
    use = chargers.ChargerUse(portfolio, flutter)
    told = broken(portfolio, flutter)
    assert use.below_least + int((np.abs(use.current_a) > 32).sum()) <= len(told)
    low = [line for line in told if " A" in line and "whole" not in line]
    above = np.abs(use.current_a) > portfolio.chargers.most_a[:, None] + 1e-6  # type: ignore[union-attr]
    assert use.below_least == len(low) - int(above.sum())
    assert use.beyond_starts == sum("starts" in line for line in told)
    assert use.off_step_a > 0.1
    now = (flutter.power_kw != 0).astype(int)
    assert use.starts.tolist() == (np.diff(now, axis=1, prepend=0) > 0).sum(axis=1).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_rolling_plans_keep_the_rules_across_their_boundaries(seed: int) -> None:
    portfolio = a_workplace(seed, rules=RULES)
    view = forecast.Perfect(portfolio.prices)
    run = rolling.simulate(portfolio, view, options(), window=12, every=1)
    assert broken(portfolio, run.schedule) == []
    assert run.replans == 24


def test_what_was_done_before_carries_over() -> None:
    power = np.array([[-2.0, -2.0, 0.0], [0.0, 0.0, 0.0], [0.0, -3.0, -3.0]])
    after = chargers.nothing_before(3).after(power)
    assert after.on.tolist() == [0, 0, 2]
    assert after.off[0] == 1
    assert after.off[1] > 1000
    assert after.starts.tolist() == [1, 0, 1]
    further = after.after(np.array([[0.0], [-1.0], [-1.0]]))
    assert further.on.tolist() == [0, 1, 3]
    assert further.starts.tolist() == [1, 1, 1]


def test_what_whole_amperes_cannot_serve_is_named() -> None:
    # The car takes .95 kWh, a step of 6 A gives .96; a run may end early only as the stay ends.
    portfolio = a_workplace(0, cars=1, rules={"least_on_min": 360.0})
    almost = {"capacity_kwh": np.array([20.95]), "energy_departure_kwh": np.array([20.9])}
    full = replace(portfolio.sessions, **almost)
    made = plan.v2g(replace(portfolio, sessions=full), options())
    (short,) = made.shortfalls
    assert "runs of its charger" in short.limit
    assert short.shortfall_kwh == pytest.approx(0.9, abs=1e-6)
    # Nothing can be drawn, so it is held against a plan of any power that draws as little.
    assert made.any_power_cost == pytest.approx(made.costs.net, abs=1e-4)
    assert made.status is Status.FEASIBLE


def test_two_sessions_at_one_charger_at_a_time_are_refused_by_name() -> None:
    portfolio = a_workplace(0)
    same = replace(portfolio.sessions, charger_id=np.full(6, "c0", dtype=object))
    with pytest.raises(InputError, match=r"one session at a time.*s[0-9] and s[0-9]"):
        replace(portfolio, sessions=same)


def test_a_charger_that_its_site_cannot_carry_is_refused_by_both_names() -> None:
    of_each = r"least of each charger, 4.14 kW, got 4 for office.*the site: c0, c2, c4\.$"
    with pytest.raises(InputError, match=of_each):
        a_workplace(0, import_limit_kw=4.0)
    of_all = r"1 fault found\n.*phase_limit_a must allow the least of each charger, 6 A.*and 3 more"
    with pytest.raises(InputError, match=of_all):
        a_workplace(0, phase_limit_a=5.0)


# -- plans without chargers -------------------------------------------------------------------


def a_home(rolling_steps: int = 48) -> Portfolio:
    """Two cars at home at a flat price: all of the night costs the same."""
    portfolio = chargers_left_out(a_workplace(4, cars=2, steps=rolling_steps))
    flat = replace(
        portfolio.prices,
        import_price_per_mwh=np.full(rolling_steps, 250.0),
        export_price_per_mwh=np.full(rolling_steps, 250.0),
    )
    return replace(portfolio, prices=flat)


def flutter(done: Schedule, least_kw: Any) -> tuple[int, int]:
    """Starts, and slots on below the least power."""
    on = done.power_kw < -1e-6
    starts = (np.diff(on.astype(int), axis=1, prepend=0) > 0).sum()
    low = on & (done.power_kw > -least_kw[:, None] * (1 - 1e-9))
    return int(starts), int(low.sum())


def test_a_flat_price_makes_no_charger_flutter() -> None:
    portfolio = a_home()
    least = np.array([4.14, 1.38])
    plain = plan.v2g(portfolio, options(smooth=False))
    made = plan.v2g(portfolio, options())
    assert flutter(made.schedule, least) == (2, 0)
    assert made.costs.net == pytest.approx(plain.costs.net, abs=1e-9)
    assert made.status is Status.OPTIMAL


def test_a_rolling_plan_at_a_flat_price_starts_each_car_once() -> None:
    portfolio = a_home()
    view = forecast.Perfect(portfolio.prices)
    run = rolling.simulate(portfolio, view, options(), window=16, every=2)
    starts, low = flutter(run.schedule, np.array([4.14, 1.38]))
    assert starts <= 3
    assert low <= 1


def test_usual_least_power_is_that_of_six_amperes_by_rating() -> None:
    portfolio = chargers_left_out(a_workplace(0, cars=4))
    rated = replace(portfolio.sessions, max_charge_kw=np.array([3.7, 7.4, 11.0, 50.0]))
    least = chargers.usual_least_kw(replace(portfolio, sessions=rated), 5)
    assert least.tolist() == pytest.approx([1.38, 1.38, 4.14, 0.0, 0.0])


def test_phases_of_a_charger_are_those_that_a_session_uses() -> None:
    portfolio = a_workplace(0, cars=4)
    assert chargers.phase_share(portfolio).tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 1], [0, 1, 0]]
    assert isinstance(portfolio.chargers, Chargers)
    assert text(["L1"]).dtype == object
