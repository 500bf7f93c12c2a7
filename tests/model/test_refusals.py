"""Records made in Python refuse what the readers of files refuse, with the product's own error."""

from dataclasses import fields, replace
from typing import Any

import jaxtyping
import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.flowgates import Flowgates
from evergrid.core.timegrid import TimeGrid
from evergrid.model.batteries.battery import Battery
from evergrid.model.charging.charger import Charger
from evergrid.model.portfolio import assemble
from evergrid.model.schedule import Schedule
from evergrid.model.site import SiteGeneration, SiteLimits, SiteLoad, no_load
from tests.model.cases import DAY, faults_of, make_prices, make_sessions, make_sites


@pytest.fixture(autouse=True)
def unhooked(monkeypatch: pytest.MonkeyPatch):
    """Without the tests' own shape checks, as users call."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


TREE = {"fleet": "", "depot": "fleet"}
NAMES = np.array(["fleet", "depot"], dtype=object)
TABLE = np.ones((2, 24))
CHARGER = Charger(11.0, 7.0, 0.9, 0.9)
RECORDS = {
    "sessions": make_sessions(3),
    "sites": make_sites(TREE),
    "site_load": SiteLoad(NAMES, DAY.times, TABLE),
    "site_generation": SiteGeneration(NAMES, DAY.times, TABLE),
    "site_limits": SiteLimits(NAMES, DAY.times, TABLE, TABLE),
    "prices": make_prices(),
    "flowgates": Flowgates(np.arange(4), np.ones((4, 2)), np.ones(4)),
    "schedule": Schedule(DAY, np.ones((3, 24)), np.ones((3, 24)), np.ones((3, 24), bool)),
    "portfolio": assemble(
        DAY,
        make_sessions(3),
        make_sites(TREE),
        SiteLoad(NAMES, DAY.times, TABLE),
        make_prices(),
        generation=SiteGeneration(NAMES, DAY.times, TABLE),
    ),
}
COLUMNS = [
    (record, field.name)
    for record, made in RECORDS.items()
    for field in fields(made)
    if isinstance(getattr(made, field.name), np.ndarray)
]


def _optional(record: str, column: str) -> bool:
    """Whether a column may be left out."""
    optional = (
        "wear_rise",
        "calendar_wear",
        "charger_id",
        "phase",
        "energy_budget",
        "generation_",
        "demand_",
    )
    return record != "site_generation" and column.startswith(optional)


OTHER_LENGTHS = [
    (record, column, rows)
    for record, column in COLUMNS
    for rows in (slice(0, 1), slice(0, 0), [0, 0, 0, 0, 0, 0])
    if not (rows == slice(0, 0) and _optional(record, column))
]


@pytest.mark.parametrize(("record", "column", "rows"), OTHER_LENGTHS)
def test_a_column_of_another_length_is_refused(record: str, column: str, rows: Any):
    made = RECORDS[record]
    with pytest.raises(InputError) as caught:
        replace(made, **{column: getattr(made, column)[rows]})
    assert caught.value.faults


@pytest.mark.parametrize(("record", "column"), COLUMNS)
def test_a_column_of_another_kind_is_refused(record: str, column: str):
    made = RECORDS[record]
    values = getattr(made, column)
    other = np.full(values.shape, 1 + 1j)
    assert list(faults_of(replace, made, **{column: other})) == [column]
    assert list(faults_of(replace, made, **{column: values.tolist()})) == [column]


@pytest.mark.parametrize("record", ["site_load", "site_generation", "site_limits"])
def test_a_site_that_is_given_twice_is_refused(record: str):
    twice = np.array(["depot", "depot"], dtype=object)
    assert faults_of(replace, RECORDS[record], site_id=twice)["site_id"].rule == "be unique"


def test_generation_below_zero_is_refused_with_a_hint_where_the_sign_is_turned():
    fault = faults_of(SiteGeneration, NAMES, DAY.times, -TABLE)["generation_kw"]
    assert fault.rule == "be at least 0 and at most 1e+09 kW in every interval"
    assert fault.ids == ("fleet", "depot")
    assert "Generation is positive: turn the sign" in fault.fix
    mixed = np.where(np.arange(24) < 3, -0.5, TABLE)
    assert faults_of(SiteGeneration, NAMES, DAY.times, mixed)["generation_kw"].fix == ""


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("record", "column"),
    [
        ("site_load", "load_kw"),
        ("site_generation", "generation_kw"),
        ("portfolio", "load_kw"),
        ("portfolio", "generation_kw"),
        ("schedule", "power_kw"),
        ("schedule", "energy_kwh"),
        ("prices", "export_price_per_mwh"),
        ("flowgates", "weight"),
        ("flowgates", "limit_kw"),
        ("sites", "demand_peak_kw"),
        ("sites", "demand_charge_per_kw"),
    ],
)
def test_a_value_that_is_not_finite_is_refused(record: str, column: str, value: float):
    values = getattr(RECORDS[record], column).astype(float)
    values.flat[-1] = value
    assert column in faults_of(replace, RECORDS[record], **{column: values})


@pytest.mark.parametrize(
    ("record", "column"),
    [
        ("site_load", "load_kw"),
        ("site_generation", "generation_kw"),
        ("portfolio", "load_kw"),
        ("portfolio", "generation_kw"),
        ("sessions", "wear_cost_per_kwh"),
        ("sessions", "wear_rise_per_kwh_per_kw"),
        ("sessions", "calendar_wear_per_kwh_h"),
        ("prices", "import_price_per_mwh"),
        ("sites", "demand_peak_kw"),
        ("sites", "demand_charge_per_kw"),
    ],
)
def test_a_value_that_costs_every_digit_of_the_rest_is_refused(record: str, column: str):
    values = getattr(RECORDS[record], column).astype(float)
    values.flat[-1] = 1.1e9
    assert "at most 1e+09" in faults_of(replace, RECORDS[record], **{column: values})[column].rule


@pytest.mark.parametrize(
    ("column", "values", "rule"),
    [
        ("demand_charge_period", ["month", "year"], "be one of month, week, day, horizon"),
        ("demand_charge_peaks", [1, 0], "be at least 1"),
        ("demand_peak_kw", [0.0, -1.0], "be at least 0 and at most 1e+09"),
    ],
)
def test_a_demand_charge_out_of_range_is_refused(column: str, values: Any, rule: str):
    fault = faults_of(make_sites, TREE, **{column: values})[column]
    assert (fault.rule, fault.ids) == (rule, ("depot",))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"grid": TimeGrid(DAY.start_utc, 1.0, 23)}, "load_kw"),
        ({"grid": TimeGrid(DAY.start_utc, 0.5, 24)}, "prices"),
        ({"prices": make_prices(23)}, "prices"),
        ({"sites": make_sites({"fleet": "", "garage": "fleet"})}, "site_id"),
        ({"sites": make_sites({"depot": ""})}, "load_kw"),
        ({"sessions": make_sessions(site_id=["depot", "depto", "fleet"])}, "site_id"),
        ({"flowgates": Flowgates(np.arange(4), np.ones((4, 3)), np.ones(4))}, "flowgates"),
        ({"flowgates": Flowgates(np.arange(24, 26), np.ones((2, 2)), np.ones(2))}, "flowgates"),
        ({"time_zone": "Europe/Olso"}, "time_zone"),
        ({"prices": None}, "prices"),
        ({"grid": None}, "grid"),
        ({"sites": None}, "sites"),
        ({"sessions": make_prices()}, "sessions"),
        ({"sites": make_sites({})}, "load_kw"),
    ],
)
def test_parts_that_do_not_fit_a_book_are_refused(changed: dict[str, Any], field: str):
    assert field in faults_of(replace, RECORDS["portfolio"], **changed)


def test_limits_that_only_contradict_one_another_together_are_named_with_site_and_step():
    drawn = np.where(np.arange(24) == 5, -2.0, 20.0)
    limits = SiteLimits(NAMES[1:], DAY.times, drawn[None], np.full((1, 24), 5.0))
    sites = make_sites(TREE, export_limit_kw=[np.inf, 0.0])
    parts = (DAY, make_sessions(), sites, no_load(), make_prices())
    fault = faults_of(assemble, *parts, limits)["import_limit_kw"]
    assert fault.ids == ("depot at 2024-01-10T05:00Z",)
    assert fault.got == ("import_limit_kw -2 and export_limit_kw 0",)
    assert "add up to at least 0" in fault.rule
    kept = replace(sites, export_limit_kw=np.array([np.inf, 2.0]))
    portfolio = assemble(DAY, make_sessions(), kept, no_load(), make_prices(), limits)
    assert portfolio.import_limit_kw[1, 5] == -portfolio.export_limit_kw[1, 5] == -2.0


@pytest.mark.parametrize("bad", ["60", None, np.array([60.0, 70.0]), np.nan, np.inf, -1.0])
def test_a_battery_or_charger_that_has_no_size_is_refused(bad: Any):
    battery = ("b", "depot", bad, 0.0, 0.0, 0.0, CHARGER, 0.0)
    assert "capacity_kwh" in faults_of(Battery, *battery)
    assert list(faults_of(Charger, bad, 7.0, 0.9, 0.9)) == ["max_charge_kw"]


@pytest.mark.parametrize(
    ("start", "step_h", "steps", "field"),
    [
        (5, 1.0, 24, "start_utc"),
        (DAY.start_utc, "1", 24, "step_h"),
        (DAY.start_utc, np.nan, 24, "step_h"),
        (DAY.start_utc, 1.0, 24.0, "steps"),
        (DAY.start_utc, 1.0, 10**9, "steps"),
    ],
)
def test_a_grid_that_is_none_is_refused(start: Any, step_h: Any, steps: Any, field: str):
    assert list(faults_of(TimeGrid, start, step_h, steps)) == [field]


@pytest.mark.parametrize(
    "name", ["energy_arrival_kwh", "energy_departure_kwh", "energy_reserve_kwh"]
)
def test_an_energy_above_the_capacity_by_rounding_is_the_capacity(name: str):
    sessions = make_sessions(
        2,
        capacity_kwh=[0.3, 0.3],
        **{
            "energy_arrival_kwh": [0.1, 0.1],
            "energy_departure_kwh": [0.1, 0.1],
            "energy_reserve_kwh": [0.1, 0.1],
        }
        | {name: [0.1 + 0.2, 0.2]},
    )
    assert getattr(sessions, name).tolist() == [0.3, 0.2]
    above = {name: [20.0, 20.001], "capacity_kwh": [60.0, 20.0]}
    below = {"energy_departure_kwh": [0.0, 0.0], "energy_reserve_kwh": [0.0, 0.0]}
    assert name in faults_of(make_sessions, 2, **(below | above))
