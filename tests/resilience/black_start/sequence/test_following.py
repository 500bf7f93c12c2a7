"""Chargers that follow in a black start: they wait, ramp, share the load, trip, stay out."""

from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import BatteryUnit
from evergrid.resilience.black_start.assets.following import FollowingRules
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartStatus
from evergrid.resilience.black_start.results.runbook import runbook
from evergrid.resilience.black_start.settings import (
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from tests.resilience.black_start.cases import QUICK, block, site, van

QUICKLY = FollowingRules(enter_s=1.0, ramp_s=0.5)
BLOCKS = (block("lights", 3.0, "life_safety"), block("pumps", 5.0, "critical"))


def follower(number: int, **changed: Any) -> BatteryUnit:
    """A van at a charger that cannot form a grid."""
    return van(number, **({"grid_forming": False, "black_start": False} | changed))


def started(rules: FollowingRules | None, *followers: BatteryUnit, **changed: Any) -> BlackStart:
    """One van that forms, and those that follow."""
    told: dict[str, Any] = {"duration_s": 5.0, **QUICK} | changed.pop("sequence", {})
    batteries = (van(1), *followers)
    whole = site(load_blocks=changed.pop("blocks", BLOCKS), batteries=batteries)
    check = SynchroCheck(slip_hz=0.3)
    return black_start(whole, StartSequence(**told), synchronise=check, following=rules, **changed)


@pytest.fixture(scope="module")
def whole() -> BlackStart:
    """One van forms, one follows with half of its power."""
    return started(QUICKLY, follower(2))


def events(found: BlackStart, action: Action) -> list[tuple[float, str]]:
    return [(one.time_s, one.actor) for one in found.events if one.action is action]


def test_it_enters_once_the_voltage_was_good_for_long_enough(whole: BlackStart):
    ((live_s, _),) = events(whole, Action.SOFT_START)
    ((entered_s, name),) = events(whole, Action.ENTERED)
    assert name == "van 2"
    assert QUICKLY.enter_s <= entered_s - live_s + 0.11 < QUICKLY.enter_s + 0.3
    before = whole.samples.time_s < entered_s
    assert np.abs(whole.samples.follower_power_kw[before]).max() == 0.0


def test_it_ramps_without_a_shock_and_the_other_one_carries_the_rest(whole: BlackStart):
    samples = whole.samples
    ((entered_s, _),) = events(whole, Action.ENTERED)
    after = (samples.time_s > entered_s) & (samples.time_s < entered_s + 0.1)
    assert samples.unit_current_pu[after].max() < 1.1 * samples.unit_current_pu[~after].max()
    assert samples.follower_power_kw[-1, 0] == pytest.approx(5.0, rel=1e-3)
    fed_kw = samples.unit_power_kw[-1, 0] + samples.follower_power_kw[-1, 0]
    assert samples.block_kw[-1].sum() < fed_kw < 1.06 * samples.block_kw[-1].sum()
    by_droop = 50.0 - 0.15 * samples.unit_power_kw[-1, 0] / 10.0
    assert samples.frequency_hz[-1] == pytest.approx(by_droop, rel=1e-8)


def test_its_energy_is_what_it_fed_and_its_charger_used(whole: BlackStart):
    (one,) = whole.followers
    fed_kwh = whole.samples.follower_power_kw.sum() * 1e-3 / 3600.0
    on_h = (whole.duration_s - one.entered_s) / 3600.0
    assert one.energy_kwh == pytest.approx((fed_kwh + 0.1 * on_h) / 0.95, rel=0.01)
    assert (one.on_at_end, one.trips, one.reason) == (True, 0, "")


def test_its_eigenvalues_are_looked_at_before(whole: BlackStart):
    check = next(one for one in whole.checks if one.closing == "van 2")
    assert check.allowed
    assert check.worst_per_s.real < 0
    loop = np.roots([1, 414.7, 414.7 * 2 * 0.7 * 6 * np.pi, 414.7 * (6 * np.pi) ** 2])
    slow = loop[np.abs(loop.imag) > 0][0]
    assert np.abs(check.eigenvalue_per_s - slow).min() < 0.3 * abs(slow)


def test_without_rules_it_is_left_out():
    found = started(None, follower(2), sequence={"duration_s": 2.0})
    assert found.followers == ()
    assert found.samples.follower_power_kw.shape[1] == 0
    assert [unit.name for unit in found.circuit.network.units] == ["van 1"]


def test_a_loop_that_would_swing_is_refused_by_its_eigenvalue_and_all_else_goes_on():
    wild = FollowingRules(enter_s=0.5, pll_hz=30.0, pll_damping=0.1)
    found = started(wild, follower(2), sequence={"duration_s": 3.0})
    (one,) = found.followers
    assert not one.on_at_end
    assert "the eigenvalue +" in one.reason
    assert "van 2" in one.reason
    assert events(found, Action.REFUSED)[0][1] == "van 2"
    assert found.status is StartStatus.RESTORED


def test_its_protection_against_islands_takes_a_pick_up_for_the_loss_of_the_grid():
    nervous = FollowingRules(
        enter_s=0.3, ramp_s=0.5, anti_islanding="rocof", rocof_hz_per_s=0.05, rocof_window_s=0.2
    )
    blocks = (block("lights", 6.0, "life_safety"), block("pumps", 2.5, "comfort"))
    told = {"duration_s": 3.0, "settle_s": 1.2}
    found = started(nervous, follower(2), blocks=blocks, sequence=told)
    ((_, first), (picked_s, _)) = events(found, Action.PICK_UP)
    assert first == "lights"
    trips = [one for one in found.events if one.action is Action.TRIP]
    assert any(0 < one.time_s - picked_s < 0.4 for one in trips)
    assert "takes for the loss of the grid" in trips[-1].cause
    calm = started(
        FollowingRules(enter_s=0.3, ramp_s=0.5), follower(2), blocks=blocks, sequence=told
    )
    assert calm.followers[0].trips == 0


def test_a_voltage_outside_its_window_trips_it_and_it_comes_back_later():
    narrow = FollowingRules(enter_s=0.5, ramp_s=0.2, low_voltage_pu=0.972, trip_s=0.05)
    blocks = (block("lights", 4.0, "life_safety"), block("pumps", 4.5, "comfort"))
    told = {"duration_s": 3.5, "settle_s": 1.0}
    found = started(narrow, follower(2, max_discharge_kw=4.0), blocks=blocks, sequence=told)
    trips = [one for one in found.events if one.action is Action.TRIP]
    assert len(trips) >= 1
    assert "outside its window" in trips[0].cause


def test_those_that_would_charge_the_others_wait_and_say_why():
    found = started(
        QUICKLY, follower(2), follower(3), blocks=BLOCKS[:1], sequence={"duration_s": 3.0}
    )
    assert [one.on_at_end for one in found.followers] == [False, False]
    assert "charge those that form the grid" in found.followers[0].reason
    assert found.samples.unit_power_kw[-1, 0] > 0


def test_one_whose_energy_runs_out_stops_for_good():
    found = started(QUICKLY, follower(2, energy_arrival_kwh=12.0005), sequence={"duration_s": 6.0})
    (one,) = found.followers
    assert (one.on_at_end, one.trips, one.reason) == (False, 1, "its energy has run out")
    assert found.samples.connected[-1].all()


def test_it_drops_out_when_the_last_one_that_forms_is_gone():
    whole = site(
        load_blocks=BLOCKS[:1], batteries=(van(1, energy_arrival_kwh=12.0012), follower(2))
    )
    rules = FollowingRules(enter_s=0.3, ramp_s=0.3, power_share=0.2)
    found = black_start(whole, StartSequence(duration_s=5.0, **QUICK), following=rules)
    assert found.status is StartStatus.COLLAPSED
    assert found.followers[0].reason == "its bus is dead"
    assert found.samples.follower_power_kw[-1, 0] == 0.0
    assert found.samples.voltage_pu[-1] == 0.0


def test_the_runbook_tells_to_set_off_its_protection(whole: BlackStart):
    steps = runbook(whole, ProtectionLimits(), SynchroCheck(slip_hz=0.3))
    assert any("set off its protection against islands" in one.action for one in steps)


@pytest.mark.parametrize(
    ("field", "value"),
    [("enter_s", 0.0), ("power_share", 50.0), ("pll_hz", float("nan")), ("trip_s", -1.0)],
)
def test_a_rule_out_of_range_is_named(field: str, value: float):
    given: dict[str, Any] = {field: value}
    with pytest.raises(InputError) as caught:
        FollowingRules(**given)
    assert caught.value.field == field
