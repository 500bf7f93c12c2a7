from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.core.errors import InfeasibleError, InputError
from evergrid.core.status import Status
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.schedule import UnitSchedule, schedule_units
from evergrid.impact.merit_order import constant_storage, dispatch, price_making, supply_stack
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad
from tests.dispatch.generation.cases import system
from tests.impact.merit_order.cases import fleet_of


def three_units(**more: Any) -> GeneratorFleet:
    """A large cheap one with a high minimum, a middle one, a small dear one."""
    values: dict[str, Any] = {
        "minimum_mw": np.array([60.0, 20.0, 0.0]),
        "start_cost": np.array([900.0, 200.0, 15.0]),
    } | more
    return fleet_of([60, 40, 20, 30, 40], [22, 15, 30, 26, 60], unit=[0, 0, 1, 1, 2], **values)


def test_without_ties_between_steps_it_is_the_merit_order():
    fleet, load = three_units(), system([30.0, 90.0, 140.0, 185.0], [0.0, 100.0, 0.0, 0.0])
    found = schedule_units(GenerationProblem(fleet, load))
    order = dispatch(supply_stack(fleet), load.net_load_mw)
    assert found.status is Status.OPTIMAL
    assert found.cost == pytest.approx(order.cost, rel=1e-12)
    assert found.curtailed_mw == pytest.approx(order.curtailed_mw)
    assert (found.price_per_mwh >= order.low_price_per_mwh - 1e-9).all()
    assert (found.price_per_mwh <= order.high_price_per_mwh + 1e-9).all()


def test_a_store_beside_the_units_does_as_price_making_does():
    fleet, load = three_units(), system([30.0, 90.0, 140.0, 185.0])
    store = constant_storage(4, power_mw=15.0, energy_mwh=30.0, efficiency_charge=0.9)
    found = schedule_units(GenerationProblem(fleet, load, storage=(store,)))
    alone = price_making(supply_stack(fleet), load.net_load_mw, store)
    assert found.cost == pytest.approx(alone.cost, rel=1e-12)


def enumerated(fleet: GeneratorFleet, load: SystemLoad, before: tuple[bool, ...] | None) -> float:
    """Least cost over every way in which three units can run; no ramps, no least times."""
    first = fleet.first_segment
    width, price = fleet.segment_mw, fleet.cost_per_mwh
    minimum = fleet.minimum_mw > 0
    ways = list(product((False, True), repeat=3))

    def hour(way: tuple[bool, ...], net: float, free: float) -> float:
        cost, rest, steps = 0.0, net, []
        for unit, runs in enumerate(way):
            for segment in np.flatnonzero(fleet.segment_unit == unit):
                if runs and segment == first[unit] and minimum[unit]:
                    cost += price[segment] * width[segment]
                    rest -= width[segment]
                elif runs:
                    steps.append((price[segment], width[segment]))
        if rest < -free - 1e-9:
            return np.inf
        rest = max(rest, 0.0)
        for each, most in sorted(steps):
            cost += each * min(rest, most)
            rest -= min(rest, most)
        return cost if rest < 1e-9 else np.inf

    def starts(way: tuple[bool, ...], was: tuple[bool, ...]) -> float:
        return sum(
            cost
            for cost, now, then in zip(fleet.start_cost, way, was, strict=True)
            if now and not then
        )

    free = load.available_mw.sum(axis=0)
    best = {way: starts(way, before) if before is not None else 0.0 for way in ways}
    for t, net in enumerate(load.net_load_mw):
        here = {way: best[way] + hour(way, net, free[t]) for way in ways}
        if t + 1 == len(free):
            return min(here.values())
        best = {way: min(here[was] + starts(way, was) for was in ways) for way in ways}
    raise AssertionError


