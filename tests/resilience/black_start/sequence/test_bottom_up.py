"""The site brings its neighbours back: joining, sharing, refusing, losing an island."""

import numpy as np
import pytest

from evergrid.resilience.black_start.checks.closing import check_stability
from evergrid.resilience.black_start.circuit import InverterSettings, circuit
from evergrid.resilience.black_start.neighbour.feeder import (
    UPSTREAM_TRANSFORMER,
    NeighbourSection,
    UpstreamFeeder,
)
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartStatus
from evergrid.resilience.black_start.results.runbook import runbook
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from evergrid.resilience.black_start.state import island
from tests.resilience.black_start.cases import BLOCKS, QUICK, block, site, van
from tests.resilience.black_start.neighbour.cases import (
    FAST,
    HOUSES,
    LIGHTS,
    SCHOOL,
    SMALL_SCHOOL,
    SteadyIsland,
    small,
    upstream,
)

# Warm blocks alone, so that the end is a steady state of the blocks as they are told.
WARM = tuple(block(one.name, one.power_kw, one.tier) for one in BLOCKS)


@pytest.fixture(scope="module")
def whole() -> BlackStart:
    """Site, school and houses are one island after twenty seconds."""
    feeder = UpstreamFeeder(upstream(), (SCHOOL, HOUSES))
    sequence = StartSequence(duration_s=26.0, **QUICK)
    return black_start(site(load_blocks=WARM), sequence, synchronise=FAST, feeder=feeder)


def actors(found: BlackStart, action: Action) -> list[str]:
    return [event.actor for event in found.events if event.action is action]


def causes(found: BlackStart, action: Action) -> str:
    return " ".join(event.cause for event in found.events if event.action is action)


def test_the_site_comes_first_then_the_second_island_then_the_dead_section(whole: BlackStart):
    assert (whole.status, whole.reason) == (StartStatus.RESTORED, "")
    assert whole.joined == (True, True, True)
    assert actors(whole, Action.SOFT_START) == ["van 1", "van 11"]
    assert actors(whole, Action.JOINED) == ["line to school"]
    assert actors(whole, Action.ENERGISED) == ["line to houses"]
    picked = actors(whole, Action.PICK_UP)
    assert picked.index("gym") < picked.index("cold room")  # at the same time, not one by one
    assert picked[-2:] == ["house A", "house B"]
    last_of_site = max(e.time_s for e in whole.events if e.actor in ("offices", "van 3"))
    assert whole.waits[-1].closing == "line to school"
    assert next(e.time_s for e in whole.events if e.action is Action.JOINED) > last_of_site


def test_two_islands_have_two_frequencies_and_then_one(whole: BlackStart):
    samples = whole.samples
    joined_s = next(e.time_s for e in whole.events if e.action is Action.JOINED)
    before = np.searchsorted(samples.time_s, joined_s - 0.1)
    site_hz, school_hz, houses_hz = samples.section_frequency_hz[before]
    assert school_hz - site_hz == pytest.approx(0.98 * 0.3, rel=0.05)
    assert np.isnan(houses_hz)
    assert np.ptp(samples.section_frequency_hz[-1]) == 0.0
    np.testing.assert_array_equal(samples.section_frequency_hz[:, 0], samples.frequency_hz)


def test_the_line_closes_within_the_limits_and_disturbs_little(whole: BlackStart):
    wait = whole.waits[-1]
    assert abs(wait.angle_deg) < FAST.greatest_angle_deg
    assert abs(wait.slip_hz) <= FAST.greatest_slip_hz
    assert wait.wait_s <= 1.0 / (0.98 * FAST.slip_hz) + 2 * island.STRETCH_S
    samples = whole.samples
    event = next(one for one in whole.events if one.action is Action.JOINED)
    near = np.abs(samples.time_s - event.time_s) < 0.1
    assert samples.section_voltage_pu[near, :2].min() > 0.94
    assert samples.unit_current_pu[near].max() < 1.2


def test_all_units_of_both_islands_share_by_droop(whole: BlackStart):
    power_kw = whole.samples.unit_power_kw[-1]
    np.testing.assert_allclose(power_kw, power_kw.mean(), rtol=1e-7)
    by_droop = 50.0 - 0.15 * power_kw.sum() / 50.0
    assert whole.samples.frequency_hz[-1] == pytest.approx(by_droop, rel=1e-10)


def test_the_joined_island_settles_where_phasors_and_droop_have_it(whole: BlackStart):
    steady, samples = SteadyIsland(whole), whole.samples
    np.testing.assert_allclose(1e3 * samples.unit_power_kw[-1], steady.power_w, rtol=1e-6)
    np.testing.assert_allclose(1e3 * samples.unit_reactive_kvar[-1], steady.reactive_var, atol=0.1)
    assert samples.frequency_hz[-1] == pytest.approx(steady.frequency_hz, abs=1e-7)
    at = [whole.circuit.network.bus_index[one.bus] for one in whole.circuit.sections]
    np.testing.assert_allclose(400.0 * samples.section_voltage_pu[-1], steady.volts[at], rtol=1e-6)
    # What units feed is what blocks draw and what cables, lines, transformers and cores lose.
    blocks_w = 1e3 * samples.block_kw[-1].sum()
    assert 1e3 * samples.unit_power_kw[-1].sum() == pytest.approx(
        blocks_w + steady.lost_w, rel=1e-6
    )


