"""Sessions keep every rule of their table, and report all broken ones at once."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.model.session import Sessions, joined
from tests.model.cases import faults_of, make_sessions

MIDNIGHT = np.datetime64("2024-01-10", "us")


def at(*hours: int):
    return MIDNIGHT + np.array(hours) * np.timedelta64(1, "h")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity_kwh", 0.0),
        ("capacity_kwh", np.inf),
        ("energy_arrival_kwh", -0.1),
        ("energy_arrival_kwh", 60.1),
        ("energy_departure_kwh", 60.1),
        ("energy_departure_kwh", -1.0),
        ("energy_reserve_kwh", 61.0),
        ("max_charge_kw", -11.0),
        ("max_charge_kw", np.inf),
        ("max_discharge_kw", -7.0),
        ("efficiency_charge", 0.0),
        ("efficiency_charge", 1.01),
        ("efficiency_charge", 95.0),
        ("efficiency_discharge", -0.9),
        ("wear_cost_per_kwh", -0.01),
        ("wear_cost_per_kwh", np.inf),
        ("wear_rise_per_kwh_per_kw", -0.01),
        ("wear_rise_per_kwh_per_kw", np.inf),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_row(field: str, value: float):
    values = getattr(make_sessions(), field).copy()
    values[1] = value
    found = faults_of(make_sessions, **{field: values})
    assert next(iter(found)) == field
    assert found[field].got == (value,)
    assert (found[field].ids, found[field].rows) == (("s1",), (2,))


@pytest.mark.parametrize(
    "field",
    [
        "capacity_kwh",
        "energy_arrival_kwh",
        "energy_departure_kwh",
        "energy_reserve_kwh",
        "max_charge_kw",
        "max_discharge_kw",
        "efficiency_charge",
        "efficiency_discharge",
        "wear_cost_per_kwh",
        "wear_rise_per_kwh_per_kw",
    ],
)
def test_nan_is_never_a_value(field: str):
    assert faults_of(make_sessions, **{field: [1.0, np.nan, 1.0]})[field].rows[0] >= 1


@pytest.mark.parametrize("hours", [0, -1])
def test_a_departure_that_is_not_after_arrival_is_refused(hours: int):
    found = faults_of(make_sessions, departure_utc=at(24, hours, 24))
    assert found["departure_utc"].ids == ("s1",)


def test_a_missing_time_is_refused():
    times = at(24, 24, 24)
    times[2] = np.datetime64("NaT", "us")
    assert faults_of(make_sessions, departure_utc=times)["departure_utc"].rows == (3,)


def test_a_session_id_may_not_come_twice():
    found = faults_of(make_sessions, session_id=["a", "b", "a"])
    assert found["session_id"].rows == (3,)


def test_sessions_of_one_asset_must_not_overlap_in_whatever_order_they_come():
    columns = {"asset_id": ["car", "bus", "car"], "arrival_utc": at(5, 0, 0)}
    found = faults_of(make_sessions, departure_utc=at(9, 24, 6), **columns)
    assert found["arrival_utc"].ids == ("s0",)


def test_sessions_of_one_asset_may_follow_each_other_without_a_pause():
    columns = {"asset_id": ["car"] * 3, "arrival_utc": at(0, 4, 8)}
    assert make_sessions(departure_utc=at(4, 8, 9), **columns).stay_h.tolist() == [4, 4, 1]


def test_every_broken_rule_is_reported_at_once():
    broken = {
        "session_id": ["a", "a", "b"],
        "capacity_kwh": [-1.0, 60.0, 60.0],
        "efficiency_charge": [95.0] * 3,
        "departure_utc": at(-1, 24, 24),
        "max_charge_kw": [np.nan] * 3,
    }
    found = faults_of(make_sessions, **broken)
    assert set(found) >= set(broken)
    assert found["efficiency_charge"].count == 3


@given(st.permutations(range(5)))
def test_whether_sessions_are_good_does_not_depend_on_their_order(order: list[int]):
    columns = {
        "asset_id": np.array(["a", "a", "b", "b", "a"], dtype=object),
        "arrival_utc": at(0, 4, 0, 12, 9),
        "departure_utc": at(4, 9, 12, 24, 10),
    }
    shuffled = {name: values[list(order)] for name, values in columns.items()}
    sessions = make_sessions(5, **shuffled)
    assert sorted(sessions.stay_h) == [1, 4, 5, 12, 12]


def test_select_takes_rows_by_index_or_by_mask():
    sessions = make_sessions(4)
    assert sessions.select(np.array([3, 1])).session_id.tolist() == ["s3", "s1"]
    assert sessions.select(np.array([True, False, False, True])).session_id.tolist() == ["s0", "s3"]
    assert len(sessions.select(np.zeros(4, bool))) == 0


def test_selecting_all_checks_nothing_anew_and_a_mask_must_fit():
    sessions = make_sessions(4)
    assert sessions.select(np.ones(4, bool)) is sessions
    assert joined([sessions]) is sessions
    with pytest.raises(IndexError):
        sessions.select(np.ones(3, bool))


def test_without_discharge_changes_nothing_else():
    sessions = make_sessions()
    one_way = sessions.without_discharge()
    assert sessions.can_discharge.all()
    assert not one_way.can_discharge.any()
    changed = [
        name
        for name, values in sessions.columns().items()
        if values.tolist() != one_way.columns()[name].tolist()
    ]
    assert changed == ["max_discharge_kw"]


def test_wear_does_not_rise_where_that_is_left_out():
    columns = make_sessions().columns()
    del columns["wear_rise_per_kwh_per_kw"]
    assert Sessions(**columns).wear_rise_per_kwh_per_kw.tolist() == [0.0] * 3


def test_joined_checks_the_parts_against_each_other():
    other = make_sessions(session_id=["x", "y", "z"], asset_id=["u", "v", "w"])
    assert len(joined([make_sessions(), other])) == 6
    assert "session_id" in faults_of(joined, [make_sessions(), make_sessions()])


@pytest.mark.parametrize(
    ("changed", "field", "way_out"),
    [
        ({"session_id": ["s0", "s0", "s2"]}, "session_id", "a name of its own"),
        ({"departure_utc": [MIDNIGHT] * 3}, "departure_utc", "Swap the two or remove the row."),
        ({"asset_id": ["a", "a", "b"]}, "arrival_utc", "shorten or remove one of the two"),
        ({"max_charge_kw": [-1.0, 1, 1]}, "max_charge_kw", "Ratings carry no sign"),
        ({"max_discharge_kw": [-1.0, 1, 1]}, "max_discharge_kw", "0 means not V2G"),
        ({"efficiency_charge": [93.0, 1, 1]}, "efficiency_charge", "not a percentage"),
        ({"efficiency_discharge": [93.0, 1, 1]}, "efficiency_discharge", "not a percentage"),
        ({"wear_rise_per_kwh_per_kw": [-1.0, 0, 0]}, "wear_rise_per_kwh_per_kw", "any power"),
    ],
)
def test_a_refusal_says_the_way_out(changed: dict[str, Any], field: str, way_out: str):
    assert way_out in faults_of(make_sessions, **changed)[field].fix
