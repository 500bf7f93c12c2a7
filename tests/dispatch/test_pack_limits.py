"""Packs through a plan: one by plain arithmetic, and plans made anew with their limits."""

import math

import numpy as np
import pytest

from evergrid.battery.pack import Pack
from evergrid.battery.thermal import ThermalMass
from evergrid.core.errors import InputError
from evergrid.dispatch import plan
from evergrid.dispatch.equipment.pack_limits import FleetPacks, PackAssessment, with_limits
from evergrid.model.schedule import Schedule
from tests.dispatch.cases import Stay, by_hand

WARM_C = 20.0


def packs(air_c: float, arrival_c: float | None = None) -> FleetPacks:
    pack = Pack(
        capacity_kwh=50.0,
        state=np.array([0.0, 1.0]),
        rest_v=np.array([300.0, 400.0]),
        least_v=280.0,
        most_v=404.0,
        most_a=200.0,
        resistance_ohm=0.08,
        activation_k=3000.0,
        charge_temperature_c=np.array([-20.0, 0.0, 15.0]),
        charge_share=np.array([0.0, 0.1, 1.0]),
        mass=ThermalMass(450e3, 20.0),
    )
    return FleetPacks(pack, air_c, air_c if arrival_c is None else arrival_c)


def assessed(power_kw: list[float], held_kwh: float, packs: FleetPacks) -> PackAssessment:
    """A charger without losses, of a car with 100 kWh: two of the packs side by side."""
    owed = min(held_kwh + 5.0, 100.0)
    stays = [Stay(0, len(power_kw), owed, feeds=True, held_kwh=held_kwh)]
    portfolio = by_hand(stays, [100.0] * len(power_kw))
    power = np.array([power_kw])
    held = held_kwh - np.cumsum(power, axis=1)
    planned = Schedule(portfolio.grid, power, held, np.ones(power.shape, bool), None)
    return PackAssessment(portfolio, planned, packs)


def test_a_warm_pack_does_what_a_plan_asks() -> None:
    found = assessed([-10.0, 0.0, 10.0, -7.0], 40.0, packs(WARM_C))
    assert found.paths.met_kw.tolist() == [[-10.0, 0.0, 10.0, -7.0]]
    assert found.undone_kwh.tolist() == [0.0]
    assert found.limited == 0
    assert found.agrees
    assert found.paths.energy_kwh == pytest.approx([47.0])
    assert with_limits(found).sessions.max_charge_kw.tolist() == [10.0]


def test_a_cold_pack_charges_as_its_current_allows_and_is_warmed_by_its_heat() -> None:
    """Two hours by plain arithmetic, at -10 C: 5 % of the current, of two packs."""
    found = assessed([-10.0, -10.0], 40.0, packs(-10.0))
    held, warm, drawn = 40.0, -10.0, []
    for _ in range(2):
        volt = 300.0 + held / 100.0 * 100.0
        ohm = 0.08 * math.exp(3000.0 * (1.0 / (warm + 273.15) - 1.0 / 298.15))
        amps = 200.0 * (0.1 * (warm + 20.0) / 20.0)
        each = (volt * amps + ohm * amps**2) / 1000.0
        drawn.append(min(2.0 * each, 10.0))
        held += drawn[-1]
        if drawn[-1] == 10.0:
            amps = (-volt + math.sqrt(volt**2 + 4.0 * ohm * 5000.0)) / (2.0 * ohm)
        rest = -10.0 + ohm * amps**2 / 20.0
        warm = rest + (warm - rest) * math.exp(-3600.0 * 20.0 / 450e3)
    assert drawn[0] < 7.0
    assert found.paths.met_kw[0] == pytest.approx([-one for one in drawn])
    assert found.paths.energy_kwh == pytest.approx([held])
    assert found.paths.temperature_c[0, -1] == pytest.approx(warm)
    assert found.undone_kwh == pytest.approx([20.0 - sum(drawn)])
    assert found.missing_kwh == pytest.approx([max(45.0 - held, 0.0)])
    assert found.limited == 2
    assert not found.agrees


def test_a_nearly_full_pack_charges_as_its_voltage_allows() -> None:
    """At 399.5 V at rest, 4.5 V below the highest: 56 A each, of 80 mOhm at 25 C."""
    found = assessed([-60.0], 99.5, packs(25.0))
    amps = 4.5 / 0.08
    assert found.paths.could_draw_kw[0, 0] == pytest.approx(2 * amps * 404.0 / 1000.0)
    cold = assessed([60.0], 1.0, packs(-15.0))  # 301 V at rest, 21 V above the lowest
    ohm = 0.08 * math.exp(3000.0 * (1.0 / 258.15 - 1.0 / 298.15))
    assert cold.paths.could_feed_kw[0, 0] == pytest.approx(2 * 21.0 / ohm * 280.0 / 1000.0)


def test_plans_made_anew_ask_for_what_packs_can_do_and_name_what_is_then_short() -> None:
    stays = [
        Stay(0, 6, 30.0, feeds=True, held_kwh=15.0),
        Stay(0, 4, 60.0, held_kwh=20.0),  # 10 h would be needed at what it can do in the cold
    ]
    portfolio = by_hand(stays, [90.0, 20.0, 30.0, 120.0, 40.0, 80.0])
    options, cold = plan.Options(0.0), packs(-12.0)
    made = plan.v2g(portfolio, options)
    assert made.shortfalls == ()
    found = PackAssessment(portfolio, made.schedule, cold)
    assert not found.agrees
    assert found.missing_kwh[1] > 5.0
    for _ in range(3):
        portfolio = with_limits(found)
        made = plan.v2g(portfolio, options)
        found = PackAssessment(portfolio, made.schedule, cold)
    assert found.agrees
    assert found.missing_kwh == pytest.approx([0.0, 0.0], abs=1e-3)
    assert [short.session_id for short in made.shortfalls] == ["session-1"]


def test_a_temperature_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="air_c"):
        packs(float("nan"))
