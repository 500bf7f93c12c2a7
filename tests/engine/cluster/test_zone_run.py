"""Zones come to what the undivided program comes to, also when their workers are lost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.plan.families import home, mixed_tree
from evergrid.core.errors import WorkerError
from evergrid.core.status import Status
from evergrid.engine import reference
from evergrid.engine.certificate import certify
from evergrid.engine.cluster import zone_cut, zone_run
from evergrid.engine.cluster.zone_protocol import MOST_REPLACED, Traffic
from evergrid.engine.cluster.zone_run import AbstractHost, LocalHost, LocalWorkers
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.program import Program
from tests.engine.cases import Kind, random_program
from tests.engine.cluster.test_zone_cut import tree, with_a_tree_apart

KINDS = [
    Kind(stores=30, steps=24, step_h=0.5),
    Kind(stores=40, steps=24, tight=False, spread=0.02),
    Kind(stores=30, metered=True),
    Kind(stores=30, peaks=True),
    Kind(stores=30, steps=24, step_h=0.25, metered=True, peaks=True, spread=0.01),
    Kind(stores=30, budgets=True, curved=True),
    Kind(stores=30, tight=False, metered=True, peaks=True, budgets=True),
]


class FailingWorkers(LocalWorkers):
    """Zones of which one is lost at each of these messages, counted over its life."""

    def __init__(self, settings: Any, zone: int, at: list[int]) -> None:
        super().__init__(settings)
        self.failing, self.at, self.heard = zone, list(at), 0

    def receive(self, zone: int) -> Any:
        if zone == self.failing:
            self.heard += 1
            if self.at and self.heard >= self.at[0]:
                self.at.pop(0)
                self.zones.pop(zone, None)
                raise WorkerError(f"zone {zone} is lost")
        return super().receive(zone)


class FailingHost:
    """A host whose workers for one zone are lost."""

    def __init__(self, zone: int, at: list[int]) -> None:
        self.zone, self.at = zone, at

    def reserve(self, count: int) -> int:
        return count

    def workers(self, settings: Any) -> FailingWorkers:
        return FailingWorkers(settings, self.zone, self.at)

    def each(self, programs: Any, gap: float, deadline: float) -> list[Iterate]:
        return LocalHost().each(programs, gap, deadline)

    def close(self) -> None:
        pass


def whole(program: Program, gap: float = 1e-6) -> Iterate:
    return interior_point.minimise(program, gap=gap, deadline=np.inf)


def zoned(
    program: Program, count: int, gap: float = 1e-6, host: AbstractHost | None = None
) -> tuple[Iterate, list[Traffic]]:
    """By zones, and what passed."""
    traffic: list[Traffic] = []
    made = zone_run.minimise(
        program,
        host=host or LocalHost(),
        zones=count,
        gap=gap,
        deadline=1e12,
        account=traffic.append,
    )
    return made, traffic


def same(program: Program, one: Iterate, other: Iterate) -> None:
    """To rounding."""
    np.testing.assert_array_equal(one.solved, other.solved)
    assert abs(one.iterations - other.iterations) <= 1
    mine, yours = (certify(program, item.power_kw, item.dual) for item in (one, other))
    scale = 1 + abs(yours.objective)
    assert mine.objective == pytest.approx(yours.objective, abs=1e-7 * scale)
    assert mine.bound == pytest.approx(yours.bound, abs=1e-6 * scale)
    assert max(mine.power_kw, mine.energy_kwh, mine.node_kw) <= 1e-6


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("seeds", [2, pytest.param(6, marks=pytest.mark.exhaustive)])
def test_zones_agree_with_the_undivided_program(kind: Kind, count: int, seeds: int):
    for seed in range(seeds):
        program = random_program(seed, kind)
        undivided = whole(program)
        made, traffic = zoned(program, count)
        assert traffic
        if undivided.solved.all():
            same(program, made, undivided)
        else:
            assert not made.solved.any()


@pytest.mark.parametrize("count", [2, 3])
def test_zones_of_a_fleet_agree_with_it_undivided(count: int):
    program = mixed_tree(600, seed=1)
    made, _ = zoned(program, count)
    undivided = whole(program)
    same(program, made, undivided)
    np.testing.assert_allclose(made.power_kw, undivided.power_kw, atol=1e-4)
    np.testing.assert_allclose(made.dual.power_price, undivided.dual.power_price, atol=1e-6)
    assert certify(program, made.power_kw, made.dual).gap <= 1e-6


@pytest.mark.parametrize("count", [2, 4])
def test_five_levels_are_cut_anywhere(count: int):
    program = deep(levels=5, stores=100)
    made, traffic = zoned(program, count)
    assert traffic
    same(program, made, whole(program))


@given(seed=st.integers(0, 10_000), nodes=st.integers(1, 12), count=st.integers(2, 5))
@settings(max_examples=15)
def test_the_bound_never_exceeds_the_optimum_even_if_stopped_early(
    seed: int, nodes: int, count: int
):
    program = tree(seed, nodes=nodes, stores=30)
    exact = reference.solve(program)
    assume(exact.status is not Status.INFEASIBLE)
    assert exact.certificate is not None
    made, _ = zoned(program, count, gap=0.5)
    best = exact.certificate.objective
    assert certify(program, made.power_kw, made.dual).bound <= best + 1e-9 * (1 + abs(best))


def test_order_of_zones_changes_nothing():
    program = mixed_tree(600, seed=2)
    made = zone_cut.cut(program, 3)
    turned = replace(made, zones=made.zones[::-1], above=made.above[::-1])
    one, other = (
        zone_run.by_zones(program, item, host=LocalHost(), gap=1e-6, deadline=np.inf)
        for item in (made, turned)
    )
    same(program, one, other)
    np.testing.assert_allclose(one.power_kw, other.power_kw, atol=1e-5)


@pytest.mark.parametrize("at", [[1], [2], [3, 40], [60, 61, 62], [10**6]])
def test_a_lost_zone_is_replaced_and_the_result_is_the_same(at: list[int]):
    program = mixed_tree(600, seed=1)
    unharmed, _ = zoned(program, 2)
    made, [traffic] = zoned(program, 2, host=FailingHost(1, at))
    assert traffic.replaced == (len(at) if at != [10**6] else 0)
    np.testing.assert_array_equal(made.power_kw, unharmed.power_kw)
    np.testing.assert_array_equal(made.dual.power_price, unharmed.dual.power_price)
    assert made.iterations == unharmed.iterations


def test_a_zone_lost_while_its_schedule_is_read_is_replaced():
    program = mixed_tree(600, seed=1)
    unharmed, [traffic] = zoned(program, 2)
    each = traffic.messages // 2
    made, _ = zoned(program, 2, host=FailingHost(0, [each + 1]))
    np.testing.assert_array_equal(made.power_kw, unharmed.power_kw)


def test_a_zone_that_is_lost_again_and_again_is_given_up():
    program = mixed_tree(600, seed=1)
    host = FailingHost(0, list(range(20, 21 + MOST_REPLACED)))
    with pytest.raises(WorkerError, match="zone 0"):
        zoned(program, 2, host=host)


def test_trees_that_share_nothing_are_dealt_out_whole():
    program = home(200, seed=1)
    made, traffic = zoned(program, 2)
    assert not traffic
    same(program, made, whole(program))


class CountingHost:
    """A host that keeps account of the workers it holds, and has fewer than are wanted."""

    def __init__(self, has: int) -> None:
        self.has, self.held, self.local = has, 0, LocalHost()
        self.made: list[int] = []

    def reserve(self, count: int) -> int:
        self.held = min(count, self.has)
        return self.held

    def workers(self, settings: Any) -> LocalWorkers:
        self.made.append(len(settings))
        assert len(settings) <= self.held
        return self.local.workers(settings)

    def each(self, programs: Any, gap: float, deadline: float) -> list[Iterate]:
        assert self.held == 0
        return self.local.each(programs, gap, deadline)

    def close(self) -> None:
        self.held = 0


@pytest.mark.parametrize(("has", "zones"), [(9, [3]), (2, [2]), (1, [])])
def test_zones_are_as_many_as_workers_and_end_before_other_trees_begin(has: int, zones: list[int]):
    program = with_a_tree_apart(mixed_tree(300, seed=1))
    host = CountingHost(has)
    made, _ = zoned(program, 3, host=host)
    assert host.made == zones
    assert host.held == 0
    assert made.solved.all()
    assert certify(program, made.power_kw, made.dual).gap <= 1e-6


def test_only_matrices_vectors_and_sums_cross():
    program = mixed_tree(600, seed=1)
    made, [traffic] = zoned(program, 2)
    steps, zones, per_zone = program.steps, 2, 6
    calls = zones * (1 + per_zone * made.iterations)
    assert traffic.messages == calls
    report = 8 * zones * made.iterations * (3 * steps + 6)
    heard = 8 * zones * made.iterations * (steps**2 + 4 * steps + 2 * 6 + 5)
    assert traffic.sent_bytes == report
    assert traffic.heard_bytes == heard + 8 * zones * (1 + steps)


def test_a_deadline_that_has_passed_ends_it_at_once():
    program = mixed_tree(600, seed=1)
    made = zone_run.minimise(program, host=LocalHost(), zones=2, gap=1e-6, deadline=0.0)
    assert made.iterations == 0
    assert not made.solved.any()


def deep(*, levels: int, stores: int) -> Program:
    """A chain of nodes with stores on every level and limits that tighten upwards."""
    base = random_program(4, Kind(stores=stores, steps=24, step_h=0.5, tight=False))
    below = stores * (levels - np.arange(levels)) / levels
    wide = np.repeat((below * np.linspace(2.2, 1.2, levels))[:, None], base.steps, axis=1)
    nothing = np.zeros((levels, base.steps))
    return replace(
        base,
        energy_end_kwh=np.minimum(base.energy_end_kwh, base.energy_start_kwh + 1.0),
        node=np.arange(stores) % levels,
        parent=np.arange(levels) - 1,
        net_low_kw=-wide,
        net_high_kw=wide,
        load_kw=nothing,
        surcharge_per_kwh=nothing,
        peak_price_per_kw=np.zeros(levels),
        peak_before_kw=np.zeros(levels),
    )
