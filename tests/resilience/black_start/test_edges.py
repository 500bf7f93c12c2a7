"""Black starts at the edges: loads without inductance, vehicles that leave, unfit grids."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import BatteryUnit, UnitTransformer
from evergrid.resilience.black_start.checks.sequence import check_sequence
from evergrid.resilience.black_start.circuit import InverterSettings, check_site, circuit
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import Action, BlackStart, StartStatus
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from evergrid.resilience.black_start.state.island import SAMPLE_S
from evergrid.resilience.black_start.state.meters import effective_pu
from tests.resilience.black_start.cases import QUICK, block, site, van

FAST = SynchroCheck(slip_hz=0.3)
HEATER = block("heater", 1.5, "critical", power_factor=1.0)


def done(found: BlackStart, action: Action) -> list[tuple[str, str]]:
    return [(event.actor, event.cause) for event in found.events if event.action is action]


def test_a_load_without_inductance_is_picked_up_as_any_other():
    heater, mixed = (
        black_start(site(1, load_blocks=(one,)), StartSequence(duration_s=1.5, **QUICK))
        for one in (HEATER, replace(HEATER, power_factor=0.97))
    )
    assert heater.status is StartStatus.RESTORED
    lowest = [found.samples.voltage_pu[700:].min() for found in (heater, mixed)]
    assert lowest[0] >= lowest[1] > 0.97


def test_an_effective_voltage_is_the_root_of_the_mean_square_of_half_a_cycle():
    volts = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    expected = np.sqrt([2 / 3, 2 / 3, 2 / 3])
    np.testing.assert_allclose(effective_pu(volts, 3), expected, rtol=1e-15)
    assert circuit(site(), InverterSettings()).half_cycle(SAMPLE_S) == 10


def test_a_vehicle_that_leaves_takes_its_power_with_it():
    leaving = van(1, departure_h=2.5 / 3600.0)
    sequence = StartSequence(duration_s=3.5, order=("van 1", "lights"), **QUICK)
    found = black_start(site(batteries=(leaving, van(2, arrival_h=1.0))), sequence)
    assert found.status is StartStatus.COLLAPSED
    ((name, cause),) = done(found, Action.TRIP)
    assert (name, cause) == ("van 1", "it leaves 0.000694 h after the loss")
    assert found.samples.voltage_pu[-1] == 0.0
    # Its charger is off then, too.
    assert found.auxiliary_kwh[0] == pytest.approx(0.1 * 2.5 / 3600.0, rel=0.02)


def test_a_charger_stops_where_its_vehicle_has_nothing_left():
    thirsty = van(2, energy_arrival_kwh=12.001, auxiliary_kw=10.0)
    sequence = StartSequence(duration_s=2.0, order=("van 1", "lights", "van 2"), **QUICK)
    found = black_start(site(batteries=(van(1), thirsty)), sequence, synchronise=FAST)
    assert found.energy_left_kwh[1] == pytest.approx(0.0, abs=10.0 * 0.02 / 3600.0)
    assert done(found, Action.REFUSED) == [("van 2", "its energy has run out")]
    assert np.isinf(found.connected_s[1])
    assert found.samples.connected[-1, 0]


def test_a_transformer_is_not_loaded_above_its_rating():
    small = site(2, transformer=UnitTransformer(5.0))
    order = ("van 1", "lights", "offices")
    found = black_start(small, StartSequence(duration_s=2.5, order=order, **QUICK))
    ((name, cause),) = done(found, Action.REFUSED)
    assert name == "offices"
    assert cause.endswith("6.842 kVA, more than its 5 kVA")
    assert "offices (the blocks would load the transformer" in found.reason


def test_each_block_that_is_dark_at_the_end_has_its_reason():
    blocks = (
        block("panel", 1.0, "comfort"),
        block("sign", 0.5, "comfort", parent="laundry"),
        block("laundry", 60.0, "comfort"),
        block("rest", 0.5, "comfort"),
    )
    order = ("van 1", "panel", "laundry", "sign")
    large = site(1, load_blocks=blocks, transformer=UnitTransformer(100.0))
    found = black_start(large, StartSequence(duration_s=2.5, order=order, **QUICK))
    assert "laundry (the blocks would draw 61 kW, more than the 9 kW" in found.reason
    assert "sign (fed through laundry, which is dark)" in found.reason
    assert "rest (not in start.order)" in found.reason


def test_a_time_that_ends_too_soon_is_told_for_what_it_leaves_dark():
    found = black_start(site(2), StartSequence(duration_s=0.8, **QUICK), synchronise=FAST)
    assert found.status is StartStatus.PARTLY
    assert "offices (start.duration_s of 0.8 s ends before it is closed)" in found.reason


def test_a_block_comes_with_what_it_is_fed_through_and_is_shed_before_it():
    blocks = (
        block("ward", 1.0, "life_safety", parent="riser"),
        block("riser", 1.0, "comfort"),
        block("office", 5.0, "critical"),
    )
    limits = ProtectionLimits(shed_deviation_hz=0.06, pick_up_deviation_hz=1.0)
    of = site(1, load_blocks=blocks)
    found = black_start(of, StartSequence(duration_s=4.0, **QUICK), limits=limits)
    assert [name for name, _ in done(found, Action.PICK_UP)] == ["riser", "ward", "office"]
    # The riser is the least worthy, and would take the ward with it.
    assert [name for name, _ in done(found, Action.SHED)] == ["office"]
    assert found.samples.connected[-1].tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"voltage_pu": 0.5}, "its voltage of 0.5 pu is too far from 1"),
        ({"voltage_pu": 1.3}, "its voltage of 1.3 pu is too far from 1"),
        ({"frequency_hz": 48.0}, "its frequency is -2 Hz off, more than 0.5"),
    ],
)
def test_a_grid_that_is_unfit_is_not_met(changed: dict[str, float], cause: str):
    sequence = StartSequence(duration_s=2.0, order=("van 1", "lights"), **QUICK)
    grid = GridReturn(**({"at_s": 1.0, "frequency_hz": 50.0} | changed))
    found = black_start(site(1), sequence, grid=grid)
    ((name, said),) = done(found, Action.REFUSED)
    assert name == "grid"
    assert said.startswith(cause)
    assert f"the grid is not met: {said}" in found.reason
    assert found.samples.connected[-1, 0]


def test_a_grid_too_weak_to_settle_with_is_refused_and_the_island_goes_on():
    sequence = StartSequence(duration_s=6.0, order=("van 1", "offices"), **QUICK)
    grid = GridReturn(at_s=1.0, frequency_hz=50.0, short_circuit_kva=1.0)
    found = black_start(site(1), sequence, synchronise=FAST, grid=grid)
    assert found.status is StartStatus.REFUSED
    assert found.reason.startswith("grid: unstable: there is no steady state")
    samples = found.samples
    by_droop = 50.0 - 0.15 * samples.unit_power_kw[-1, 0] / 10.0
    assert samples.frequency_hz[-1] == pytest.approx(by_droop, abs=1e-4)
    assert samples.connected[-1, 3]


@pytest.mark.parametrize("name", ["van 1", "grid", "transformer", "core loss"])
def test_a_block_has_a_name_that_nothing_else_in_the_circuit_has(name: str):
    with pytest.raises(InputError, match="Rename it") as caught:
        check_site(site(load_blocks=(replace(HEATER, name=name),)))
    assert caught.value.got == (name,)


@pytest.mark.parametrize(
    ("units", "rating_kva", "field"),
    [
        (
            (van(1, apparent_kva=0.01, max_discharge_kw=0.0, max_charge_kw=0.0, auxiliary_kw=0.0),),
            40.0,
            "kva",
        ),
        ((van(1),), 2e5, "transformer.rating_kva"),
        ((), 40.0, "batteries"),
    ],
)
def test_what_no_waveform_can_be_computed_of_is_refused(
    units: tuple[BatteryUnit, ...], rating_kva: float, field: str
):
    with pytest.raises(InputError) as caught:
        check_site(site(batteries=units, transformer=UnitTransformer(rating_kva)))
    assert caught.value.field.endswith(field)


@pytest.mark.parametrize(
    ("sites", "told", "rule"),
    [
        (
            {"batteries": tuple(van(i, energy_arrival_kwh=30.0) for i in range(101))},
            {},
            "be at most 100 that form the grid",
        ),
        ({}, {"duration_s": 3600.0}, r"be at most 1667 with 3 units and 4 blocks"),
        ({}, {"duration_s": 5.0}, "be above auxiliary_s and ramp_s together, 5.5 s"),
        (
            {"load_blocks": tuple(block(f"b{i}", 1.0, "comfort") for i in range(301))},
            {},
            "be at most 300",
        ),
        (
            {"batteries": (van(1, black_start=False), van(2))},
            {"order": ("lights", "van 1", "van 2")},
            "begin its units with one that is there and starts without voltage",
        ),
    ],
)
def test_a_sequence_that_cannot_be_done_is_refused_at_once(
    sites: dict[str, Any], told: dict[str, Any], rule: str
):
    with pytest.raises(InputError, match=rule):
        check_sequence(site(**sites), StartSequence(**told), None)