def test_equal_halves_keep_the_modes_of_one_of_them():
    """A line between two equal islands carries nothing in their common modes."""
    blocks = (block("lights", 4.0, "critical"),)
    twin = NeighbourSection(
        "twin", (block("other lights", 4.0, "critical"),), 0.1, 0.05, (van(11), van(12))
    )
    whole = site(2, load_blocks=blocks, transformer=None)
    made = circuit(whole, InverterSettings(), feeder=UpstreamFeeder(neighbours=(twin,)))
    both = island.Island(made, ProtectionLimits(), 1.0)
    names = ("van 1", "van 2", "van 11", "van 12")
    apart = both.positions.starting(*names).closing(*names, "lights", "other lights")
    alone = check_stability(both, apart, "lights").eigenvalue_per_s
    other = check_stability(both, apart, "other lights", 1).eigenvalue_per_s
    joined = check_stability(both, apart.closing(twin.line), twin.line).eigenvalue_per_s
    assert len(joined) > 2 * len(alone) - 1
    np.testing.assert_allclose(np.sort_complex(alone), np.sort_complex(other), rtol=1e-6)
    nearest = np.abs(joined[:, None] - alone[None]).min(axis=0)
    assert (nearest / np.abs(alone)).max() < 1e-6


def test_the_grid_is_met_beyond_the_transformer_by_all_units():
    grid = GridReturn(at_s=6.0, frequency_hz=50.02, short_circuit_kva=2000.0)
    feeder = UpstreamFeeder(upstream(), (SMALL_SCHOOL,))
    found = small(feeder, duration_s=14.0, grid=grid)
    assert found.circuit.network.units[-1].bus == "upstream"
    assert actors(found, Action.RECONNECTED) == ["grid"]
    assert found.joined == (True, True)
    assert np.abs(found.samples.unit_power_kw[-1]).max() < 0.02
    np.testing.assert_allclose(found.samples.section_frequency_hz[-1], 50.02, atol=1e-6)


def test_two_islands_that_are_closed_without_a_check_strike():
    blind = SynchroCheck(slip_hz=0.3, check=False)
    feeder = UpstreamFeeder(neighbours=(SMALL_SCHOOL,))
    found = small(feeder, duration_s=3.0, synchronise=blind)
    calm = small(feeder, duration_s=8.0)
    assert actors(found, Action.CLOSED_BLIND) == ["line to school"]
    assert actors(calm, Action.JOINED) == ["line to school"]
    assert abs(found.waits[0].angle_deg) > 10.0
    assert found.samples.unit_current_pu.max() > 2.0 * calm.samples.unit_current_pu.max()


def test_a_dead_section_whose_blocks_are_too_much_stays_dark_and_the_site_goes_on():
    mill = NeighbourSection("mill", (block("saw", 30.0, "comfort"),), 0.2, 0.1)
    found = small(UpstreamFeeder(neighbours=(mill,)), duration_s=3.0)
    assert found.status is StartStatus.PARTLY
    assert actors(found, Action.ENERGISED) == ["line to mill"]
    assert actors(found, Action.REFUSED) == ["saw"]
    assert "31.5 kW, more than the 9 kW that 1 units may give" in causes(found, Action.REFUSED)
    assert found.samples.connected[-1].tolist() == [True, False]


def test_islands_that_would_overload_a_weak_unit_together_stay_apart():
    weak = van(11, max_discharge_kw=2.0)  # shares by its rating, of which it may give a fifth
    school = NeighbourSection("school", (block("gym", 1.0, "critical"),), 0.2, 0.1, (weak,))
    blocks = (block("lights", 5.0, "life_safety"),)
    sequence = StartSequence(duration_s=4.0, **QUICK)
    feeder = UpstreamFeeder(neighbours=(school,))
    found = black_start(site(1, load_blocks=blocks), sequence, synchronise=FAST, feeder=feeder)
    assert actors(found, Action.REFUSED) == ["line to school"]
    assert "6 kW, more than the 3.6 kW that 2 units may give" in causes(found, Action.REFUSED)
    assert found.joined == (True, False)
    assert found.samples.connected[-1].all()


def test_a_second_island_that_dies_is_dark_with_open_breakers_and_is_fed_by_the_site():
    short = van(11, energy_arrival_kwh=12.0005)
    school = NeighbourSection("school", (block("gym", 3.0, "critical"),), 0.2, 0.1, (short,))
    sequence = StartSequence(duration_s=6.0, auxiliary_s=0.1, ramp_s=0.2, settle_s=1.5)
    found = black_start(
        site(1, load_blocks=LIGHTS),
        sequence,
        synchronise=FAST,
        feeder=UpstreamFeeder(neighbours=(school,)),
    )
    lost = [event for event in found.events if event.action is Action.COLLAPSE]
    assert [event.actor for event in lost] == ["school"]
    assert "its energy has run out" in lost[0].cause
    at = np.searchsorted(found.samples.time_s, lost[0].time_s + 0.05)
    assert found.samples.section_voltage_pu[at, 1] == 0.0
    assert found.samples.connected[at].tolist() == [True, False]
    assert actors(found, Action.ENERGISED) == ["line to school"]
    assert found.samples.connected[-1].all()
    assert found.status is StartStatus.RESTORED


