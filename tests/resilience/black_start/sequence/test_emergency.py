"""Diesel sets, transfer switches and motors in a black start: who carries what, and why not."""

from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import DieselSet, LoadBlock
from evergrid.resilience.black_start.assets.emergency import (
    DieselRules,
    DieselSource,
    EmergencySupply,
    TransferSwitch,
)
from evergrid.resilience.black_start.assets.motors import MotorRules
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartStatus
from evergrid.resilience.black_start.results.runbook import runbook
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from tests.resilience.black_start.cases import QUICK, block, site, van

LIGHTS = block("lights", 4.0, "life_safety")
ROOMS = block("rooms", 5.0, "critical", power_factor=0.9)
DIESEL = DieselSet("diesel", 10.0, 50.0, start_s=1.2, idle_share=0.25)
QUICK_SYNC = SynchroCheck(slip_hz=0.29)
LATE: dict[str, Any] = QUICK | {"auxiliary_s": 2.5}  # chargers come after the diesel set


def started(
    *,
    switch: TransferSwitch | None = None,
    rules: DieselRules | None = None,
    diesel: DieselSet = DIESEL,
    starts: bool = True,
    duration_s: float = 6.0,
    told: dict[str, Any] = LATE,
    grid: GridReturn | None = None,
    vans: int = 2,
    synchronise: SynchroCheck | None = None,
    blocks: tuple[LoadBlock, ...] = (LIGHTS, ROOMS),
) -> BlackStart:
    """A van or two and a diesel set, with lights behind a transfer switch."""
    switch = switch or TransferSwitch("lights", transfer_s=0.3, returns=False)
    made = site(vans, load_blocks=blocks, diesel_sets=(diesel,))
    supply = EmergencySupply(rules or DieselRules(), (DieselSource(diesel, starts),), (switch,))
    sequence = StartSequence(**told, duration_s=duration_s)
    return black_start(made, sequence, emergency=supply, grid=grid, synchronise=synchronise)


def times(found: BlackStart, action: Action, actor: str) -> list[float]:
    return [one.time_s for one in found.events if (one.action, one.actor) == (action, actor)]


@cache
def on_diesel() -> BlackStart:
    return started()


def test_the_set_carries_life_safety_before_the_chargers_are_up() -> None:
    """Ready at start_s, the switch waits transfer_s, and the vans raise the main bus later."""
    found = on_diesel()
    assert times(found, Action.SOFT_START, "diesel") == pytest.approx([1.2], abs=0.03)
    assert times(found, Action.PICK_UP, "lights") == pytest.approx([1.5], abs=0.05)
    assert times(found, Action.SOFT_START, "van 1") == pytest.approx([2.7], abs=0.05)
    assert found.on_emergency == ("lights",)
    assert found.status is StartStatus.RESTORED


def test_droop_of_the_engine_gives_the_frequency_of_the_emergency_bus() -> None:
    found = on_diesel()
    samples, droop = found.samples, DieselRules().speed_droop_pu
    power_kw = samples.unit_power_kw[-1, -1]
    assert power_kw == pytest.approx(4.0, rel=0.1)
    emergency = [one.name for one in found.circuit.sections].index("emergency")
    expected = 50.0 * (1.0 - droop * power_kw / DIESEL.power_kw)
    # The stator's loss is carried by the engine, too.
    assert samples.section_frequency_hz[-1, emergency] == pytest.approx(expected, abs=0.02)


def test_fuel_is_that_of_no_load_and_of_what_is_fed() -> None:
    found = on_diesel()
    samples = found.samples
    running = np.isfinite(samples.unit_frequency_hz[:, -1])
    hours = running.sum() * 1e-3 / 3600.0
    fed_kwh = samples.unit_power_kw[running, -1].mean() * hours
    expected = 0.25 * DIESEL.power_kw * hours + 0.75 * fed_kwh
    assert found.energy_kwh[-1] == pytest.approx(expected, rel=5e-3)  # powers are filtered


def test_a_set_that_does_not_start_is_told_and_the_main_bus_takes_its_block() -> None:
    found = started(starts=False)
    assert times(found, Action.NO_START, "diesel") == pytest.approx([1.2], abs=0.03)
    assert times(found, Action.PICK_UP, "lights")[0] > 2.7
    assert found.on_emergency == ()
    assert found.energy_kwh[-1] == 0.0


