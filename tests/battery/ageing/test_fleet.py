"""Fleets age from tables as single batteries do by the formulas."""

import numpy as np
import pytest

from evergrid.battery.ageing import fleet
from evergrid.battery.ageing.life import MODELS, lived
from evergrid.battery.ageing.model import AbstractLargeCell
from evergrid.battery.ageing.profile import Profile

LARGE = [name for name, model in MODELS.items() if isinstance(model, AbstractLargeCell)]


def year(batteries: int, *, days: int = 365) -> Profile:
    hour = np.arange(24 * days + 1)
    number = np.arange(batteries)[:, None]
    soc = 0.6 + 0.25 * np.sin(2 * np.pi * hour / 24 + number) * np.cos(hour / 100 + number)
    season = 12 - 10 * np.cos(2 * np.pi * hour / 8760) + number % 10
    return Profile(1.0, soc, season + 5 * np.sin(2 * np.pi * hour / 24))


@pytest.mark.parametrize("name", LARGE)
def test_the_table_gives_what_the_formulas_give(name: str):
    model, profile = MODELS[name], year(5)
    assert isinstance(model, AbstractLargeCell)
    found = fleet.aged(model, profile)
    *_, exact = lived(model, profile)
    assert found.calendar == pytest.approx(exact.calendar, rel=1e-3)
    assert found.cycle == pytest.approx(exact.cycle, rel=1e-3)


@pytest.mark.parametrize("name", LARGE)
def test_two_halves_are_the_whole(name: str):
    model, profile = MODELS[name], year(3, days=60)
    assert isinstance(model, AbstractLargeCell)
    first = Profile(1.0, profile.soc[:, : 24 * 30 + 1], profile.temperature_c[:, : 24 * 30 + 1])
    second = Profile(1.0, profile.soc[:, 24 * 30 :], profile.temperature_c[:, 24 * 30 :])
    halves = fleet.aged(model, second, fleet.aged(model, first))
    whole = fleet.aged(model, profile)
    np.testing.assert_array_equal(halves.capacity, whole.capacity)


@pytest.mark.parametrize("name", LARGE)
def test_extremes_of_the_table_are_within_it(name: str):
    model = MODELS[name]
    assert isinstance(model, AbstractLargeCell)
    corners = np.array([[0.0] * 25, [1.0] * 25])
    profile = Profile(1.0, corners, np.array([[-30.0] * 25, [60.0] * 25]))
    *_, exact = lived(model, profile)
    assert fleet.aged(model, profile).calendar == pytest.approx(exact.calendar, rel=1e-9)
