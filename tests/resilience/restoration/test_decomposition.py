"""Branch and price: patterns against enumeration, bounds against another solver."""

import itertools

import numpy as np
import pytest

from evergrid.core.status import Status
from evergrid.engine.highs.sparse_program import solve
from evergrid.model.microgrid import DieselSet, Microgrid
from evergrid.resilience.restoration.decomposition.limits import pattern_limits
from evergrid.resilience.restoration.decomposition.mixture import PatternMixer, kind_of, last_steps
from evergrid.resilience.restoration.decomposition.pricing import (
    KINDS,
    NEVER,
    PatternBlocks,
    PatternPrices,
    PatternScope,
    cheapest,
)
from evergrid.resilience.restoration.decomposition.search import search
from evergrid.resilience.restoration.dispatch import dispatch
from evergrid.resilience.restoration.limits import block_load, violations
from evergrid.resilience.restoration.plan import plan
from evergrid.resilience.restoration.program import all_open, build, own_columns
from evergrid.resilience.restoration.rule import RestorationRule, none_fail
from evergrid.resilience.restoration.schedule import cost_kwh
from evergrid.resilience.restoration.steps import step_tables
from tests.everyday import first
from tests.resilience.restoration.cases import block, bus, site

STEPS = 7


def nobody(wanted: np.ndarray) -> None:
    """No plan is followed: the search finds those that the sources carry by itself."""


def priced(blocks: PatternBlocks, prices: PatternPrices, pattern: np.ndarray) -> float:
    """Cost of a pattern of the one block, step by step; infinite where a limit breaks."""
    cost, age = 0.0, -1
    for step, on in enumerate(pattern):
        if not on:
            cost += prices.open[0, step] if age >= 0 else 0.0
            age = -1
            continue
        age += 1
        load = blocks.power_kw[0] * (1 + blocks.cold_mean[0, age])
        first = blocks.power_kw[0] * (1 + blocks.cold_first[0, age])
        if age == 0:
            cost += prices.close[0, step]
            if first > blocks.pickup_kw[step]:
                return np.inf
        if load > blocks.load_kw[step] or first > blocks.first_kw[0, step]:
            return np.inf
        cost += prices.stay[0, step] + load * prices.load[step] + first * prices.first[0, step]
    return cost


@pytest.mark.parametrize("seed", first(5, range(20)))
def test_the_cheapest_pattern_of_each_kind_is_that_of_all_patterns(seed: int):
    random = np.random.default_rng(seed)
    cold = 0.8 * np.exp(-np.arange(STEPS) / 2.0)[None]
    limit = random.choice([np.inf, 15.0], STEPS, p=[0.85, 0.15])
    blocks = PatternBlocks(
        np.array([10.0]), 0.8 * cold, cold, limit, limit[::-1][None], limit, trips=seed % 4 > 0
    )
    stay = random.normal(-12.0, 8.0, (1, STEPS))
    close, opens = random.uniform(0.0, 3.0, (2, 1, STEPS))
    load, first = random.uniform(0.0, 0.5, (2, STEPS))
    prices = PatternPrices(stay, close, opens, load, first[None])
    least = np.array([random.integers(0, 3)])
    must = random.choice([-1, 0, 1], (1, STEPS), p=[0.1, 0.8, 0.1])
    scope = PatternScope(least, least + 3, must)
    best = np.full(KINDS, np.inf)
    for flags in itertools.product([False, True], repeat=STEPS):
        pattern = np.array(flags)
        breaks = (pattern & (must[0] < 0)).any() or (~pattern & (must[0] > 0)).any()
        kind, number = kind_of(pattern), last_steps(pattern)
        opened = (pattern[:-1] & ~pattern[1:]).any()
        outside = kind != NEVER and not least[0] <= number <= least[0] + 3
        if not (breaks or outside or (opened and not blocks.trips)):
            best[kind] = min(best[kind], priced(blocks, prices, pattern))
    found = cheapest(blocks, prices, scope)
    assert found.cost[0] == pytest.approx(best)
    for kind in np.flatnonzero(np.isfinite(best)):
        assert kind_of(found.closed[0, kind]) == kind
        assert priced(blocks, prices, found.closed[0, kind]) == pytest.approx(best[kind])


@pytest.mark.parametrize("seed", first(3, range(6)))
def test_the_bound_and_the_plan_meet_where_another_solver_finds_the_least(seed: int):
    random = np.random.default_rng(seed)
    loads = tuple(
        block(
            f"{k}",
            float(random.uniform(15.0, 60.0)),
            weight=float(random.uniform(1.0, 10.0)),
            parent=f"{k - 1}" if k == 2 else "",
            cold_load_factor=float(random.uniform(1.0, 2.5)),
        )
        for k in range(4)
    )
    units = tuple(
        bus(f"{b}", float(random.uniform(20.0, 60.0)), arrival_h=float(b and random.uniform(0, 1)))
        for b in range(3)
    )
    rule = RestorationRule(pickup_share=0.7, planned_trips=seed % 3 > 0)
    table = step_tables(site(*loads, batteries=units), 3.0, 0.25, none_fail(3, 0))
    start = all_open(4, table.steps)._replace(lasting=np.exp(-np.arange(table.steps) / 12.0))
    share = np.full(table.steps, 0.7)
    limits = pattern_limits(table, rule, share, start.lasting)
    nothing = np.zeros((4, table.steps), bool)
    found = search(PatternMixer(limits), nothing, nobody, gap=1e-7, time_limit_s=60.0)
    program, _ = build(table, rule, share, start, own_columns(table))
    other = solve(program, gap=1e-7)
    assert other.cost == pytest.approx(found.cost, rel=1e-6)
    assert found.bound <= other.cost * (1 + 1e-6)
    assert found.cost - found.bound <= 1e-6 * found.cost
    mixer = PatternMixer(limits)
    assert mixer.runs(found.closed) is not None
    assert mixer.cost(found.closed) == pytest.approx(found.cost, rel=1e-12)