def test_a_site_that_dies_leaves_the_second_island_alive():
    batteries = (van(1, energy_arrival_kwh=12.0003),)
    found = black_start(
        site(batteries=batteries, load_blocks=LIGHTS),
        StartSequence(duration_s=5.0, auxiliary_s=0.1, ramp_s=0.2, settle_s=3.0),
        synchronise=FAST,
        feeder=UpstreamFeeder(neighbours=(SMALL_SCHOOL,)),
    )
    assert found.status is StartStatus.COLLAPSED
    assert actors(found, Action.COLLAPSE) == ["site"]
    assert found.samples.connected[-1].tolist() == [False, True]
    assert found.samples.section_voltage_pu[-1, 0] == 0.0
    assert found.samples.section_frequency_hz[-1, 1] == pytest.approx(50.0 - 0.15 * 0.29, abs=3e-3)


def test_a_hard_closing_that_the_inverters_stand_is_done_and_told():
    feeder = UpstreamFeeder(upstream(3.0, energise="hard"))
    found = small(feeder, duration_s=2.0)
    assert actors(found, Action.ENERGISED) == [UPSTREAM_TRANSFORMER]
    assert found.inrush is not None
    assert 0.3 < found.inrush.current_pu < 1.5
    assert f"inrush of {found.inrush.current_pu:.2f} pu" in causes(found, Action.ENERGISED)


def test_the_instant_of_closing_does_not_count_where_only_inductances_divide():
    # 500 kVA at ten: the loss of its core is a load of 1.5 kW with hardly any reactance.
    feeder = UpstreamFeeder(upstream(500.0, energise="hard"))
    found = small(feeder, duration_s=2.0, limits=ProtectionLimits(pick_up_voltage_pu=0.6))
    check = next(one for one in found.checks if one.closing == UPSTREAM_TRANSFORMER)
    assert "would fall" not in check.reason
    assert check.lowest_voltage_pu > 0.9


STRICT = ProtectionLimits(pick_up_voltage_pu=0.97, under_voltage_pu=0.97, under_voltage_s=0.001)


def test_a_hard_closing_that_they_do_not_stand_is_refused_with_a_way_out():
    grid = GridReturn(at_s=1.5, frequency_hz=50.0)
    feeder = UpstreamFeeder(upstream(40.0, energise="hard"), (HOUSES,))
    found = small(feeder, duration_s=3.0, limits=STRICT, grid=grid)
    assert actors(found, Action.REFUSED) == [UPSTREAM_TRANSFORMER, "grid"]
    assert 'energise = "soft"' in causes(found, Action.REFUSED)
    assert "is not energised" in causes(found, Action.REFUSED)
    assert found.samples.connected[-1].tolist() == [True, False, False]


def test_a_hard_closing_that_is_forced_ends_in_its_honest_collapse():
    feeder = UpstreamFeeder(upstream(40.0, energise="hard"))
    sequence = StartSequence(duration_s=3.0, force=True, **QUICK)
    found = small(feeder, limits=STRICT, sequence=sequence)
    assert found.status is StartStatus.COLLAPSED
    assert "under-voltage in the inrush" in found.reason
    assert found.samples.voltage_pu[-1] == 0.0


def test_the_runbook_tells_both_crews_what_to_do(whole: BlackStart):
    steps = runbook(whole, ProtectionLimits(), FAST)
    words = " ".join(step.action for step in steps)
    assert "breakers of all blocks, and of the lines to neighbouring sections" in words
    assert "leave the transformer upstream attached" in words
    assert "Agree with the crew of school; let its island pass the site by 0.3 Hz" in words
    assert "Agree with the crew of houses that nobody works on its section" in words
    assert [step.time_s for step in steps] == sorted(step.time_s for step in steps)


def test_an_unstable_meeting_with_the_grid_is_refused_and_the_island_goes_on():
    grid = GridReturn(at_s=1.0, frequency_hz=50.0, short_circuit_kva=2000.0)
    sequence = StartSequence(duration_s=3.5, order=("van 1", "lights"), **QUICK)
    wide = ProtectionLimits(shed_deviation_hz=5.0, pick_up_deviation_hz=5.0, under_frequency_hz=6.0)
    found = black_start(
        site(1), sequence, inverter=InverterSettings(droop_hz=4.0), limits=wide, grid=grid
    )
    assert found.status is StartStatus.REFUSED
    assert found.reason.startswith("grid: unstable: the eigenvalue +17")
    assert found.samples.connected[-1, 0]
