"""Batteries and chargers keep their ratings, and a battery is a session of the whole horizon."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import datetime64
from evergrid.model.batteries.battery import Battery, as_sessions
from evergrid.model.charging.charger import Charger
from tests.model.cases import DAY, faults_of

GOOD = {
    "asset_id": "battery-1",
    "site_id": "depot",
    "capacity_kwh": 200.0,
    "energy_start_kwh": 100.0,
    "energy_end_kwh": 120.0,
    "energy_reserve_kwh": 20.0,
    "charger": Charger(50.0, 40.0, 0.96, 0.95),
    "wear_cost_per_kwh": 0.03,
    "wear_rise_per_kwh_per_kw": 0.002,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("capacity_kwh", np.nan),
        ("capacity_kwh", np.inf),
        ("energy_start_kwh", 200.1),
        ("energy_end_kwh", -1.0),
        ("energy_reserve_kwh", np.nan),
        ("wear_cost_per_kwh", -0.1),
        ("wear_cost_per_kwh", np.inf),
        ("wear_rise_per_kwh_per_kw", -0.1),
        ("wear_rise_per_kwh_per_kw", np.nan),
    ],
)
def test_a_battery_out_of_range_is_refused_by_name(name: str, value: float):
    assert next(iter(faults_of(Battery, **{**GOOD, name: value}))) == name


@pytest.mark.parametrize("energy_kwh", [0.0, 0.5, 200.0])
@pytest.mark.parametrize("name", ["energy_start_kwh", "energy_end_kwh", "energy_reserve_kwh"])
def test_a_battery_may_be_empty_nearly_so_or_full(name: str, energy_kwh: float):
    battery = Battery(**{**GOOD, name: energy_kwh})
    assert getattr(battery, name) == energy_kwh


def test_a_battery_may_be_small_and_its_wear_free():
    tiny = {"capacity_kwh": 0.5, "energy_start_kwh": 0.1, "energy_end_kwh": 0.1}
    tiny |= {"energy_reserve_kwh": 0.1, "wear_cost_per_kwh": 0.0, "wear_rise_per_kwh_per_kw": 0.0}
    assert Battery(**{**GOOD, **tiny}).capacity_kwh == 0.5


def test_a_fault_of_a_battery_names_it():
    with pytest.raises(InputError, match="battery battery-1"):
        Battery(**{**GOOD, "wear_cost_per_kwh": -1.0})
    assert faults_of(Battery, **{**GOOD, "energy_end_kwh": 200.1})["energy_end_kwh"].ids == (
        "battery-1",
    )


def test_every_fault_of_a_battery_is_reported_at_once():
    bad = {"capacity_kwh": 0.0, "energy_start_kwh": 1.0, "wear_cost_per_kwh": np.nan}
    assert set(faults_of(Battery, **{**GOOD, **bad})) >= set(bad)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_rating_must_be_a_finite_amount(place: int, value: float):
    ratings = [11.0, 7.0]
    ratings[place] = value
    names = ("max_charge_kw", "max_discharge_kw")
    assert list(faults_of(Charger, *ratings, 0.9, 0.9)) == [names[place]]


@pytest.mark.parametrize("value", [0.0, 1.1, 93.0, -0.5, np.nan])
def test_an_efficiency_must_be_a_fraction(value: float):
    found = faults_of(Charger, 11.0, 11.0, value, value)
    assert set(found) == {"efficiency_charge", "efficiency_discharge"}
    assert "percentage" in found["efficiency_charge"].fix


def test_a_lossless_charger_that_is_not_v2g_is_a_charger():
    assert Charger(11.0, 0.0, 1.0, 1.0).max_discharge_kw == 0


def test_a_battery_is_a_session_that_spans_the_horizon():
    sessions = as_sessions([Battery(**GOOD)], DAY)
    assert sessions.arrival_utc[0] == datetime64(DAY.start_utc)
    assert sessions.departure_utc[0] == datetime64(DAY.end_utc)
    told = {name: values[0] for name, values in sessions.columns().items()}
    assert told["session_id"] == told["asset_id"] == "battery-1"
    assert (told["energy_arrival_kwh"], told["energy_departure_kwh"]) == (100.0, 120.0)
    assert (told["max_charge_kw"], told["max_discharge_kw"]) == (50.0, 40.0)
    assert (told["efficiency_charge"], told["efficiency_discharge"]) == (0.96, 0.95)
    assert (told["energy_reserve_kwh"], told["wear_cost_per_kwh"]) == (20.0, 0.03)
    assert told["wear_rise_per_kwh_per_kw"] == 0.002


def test_no_battery_makes_no_session():
    assert len(as_sessions([], DAY)) == 0
