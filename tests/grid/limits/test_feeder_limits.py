"""Rows are what power flows find, their rises what differences of power flows are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.connections import at_loads
from evergrid.grid.feeder.feeder import GROUND, Feeder, State
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.monitored import JudgedBy
from evergrid.grid.hosting import hosting_capacity
from evergrid.grid.hosting.hosting_capacity import Case, Limits
from evergrid.grid.limits import feeder_limits, limits_check
from evergrid.grid.limits.feeder_limits import KINDS, Rows, StepJudge
from tests.grid.cases import street

LIMITS = Limits(low_pu=0.94, high_pu=1.06, transformer=1.0, unbalance=0.03)
SHAPE = np.array([0.3, 0.7, 1.0])
LOW = KINDS.index("low voltage")


def case_of(feeder: Feeder, states: tuple[State, ...] = (), limits: Limits = LIMITS) -> Case:
    """The feeder in three steps of rising load, in these states of it in turn."""
    states = states or (feeder.state,)
    networks = tuple(power_flow.reduce(feeder, state=state) for state in states)
    branches = feeder.branches
    return Case(
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
def stepped(ieee13: Feeder) -> StepJudge:
    """The built-in feeder, its taps higher in the second step."""
    high = State(tuple(tap + 2 for tap in ieee13.state.tap), ieee13.state.connected)
    return feeder_limits.judge(case_of(ieee13, (ieee13.state, high)))


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power flows that are solved to the last digits."""
    monkeypatch.setattr(feeder_limits, "TOLERANCE_PU", 1e-13)


def agrees_with_differences(judge: StepJudge, seed: int, size: float):
    """Rises against central differences at random powers of the fleet, of this share of load."""
    rng = np.random.default_rng(seed)
    case, share = judge.case, at_loads(judge.case.feeder).share.toarray()
    rated = np.abs(case.feeder.branches.power_kw).mean()
    power = case.base_kw.T + rng.uniform(-size, size, (3, len(share))) * rated @ share
    reactive = case.base_kvar.T
    strain = judge.strain(power, reactive)
    assert strain.settled.all()
    rise = judge.rises(strain, power, reactive, share)
    step_kw = 1e-4 * rated
    for site, of_site in enumerate(share):
        up, down = (judge.strain(power + way * step_kw * of_site, reactive) for way in (1, -1))
        slope = (up.value - down.value) / (2 * step_kw)
        scale = np.abs(rise).max(axis=(0, 2))[None, :]
        assert np.abs(rise[:, :, site] - slope).max() <= 1e-6 * scale.max()
        assert (np.abs(rise[:, :, site] - slope) <= 1e-4 * scale + 1e-12).all(), site


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("seed", range(3))
def test_rises_are_differences_of_power_flows_in_every_state(stepped: StepJudge, seed: int):
    agrees_with_differences(stepped, seed, size=0.5)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("by", ["phase", "total"])
@pytest.mark.parametrize("seed", range(3))
def test_rises_are_differences_of_power_flows_in_a_random_street(
    tmp_path: Path, seed: int, by: JudgedBy
):
    limits = replace(LIMITS, transformer_by=by)
    judge = feeder_limits.judge(case_of(random_street(tmp_path, seed), limits=limits))
    assert set(judge.rows.kind) == set(range(len(KINDS)))
    agrees_with_differences(judge, seed, size=2.0)


def test_a_share_of_two_sites_rises_what_they_rise_together(stepped: StepJudge):
    case, share = stepped.case, at_loads(stepped.case.feeder).share.toarray()
    strain = stepped.strain(case.base_kw.T, case.base_kvar.T)
    given = (strain, case.base_kw.T, case.base_kvar.T)
    rise = stepped.rises(*given, share)
    both = stepped.rises(*given, (0.25 * share[:1] + 0.75 * share[1:2]))
    expected = 0.25 * rise[:, :, :1] + 0.75 * rise[:, :, 1:2]
    np.testing.assert_allclose(both, expected, atol=1e-9 * np.abs(rise).max())


def test_steps_in_pieces_rise_the_same(stepped: StepJudge, monkeypatch: pytest.MonkeyPatch):
    case, share = stepped.case, at_loads(stepped.case.feeder).share.toarray()
    given = (case.base_kw.T, case.base_kvar.T)
    strain = stepped.strain(*given)
    whole = stepped.rises(strain, *given, share)
    monkeypatch.setattr(feeder_limits, "CHUNK", 1)
    pieces = stepped.rises(strain, *given, share)
    np.testing.assert_allclose(pieces, whole, atol=1e-12 * np.abs(whole).max())


@pytest.mark.parametrize("by", ["phase", "total"])
@pytest.mark.parametrize("seed", range(2))
def test_rows_are_as_far_from_wide_limits_as_a_single_check_finds(
    stepped: StepJudge, seed: int, by: JudgedBy
):
    """`limits_check` judges each kind as a whole, with code of its own."""
    wide = Limits(
        low_pu=0.85, high_pu=1.2, line=2.0, transformer=2.0, unbalance=0.1, transformer_by=by
    )
    rng, case = np.random.default_rng(seed), replace(stepped.case, limits=wide)
    power = case.base_kw.T + rng.uniform(-100, 100, case.base_kw.T.shape)
    stepped = feeder_limits.judge(case)
    value = stepped.strain(power, case.base_kvar.T).value
    checked = limits_check.check(hosting_capacity.judge(case), case.state, power, case.base_kvar.T)
    for kind, name in enumerate(KINDS):
        ours = (value - stepped.bound)[:, stepped.rows.kind == kind].max(axis=1)
        theirs = checked.excess[:, hosting_capacity.KINDS.index(name)]
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def of_kind_named(rows: Rows, kind: str) -> np.ndarray:
    """Which rows are of a kind."""
    return rows.kind == KINDS.index(kind)


