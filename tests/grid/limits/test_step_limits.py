"""Rows are what power flows find, their sensitivities what differences of power flows are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.connections import at_loads
from evergrid.grid.feeder.feeder import GROUND, Feeder, State
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.monitored import TransformerBy
from evergrid.grid.limits import evaluator, step_limits
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.kinds import OF_STEP, Kind
from evergrid.grid.limits.limits import Limits
from evergrid.grid.limits.step_limits import StepLimits
from tests.grid.cases import street

LIMITS = Limits(low_pu=0.94, high_pu=1.06, transformer=1.0, unbalance=0.03)
SHAPE = np.array([0.3, 0.7, 1.0])


def case_of(feeder: Feeder, states: tuple[State, ...] = (), limits: Limits = LIMITS) -> FeederCase:
    """The feeder in three steps of rising load, in these states of it in turn."""
    states = states or (feeder.state,)
    networks = tuple(power_flow.reduce(feeder, state=state) for state in states)
    branches = feeder.branches
    return FeederCase(
        networks,
        np.arange(3) % len(networks),
        branches.power_kw[:, None] * SHAPE,
        branches.reactive_kvar[:, None] * SHAPE,
        1.0,
        limits,
    )


def random_street(folder: Path, seed: int) -> Feeder:
    """The street with a few homes more, whose place, phases and load are drawn at random."""
    rng = np.random.default_rng(seed)
    more = []
    for home in range(4):
        bus, phase = rng.choice(["b", "c"]), int(rng.integers(1, 4))
        kw, pf = rng.uniform(0.5, 5.0), rng.uniform(0.85, 1.0)
        said = f"bus1={bus}.{phase} phases=1 kv=0.23 kw={kw:.3f} pf={pf:.3f}"
        more.append(f"New Load.more{home} {said}")
    return opendss.read(street(folder, "\n".join(more)))


@pytest.fixture(scope="module")
def stepped(ieee13: Feeder) -> StepLimits:
    """The built-in feeder, its taps higher in the second step."""
    high = State(tuple(tap + 2 for tap in ieee13.state.tap), ieee13.state.connected)
    return step_limits.step_limits(case_of(ieee13, (ieee13.state, high)))


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power flows that are solved to the last digits."""
    monkeypatch.setattr(evaluator, "TOLERANCE_PU", 1e-13)


def agrees_with_differences(checked: StepLimits, seed: int, size: float):
    """Sensitivities against central differences at random powers of the fleet."""
    rng = np.random.default_rng(seed)
    case, share = checked.case, at_loads(checked.case.feeder).share.toarray()
    rated = np.abs(case.feeder.branches.power_kw).mean()
    power = case.base_kw.T + rng.uniform(-size, size, (3, len(share))) * rated @ share
    reactive = case.base_kvar.T
    values = checked.values(power, reactive)
    assert values.settled.all()
    sensitivity = checked.sensitivities(values, power, reactive, share)
    step, row = np.nonzero(rng.uniform(size=values.value.shape) < 0.5)
    some = checked.sensitivities_of(values, power, reactive, share, step=step, row=row)
    np.testing.assert_allclose(some, sensitivity[step, row], atol=1e-9 * np.abs(some).max())
    step_kw = 1e-4 * rated
    for site, of_site in enumerate(share):
        up, down = (checked.values(power + way * step_kw * of_site, reactive) for way in (1, -1))
        slope = (up.value - down.value) / (2 * step_kw)
        scale = np.abs(sensitivity).max(axis=(0, 2))[None, :]
        assert np.abs(sensitivity[:, :, site] - slope).max() <= 1e-6 * scale.max()
        assert (np.abs(sensitivity[:, :, site] - slope) <= 1e-4 * scale + 1e-12).all(), site


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("seed", range(3))
def test_sensitivities_are_differences_of_power_flows_in_every_state(
    stepped: StepLimits, seed: int
):
    agrees_with_differences(stepped, seed, size=0.5)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("by", ["phase", "total"])
@pytest.mark.parametrize("seed", range(3))
def test_sensitivities_are_differences_of_power_flows_in_a_random_street(
    tmp_path: Path, seed: int, by: TransformerBy
):
    limits = replace(LIMITS, transformer_by=by)
    checked = step_limits.step_limits(case_of(random_street(tmp_path, seed), limits=limits))
    assert set(checked.rows.kind) == set(OF_STEP)
    agrees_with_differences(checked, seed, size=2.0)


def test_the_sensitivity_to_two_sites_is_their_weighted_sum(stepped: StepLimits):
    case, share = stepped.case, at_loads(stepped.case.feeder).share.toarray()
    values = stepped.values(case.base_kw.T, case.base_kvar.T)
    given = (values, case.base_kw.T, case.base_kvar.T)
    sensitivity = stepped.sensitivities(*given, share)
    both = stepped.sensitivities(*given, (0.25 * share[:1] + 0.75 * share[1:2]))
    expected = 0.25 * sensitivity[:, :, :1] + 0.75 * sensitivity[:, :, 1:2]
    np.testing.assert_allclose(both, expected, atol=1e-9 * np.abs(sensitivity).max())


def test_pieces_of_steps_have_the_same_sensitivities(
    stepped: StepLimits, monkeypatch: pytest.MonkeyPatch
):
    case, share = stepped.case, at_loads(stepped.case.feeder).share.toarray()
    given = (case.base_kw.T, case.base_kvar.T)
    values = stepped.values(*given)
    whole = stepped.sensitivities(values, *given, share)
    monkeypatch.setattr(step_limits, "CHUNK", 1)
    pieces = stepped.sensitivities(values, *given, share)
    np.testing.assert_allclose(pieces, whole, atol=1e-12 * np.abs(whole).max())


