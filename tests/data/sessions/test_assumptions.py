"""Filled-in sessions always hold together: energies fit the battery and can be delivered."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core import config
from evergrid.core.errors import ConfigError
from evergrid.data.sessions.assumptions import Assumptions, PlugIns, fill

ENERGY_KWH = st.floats(1e-6, 200.0)
STAY_S = st.integers(60, 48 * 3600)
SOC = st.one_of(st.just(float("nan")), st.floats(0.0, 1.0))


def one(delivered_kwh: float, stay_s: int, **known: float) -> PlugIns:
    arrival = np.array(["2022-07-04T00:00"], "datetime64[us]")
    name = np.array(["s"], dtype=object)
    return PlugIns(
        session_id=name,
        asset_id=name,
        site_id=name,
        arrival_utc=arrival,
        departure_utc=arrival + np.timedelta64(stay_s, "s"),
        delivered_kwh=np.array([delivered_kwh]),
        **{key: np.array([value]) for key, value in known.items()},
    )


@st.composite
def assumptions(draw: st.DrawFn) -> Assumptions:
    floor = draw(st.floats(0.0, 0.9))
    return Assumptions(
        capacity_kwh=draw(st.floats(1.0, 200.0)),
        soc_floor=floor,
        soc_departure=draw(st.floats(max(floor, 0.01), 1.0)),
        soc_reserve=draw(st.floats(0.0, 1.0)),
        max_charge_kw=draw(st.floats(0.1, 350.0)),
        efficiency_charge=draw(st.floats(0.5, 1.0)),
    )


@given(ENERGY_KWH, STAY_S, assumptions(), SOC, SOC)
def test_owed_energy_is_reachable_within_the_stay(
    energy: float, stay_s: int, assumed: Assumptions, soc_in: float, soc_out: float
):
    filled = fill(one(energy, stay_s, soc_arrival=soc_in, soc_departure=soc_out), assumed)
    s = filled.sessions  # its own checks have passed
    most_kwh = s.energy_arrival_kwh + s.max_charge_kw * s.stay_h * s.efficiency_charge
    assert most_kwh[0] >= s.energy_departure_kwh[0]
    assert s.energy_reserve_kwh[0] <= s.energy_arrival_kwh[0]


@given(ENERGY_KWH, STAY_S, assumptions())
def test_the_rise_in_the_cells_is_the_metered_energy_less_its_loss(
    energy: float, stay_s: int, assumed: Assumptions
):
    s = fill(one(energy, stay_s), assumed).sessions
    rise_kwh = s.energy_departure_kwh - s.energy_arrival_kwh
    assert rise_kwh[0] == pytest.approx(energy * assumed.efficiency_charge, abs=1e-9)
    assert s.energy_arrival_kwh[0] >= assumed.soc_floor * s.capacity_kwh[0] - 1e-9


@given(ENERGY_KWH, STAY_S, assumptions())
def test_a_raised_mark_means_a_raised_number(energy: float, stay_s: int, assumed: Assumptions):
    filled = fill(one(energy, stay_s, capacity_kwh=assumed.capacity_kwh), assumed)
    s = filled.sessions
    assert (s.capacity_kwh[0] > assumed.capacity_kwh) == filled.capacity_raised[0]
    assert s.max_charge_kw[0] >= assumed.max_charge_kw


def test_an_ordinary_session_ends_at_the_assumed_state_of_charge():
    s = fill(one(10.0, 8 * 3600), Assumptions()).sessions
    assert s.energy_departure_kwh[0] == pytest.approx(54.0)
    assert s.energy_arrival_kwh[0] == pytest.approx(54.0 - 9.3)
    assert s.energy_reserve_kwh[0] == pytest.approx(12.0)


def test_much_energy_moves_the_departure_up_before_the_battery_grows():
    filled = fill(one(56.0, 48 * 3600), Assumptions())  # 52.08 kWh reach the cells
    s = filled.sessions
    assert s.energy_arrival_kwh[0] == pytest.approx(6.0)
    assert s.energy_departure_kwh[0] == pytest.approx(58.08)
    assert not filled.capacity_raised[0]


def test_too_much_energy_for_the_battery_raises_its_capacity():
    filled = fill(one(100.0, 48 * 3600), Assumptions())
    assert filled.capacity_raised[0]
    assert filled.sessions.capacity_kwh[0] == pytest.approx(93.0 / 0.9)


def test_a_charger_too_small_for_the_stay_is_raised():
    filled = fill(one(22.0, 3600), Assumptions())
    assert filled.rating_raised[0]
    assert filled.sessions.max_charge_kw[0] == pytest.approx(22.0)


def test_measured_states_of_charge_give_the_capacity_and_are_reproduced():
    known = {"soc_arrival": 0.2, "soc_departure": 0.8}
    s = fill(one(40.0, 3600, **known), Assumptions()).sessions
    assert s.capacity_kwh[0] == pytest.approx(0.93 * 40.0 / 0.6)
    assert s.energy_arrival_kwh[0] / s.capacity_kwh[0] == pytest.approx(0.2)
    assert s.energy_departure_kwh[0] / s.capacity_kwh[0] == pytest.approx(0.8)


def test_a_rise_too_small_for_the_gauge_gives_no_capacity():
    s = fill(one(1.0, 3600, soc_arrival=0.50, soc_departure=0.51), Assumptions()).sessions
    assert s.capacity_kwh[0] == 60.0


def test_known_capacity_and_power_take_the_place_of_assumed_ones():
    s = fill(one(5.0, 8 * 3600, capacity_kwh=30.0, charge_kw=3.6), Assumptions()).sessions
    assert (s.capacity_kwh[0], s.max_charge_kw[0]) == (30.0, 3.6)


def test_an_energy_of_zero_is_a_session_that_owes_what_it_has():
    s = fill(one(0.0, 3600), Assumptions()).sessions
    assert s.energy_arrival_kwh[0] == s.energy_departure_kwh[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("capacity_kwh", 0.0),
        ("soc_departure", 90.0),
        ("soc_floor", 1.0),
        ("max_charge_kw", 0.0),
        ("max_discharge_kw", -11.0),
        ("efficiency_charge", 93.0),
        ("wear_cost_per_kwh", float("nan")),
        ("wear_rise_per_kwh_per_kw", -0.1),
    ],
)
def test_an_assumption_out_of_range_is_refused_by_name(key: str, value: Any):
    with pytest.raises(ConfigError, match=key):
        config.parse(Assumptions, {key: value})


def test_a_floor_above_the_departure_is_refused():
    with pytest.raises(ConfigError, match="soc_floor"):
        config.parse(Assumptions, {"soc_floor": 0.95})


def test_every_assumption_is_explained_in_the_template():
    text = config.template(Assumptions, heading="assumptions")
    assert "Schram" in text
    assert text.count("\n#") >= len(Assumptions.model_fields)