def test_fuel_that_runs_out_trips_the_set_and_the_block_changes_sides() -> None:
    found = started(diesel=replace(DIESEL, fuel_kwh=0.004))
    trips = [one for one in found.events if one.action is Action.TRIP]
    assert [(one.actor, one.cause) for one in trips] == [("diesel", "its fuel has run out")]
    first, second = times(found, Action.PICK_UP, "lights")
    assert first < trips[0].time_s < second
    assert found.samples.connected[-1].all()


@pytest.mark.parametrize("transition", ["open", "closed"])
def test_the_block_goes_back_to_the_main_bus(transition: Literal["open", "closed"]) -> None:
    """Dark for dead_s in an open transition, and not at all in a closed one."""
    switch = TransferSwitch(
        "lights", transition=transition, transfer_s=0.3, dead_s=0.4, return_s=1.0
    )
    found = started(switch=switch, duration_s=16.0 if transition == "closed" else 6.0)
    (back,) = [one for one in found.events if one.action is Action.TRANSFERRED]
    lights = [one.name for one in found.circuit.blocks].index("lights")
    samples = found.samples
    later = samples.time_s > 1.6
    dark_s = (~samples.connected[later, lights]).sum() * 1e-3
    assert dark_s == pytest.approx(0.4 if transition == "open" else 0.0, abs=0.03)
    assert found.on_emergency == ()
    assert samples.unit_power_kw[-1, -1] == pytest.approx(0.0, abs=0.05)
    assert back.actor == "lights"


def test_a_main_bus_that_cannot_carry_the_block_leaves_it_on_the_set() -> None:
    """One van of 10 kVA has the rooms already: the look ahead at the transfer says no."""
    switch = TransferSwitch("lights", transfer_s=0.3, return_s=1.0)
    made = site(1, load_blocks=(LIGHTS, replace(ROOMS, power_kw=7.0)), diesel_sets=(DIESEL,))
    supply = EmergencySupply(DieselRules(), (DieselSource(DIESEL),), (switch,))
    found = black_start(made, StartSequence(**LATE, duration_s=6.0), emergency=supply)
    (event,) = [one for one in found.events if one.action is Action.REFUSED]
    assert event.actor == "lights"
    assert event.cause.startswith("stays on the emergency bus: the blocks would draw 11 kW")
    assert found.on_emergency == ("lights",)


@cache
def in_parallel() -> BlackStart:
    return started(
        rules=DieselRules(parallel=True, load_share=0.3),
        duration_s=18.0,
        grid=GridReturn(11.0, 50.02),
        vans=1,
        synchronise=QUICK_SYNC,
    )


def test_sets_join_by_synchro_check_and_feed_what_they_are_told() -> None:
    found = in_parallel()
    (joined,) = times(found, Action.JOINED, "tie to emergency")
    samples = found.samples
    at = np.searchsorted(samples.time_s, 10.9)
    assert joined < 8.0
    assert samples.unit_power_kw[at, -1] == pytest.approx(3.0, rel=0.03)
    wait = next(one for one in found.waits if one.closing == "tie to emergency")
    assert abs(wait.angle_deg) <= QUICK_SYNC.greatest_angle_deg
    assert abs(wait.slip_hz) <= QUICK_SYNC.greatest_slip_hz


def test_the_grid_takes_the_load_of_vans_and_sets() -> None:
    found = in_parallel()
    (met,) = times(found, Action.RECONNECTED, "grid")
    assert met < 17.0
    assert found.samples.unit_power_kw[-1] == pytest.approx([0.0, 0.0], abs=0.1)
    assert found.samples.frequency_hz[-1] == pytest.approx(50.02, abs=1e-3)


def test_the_runbook_tells_sets_and_switches() -> None:
    steps = runbook(on_diesel(), ProtectionLimits(), SynchroCheck())
    who = {one.action: one.who for one in steps}
    assert who["diesel runs up and raises the emergency bus to 400 V."] == (
        "control of the diesel sets"
    )
    assert "transfer switch" in who.values()


# Motors

PUMPS = block("pumps", 6.0, "critical", motor_share=0.4)


def with_motors(
    rules: MotorRules, blocks: tuple[LoadBlock, ...] = (LIGHTS, PUMPS), **told: Any
) -> BlackStart:
    made = site(3, load_blocks=blocks)
    return black_start(made, StartSequence(**(QUICK | told)), motors=rules)


