"""The referee notices what is wrong: faults are planted in a result, one by one."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.referee import cases, product, recompute, result
from tests.referee.cases import Case
from tests.referee.result import Result

Summary = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A depot in which a load breaks its limit, a bus cannot be served and the sun is curtailed."""
    folder = tmp_path_factory.mktemp("planted")
    case = Case(np.random.default_rng(0), datetime(2025, 6, 1, 8, tzinfo=UTC), 6, 60)
    cases.set_prices(case, np.array([90, 80, 10, 20, 200, 210]), np.array([70, 60, 5, 9, 150, 150]))
    limits: dict[str, Any] = {
        "import_limit_kw": 10.0,
        "export_limit_kw": 2.0,
        "demand_charge_per_kw": 0.5,
    }
    cases.add_site(case, "depot", net_metering=True, **limits)
    cases.add_series(case, "site_load", "load_kw", "depot", np.array([15, 15, 2, 2, 2, 2]))
    sun = np.array([0, 0, 0, 5, 30, 30])
    cases.add_series(case, "site_generation", "generation_kw", "depot", sun)
    given = {"capacity_kwh": 60.0, "energy_arrival_kwh": 10.0, "efficiency_charge": 0.9}
    one_way = {"max_discharge_kw": 0.0, "max_charge_kw": 11.0, "energy_departure_kwh": 50.0}
    cases.add_stay(case, "depot", 0.0, 4.0, **given, **one_way)
    cases.add_battery(case, "depot", 10.0, 3.0, efficiency=0.95, energy_start_kwh=5.0)
    assert product.make(case.write(folder), folder / "out") is None
    return result.read(folder / "out")


def test_nothing_is_found_where_nothing_is_planted(made: Result):
    assert recompute.faults(made) == []
    schedule = made.schedule
    assert schedule.excess_kwh > 1
    assert schedule.shortfall_kwh.max() > 1
    assert schedule.curtailed_kw.max() > 1


def _set(summary: Summary, *path: str | int, by: float) -> None:
    inside: Any = summary
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] += by


CLAIMS: dict[str, Callable[[Summary], None]] = {
    "net cost": lambda told: _set(told, "objective", by=1e-4),
    "below the bound": lambda told: _set(told, "bound", by=1.0),
    "gap is": lambda told: _set(told, "gap", by=1e-3),
    "wear": lambda told: _set(told, "cost_items", "v2g", "wear", by=1e-4),
    "demand_charge": lambda told: _set(told, "cost_items", "v2g", "demand_charge", by=1e-4),
    "is passed by": lambda told: _set(told, "overloads", 0, "worst_kw", by=1e-4),
    "told {'steps': 0": lambda told: told["overloads"].clear(),
    "is passed in": lambda told: _set(told, "overloads", 0, "steps", by=1),
    "kWh short, told": lambda told: _set(told, "shortfalls", 0, "shortfall_kwh", by=1e-4),
    "told nothing": lambda told: told["shortfalls"].clear(),
    "twice": lambda told: told["shortfalls"].append(told["shortfalls"][0]),
    "curtailed_kwh": lambda told: _set(told, "curtailed_kwh", by=1e-4),
    "curtailment of depot": lambda told: told["curtailment"].clear(),
    "status is optimal": lambda told: told.update(status="optimal"),
    "energy_fed_kwh": lambda told: _set(told, "energy_fed_kwh", by=1e-4),
    "smart cost": lambda told: _set(told, "strategies", "smart", "cost", by=1e-4),
    "v2g cash": lambda told: _set(told, "strategies", "v2g", "cash", by=1e-4),
    "max_violation.site_kw": lambda told: _set(told, "max_violation", "site_kw", by=-1e-4),
    "smart served_share": lambda told: _set(told, "strategies", "smart", "served_share", by=1e-4),
    "v2g is told to give another service": lambda told: told["strategies"]["v2g"].update(
        same_service=False
    ),
    "smart peak_import_kw": lambda told: _set(told, "strategies", "smart", "peak_import_kw", by=1),
}


@pytest.mark.parametrize("sentence", CLAIMS)
def test_a_wrong_claim_of_the_summary_is_found(made: Result, sentence: str):
    summary = json.loads(json.dumps(made.summary))
    CLAIMS[sentence](summary)
    assert any(sentence in each for each in recompute.faults(replace(made, summary=summary)))


@pytest.mark.parametrize(
    ("table", "column", "sentence"),
    [
        ("schedule", "energy_kwh", "off their balance"),
        ("sites", "power_kw", "power_kw of sites"),
        ("sites", "export_limit_kw", "export_limit_kw of sites"),
        ("strategies", "power_kw", "power of the v2g fleet"),
    ],
)
def test_a_wrong_number_in_a_table_is_found(made: Result, table: str, column: str, sentence: str):
    changed = made.tables[table].with_columns(pl.col(column) + 1e-4)
    wrong = replace(made, tables=made.tables | {table: changed})
    assert any(sentence in each for each in recompute.faults(wrong))


def test_a_lost_row_of_the_schedule_is_found(made: Result):
    wrong = replace(made, tables=made.tables | {"schedule": made.tables["schedule"][1:]})
    assert any("other rows" in each for each in recompute.faults(wrong))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("power", "power beyond a charger"),
        ("energy", "energy beyond its limits"),
        ("curtailed", "curtailed beyond generation"),
        ("import", "import beyond load alone"),
        ("export", "export beyond generation alone"),
    ],
)
def test_a_schedule_that_breaks_a_rule_is_found(made: Result, change: str, sentence: str):
    schedule = made.schedule
    power, curtailed = schedule.power_kw.copy(), schedule.curtailed_kw.copy()
    if change == "power":
        power[0, 2] = -12.0
    elif change == "energy":
        power[1, :] = 3.0
    elif change == "curtailed":
        curtailed[0, 0] = 0.1
    elif change == "import":
        power[0, 0] = -1.0
        power[1, 0] = 0.0
    else:
        curtailed[:] = 0.0
    wrong = replace(made, schedule=replace(schedule, power_kw=power, curtailed_kw=curtailed))
    assert any(sentence in each for each in recompute.faults(wrong))