def test_a_plan_to_begin_with_that_breaks_limits_is_left_out():
    given = site(block("ward", 60.0), batteries=(bus("a", 30.0),))
    table = step_tables(given, 2.0, 0.25, none_fail(1, 0))
    limits = pattern_limits(table, RestorationRule(pickup_share=1.0), np.ones(8), np.ones(8))
    found = search(PatternMixer(limits), np.ones((1, 8), bool), nobody, gap=1e-9, time_limit_s=10.0)
    assert found.closed.sum() == 2
    assert found.cost == found.bound == pytest.approx(90.0)


def several_sources(random: np.random.Generator, kind: str) -> Microgrid:
    """Vehicles that may charge, with sun, a battery of the site, or a set with little fuel."""
    loads = tuple(
        block(
            f"{k}",
            float(random.uniform(15.0, 50.0)),
            weight=float(random.uniform(1.0, 10.0)),
            parent=f"{k - 1}" if k == 2 else "",
            cold_load_factor=float(random.uniform(1.0, 2.0)),
        )
        for k in range(3)
    )
    given = {"efficiency_charge": 0.9, "efficiency_discharge": 0.9, "grid_forming": kind != "head"}
    units = tuple(
        bus(
            f"{b}",
            float(random.uniform(5.0, 30.0)),
            float(random.uniform(30.0, 60.0)),
            arrival_h=float(b and random.uniform(0, 1)),
            departure_h=float(random.choice([np.inf, 2.0])),
            capacity_kwh=40.0,
            black_start=kind != "head",
            **given,
        )
        for b in range(2)
    )
    sun = np.array([40.0, 60.0, 0.0]) if kind in ("sun", "all") else None
    fuel = float(random.uniform(25.0, 50.0))
    sets = (DieselSet("set", 45.0, fuel),) if kind in ("set", "all", "head") else ()
    return site(*loads, batteries=units, diesel_sets=sets, solar_kw=sun, solar_step_h=1.0)


@pytest.mark.parametrize(
    ("kind", "seed"),
    [("sun", 0), ("sun", 1), ("set", 0), ("all", 0), ("head", 0), ("head", 1)],
)
def test_with_other_sources_the_plan_is_the_least_of_the_program(kind: str, seed: int):
    """With "head", only the set forms the grid; seed 1 carries the load without the largest."""
    given = several_sources(np.random.default_rng(seed), kind)
    rule = RestorationRule(pickup_share=0.7, reserve_for_largest=seed == 1)
    found = plan(given, rule, 2.0, 0.25)
    none = none_fail(len(given.batteries), len(given.diesel_sets))
    table = step_tables(given, 2.0, 0.25, none)
    start, share = all_open(3, table.steps), np.full(table.steps, 0.7)
    each = np.ones(len(given.batteries), bool)
    program, _ = build(table, rule, share, start, each)
    least = solve(program, gap=1e-6)
    assert found.bound_kwh <= least.cost * (1 + 1e-6)
    assert cost_kwh(given, found) >= least.cost * (1 - 1e-6)
    assert found.status is Status.OPTIMAL
    assert violations(given, found) == ()


@pytest.mark.parametrize("seed", range(5))
def test_what_sources_cannot_feed_is_cut_off_and_nothing_that_they_can(seed: int):
    random = np.random.default_rng(seed)
    given = several_sources(random, "all")
    table = step_tables(given, 3.0, 0.25, none_fail(2, 1))
    start = all_open(3, table.steps)
    none = np.zeros((0, table.steps), bool)
    plans = [random.random((4, table.steps)) < share for share in (0.2, 0.5, 0.9)]
    fed = []
    for drawn in plans:
        closed, runs = drawn[:3], np.zeros((1, table.steps), bool)
        runs[0, :2] = drawn[3, :2]  # which takes no more than there is in the tank
        load_kw = block_load(table, closed)[0].sum(axis=0)
        fed.append((load_kw, runs, dispatch(table, closed, runs, start, none)))
    cuts = [one.supply for _, _, one in fed if one.supply is not None]
    assert cuts
    for cut in cuts:
        for load_kw, runs, one in fed:
            over = float(cut.load @ load_kw + (cut.runs * runs).sum() - cut.most)
            assert over <= one.missing_kwh + 1e-6
    for load_kw, runs, one in fed:
        if one.supply is not None:
            over = one.supply.load @ load_kw + (one.supply.runs * runs).sum() - one.supply.most
            assert over > 0.9 * one.missing_kwh