def test_a_motor_comes_up_and_its_block_draws_what_it_did_without() -> None:
    found = with_motors(MotorRules(inertia_s=0.2), duration_s=12.0)
    samples = found.samples
    pumps = [one.name for one in found.circuit.blocks].index("pumps")
    (at,) = times(found, Action.PICK_UP, "pumps")
    speed = samples.motor_speed_pu[:, 0]
    first = np.searchsorted(samples.time_s, at)
    assert np.nanmax(speed[first : first + 30]) < 0.5
    assert speed[-1] == pytest.approx(1.0 - found.circuit.motors[0].motor.running_slip(), abs=5e-3)
    # Constant impedance and a motor, which draws the same whatever the voltage.
    voltage = samples.voltage_pu[-1]
    expected = 6.0 * (0.6 * voltage**2 + 0.4)
    assert samples.block_kw[-1, pumps] == pytest.approx(expected, rel=0.02)


def test_the_starting_current_brings_units_before_the_block() -> None:
    """By power two vans would do; the motors' current would trip them, so that a third comes."""
    big = block("pumps", 9.0, "critical", motor_share=0.7)
    found = with_motors(MotorRules(inertia_s=0.5), (LIGHTS, big), duration_s=20.0)
    reasons = [one.reason for one in found.checks if one.closing == "pumps"]
    pick_up = times(found, Action.PICK_UP, "pumps")
    assert not pick_up or sum(found.connected_s < pick_up[0]) == 3
    assert pick_up or "over-current" in reasons[-1] or "voltage would fall" in reasons[-1]


def test_a_motor_that_stalls_opens_its_block() -> None:
    rules = MotorRules(torque_pu=1.6, fixed_torque_share=1.0, stalled_s=0.6)
    found = with_motors(rules, duration_s=10.0)
    shed = [one for one in found.events if one.action is Action.SHED]
    assert [one.actor for one in shed] == ["pumps"]
    assert shed[0].cause.startswith("its motors do not come up")
    assert "its motors do not come up" in found.reason


# What is refused


def supply(*switches: TransferSwitch, sets: int = 1, **rules: bool) -> EmergencySupply:
    of_sets = tuple(DieselSource(replace(DIESEL, name=f"d{i}")) for i in range(sets))
    return EmergencySupply(DieselRules(**rules), of_sets, switches)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (supply(TransferSwitch("light")), "Did you mean lights"),
        (supply(TransferSwitch("lights"), TransferSwitch("lights")), "be named once"),
        (supply(), "the sets feed nothing"),
        (supply(TransferSwitch("lights"), sets=0), "hold one for"),
        (supply(TransferSwitch("child")), "through which no other is fed"),
    ],
    ids=["unknown", "twice", "nothing", "no_set", "parent"],
)
def test_an_emergency_supply_that_does_not_fit_is_refused(
    given: EmergencySupply, words: str
) -> None:
    made = site(1, load_blocks=(LIGHTS, block("child", 1.0, "comfort", parent="lights")))
    with pytest.raises(InputError, match=words):
        given.check(made)


def test_an_order_does_not_name_a_block_with_a_transfer_switch() -> None:
    made = site(1, load_blocks=(LIGHTS, ROOMS))
    sequence = StartSequence(**QUICK, duration_s=5.0, order=("van 1", "lights"))
    with pytest.raises(InputError, match="name blocks without a transfer switch"):
        black_start(made, sequence, emergency=supply(TransferSwitch("lights")))


# After the grid is back


def test_a_unit_that_comes_after_the_grid_gives_nothing_on_it() -> None:
    """It is released to the speed of the grid, not to its own, which that is off."""
    made = site(
        1,
        load_blocks=(LIGHTS,),
        batteries=(van(1), van(2, arrival_h=2.2 / 3600.0)),
    )
    sequence = StartSequence(**QUICK, duration_s=16.0, order=("van 1", "lights", "van 2"))
    found = black_start(made, sequence, grid=GridReturn(0.6, 50.06))
    (met,) = times(found, Action.RECONNECTED, "grid")
    (came,) = times(found, Action.SYNCHRONISED, "van 2")
    assert met < came < 13.0
    assert found.samples.unit_power_kw[-1] == pytest.approx([0.0, 0.0], abs=0.05)
