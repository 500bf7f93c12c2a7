"""Verdicts are those of single power flows, and excuse what was wrong before any vehicle."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.devices.transformer_ageing import hottest, oil_rises
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow import monitored, power_flow
from evergrid.grid.flow.monitored import JudgedBy
from evergrid.grid.hosting import deployment, hosting_capacity
from evergrid.grid.hosting.deployment import Slots
from evergrid.grid.hosting.hosting_capacity import KINDS, Case, Judge, Limits
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control, VoltWatt
from evergrid.grid.limits import limits_check
from tests.grid.cases import street

STEPS = 24
LIMITS = Limits(low_pu=0.94, high_pu=1.06, transformer=1.0, transformer_mean=0.9)
BY: tuple[JudgedBy, ...] = ("phase", "total")
INSTANT = [
    KINDS.index(name)
    for name in ("low voltage", "high voltage", "line", "transformer", "unbalance")
]


def slots_of(branches: int, each: int) -> Slots:
    return Slots(np.array([[k, -1, -1] for k in range(branches) for _ in range(each)]))


def profiles(count: int = 40) -> np.ndarray:
    random = np.random.default_rng(5)
    power = np.zeros((count, STEPS))
    for row in power:
        begin = random.integers(STEPS)
        row[begin : begin + 3] = random.choice([-7.4, -11.0, 7.4])
    return power


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    network = power_flow.reduce(opendss.read(street(tmp_path_factory.mktemp("street"))))
    shape = 0.6 + 0.4 * np.sin(np.arange(STEPS) / STEPS * 2 * np.pi)
    power = network.branches.power_kw[:, None] * shape
    reactive = network.branches.reactive_kvar[:, None] * shape
    state = np.zeros(STEPS, dtype=np.int64)
    return hosting_capacity.judge(Case((network,), state, power, reactive, 1.0, LIMITS))


@pytest.fixture(scope="module")
def deployed(judge: Judge) -> deployment.Deployments:
    slots = slots_of(len(judge.case.branches), 3)
    return deployment.draw(slots, levels=7, draws=30, profiles=40, seed=0)


def by(judge: Judge, transformers: JudgedBy) -> Judge:
    """The same case with transformers judged by this."""
    limits = replace(judge.case.limits, transformer_by=transformers)
    return hosting_capacity.judge(replace(judge.case, limits=limits))


def test_by_phase_transformers_are_passed_sooner_than_as_a_whole(
    judge: Judge, deployed: deployment.Deployments
):
    phase, total = (by(judge, which).deployments(deployed, profiles()) for which in BY)
    kinds = [k for k, name in enumerate(KINDS) if name.startswith("transformer")]
    assert (phase.excess > total.excess)[..., kinds].mean() > 0.9
    others = [k for k in range(len(KINDS)) if k not in kinds]
    assert (phase.excess == total.excess)[..., others].all()
    assert (phase.ageing[1:] > total.ageing[1:]).mean() > 0.9


def test_heat_and_averages_are_those_of_the_worst_phase_in_oil_heated_by_all(
    judge: Judge, deployed: deployment.Deployments
):
    judged = judge.deployments(deployed, profiles())
    case, limits = judge.case, judge.case.limits
    power = deployed.power_kw(4, 7, profiles(), len(case.branches)) + case.base_kw.T
    flow = power_flow.solve(case.networks[0], power, case.base_kvar.T, tolerance_pu=1e-10)
    current = np.conj((power + 1j * case.base_kvar.T) / flow.voltage_pu)
    paths = monitored.seen(judge.watched[0], current).phase.T
    assert len(paths) == 6
    air = np.full(STEPS, limits.ambient_c)
    numbers = limits.thermal.numbers()
    oil = oil_rises((paths**2).mean(axis=0)[None], case.step_h, numbers, True)[0]
    heat = [hottest(np.array(p), oil, air, numbers) for p in paths]
    assert judged.ageing[4, 7] == pytest.approx(max(rate for *_, rate in heat), rel=1e-4)
    found = judged.excess[4, 7, KINDS.index("transformer hot spot")]
    assert found == pytest.approx(max(spot for spot, *_ in heat) - limits.hot_spot_c, abs=1e-2)
    mean = judged.excess[4, 7, KINDS.index("transformer on average")]
    assert mean == pytest.approx(paths.max() - limits.transformer_mean, abs=1e-5)


@pytest.mark.parametrize("transformers", BY)
def test_verdicts_are_those_of_single_power_flows(
    judge: Judge, deployed: deployment.Deployments, transformers: JudgedBy
):
    judge = by(judge, transformers)
    judged = judge.deployments(deployed, profiles())
    case = judge.case
    for level in range(deployed.levels):
        for draw in range(0, deployed.draws, 3):
            power = deployed.power_kw(level, draw, profiles(), len(case.branches))
            checked = limits_check.check(
                judge, case.state, case.base_kw.T + power, case.base_kvar.T
            )
            ours = judged.excess[level, draw, INSTANT]
            theirs = checked.excess.max(axis=0)[INSTANT]
            assert ours == pytest.approx(theirs, abs=5e-6)
            worst = checked.excess.argmax(axis=0)[INSTANT]
            clear = np.sort(checked.excess, axis=0)[-2][INSTANT] < theirs - 1e-4
            assert (judged.when[level, draw, INSTANT] == worst)[clear].all()


def test_without_vehicles_nothing_is_passed(judge: Judge, deployed: deployment.Deployments):
    judged = judge.deployments(deployed, profiles())
    assert not judged.fails[0].any()
    assert judged.violated[0].sum() == 0


def test_only_drawing_makes_nothing_better_as_vehicles_are_added(
    judge: Judge, deployed: deployment.Deployments
):
    """Of transformers as a whole: in one phase, drawing in another may raise the voltage."""
    drawing = -np.abs(profiles())
    judged = by(judge, "total").deployments(deployed, drawing)
    heat = judged.excess[:, :, KINDS.index("transformer hot spot")]
    assert (np.diff(heat, axis=0) > -1e-3).all()
    assert (np.diff(judged.ageing, axis=0) > -1e-9).all()


def test_a_limit_that_is_passed_anyway_only_must_not_get_worse(judge: Judge):
    tight = replace(LIMITS, low_pu=1.0, high_pu=1.2)
    case = replace(judge.case, limits=tight)
    strict = hosting_capacity.judge(case)
    assert strict.base.low_pu.min() < 1.0
    nobody = deployment.draw(slots_of(6, 1), levels=2, draws=3, profiles=1, seed=0)
    idle = strict.deployments(nobody, np.zeros((1, STEPS)))
    assert not idle.fails.any()
    drawing = strict.deployments(nobody, np.full((1, STEPS), -11.0))
    assert drawing.fails[1].all()


def test_one_step_and_many_draws_are_judged_as_many_steps(judge: Judge):
    at = 6
    case = judge.case
    one = replace(
        case,
        base_kw=case.base_kw[:, [at]],
        base_kvar=case.base_kvar[:, [at]],
        state=case.state[[at]],
    )
    single = hosting_capacity.judge(one)
    deployed = deployment.draw(slots_of(6, 2), levels=4, draws=500, profiles=3, seed=2)
    power = np.array([[-7.0], [0.0], [5.0]])
    judged = single.deployments(deployed, power)
    for draw in (0, 63, 64, 255, 256, 499):
        kw = case.base_kw[:, [at]].T + deployed.power_kw(3, draw, power, 6)
        checked = limits_check.check(single, one.state, kw, one.base_kvar.T)
        assert judged.excess[3, draw, INSTANT] == pytest.approx(
            checked.excess[0, INSTANT], abs=5e-6
        )


def test_steps_in_different_states_meet_different_taps(ieee13: Feeder):
    low, high = (
        power_flow.reduce(ieee13, state=State(taps, (True, True)))
        for taps in ((0, 0, 0), (9, 7, 9))
    )
    power = np.tile(ieee13.branches.power_kw[:, None] * 0.8, (1, 4))
    reactive = np.tile(ieee13.branches.reactive_kvar[:, None] * 0.8, (1, 4))
    case = Case((low, high), np.array([1, 0, 1, 0]), power, reactive, 6.0, Limits(unbalance=0.05))
    judge = hosting_capacity.judge(case)
    nobody = deployment.draw(slots_of(17, 1), levels=2, draws=1, profiles=1, seed=0)
    judged = judge.deployments(nobody, np.zeros((1, 4)))
    assert judged.when[0, 0, KINDS.index("low voltage")] in (1, 3)
    assert judged.when[0, 0, KINDS.index("high voltage")] in (0, 2)


def test_more_than_the_wires_carry_has_no_solution_and_fails(judge: Judge):
    deployed = deployment.draw(slots_of(6, 1), levels=2, draws=2, profiles=1, seed=0)
    judged = judge.deployments(deployed, np.full((1, STEPS), -400.0))
    assert judged.fails[1].all()
    assert (judged.excess[1, :, KINDS.index("no solution")] == 1).all()


def test_load_that_the_feeder_cannot_carry_is_refused(judge: Judge):
    case = replace(judge.case, base_kw=judge.case.base_kw * 60)
    with pytest.raises(InputError, match="load must have a solution at every step"):
        hosting_capacity.judge(case)


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


def test_room_is_where_the_limit_is_passed(judge: Judge):
    case = judge.case
    branches = len(case.branches)
    shape = -np.eye(branches)
    state = np.zeros(branches, dtype=np.int64)
    base = np.tile(case.base_kw[:, 0], (branches, 1)), np.tile(case.base_kvar[:, 0], (branches, 1))
    found = limits_check.room(judge, state, *base, shape, most_kw=100.0)
    assert (found.kind >= 0).all()
    for factor, holds in ((0.999, True), (1.001, False)):
        power = base[0] + factor * found.power_kw[:, None] * shape
        assert (limits_check.check(judge, state, power, base[1]).holds == holds).all()
    tiny = limits_check.room(judge, state, *base, shape, most_kw=0.1)
    assert tiny.power_kw == pytest.approx(np.full(branches, 0.1))
    assert (tiny.kind == -1).all()


@pytest.mark.parametrize(
    "control", [volt_var.CATEGORY_B, volt_var.COMPENSATION, Control(volt_watt=VoltWatt(1.05, 1.08))]
)
def test_inverters_are_judged_as_single_power_flows_with_the_same_inverters(
    judge: Judge, control: Control
):
    deployed = deployment.draw(slots_of(6, 4), levels=3, draws=4, profiles=40, seed=3)
    power = 1.5 * profiles()
    rating = 1.1 * np.abs(power).max(axis=1)
    judged = judge.deployments(deployed, power, control=control, profiles_kva=rating)
    case = judge.case
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
        checked = limits_check.check(judge, case.state, *there)
        assert judged.excess[2, draw, INSTANT] == pytest.approx(
            checked.excess.max(axis=0)[INSTANT], abs=1e-5
        )
        lost = np.abs(wanted - flow.inverter_kw).sum()
        assert judged.curtailed_kwh[2, draw] == pytest.approx(lost, abs=1e-2)


def test_inverters_of_idle_vehicles_stay_silent(judge: Judge):
    deployed = deployment.draw(slots_of(6, 4), levels=2, draws=3, profiles=1, seed=0)
    idle = np.zeros((1, STEPS))
    silent = judge.deployments(
        deployed, idle, control=volt_var.CATEGORY_B, profiles_kva=np.array([50.0])
    )
    plain = judge.deployments(deployed, idle)
    assert silent.excess == pytest.approx(plain.excess)