@pytest.mark.parametrize("seed", range(12))
def test_whole_commitment_costs_the_least_of_all_ways_to_run(seed: int):
    rng = np.random.default_rng(seed)
    fleet = three_units(start_cost=rng.uniform(0, 900, 3))
    load = system(rng.uniform(20, 180, 6).tolist(), (rng.uniform(0, 40, 6) * (seed % 2)).tolist())
    before = (True, False, False) if seed % 3 else None
    given = None if before is None else np.array(before)
    problem = GenerationProblem(fleet, load, commitment="whole", on_before=given)
    found = schedule_units(problem)
    assert found.status is Status.OPTIMAL
    assert found.cost == pytest.approx(enumerated(fleet, load, before), rel=1e-9)
    relaxed = schedule_units(GenerationProblem(fleet, load, commitment="relaxed", on_before=given))
    hull = dispatch(supply_stack(fleet), load.net_load_mw)
    assert hull.cost <= relaxed.cost + 1e-6 <= found.cost + 2e-6


def kept(fleet: GeneratorFleet, found: UnitSchedule) -> None:
    """Every limit of a unit, from its output and running alone."""
    change = np.diff(found.output_mw, axis=1)
    both = found.on[:, 1:] & found.on[:, :-1]
    assert (np.abs(change) <= fleet.ramp_mw_per_h[:, None] + 1e-6)[both].all()
    assert (found.output_mw >= fleet.minimum_mw[:, None] * found.on - 1e-6).all()
    assert (found.output_mw <= fleet.capacity_mw[:, None] * found.on + 1e-6).all()
    for unit in range(len(fleet)):
        runs = run_lengths(found.on[unit])
        for value, length, inside in runs:
            least = fleet.min_up_h[unit] if value else fleet.min_down_h[unit]
            assert not inside or length >= least


def run_lengths(flags: Array) -> list[tuple[bool, int, bool]]:
    """Value and length of each run, and whether both of its ends are seen."""
    edges = np.flatnonzero(np.diff(flags.astype(int))) + 1
    bounds = [0, *edges, len(flags)]
    return [(bool(flags[a]), int(b - a), a > 0 and b < len(flags)) for a, b in pairwise(bounds)]


@pytest.mark.parametrize("seed", range(8))
def test_ramps_and_least_times_are_kept(seed: int):
    rng = np.random.default_rng(seed)
    fleet = three_units(
        ramp_mw_per_h=np.array([12.0, 10.0, 40.0]),
        min_up_h=np.array([4.0, 3.0, 1.0]),
        min_down_h=np.array([3.0, 2.0, 1.0]),
    )
    load = system(rng.uniform(20, 180, 12).tolist())
    problem = GenerationProblem(fleet, load, commitment="whole", voll_per_mwh=1000.0)
    found = schedule_units(problem)
    assert found.status is Status.OPTIMAL
    kept(fleet, found)
    met = found.output_mw.sum(axis=0) + found.lost_load_mw - found.curtailed_mw
    assert met == pytest.approx(load.net_load_mw, abs=1e-6)
    free = schedule_units(
        GenerationProblem(three_units(), load, commitment="whole", voll_per_mwh=1000.0)
    )
    assert free.cost <= found.cost + 1e-6


def test_ramps_hold_without_commitment_too():
    fleet = fleet_of([100, 100], [10, 50], ramp_mw_per_h=np.array([20.0, 100.0]))
    found = schedule_units(GenerationProblem(fleet, system([10.0, 80.0, 80.0, 80.0])))
    assert found.output_mw[0] == pytest.approx([10, 30, 50, 70])
    assert found.price_per_mwh[0] == pytest.approx(10 - 3 * 40)  # one MW more lifts three hours


def test_reserve_has_a_price_where_it_moves_output():
    """Ten minutes of the dear unit are 10 MW, so that the cheap one must hold 10 more."""
    fleet = fleet_of([100, 50], [10, 50], ramp_mw_per_h=np.array([600.0, 60.0]))
    load = system([95.0])
    free = schedule_units(GenerationProblem(fleet, load, reserve_mw=np.array([15.0])))
    assert free.output_mw[:, 0] == pytest.approx([95, 0])
    found = schedule_units(GenerationProblem(fleet, load, reserve_mw=np.array([20.0])))
    assert found.output_mw[:, 0] == pytest.approx([90, 5])
    assert found.reserve_price_per_mw == pytest.approx([40])
    assert found.price_per_mwh == pytest.approx([50])
    with pytest.raises(InfeasibleError, match="60 MW of reserve"):
        schedule_units(GenerationProblem(fleet, load, reserve_mw=np.array([60.0])))


