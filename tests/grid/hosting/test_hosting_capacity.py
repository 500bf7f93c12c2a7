"""Results are those of single power flows, and excuse what was wrong before any vehicle."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.devices.transformer_ageing import hottest, oil_rises
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow import monitored, power_flow
from evergrid.grid.flow.monitored import TransformerBy
from evergrid.grid.hosting import deployment, hosting_capacity
from evergrid.grid.hosting.deployment import ParkingPlaces
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control, VoltWatt
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import DayLimits, day_limits
from evergrid.grid.limits.headroom import headroom
from evergrid.grid.limits.kinds import OF_STEP, OF_TRANSFORMERS, Kind
from evergrid.grid.limits.limits import Limits
from tests.grid.cases import evaluated, street

STEPS = 24
LIMITS = Limits(low_pu=0.94, high_pu=1.06, transformer=1.0, transformer_mean=0.9)
BY: tuple[TransformerBy, ...] = ("phase", "total")
INSTANT = list(OF_STEP)


def parking_of(branches: int, each: int) -> ParkingPlaces:
    return ParkingPlaces(np.array([[k, -1, -1] for k in range(branches) for _ in range(each)]))


def profiles(count: int = 40) -> np.ndarray:
    random = np.random.default_rng(5)
    power = np.zeros((count, STEPS))
    for row in power:
        begin = random.integers(STEPS)
        row[begin : begin + 3] = random.choice([-7.4, -11.0, 7.4])
    return power


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> DayLimits:
    network = power_flow.reduce(opendss.read(street(tmp_path_factory.mktemp("street"))))
    shape = 0.6 + 0.4 * np.sin(np.arange(STEPS) / STEPS * 2 * np.pi)
    power = network.branches.power_kw[:, None] * shape
    reactive = network.branches.reactive_kvar[:, None] * shape
    state = np.zeros(STEPS, dtype=np.int64)
    return day_limits(FeederCase((network,), state, power, reactive, 1.0, LIMITS))


@pytest.fixture(scope="module")
def deployed(limits: DayLimits) -> deployment.Deployments:
    parking = parking_of(len(limits.case.branches), 3)
    return deployment.draw(parking, counts=7, draws=30, profiles=40, seed=0)


def by(limits: DayLimits, transformers: TransformerBy) -> DayLimits:
    """The same case with transformer limits of this."""
    what = replace(limits.case.limits, transformer_by=transformers)
    return day_limits(replace(limits.case, limits=what))


def test_by_phase_transformers_are_violated_sooner_than_as_a_whole(
    limits: DayLimits, deployed: deployment.Deployments
):
    phase, total = (
        hosting_capacity.evaluate(by(limits, which), deployed, profiles()) for which in BY
    )
    kinds = list(OF_TRANSFORMERS)
    assert (phase.excess > total.excess)[..., kinds].mean() > 0.9
    others = [k for k in range(len(Kind)) if k not in kinds]
    assert (phase.excess == total.excess)[..., others].all()
    assert (phase.ageing[1:] > total.ageing[1:]).mean() > 0.9


def test_heat_and_averages_are_those_of_the_worst_phase_in_oil_heated_by_all(
    limits: DayLimits, deployed: deployment.Deployments
):
    results = hosting_capacity.evaluate(limits, deployed, profiles())
    case, what = limits.case, limits.case.limits
    power = deployed.power_kw(4, 7, profiles(), len(case.branches)) + case.base_kw.T
    flow = power_flow.solve(case.networks[0], power, case.base_kvar.T, tolerance_pu=1e-10)
    current = np.conj((power + 1j * case.base_kvar.T) / flow.voltage_pu)
    paths = monitored.read(limits.evaluator.monitored[0], current).phase.T
    assert len(paths) == 6
    air = np.full(STEPS, what.ambient_c)
    numbers = what.thermal.numbers()
    oil = oil_rises((paths**2).mean(axis=0)[None], case.step_h, numbers, True)[0]
    heat = [hottest(np.array(p), oil, air, numbers) for p in paths]
    assert results.ageing[4, 7] == pytest.approx(max(rate for *_, rate in heat), rel=1e-4)
    found = results.excess[4, 7, Kind.HOT_SPOT]
    assert found == pytest.approx(max(spot for spot, *_ in heat) - what.hot_spot_c, abs=1e-2)
    mean = results.excess[4, 7, Kind.TRANSFORMER_MEAN]
    assert mean == pytest.approx(paths.max() - what.transformer_mean, abs=1e-5)


@pytest.mark.parametrize("transformers", BY)
def test_results_are_those_of_single_power_flows(
    limits: DayLimits, deployed: deployment.Deployments, transformers: TransformerBy
):
    limits = by(limits, transformers)
    found = hosting_capacity.evaluate(limits, deployed, profiles())
    case = limits.case
    for count in range(deployed.counts):
        for draw in range(0, deployed.draws, 3):
            power = deployed.power_kw(count, draw, profiles(), len(case.branches))
            checked = evaluated(limits, case.state, case.base_kw.T + power, case.base_kvar.T)
            ours = found.excess[count, draw, INSTANT]
            theirs = checked.excess.max(axis=0)[INSTANT]
            assert ours == pytest.approx(theirs, abs=5e-6)
            worst = checked.excess.argmax(axis=0)[INSTANT]
            clear = np.sort(checked.excess, axis=0)[-2][INSTANT] < theirs - 1e-4
            assert (found.when[count, draw, INSTANT] == worst)[clear].all()


def test_without_vehicles_nothing_is_violated(limits: DayLimits, deployed: deployment.Deployments):
    found = hosting_capacity.evaluate(limits, deployed, profiles())
    assert not found.violated[0].any()
    assert found.voltage_violations[0].sum() == 0


def test_only_drawing_makes_nothing_better_as_vehicles_are_added(
    limits: DayLimits, deployed: deployment.Deployments
):
    """Of transformers as a whole: in one phase, drawing in another may raise the voltage."""
    drawing = -np.abs(profiles())
    found = hosting_capacity.evaluate(by(limits, "total"), deployed, drawing)
    heat = found.excess[:, :, Kind.HOT_SPOT]
    assert (np.diff(heat, axis=0) > -1e-3).all()
    assert (np.diff(found.ageing, axis=0) > -1e-9).all()


def test_a_limit_that_is_violated_anyway_must_only_not_get_worse(limits: DayLimits):
    tight = replace(LIMITS, low_pu=1.0, high_pu=1.2)
    case = replace(limits.case, limits=tight)
    strict = day_limits(case)
    assert strict.base.value[0] > -1.0  # a voltage below 1 pu
    nobody = deployment.draw(parking_of(6, 1), counts=2, draws=3, profiles=1, seed=0)
    idle = hosting_capacity.evaluate(strict, nobody, np.zeros((1, STEPS)))
    assert not idle.violated.any()
    drawing = hosting_capacity.evaluate(strict, nobody, np.full((1, STEPS), -11.0))
    assert drawing.violated[1].all()


def test_one_step_and_many_draws_are_evaluated_as_many_steps(limits: DayLimits):
    at = 6
    case = limits.case
    one = replace(
        case,
        base_kw=case.base_kw[:, [at]],
        base_kvar=case.base_kvar[:, [at]],
        state=case.state[[at]],
    )
    single = day_limits(one)
    deployed = deployment.draw(parking_of(6, 2), counts=4, draws=500, profiles=3, seed=2)
    power = np.array([[-7.0], [0.0], [5.0]])
    found = hosting_capacity.evaluate(single, deployed, power)
    for draw in (0, 63, 64, 255, 256, 499):
        kw = case.base_kw[:, [at]].T + deployed.power_kw(3, draw, power, 6)
        checked = evaluated(single, one.state, kw, one.base_kvar.T)
        assert found.excess[3, draw, INSTANT] == pytest.approx(checked.excess[0, INSTANT], abs=5e-6)


def test_steps_in_different_states_meet_different_taps(ieee13: Feeder):
    low, high = (
        power_flow.reduce(ieee13, state=State(taps, (True, True)))
        for taps in ((0, 0, 0), (9, 7, 9))
    )
    power = np.tile(ieee13.branches.power_kw[:, None] * 0.8, (1, 4))
    reactive = np.tile(ieee13.branches.reactive_kvar[:, None] * 0.8, (1, 4))
    case = FeederCase(
        (low, high), np.array([1, 0, 1, 0]), power, reactive, 6.0, Limits(unbalance=0.05)
    )
    limits = day_limits(case)
    nobody = deployment.draw(parking_of(17, 1), counts=2, draws=1, profiles=1, seed=0)
    found = hosting_capacity.evaluate(limits, nobody, np.zeros((1, 4)))
    assert found.when[0, 0, Kind.LOW_VOLTAGE] in (1, 3)
    assert found.when[0, 0, Kind.HIGH_VOLTAGE] in (0, 2)


def test_more_than_the_wires_carry_has_no_solution_and_fails(limits: DayLimits):
    deployed = deployment.draw(parking_of(6, 1), counts=2, draws=2, profiles=1, seed=0)
    found = hosting_capacity.evaluate(limits, deployed, np.full((1, STEPS), -400.0))
    assert found.violated[1].all()
    assert (found.excess[1, :, Kind.NO_SOLUTION] == 1).all()


def test_load_that_the_feeder_cannot_carry_is_refused(limits: DayLimits):
    case = replace(limits.case, base_kw=limits.case.base_kw * 60)
    with pytest.raises(InputError, match="load must have a solution at every step"):
        day_limits(case)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"low_pu": 1.2}, "high_pu must lie above low_pu"),
        ({"unbalance": 2.0}, "Give a fraction such as 0.02"),
        ({"line": 0.0}, "line must be above 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(given: dict[str, Any], says: str):
    with pytest.raises(InputError, match=says):
        Limits(**given)


def test_headroom_ends_where_a_limit_is_violated(limits: DayLimits):
    case = limits.case
    branches = len(case.branches)
    shape = -np.eye(branches)
    state = np.zeros(branches, dtype=np.int64)
    base = np.tile(case.base_kw[:, 0], (branches, 1)), np.tile(case.base_kvar[:, 0], (branches, 1))
    found = headroom(limits, state, *base, shape, most_kw=100.0)
    assert (found.kind >= 0).all()
    for factor, holds in ((0.999, True), (1.001, False)):
        power = base[0] + factor * found.power_kw[:, None] * shape
        assert (evaluated(limits, state, power, base[1]).violated != holds).all()
    tiny = headroom(limits, state, *base, shape, most_kw=0.1)
    assert tiny.power_kw == pytest.approx(np.full(branches, 0.1))
    assert (tiny.kind == -1).all()


@pytest.mark.parametrize(
    "control", [volt_var.CATEGORY_B, volt_var.COMPENSATION, Control(volt_watt=VoltWatt(1.05, 1.08))]
)
def test_inverters_are_evaluated_as_single_power_flows_with_the_same_inverters(
    limits: DayLimits, control: Control
):
    deployed = deployment.draw(parking_of(6, 4), counts=3, draws=4, profiles=40, seed=3)
    power = 1.5 * profiles()
    rating = 1.1 * np.abs(power).max(axis=1)
    found = hosting_capacity.evaluate(limits, deployed, power, control=control, profiles_kva=rating)
    case = limits.case
    for draw in range(4):
        wanted = deployed.power_kw(2, draw, power, 6)
        sizes = deployed.power_kw(2, draw, rating[:, None] * (power != 0), 6)
        flow = power_flow.solve(
            case.networks[0],
            case.base_kw.T,
            case.base_kvar.T,
            inverters=volt_var.everywhere(sizes, control),
            inverter_kw=wanted,
            tolerance_pu=1e-9,
        )
        assert flow.inverter_kw is not None
        assert flow.inverter_kvar is not None
        there = case.base_kw.T + flow.inverter_kw, case.base_kvar.T + flow.inverter_kvar
        checked = evaluated(limits, case.state, *there)
        assert found.excess[2, draw, INSTANT] == pytest.approx(
            checked.excess.max(axis=0)[INSTANT], abs=1e-5
        )
        lost = np.abs(wanted - flow.inverter_kw).sum()
        assert found.curtailed_kwh[2, draw] == pytest.approx(lost, abs=1e-2)


def test_inverters_of_idle_vehicles_stay_silent(limits: DayLimits):
    deployed = deployment.draw(parking_of(6, 4), counts=2, draws=3, profiles=1, seed=0)
    idle = np.zeros((1, STEPS))
    silent = hosting_capacity.evaluate(
        limits, deployed, idle, control=volt_var.CATEGORY_B, profiles_kva=np.array([50.0])
    )
    plain = hosting_capacity.evaluate(limits, deployed, idle)
    assert silent.excess == pytest.approx(plain.excess)