def test_every_row_is_named_after_what_it_judges(stepped: StepLimits, ieee13: Feeder):
    rows, limits = stepped.rows, LIMITS
    assert len(rows) == stepped.base.shape[1]
    wanted = (-limits.low_pu, limits.high_pu, limits.line, limits.transformer, limits.unbalance)
    for kind, limit in zip(OF_STEP, wanted, strict=True):
        of_kind = rows.kind == kind
        assert of_kind.any()
        assert (rows.limit[of_kind] == limit).all()
    nodes, buses = ieee13.node_name, ieee13.buses.name
    low = rows.kind == Kind.LOW_VOLTAGE
    alone = ieee13.branches.other == GROUND
    assert rows.name[low][alone].tolist() == nodes[ieee13.branches.node[alone]].tolist()
    assert {"671.1.2", "671.2.3", "671.3.1"} <= set(rows.name[low])  # a load in delta
    assert all(
        name.startswith(f"{buses[bus]}.")
        for name, bus in zip(rows.name[low], rows.bus[low], strict=True)
    )
    line_names = {name.rsplit(" phase ", 1)[0] for name in rows.name[rows.of(Kind.LINE)]}
    assert line_names <= set(ieee13.lines.name)
    transformer = rows.name[rows.of(Kind.TRANSFORMER)]
    assert {name.split(" winding ")[0] for name in transformer} == set(ieee13.transformers.name)
    assert "xfm1 winding 2 phase 3" in transformer
    assert len(set(transformer)) == len(transformer)


@pytest.mark.parametrize("by", ["phase", "total"])
def test_what_transformers_carry_is_told_by_phase_and_as_a_whole(
    stepped: StepLimits, by: TransformerBy
):
    checked = step_limits.step_limits(
        replace(stepped.case, limits=replace(LIMITS, transformer_by=by))
    )
    power, reactive = checked.case.base_kw.T.copy(), checked.case.base_kvar.T
    power[1] -= 1e5
    values = checked.values(power, reactive)
    loads = checked.transformer_loads(values, power, reactive)
    limited = values.value[:, checked.rows.of(Kind.TRANSFORMER)]
    assert (limited == vars(loads)[by])[[0, 2]].all()
    assert np.isinf(loads.phase[1]).all()
    assert np.isinf(loads.total[1]).all()
    assert loads.phase.shape[1] == 12  # two windings of three regulators, and of three phases
    assert loads.total.shape[1] == len(checked.case.feeder.transformers)


def test_what_is_passed_without_vehicles_may_be_passed_a_little_further(ieee13: Feeder):
    tight = Limits(low_pu=0.99, high_pu=1.0, line=0.5, transformer=0.6, unbalance=0.005)
    checked = step_limits.step_limits(case_of(ieee13, limits=tight))
    base, bound, rows = checked.base, checked.bound, checked.rows
    violated = base > rows.limit
    for kind in OF_STEP:
        assert violated[:, rows.kind == kind].any(), kind
    assert (bound >= base).all()
    assert (bound[~violated] == np.broadcast_to(rows.limit, base.shape)[~violated]).all()
    share = np.abs(bound[violated] / base[violated] - 1.0)
    np.testing.assert_allclose(share, tight.base_violation_tolerance, rtol=1e-9)
    low = violated & (rows.kind == Kind.LOW_VOLTAGE)
    assert (-bound[low] < -base[low]).all()  # a voltage that is low may be lower still
    none = step_limits.step_limits(
        case_of(ieee13, limits=replace(tight, base_violation_tolerance=0.0))
    )
    assert (none.bound[violated] == base[violated]).all()


def test_what_the_wires_cannot_carry_is_infinitely_far_beyond_and_rises_nothing(
    stepped: StepLimits,
):
    case, share = stepped.case, at_loads(stepped.case.feeder).share.toarray()
    power = case.base_kw.T.copy()
    power[1] -= 1e5
    values = stepped.values(power, case.base_kvar.T)
    assert values.settled.tolist() == [True, False, True]
    assert np.isinf(values.value[1]).all()
    assert np.isfinite(values.value[[0, 2]]).all()
    sensitivity = stepped.sensitivities(values, power, case.base_kvar.T, share)
    assert not sensitivity[1].any()
    assert sensitivity[0].any()
    alone = stepped.values(case.base_kw.T, case.base_kvar.T)
    np.testing.assert_allclose(values.value[[0, 2]], alone.value[[0, 2]], atol=1e-7)


def test_a_load_that_the_wires_cannot_carry_is_refused_with_its_steps(ieee13: Feeder):
    case = case_of(ieee13)
    beyond = replace(case, base_kw=case.base_kw * np.array([1.0, 90.0, 90.0]))
    with pytest.raises(InputError, match="have a solution at every step, got 1; 2"):
        step_limits.step_limits(beyond)


def test_lines_without_a_rating_have_no_row(ieee13: Feeder):
    nothing = np.full(len(ieee13.lines), np.nan)
    bare = replace(ieee13, lines=replace(ieee13.lines, rating_a=nothing))
    checked = step_limits.step_limits(case_of(bare))
    assert Kind.LINE not in checked.rows.kind
    assert len(checked.rows) == checked.base.shape[1]
