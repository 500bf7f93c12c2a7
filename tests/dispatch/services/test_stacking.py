"""Energy, regulation and contingency services of a battery, at prices of the Australian market."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from scipy.optimize import linprog

from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch.options import Options
from evergrid.dispatch.services import plan as service_plan
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.dispatch.services.service import Service, calls
from evergrid.engine.highs import mixed_integer
from evergrid.engine.highs.mixed_integer import IntegerResult
from evergrid.engine.program import Program
from evergrid.inputs.sites import of_sessions
from evergrid.model.batteries.battery import Battery, as_sessions
from evergrid.model.charging.charger import Charger
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from tests.dispatch.cases import CASES, Stay, a_portfolio, no_load
from tests.dispatch.cases import by_hand as by_hand_portfolio
from tests.markets.test_pjm_score import DATA, needs_data

ROUND_TRIP = 0.87
STEP_H = 1 / 12
WINDOWS = ("6s", "60s", "5min")


def rows(region: str) -> list[pl.DataFrame]:
    """Unbroken blocks of five-minute prices."""
    frame = pl.read_parquet(DATA.parent / "prices" / "aemo_5min_energy_fcas_2018_2022.parquet")
    frame = frame.filter(pl.col("region") == region).sort("interval_end_nem")
    broken = frame["interval_end_nem"].diff().dt.total_minutes().fill_null(5) != 5
    return frame.with_columns(broken.cum_sum().alias("block")).partition_by("block")


def services(frame: pl.DataFrame, *, regulation: bool, contingency: bool) -> list[Service]:
    """Regulation is held for 5 min, each contingency service for 10; at most 1 MW of each."""
    made = []
    for up, side in ((True, "raise"), (False, "lower")):
        kinds = [("reg", 5, "")] if regulation else []
        kinds += [(window, 10, window) for window in WINDOWS] if contingency else []
        for kind, minutes, window in kinds:
            credit = frame[f"{side}_{kind}_aud_mwh"].to_numpy() / 1000.0
            made.append(
                Service(
                    f"{side} {kind}",
                    credit,
                    up=up,
                    down=not up,
                    hold_h=minutes / 60,
                    at_end=False,
                    most_kw=1000.0,
                    window=window,
                )
            )
    return made


def portfolio(frame: pl.DataFrame) -> Portfolio:
    """1 MW and 2 MWh, half full at both ends; energy is bought and sold at the same price."""
    side = ROUND_TRIP**0.5
    grid = TimeGrid(datetime(2020, 1, 1, tzinfo=UTC), STEP_H, len(frame))
    charger = Charger(1000.0, 1000.0, side, side)
    one = Battery("battery", "site", 2000.0, 1000.0, 1000.0, 0.0, charger, 0.0, 0.0)
    sessions = as_sessions([one], grid)
    price = frame["energy_rrp_aud_mwh"].to_numpy()
    prices = Prices(grid.times, price, price, 0.0 * price, "AUD")
    return assemble(grid, sessions, of_sessions(sessions), no_load(), prices)


def planned(case: Portfolio, sold: list[Service], how: Options) -> ServicePlan:
    return service_plan.plan(case, sold, how, alone=energy_plan.v2g(case, how))


def by_hand(frame: pl.DataFrame, made: list[Service], *, waste: bool) -> float:
    """The least cost by a program of its own, in MW; waste lets it draw and feed at once."""
    n, side = len(frame), ROUND_TRIP**0.5
    names = ["draw", "feed", "energy", *(one.name for one in made)]
    whole = sparse.csr_array(sparse.eye_array(len(names) * n))
    of = {name: whole[k * n : (k + 1) * n] for k, name in enumerate(names)}
    price = STEP_H * frame["energy_rrp_aud_mwh"].to_numpy()
    cost = of["draw"].T @ price - of["feed"].T @ price
    for one in made:
        cost -= of[one.name].T @ (1000.0 * STEP_H * one.credit_per_kw)
    before = sparse.eye_array(n, k=-1, format="csr") @ of["energy"]
    start = np.append(1.0, np.zeros(n - 1))
    balance = of["energy"] - before - side * STEP_H * of["draw"] + STEP_H / side * of["feed"]
    most = [] if waste else [(of["draw"] + of["feed"], np.ones(n))]
    for up, net in ((True, of["feed"] - of["draw"]), (False, of["draw"] - of["feed"])):
        of_side = [one for one in made if one.up == up]
        always = [one for one in of_side if not one.window]
        for last in [[one] for one in of_side if one.window] or [[]]:
            held, energy = net, 0.0 * before
            for one in always + last:
                held = held + of[one.name]
                energy = energy + (1.0 / side if up else side) * one.hold_h * of[one.name]
            most.append((held, np.ones(n)))
            most.append((energy - before, start) if up else (energy + before, 2.0 - start))
    limits = [(0.0, 1.0)] * (2 * n) + [(0.0, 2.0)] * (n - 1) + [(1.0, 2.0)]
    solved = linprog(
        cost,
        A_ub=sparse.vstack([rows for rows, _ in most]),
        b_ub=np.concatenate([right for _, right in most]),
        A_eq=balance,
        b_eq=start,
        bounds=limits + [(0.0, 1.0)] * (len(made) * n),
    )
    assert solved.status == 0
    return float(solved.fun)


STACKS = [
    (True, True, 2779.37, 3747.22),
    pytest.param(False, False, 1366.11, 1495.75, marks=pytest.mark.exhaustive),
    pytest.param(True, False, 2178.75, 2404.63, marks=pytest.mark.exhaustive),
    pytest.param(False, True, 2248.83, 3157.03, marks=pytest.mark.exhaustive),
]


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("regulation", "contingency", "nsw", "sa"), STACKS)
def test_the_program_by_hand_is_the_one_whose_values_were_published(
    regulation: bool, contingency: bool, nsw: float, sa: float
) -> None:
    """Which lets the battery draw and feed at once, to be paid for what it wastes."""
    for region, expected in (("NSW1", nsw), ("SA1", sa)):
        found = [
            by_hand(
                frame,
                services(frame, regulation=regulation, contingency=contingency),
                waste=True,
            )
            for frame in rows(region)
        ]
        assert -sum(found) / 40 == pytest.approx(expected, abs=0.006)


@needs_data
@pytest.mark.parametrize("regulation", [False, True])
@pytest.mark.parametrize(("region", "first"), [("NSW1", 0), ("SA1", 0), ("SA1", 300)])
def test_a_stack_is_worth_what_the_program_by_hand_finds_without_waste(
    region: str, first: int, regulation: bool
) -> None:
    frame = rows(region)[2][first : first + 48]
    sold = services(frame, regulation=regulation, contingency=True)
    found = planned(portfolio(frame), sold, Options(0.0))
    least = by_hand(frame, sold, waste=False)
    assert found.certificate.bound == pytest.approx(least, abs=1e-4)
    assert found.net == pytest.approx(least, rel=0.02)


@needs_data
@pytest.mark.slow
def test_where_branch_and_bound_finds_nothing_closing_directions_still_sells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = rows("SA1")[2][:288]
    made = services(frame, regulation=True, contingency=True)
    sold = [replace(one, most_kw=np.inf) for one in made]  # paid for wasting, in many slots

    def nothing(program: Program, *, gap: float, time_limit_s: float) -> IntegerResult:
        time.sleep(time_limit_s)
        return IntegerResult(Status.TIME_LIMIT, np.zeros(program.slots), -np.inf)

    monkeypatch.setattr(mixed_integer, "solve", nothing)
    found = planned(portfolio(frame), sold, Options(0.0, time_limit_s=12.0))
    assert found.expected_credit > 100.0


def random_services(seed: int, steps: int) -> list[Service]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(4):
        up, down = [(True, True), (True, False), (False, True)][rng.integers(3)]
        made.append(
            Service(
                f"service {number}",
                rng.uniform(0.0, 0.1, steps),
                up=up,
                down=down,
                hold_h=float(rng.choice([0.0, 0.25, 1.0])),
                at_end=bool(rng.integers(2)),
                block_steps=int(rng.choice([1, 2, 4])),
                window=str(rng.choice(["", "first", "then"])),
            )
        )
    return made


@pytest.mark.parametrize("seed", range(6))
def test_no_kw_and_no_kwh_is_sold_twice_and_a_service_more_never_lowers_value(seed: int) -> None:
    case = a_portfolio(seed, CASES["plain"])
    how = Options(energy_plan.end_value_per_kwh(case))
    sold = random_services(seed, case.grid.steps)
    nets = [planned(case, sold[:count], how) for count in range(1, 5)]
    for fewer, more in pairwise(nets):
        assert more.net <= fewer.net + 1e-6
    made = nets[-1]
    base, sessions = made.schedule, case.sessions
    first = np.diff(base.plugged, axis=1, prepend=False) & base.plugged
    began = np.where(
        first, sessions.energy_arrival_kwh[:, None], np.roll(base.energy_kwh, 1, axis=1)
    )
    for together in calls(sold):
        held = [(one, kw) for one, kw, at in zip(sold, made.held_kw, together, strict=True) if at]
        for up, sign, limit in (
            (True, 1.0, sessions.max_discharge_kw),
            (False, -1.0, sessions.max_charge_kw),
        ):
            side = [(one, kw) for one, kw in held if (one.up if up else one.down)]
            called = sign * base.power_kw + sum(kw for _, kw in side)
            assert (called <= np.where(base.plugged, limit[:, None], 0.0) + 1e-6).all()
            net = np.array(sum(kw.sum(axis=0) for _, kw in side)) + sign * base.power_kw.sum(axis=0)
            site = case.export_limit_kw if up else case.import_limit_kw
            assert (net + sign * -case.load_kw.sum(axis=0) <= site[0] + 1e-6).all()
            factor = 1 / sessions.efficiency_discharge if up else sessions.efficiency_charge
            for ends in (False, True):
                energy = base.energy_kwh if ends else began
                needed = sum(one.hold_h * kw for one, kw in side if one.at_end or not ends)
                needed = factor[:, None] * np.asarray(needed)
                floor = np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh)
                room = energy - floor[:, None] if up else sessions.capacity_kwh[:, None] - energy
                assert (needed <= np.where(base.plugged, room, 0.0) + 1e-6).all()


def test_rounded_awards_are_planned_again_and_what_rounding_costs_is_told() -> None:
    case = a_portfolio(3, CASES["plain"])
    how = Options(energy_plan.end_value_per_kwh(case))
    free = Service("reserve", np.full(case.grid.steps, 0.05), down=False, hold_h=1.0)
    whole = replace(free, step_kw=5.0, least_kw=10.0)
    any_size, rounded = (planned(case, [one], how) for one in (free, whole))
    award = rounded.award_kw[0]
    assert (award % 5.0 == 0).all()
    assert award.max() >= 10.0
    assert ((award == 0) | (award >= 10.0)).all()
    assert rounded.held_kw[0].sum(axis=0) == pytest.approx(award, abs=1e-6)
    assert rounded.net > any_size.net
    gap = (rounded.net - any_size.net) / abs(any_size.net)
    assert rounded.certificate.gap == pytest.approx(gap, rel=1e-3)
    assert rounded.status is Status.FEASIBLE


def test_what_calls_feed_costs_wear_and_losses() -> None:
    case = by_hand_portfolio([Stay(0, 4, 50.0, feeds=True, held_kwh=50.0)], [100.0] * 4)
    sessions = replace(
        case.sessions, efficiency_charge=np.array([0.9]), wear_cost_per_kwh=np.array([0.02])
    )
    called = Service("reserve", np.full(4, 0.05), down=False, hold_h=1.0, fed_share=0.1)
    made = planned(replace(case, sessions=sessions), [called], Options(0.1))
    cost = 0.02 + (1 / 0.9 - 1) * 0.1
    assert made.held_kw[0, 0] == pytest.approx(np.full(4, 10.0))
    assert made.call_costs == pytest.approx([0.1 * cost * 10.0 * 4])
    assert made.certificate.objective == pytest.approx(made.net)


@pytest.mark.parametrize("seed", range(4))
def test_a_service_more_never_lowers_value_where_markets_round(seed: int) -> None:
    case = a_portfolio(seed, CASES["plain"])
    how = Options(energy_plan.end_value_per_kwh(case))
    alone = energy_plan.v2g(case, how)
    rough = [replace(one, step_kw=17.0, least_kw=17.0) for one in random_services(seed, 48)]
    made, net = None, alone.costs.net
    for count in range(1, len(rough) + 1):
        made = service_plan.plan(case, rough[:count], how, alone=alone, fewer=made)
        assert made.net <= net + 1e-9
        assert len(made.award_kw) == len(made.held_kw) == count
        net = made.net
        assert made.certificate.bound <= net + 1e-9
