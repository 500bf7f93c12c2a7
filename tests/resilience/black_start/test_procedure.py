"""A black start from beginning to end: end state, waits, energy, relays, the returning grid."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.resilience.black_start.circuit import InverterSettings
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartStatus
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from evergrid.resilience.black_start.state import island, rest
from tests.resilience.black_start.cases import QUICK, block, site, van

FAST = SynchroCheck(slip_hz=0.3)


@pytest.fixture(scope="module")
def whole() -> BlackStart:
    """Three vans and four blocks, all of them on after twenty seconds."""
    return black_start(site(), StartSequence(duration_s=20.0, **QUICK), synchronise=FAST)


def actions(found: BlackStart, action: Action) -> list[str]:
    return [event.actor for event in found.events if event.action is action]


def test_all_is_restored_by_tier(whole: BlackStart):
    assert whole.status is StartStatus.RESTORED
    assert whole.reason == ""
    assert actions(whole, Action.PICK_UP) == ["lights", "cold room", "pumps", "offices"]
    assert whole.samples.connected[-1].all()


def test_the_end_is_that_of_the_droop_formula(whole: BlackStart):
    power_kw = whole.samples.unit_power_kw[-1]
    assert np.ptp(power_kw) < 1e-6 * power_kw.mean()
    by_droop = 50.0 - 0.15 * power_kw.sum() / 30.0
    assert whole.samples.frequency_hz[-1] == pytest.approx(by_droop, rel=1e-9)
    drawn_kw = whole.samples.block_kw[-1].sum()
    assert drawn_kw < power_kw.sum() < 1.06 * drawn_kw  # cables, transformer and core


def test_no_unit_waits_longer_than_one_over_the_slip(whole: BlackStart):
    assert [wait.closing for wait in whole.waits] == ["van 2", "van 3"]
    assert all(wait.wait_s <= 1.0 / FAST.slip_hz + island.STRETCH_S for wait in whole.waits)
    assert all(abs(wait.angle_deg) < 2.0 for wait in whole.waits)
    # Cold load decays while the second one waits, so that the island itself moves a little.
    assert all(wait.slip_hz == pytest.approx(FAST.slip_hz, abs=0.01) for wait in whole.waits)


def test_closing_in_phase_disturbs_less_than_a_block(whole: BlackStart):
    samples = whole.samples
    for event in whole.events:
        if event.action is Action.SYNCHRONISED:
            near = np.abs(samples.time_s - event.time_s) < 0.1
            assert samples.voltage_pu[near].min() > 0.95 * event.before.voltage_pu


def test_energy_is_what_the_units_fed_and_their_chargers_used(whole: BlackStart):
    fed_kwh = whole.samples.unit_power_kw.sum(axis=0) * island.SAMPLE_S / 3600.0
    used_kwh = fed_kwh / 0.95 + whole.auxiliary_kwh
    np.testing.assert_allclose(whole.energy_kwh, used_kwh, rtol=0.01)
    assert whole.auxiliary_kwh == pytest.approx(np.full(3, 0.1 * 20.0 / 3600.0))
    had_kwh = np.array([unit.energy_arrival_kwh - 12.0 for unit in whole.circuit.formers])
    np.testing.assert_allclose(whole.energy_left_kwh, had_kwh - whole.energy_kwh)


def test_the_look_ahead_is_what_then_happens(whole: BlackStart):
    samples = whole.samples
    picked = {event.actor: event.time_s for event in whole.events if event.action is Action.PICK_UP}
    seen = [check for check in whole.checks if np.isfinite(check.lowest_voltage_pu)]
    assert len(seen) == 4
    for check in seen:
        from_s = picked[check.closing]
        after = (samples.time_s >= from_s) & (samples.time_s <= from_s + 0.15)
        assert samples.voltage_pu[after].min() == pytest.approx(check.lowest_voltage_pu, abs=1e-3)


def test_a_cold_block_draws_more_until_it_is_warm(whole: BlackStart):
    samples = whole.samples
    place = [one.name for one in whole.circuit.blocks].index("cold room")
    from_s = next(one.time_s for one in whole.events if one.actor == "cold room")
    early = np.searchsorted(samples.time_s, from_s + 0.1)
    first, last = samples.block_kw[early, place], samples.block_kw[-1, place]
    squares = samples.voltage_pu[[early, -1]] ** 2
    assert first / squares[0] == pytest.approx(8.0 * 1.2, rel=0.03)
    assert last / squares[1] == pytest.approx(8.0, rel=0.03)


def test_an_island_at_rest_is_turned_without_error(
    whole: BlackStart, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rest, "RESTING", -1.0)  # nothing rests: every stretch is integrated
    sequence = StartSequence(duration_s=6.0, **QUICK)
    integrated = black_start(site(), sequence, synchronise=FAST).samples
    count = len(integrated.time_s)
    turned = whole.samples
    np.testing.assert_allclose(integrated.voltage_pu, turned.voltage_pu[:count], atol=1e-8)
    alive = np.isfinite(integrated.frequency_hz)
    np.testing.assert_allclose(
        integrated.frequency_hz[alive], turned.frequency_hz[:count][alive], atol=1e-8
    )


def test_the_same_input_gives_the_same_output():
    sequence = StartSequence(duration_s=1.5, **QUICK)
    first, second = (black_start(site(2), sequence, synchronise=FAST) for _ in range(2))
    assert first.events == second.events
    np.testing.assert_array_equal(first.samples.voltage_pu, second.samples.voltage_pu)


def test_an_order_is_kept():
    order = ("van 2", "lights", "van 1", "offices")
    sequence = StartSequence(duration_s=8.0, order=order, **QUICK)
    found = black_start(site(2), sequence, synchronise=FAST)
    did = (Action.SOFT_START, Action.PICK_UP, Action.SYNCHRONISED)
    assert tuple(event.actor for event in found.events if event.action in did) == order
    assert found.status is StartStatus.PARTLY
    assert found.reason == (
        "dark at the end: cold room (not in start.order), pumps (not in start.order)"
    )


def test_the_island_meets_the_returning_grid_and_hands_the_load_over():
    sequence = StartSequence(duration_s=14.0, order=("van 1", "lights", "van 2"), **QUICK)
    grid = GridReturn(at_s=7.0, frequency_hz=50.02, short_circuit_kva=2000.0)
    found = black_start(site(2), sequence, synchronise=FAST, grid=grid)
    assert actions(found, Action.RECONNECTED) == ["grid"]
    wait = found.waits[-1]
    assert wait.closing == "grid"
    assert wait.wait_s <= 1.0 / FAST.slip_hz + island.STRETCH_S
    assert np.abs(found.samples.unit_power_kw[-1]).max() < 0.02
    assert found.samples.frequency_hz[-1] == pytest.approx(50.02, abs=1e-6)
    assert found.samples.connected[-1, 0]


def test_a_unit_that_never_agrees_is_given_up():
    told = SynchroCheck(slip_hz=0.3, greatest_slip_hz=0.31, greatest_voltage_pu=1e-3)
    sequence = StartSequence(duration_s=9.0, order=("van 1", "offices", "van 2"), **QUICK)
    found = black_start(site(2), sequence, synchronise=told)
    refused = [event for event in found.events if event.action is Action.REFUSED]
    assert [event.actor for event in refused] == ["van 2"]
    assert "never agree" in refused[0].cause
    assert found.samples.connected[-1, 3]


def test_a_unit_whose_energy_runs_out_trips_and_the_rest_goes_on():
    batteries = (van(1), van(2, energy_arrival_kwh=12.002))
    sequence = StartSequence(duration_s=12.0, order=("van 1", "lights", "van 2"), **QUICK)
    found = black_start(site(batteries=batteries), sequence, synchronise=FAST)
    assert actions(found, Action.TRIP) == ["van 2"]
    assert found.energy_left_kwh[1] == pytest.approx(0.0, abs=2e-4)
    assert found.samples.connected[-1, 0]


def test_the_last_unit_without_energy_leaves_the_site_dark_with_open_breakers():
    batteries = (van(1, energy_arrival_kwh=12.001),)
    sequence = StartSequence(duration_s=6.0, order=("van 1", "lights"), **QUICK)
    found = black_start(site(batteries=batteries), sequence)
    assert found.status is StartStatus.COLLAPSED
    assert "its energy has run out" in found.reason
    assert actions(found, Action.COLLAPSE) == ["island"]
    assert not found.samples.connected[-1].any()
    assert found.samples.voltage_pu[-1] == 0.0
    assert np.isnan(found.samples.frequency_hz[-1])


def test_a_block_that_is_too_much_for_all_units_stays_dark():
    blocks = (block("lights", 1.5, "life_safety"), block("laundry", 30.0, "comfort"))
    sequence = StartSequence(duration_s=6.0, **QUICK)
    found = black_start(site(2, load_blocks=blocks), sequence, synchronise=FAST)
    assert found.status is StartStatus.PARTLY
    refused = [event for event in found.events if event.action is Action.REFUSED]
    assert refused[0].actor == "laundry"
    assert "31.5 kW, more than the 18 kW that 2 units may give" in refused[0].cause


def test_an_overload_that_is_forced_ends_in_its_honest_collapse():
    blocks = (block("laundry", 30.0, "comfort"),)
    sequence = StartSequence(duration_s=3.0, order=("van 1", "laundry"), force=True, **QUICK)
    found = black_start(site(1, load_blocks=blocks), sequence)
    assert found.status is StartStatus.COLLAPSED
    assert actions(found, Action.TRIP) == ["van 1"]
    assert found.samples.voltage_pu.max() > 0.99
    assert found.samples.voltage_pu[-1] == 0.0


def test_a_low_frequency_sheds_the_least_worthy_block():
    limits = ProtectionLimits(shed_deviation_hz=0.06, pick_up_deviation_hz=1.0)
    order = ("van 1", "lights", "offices")
    found = black_start(site(1), StartSequence(duration_s=3.0, order=order, **QUICK), limits=limits)
    assert actions(found, Action.SHED) == ["offices"]
    assert found.samples.connected[-1].tolist() == [True, False, False, False]
    after = 50.0 - 0.15 * found.samples.unit_power_kw[-1, 0] / 10.0
    assert found.samples.frequency_hz[-1] == pytest.approx(after, rel=1e-8)


def test_an_unsynchronised_closing_throws_units_off():
    told = SynchroCheck(slip_hz=0.3, check=False)
    sequence = StartSequence(duration_s=4.0, order=("van 1", "lights", "van 2"), **QUICK)
    found = black_start(site(2), sequence, synchronise=told)
    wait = found.waits[0]
    assert actions(found, Action.CLOSED_BLIND) == ["van 2"]
    assert abs(wait.angle_deg) > 10.0
    calm = black_start(
        site(2), replace(sequence, duration_s=8.0), synchronise=FAST
    ).samples.unit_current_pu.max()
    assert found.samples.unit_current_pu.max() > 2.0 * calm


def test_an_unstable_closing_is_refused_with_its_eigenvalue_and_states():
    order = ("van 1", "lights", "van 2")
    sequence = StartSequence(duration_s=4.0, order=order, **QUICK)
    found = black_start(
        site(2), sequence, inverter=InverterSettings(droop_hz=1.5), synchronise=FAST
    )
    assert found.status is StartStatus.REFUSED
    assert "van 2: unstable: the eigenvalue +6.2" in found.reason
    assert "delta" in found.reason
    assert not np.isfinite(found.connected_s[1])
    assert found.samples.connected[-1, 0]  # what was on goes on


def test_an_unstable_closing_grows_as_its_eigenvalue_foretells():
    order = ("van 1", "lights", "van 2")
    sequence = StartSequence(duration_s=6.0, order=order, run_unstable=True, **QUICK)
    found = black_start(
        site(2), sequence, inverter=InverterSettings(droop_hz=1.5), synchronise=FAST
    )
    assert found.status is StartStatus.UNSTABLE
    value = next(check for check in found.checks if check.closing == "van 2").worst_per_s
    from_s = next(one.time_s for one in found.events if one.action is Action.SYNCHRONISED)
    samples = found.samples
    early = (samples.time_s > from_s + 0.05) & (samples.time_s < from_s + 0.3)
    apart_kw = samples.unit_power_kw[early, 0] - samples.unit_power_kw[early, 1]
    time_s = samples.time_s[early] - from_s
    # The second difference over half a period leaves the swing and takes out what is slow.
    half = round(np.pi / abs(value.imag) / island.SAMPLE_S)
    swing = np.abs(apart_kw[2 * half :] - 2.0 * apart_kw[half:-half] + apart_kw[: -2 * half])
    peaks = [k for k in range(1, len(swing) - 1) if swing[k - 1] < swing[k] >= swing[k + 1]]
    growth = np.polyfit(time_s[peaks], np.log(swing[peaks]), 1)[0]
    assert growth == pytest.approx(value.real, rel=0.35)  # the hand-over beside it shakes, too
    period_s = 2.0 * np.diff(time_s[peaks]).mean()
    assert 2.0 * np.pi / period_s == pytest.approx(abs(value.imag), rel=0.05)


def test_inverters_that_meet_without_impedance_are_refused_beforehand():
    bare = InverterSettings(connection_resistance_pu=0.0, connection_reactance_pu=0.0)
    order = ("van 1", "lights", "van 2")
    sequence = StartSequence(duration_s=2.0, order=order, **QUICK)
    found = black_start(site(2), sequence, inverter=bare, synchronise=FAST)
    assert found.status is StartStatus.REFUSED
