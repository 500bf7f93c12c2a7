"""Made-up days that the tests of figures and pages draw."""

from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import VehicleRun

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;</style><b>%{y}</b>"


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def grid() -> TimeGrid:
    return TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 0.25, 96)


@pytest.fixture
def power_kw(grid: TimeGrid) -> Array:
    """Charges in the first half of the day, discharges in the second."""
    return np.where(np.arange(grid.steps) < grid.steps // 2, -40.0, 55.0)


@pytest.fixture
def price_per_mwh(grid: TimeGrid) -> Array:
    """A price that dips below zero."""
    return 40 + 60 * np.sin(np.arange(grid.steps) / grid.steps * 2 * np.pi)


@pytest.fixture
def vehicle(grid: TimeGrid, price_per_mwh: Array) -> VehicleRun:
    steps = np.arange(grid.steps)
    plugged = (steps >= 20) & (steps < 60)
    power_kw = np.where(plugged, np.where(steps < 40, 7.0, -7.0), 0.0)
    energy_kwh = np.where(plugged, 45 - np.cumsum(power_kw) * 0.25, 0.0)
    return VehicleRun(power_kw, energy_kwh, plugged, price_per_mwh, 40.0, 10.0, 60.0)
