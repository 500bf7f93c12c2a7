"""The plan costs what the best of all ways to switch the blocks costs."""

import numpy as np
import pytest

from evergrid.core.status import Status
from evergrid.model.microgrid import BatteryUnit, LoadBlock, Microgrid
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.plan import plan
from evergrid.resilience.restoration.policy import follow
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.schedule import cost_kwh
from tests.everyday import first
from tests.validation.restoration.enumeration import Problem, least_cost

STEP_H = 0.5


def drawn(seed: int, blocks: int, steps: int) -> Problem:
    random = np.random.default_rng(seed)
    units = 3
    arrival = np.concatenate([[0], random.integers(0, 3, units - 1)])
    return Problem(
        power=random.uniform(10.0, 40.0, blocks),
        weight=random.uniform(1.0, 10.0, blocks),
        parent=[-1] + [int(random.integers(-1, k)) for k in range(1, blocks)],
        cold=random.uniform(0.0, 1.0, blocks),
        decay_h=0.6,
        energy=random.uniform(15.0, 60.0, units),
        rating=random.choice([40.0, 60.0], units),
        arrival=arrival,
        departure=arrival + random.choice([2, 100], units),
        steps=steps,
        step_h=STEP_H,
        share=float(random.uniform(0.5, 1.0)),
        closings=int(random.integers(1, 3)),
        reserve=bool(seed % 2),
        opening_h=0.25,
    )


def site(problem: Problem) -> Microgrid:
    names = [f"block {k}" for k in range(len(problem.power))]
    blocks = tuple(
        LoadBlock(
            name=names[k],
            power_kw=float(problem.power[k]),
            tier="critical",
            weight=float(problem.weight[k]),
            parent=names[problem.parent[k]] if problem.parent[k] >= 0 else "",
            cold_load_factor=1.0 + float(problem.cold[k]),
            cold_load_decay_h=problem.decay_h,
        )
        for k in range(len(names))
    )
    units = tuple(
        BatteryUnit(
            name=f"bus {b}",
            capacity_kwh=100.0,
            energy_arrival_kwh=float(problem.energy[b]),
            max_discharge_kw=float(problem.rating[b]),
            max_charge_kw=0.0,
            apparent_kva=2 * float(problem.rating[b]),
            arrival_h=float(problem.arrival[b]) * STEP_H,
            departure_h=float(problem.departure[b]) * STEP_H,
            efficiency_discharge=1.0,
            grid_forming=True,
            black_start=True,
        )
        for b in range(len(problem.energy))
    )
    return Microgrid(50.0, 400.0, blocks, units)


@pytest.mark.parametrize("seed", first(2, range(6)))
@pytest.mark.parametrize(("blocks", "steps", "trips"), [(3, 6, False), (3, 4, True), (2, 6, True)])
def test_no_way_is_cheaper_than_the_plan(seed: int, blocks: int, steps: int, trips: bool) -> None:
    problem = drawn(seed, blocks, steps)
    rule = RestorationRule(
        pickup_share=problem.share,
        reserve_for_largest=problem.reserve,
        closings_per_step=problem.closings,
        planned_trips=trips,
        interruption_h=problem.opening_h,
    )
    given = site(problem)
    found = plan(given, rule, steps * STEP_H, STEP_H, gap=1e-6)
    least = least_cost(problem, trips=trips)
    assert violations(given, found) == ()
    assert found.status is Status.OPTIMAL
    assert cost_kwh(given, found) == pytest.approx(least, rel=1e-6)
    assert found.bound_kwh <= least * (1 + 1e-6)
    if trips:
        assert cost_kwh(given, follow(given, rule, steps * STEP_H, STEP_H)) >= least * (1 - 1e-6)