def test_every_row_is_named_after_what_it_judges(stepped: StepJudge, ieee13: Feeder):
    rows, limits = stepped.rows, LIMITS
    assert len(rows) == stepped.rest.shape[1]
    wanted = (-limits.low_pu, limits.high_pu, limits.line, limits.transformer, limits.unbalance)
    for kind, limit in enumerate(wanted):
        of_kind = rows.kind == kind
        assert of_kind.any()
        assert (rows.limit[of_kind] == limit).all()
    nodes, buses = ieee13.node_name, ieee13.buses.name
    low = rows.kind == LOW
    alone = ieee13.branches.other == GROUND
    assert rows.name[low][alone].tolist() == nodes[ieee13.branches.node[alone]].tolist()
    assert {"671.1.2", "671.2.3", "671.3.1"} <= set(rows.name[low])  # a load in delta
    assert all(
        name.startswith(f"{buses[bus]}.")
        for name, bus in zip(rows.name[low], rows.bus[low], strict=True)
    )
    line_names = {name.rsplit(" phase ", 1)[0] for name in rows.name[of_kind_named(rows, "line")]}
    assert line_names <= set(ieee13.lines.name)
    transformer = rows.name[of_kind_named(rows, "transformer")]
    assert {name.split(" winding ")[0] for name in transformer} == set(ieee13.transformers.name)
    assert "xfm1 winding 2 phase 3" in transformer
    assert len(set(transformer)) == len(transformer)


@pytest.mark.parametrize("by", ["phase", "total"])
def test_what_transformers_carry_is_told_by_phase_and_as_a_whole(stepped: StepJudge, by: JudgedBy):
    judge = feeder_limits.judge(replace(stepped.case, limits=replace(LIMITS, transformer_by=by)))
    power, reactive = judge.case.base_kw.T.copy(), judge.case.base_kvar.T
    power[1] -= 1e5
    strain = judge.strain(power, reactive)
    told = judge.transformers(strain, power, reactive)
    judged = strain.value[:, of_kind_named(judge.rows, "transformer")]
    assert (judged == vars(told)[by])[[0, 2]].all()
    assert np.isinf(told.phase[1]).all()
    assert np.isinf(told.total[1]).all()
    assert told.phase.shape[1] == 12  # two windings of three regulators, and of three phases
    assert told.total.shape[1] == len(judge.case.feeder.transformers)


def test_what_is_passed_without_vehicles_may_be_passed_a_little_further(ieee13: Feeder):
    tight = Limits(low_pu=0.99, high_pu=1.0, line=0.5, transformer=0.6, unbalance=0.005)
    judge = feeder_limits.judge(case_of(ieee13, limits=tight))
    base, bound, rows = judge.rest, judge.bound, judge.rows
    passed = base > rows.limit
    for kind in range(len(KINDS)):
        assert passed[:, rows.kind == kind].any(), KINDS[kind]
    assert (bound >= base).all()
    assert (bound[~passed] == np.broadcast_to(rows.limit, base.shape)[~passed]).all()
    share = np.abs(bound[passed] / base[passed] - 1.0)
    np.testing.assert_allclose(share, tight.worsening, rtol=1e-9)
    low = passed & (rows.kind == LOW)
    assert (-bound[low] < -base[low]).all()  # a voltage that is low may be lower still
    none = feeder_limits.judge(case_of(ieee13, limits=replace(tight, worsening=0.0)))
    assert (none.bound[passed] == base[passed]).all()


def test_what_the_wires_cannot_carry_is_infinitely_far_beyond_and_rises_nothing(
    stepped: StepJudge,
):
    case, share = stepped.case, at_loads(stepped.case.feeder).share.toarray()
    power = case.base_kw.T.copy()
    power[1] -= 1e5
    strain = stepped.strain(power, case.base_kvar.T)
    assert strain.settled.tolist() == [True, False, True]
    assert np.isinf(strain.value[1]).all()
    assert np.isfinite(strain.value[[0, 2]]).all()
    rise = stepped.rises(strain, power, case.base_kvar.T, share)
    assert not rise[1].any()
    assert rise[0].any()
    alone = stepped.strain(case.base_kw.T, case.base_kvar.T)
    np.testing.assert_allclose(strain.value[[0, 2]], alone.value[[0, 2]], atol=1e-7)


def test_a_load_that_the_wires_cannot_carry_is_refused_with_its_steps(ieee13: Feeder):
    case = case_of(ieee13)
    beyond = replace(case, base_kw=case.base_kw * np.array([1.0, 90.0, 90.0]))
    with pytest.raises(InputError, match="have a solution at every step, got 1; 2"):
        feeder_limits.judge(beyond)


def test_lines_without_a_rating_have_no_row(ieee13: Feeder):
    nothing = np.full(len(ieee13.lines), np.nan)
    bare = replace(ieee13, lines=replace(ieee13.lines, rating_a=nothing))
    judge = feeder_limits.judge(case_of(bare))
    assert KINDS.index("line") not in judge.rows.kind
    assert len(judge.rows) == judge.rest.shape[1]