def test_only_units_that_run_hold_reserve_so_that_one_more_starts():
    fleet = three_units(ramp_mw_per_h=np.full(3, 600.0))
    load, before = system([90.0, 90.0]), np.array([True, False, False])
    alone = GenerationProblem(fleet, load, commitment="whole", on_before=before)
    need = np.array([15.0, 15.0])
    held = GenerationProblem(fleet, load, commitment="whole", on_before=before, reserve_mw=need)
    found = schedule_units(held)
    room = ((fleet.capacity_mw[:, None] - found.output_mw) * found.on).sum(axis=0)
    assert (room >= 15 - 1e-6).all()
    assert found.cost == pytest.approx(schedule_units(alone).cost + 15)


def test_only_what_is_available_for_nothing_may_be_curtailed():
    """A unit that must run for hours cannot dump what nobody takes: it stands, and load is lost."""
    fleet = fleet_of([50.0], [10.0], minimum_mw=np.array([50.0]))
    problem = GenerationProblem(fleet, system([30.0]), commitment="whole", voll_per_mwh=100.0)
    found = schedule_units(problem)
    assert found.lost_load_mw == pytest.approx([30])
    windy = system([60.0], [20.0])
    found = schedule_units(GenerationProblem(fleet, windy, commitment="whole", voll_per_mwh=100.0))
    assert found.curtailed_mw == pytest.approx([10])
    assert found.cost == pytest.approx(500)


def test_a_carbon_price_moves_load_to_the_cleaner_unit_and_emissions_are_counted():
    fleet = fleet_of([50, 50], [10, 30], co2_kg_per_mwh=[900, 400])
    dear = GenerationProblem(fleet, system([40.0]), carbon_price_per_tonne=100.0)
    found = schedule_units(dear)
    assert found.emissions_of("co2") == pytest.approx([16_000])
    assert found.cost == pytest.approx(40 * (30 + 40))


def test_lost_load_is_worth_more_than_the_dearest_unit_with_its_carbon():
    fleet = fleet_of([50], [10], co2_kg_per_mwh=[900])
    GenerationProblem(fleet, system([40.0]), voll_per_mwh=50.0)
    with pytest.raises(InputError, match="dearest segment, 100"):
        GenerationProblem(fleet, system([40.0]), voll_per_mwh=50.0, carbon_price_per_tonne=100.0)


def test_a_carbon_price_that_costs_already_hold_is_not_added_again():
    fleet = fleet_of([50], [10], co2_kg_per_mwh=[900], carbon_price_per_tonne=20.0)
    with pytest.raises(InputError, match="counted twice"):
        GenerationProblem(fleet, system([40.0]), carbon_price_per_tonne=100.0)


def test_load_that_cannot_be_served_is_told_with_the_way_out():
    with pytest.raises(InfeasibleError, match="Give voll_per_mwh"):
        schedule_units(GenerationProblem(three_units(), system([200.0])))


def test_faults_of_a_problem_are_told_together():
    with pytest.raises(InputError) as told:
        GenerationProblem(
            three_units(),
            system([10.0, 20.0]),
            commitment="some",
            voll_per_mwh=20.0,
            on_before=np.array([True]),
            reserve_mw=np.array([1.0]),
            storage=(constant_storage(3, power_mw=1.0, energy_mwh=1.0),),
        )
    fields = {fault.field for fault in told.value.faults}
    assert fields == {"commitment", "voll_per_mwh", "on_before", "reserve_mw", "storage 0"}


def test_rising_costs_are_refused_in_a_linear_program():
    fleet = fleet_of([10], [20], rise_per_mwh=[5])
    with pytest.raises(InputError, match="be 0 in a linear program"):
        GenerationProblem(fleet, system([5.0]))
