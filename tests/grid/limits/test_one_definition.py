"""The compiled loops and the form for accelerators find what the evaluator defines."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.grid import device_flow
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.monitored import TransformerBy
from evergrid.grid.hosting import deployment, hosting_capacity
from evergrid.grid.hosting.deployment import Deployments, ParkingPlaces
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import DayLimits, day_limits
from evergrid.grid.limits.kinds import OF_DAY, OF_STEP, Kind
from evergrid.grid.limits.limits import Limits
from tests.grid.cases import street

STEPS, PROFILES = 6, 20
SAME = {Kind.HOT_SPOT: 5e-2}  # degrees; all else in shares, from readings in single precision
SHARE = 1e-5
LIMITS = Limits(low_pu=0.95, high_pu=1.03, transformer=0.9, transformer_mean=0.7, hot_spot_c=70.0)


def made(feeder: Feeder, states: tuple[State, ...], by: TransformerBy) -> DayLimits:
    """A day of a feeder that meets its states in turn."""
    networks = tuple(power_flow.reduce(feeder, state=state) for state in states)
    shape = np.linspace(0.2, 1.0, STEPS)
    base = (
        feeder.branches.power_kw[:, None] * shape,
        feeder.branches.reactive_kvar[:, None] * shape,
    )
    state, limits = np.arange(STEPS) % len(networks), replace(LIMITS, transformer_by=by)
    return day_limits(FeederCase(networks, state, *base, 4.0, limits))


@pytest.fixture(scope="module", params=["phase", "total"])
def limits(request: pytest.FixtureRequest, ieee13: Feeder) -> DayLimits:
    """The built-in feeder, its taps higher in every second step."""
    high = State(tuple(tap + 2 for tap in ieee13.state.tap), ieee13.state.connected)
    return made(ieee13, (ieee13.state, high), request.param)


def drawn(limits: DayLimits, size_kw: float) -> tuple[Deployments, Array]:
    """Random vehicles at all branches, and their powers."""
    parking = ParkingPlaces(np.array([[k, -1, -1] for k in range(len(limits.case.branches))] * 2))
    random = np.random.default_rng(0)
    profiles_kw = random.uniform(-size_kw, size_kw, (PROFILES, STEPS))
    return deployment.draw(parking, counts=3, draws=8, profiles=PROFILES, seed=1), profiles_kw


def agree(limits: DayLimits, size_kw: float) -> Array:
    """All implementations on the same random draws; which deployments have a solution."""
    deployed, profiles_kw = drawn(limits, size_kw)
    compiled = hosting_capacity.evaluate(limits, deployed, profiles_kw)
    case, reactive, solved = limits.case, limits.case.base_kvar.T, []
    for at in np.ndindex(deployed.counts, deployed.draws):
        power = case.base_kw.T + deployed.power_kw(at[0], at[1], profiles_kw, len(case.branches))
        steps = limits.evaluator.values(case.state, power, reactive)
        day, by_step = limits.results(steps), limits.evaluator.results(steps, limits.step_bound)
        solved.append(steps.settled.all())
        for kind in OF_DAY:
            assert compiled.excess[at][kind] == pytest.approx(
                day.excess[kind], abs=SAME.get(kind, SHARE)
            ), kind.label
        assert compiled.excess[at][Kind.NO_SOLUTION] == day.excess[Kind.NO_SOLUTION]
        beyond = steps.value - limits.step_bound
        assert ((compiled.where[at] >= 0) == (day.where >= 0)).all()
        for kind in OF_STEP:  # at the place and step that it names, or others as bad
            if compiled.where[at][kind] >= 0 and steps.settled[compiled.when[at][kind]]:
                row = limits.evaluator.rows.row(kind, compiled.where[at][kind])
                there = beyond[compiled.when[at][kind], row]
                assert there == pytest.approx(day.excess[kind], abs=SHARE), kind.label
        assert compiled.ageing[at] == pytest.approx(limits.values(steps).ageing, rel=1e-3)
        for state in range(len(case.networks)):
            here = case.state == state
            on_device = device_flow.worst(limits, power[here], reactive[here], state=state)
            assert on_device.excess == pytest.approx(by_step.excess[here], abs=SHARE)
            assert ((on_device.where >= 0) == (by_step.where[here] >= 0)).all()
            for kind in OF_STEP:  # at the place that it names, or one as bad
                row = limits.evaluator.rows.row(kind, on_device.where[:, kind])
                there = beyond[here][np.arange(len(row)), row][on_device.where[:, kind] >= 0]
                worst = by_step.excess[here, kind][on_device.where[:, kind] >= 0]
                assert there == pytest.approx(worst, abs=SHARE), kind.label
            assert (on_device.violated == by_step.violated[here]).all()
    return np.array(solved)


def test_random_draws_violate_the_same_limits_at_the_same_places(limits: DayLimits):
    assert agree(limits, 120.0).all()


def test_without_a_solution_nothing_else_is_evaluated(limits: DayLimits):
    solved = agree(limits, 5000.0)
    assert solved.any()
    assert not solved.all()


def test_a_street_with_one_transformer_agrees_too(tmp_path: Path):
    feeder = opendss.read(street(tmp_path))
    assert agree(made(feeder, (feeder.state,), "phase"), 6.0).all()


def test_results_by_hand(tmp_path: Path):
    """The voltage of every load against its limit, from one power flow."""
    feeder = opendss.read(street(tmp_path))
    limits = made(feeder, (feeder.state,), "phase")
    case = limits.case
    power = 2.0 * case.base_kw.T
    flow = power_flow.solve(case.networks[0], power, case.base_kvar.T, tolerance_pu=1e-12)
    size = np.abs(flow.voltage_pu)
    values = limits.evaluator.values(case.state, power, case.base_kvar.T)
    found = limits.evaluator.results(values, limits.step_bound)
    assert found.excess[:, Kind.LOW_VOLTAGE] == pytest.approx(0.95 - size.min(axis=1), abs=1e-7)
    assert (found.where[:, Kind.LOW_VOLTAGE] == size.argmin(axis=1)).all()
    assert found.excess[:, Kind.HIGH_VOLTAGE] == pytest.approx(size.max(axis=1) - 1.03, abs=1e-7)
    assert (found.violated == (found.excess > 0).any(axis=1)).all()
    assert (found.excess[:, Kind.NO_SOLUTION] == -1.0).all()
