"""Every refusal of a record that leaves a doubt says what to do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.timegrid import TimeGrid
from evergrid.model.portfolio import assemble
from evergrid.model.site import SiteLimits, SiteLoad, no_load
from evergrid.model.time_series import stamps
from tests.model.cases import DAY, faults_of, make_prices, make_sessions, make_sites

TREE = {"fleet": "", "depot": "fleet"}
HOUR = np.timedelta64(1, "h")
MIDNIGHT = np.datetime64("2024-01-10", "us")
DEPOT = np.array(["depot"], dtype=object)


def a_portfolio(**changed: Any):
    """A portfolio of three cars at a depot, some of whose records are others."""
    parts = {
        "grid": DAY,
        "sessions": make_sessions(),
        "sites": make_sites(TREE),
        "load": no_load(),
        "prices": make_prices(),
    }
    return assemble(**(parts | changed))


def limits(drawn: float, fed: float):
    return SiteLimits(DEPOT, DAY.times, np.full((1, 24), drawn), np.full((1, 24), fed))


@pytest.mark.parametrize(
    ("changed", "field", "way_out"),
    [
        ({"site_id": ["fleet", "fleet"]}, "site_id", "a name of its own"),
        ({"site_id": ["fleet", ""]}, "site_id", "Name the site."),
        ({"import_limit_kw": [-1.0, 1.0]}, "import_limit_kw", "leave the field empty"),
        ({"export_limit_kw": [-1.0, 1.0]}, "export_limit_kw", "Limits carry no sign"),
        ({"energy_budget_kwh": [-1.0, 1.0]}, "energy_budget_kwh", "empty for no budget"),
        ({"demand_charge_peaks": [0, 1]}, "demand_charge_peaks", "Give 1"),
        ({"parent_id": ["depot", "fleet"]}, "parent_id", "with an empty parent_id"),
        ({"parent_id": ["", "flet"]}, "parent_id", "Known sites: fleet, depot"),
        ({"net_metering": [True, True]}, "net_metering", "keep the meter at one level"),
    ],
)
def test_of_sites(changed: dict[str, Any], field: str, way_out: str):
    assert way_out in faults_of(make_sites, TREE, **changed)[field].fix


@pytest.mark.parametrize(
    ("hours", "way_out"),
    [
        ([0, 1, 1, 2], "Keep one row per interval."),
        ([0, 1, 2, 1], "Sort the rows by time."),
        ([0, 1, 3, 4], "a missing value is not guessed"),
    ],
)
def test_of_stamps(hours: list[int], way_out: str):
    fault = stamps.faults(MIDNIGHT + np.array(hours) * HOUR)[0]
    assert way_out in fault.fix


@pytest.mark.parametrize(
    ("call", "field", "way_out"),
    [
        (lambda: limits(-2.0, 1.0), "import_limit_kw", "which that way's limit must allow"),
        (
            lambda: SiteLoad(np.array(["a", "a"], dtype=object), DAY.times, np.ones((2, 24))),
            "site_id",
            "one row of values",
        ),
        (lambda: make_prices(23).on(DAY), "time_utc", "data that reaches further"),
        (
            lambda: a_portfolio(grid=TimeGrid(DAY.end_utc, 1.0, 24)),
            "sessions",
            "in which vehicles are plugged in",
        ),
        (
            lambda: replace(a_portfolio(), prices=make_prices(12)),
            "prices",
            "Give prices.on(grid).",
        ),
        (
            lambda: a_portfolio(
                sites=make_sites(TREE, export_limit_kw=[0.0, 0.0]), limits=limits(-2.0, 5.0)
            ),
            "import_limit_kw",
            "which that way's limit must allow",
        ),
    ],
)
def test_of_series_and_books(call: Callable[[], object], field: str, way_out: str):
    assert way_out in faults_of(call)[field].fix
