"""Fleets age from tables as single batteries do by the formulas."""

import numpy as np
import pytest

from benchmarks.battery_ageing.profiles import years
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
def test_exact_rates_are_the_formulas_and_the_table_is_near(name: str):
    """In quarter hours the state of charge moves so little that no step is halved."""
    model, hourly = MODELS[name], year(3, days=30)
    assert isinstance(model, AbstractLargeCell)
    at, hour = np.arange(4 * 24 * 30 + 1) / 4, np.arange(24 * 30 + 1)
    soc, celsius = (
        np.array([np.interp(at, hour, row) for row in rows])
        for rows in (hourly.soc, hourly.temperature_c)
    )
    profile = Profile(0.25, soc, celsius)
    *_, formulas = lived(model, profile)
    exact = fleet.aged(model, profile, exact=True)
    assert exact.calendar == pytest.approx(formulas.calendar, rel=1e-8)
    assert exact.cycle == pytest.approx(formulas.cycle, rel=1e-8)
    table = fleet.aged(model, profile)
    assert table.calendar == pytest.approx(exact.calendar, rel=5e-4)
    assert table.cycle == pytest.approx(exact.cycle, rel=5e-4)
    assert (table.calendar != exact.calendar).all()


def test_a_rate_with_a_corner_is_followed():
    """The rate of the large NMC cell is the size of a sum that changes its sign in the cold."""
    hour = np.arange(24 * 365 + 1)
    soc = 0.5 + 0.05 * np.sin(2 * np.pi * hour / 24)
    celsius = 3.0 + 6.0 * np.sin(2 * np.pi * hour / 24 + 1) + 10 * np.sin(2 * np.pi * hour / 8760)
    profile = Profile(1.0, soc[None], celsius[None])
    model = MODELS["large_nmc"]
    assert isinstance(model, AbstractLargeCell)
    *_, exact = lived(model, profile)
    assert fleet.aged(model, profile).cycle == pytest.approx(exact.cycle, rel=1e-4)


def test_many_different_vehicles_are_met():
    soc, celsius = years(40)
    profile = Profile(1.0, soc, celsius)
    for name in LARGE:
        model = MODELS[name]
        assert isinstance(model, AbstractLargeCell)
        *_, exact = lived(model, profile)
        found = fleet.aged(model, profile)
        assert found.calendar == pytest.approx(exact.calendar, rel=1e-3)
        assert found.cycle == pytest.approx(exact.cycle, rel=1e-3)


@pytest.mark.parametrize("power", [0.526, 0.828, 1.11])
@pytest.mark.parametrize("share", [1e-6, 1e-4, 0.0099, 0.5])
def test_a_fade_grows_by_its_root(power: float, share: float):
    root = 0.037
    found = fleet.grown(root**power, root, share * root, power)
    assert found == pytest.approx((root * (1 + share)) ** power, rel=2e-9)


@pytest.mark.parametrize("name", LARGE)
def test_two_halves_are_the_whole(name: str):
    model, profile = MODELS[name], year(3, days=60)
    assert isinstance(model, AbstractLargeCell)
    first = Profile(1.0, profile.soc[:, : 24 * 30 + 1], profile.temperature_c[:, : 24 * 30 + 1])
    second = Profile(1.0, profile.soc[:, 24 * 30 :], profile.temperature_c[:, 24 * 30 :])
    halves = fleet.aged(model, second, fleet.aged(model, first))
    whole = fleet.aged(model, profile)
    np.testing.assert_allclose(halves.capacity, whole.capacity, rtol=1e-12)


@pytest.mark.parametrize("name", LARGE)
def test_extremes_of_the_table_are_within_it(name: str):
    model = MODELS[name]
    assert isinstance(model, AbstractLargeCell)
    corners = np.array([[0.0] * 25, [1.0] * 25])
    profile = Profile(1.0, corners, np.array([[-30.0] * 25, [60.0] * 25]))
    *_, exact = lived(model, profile)
    assert fleet.aged(model, profile).calendar == pytest.approx(exact.calendar, rel=1e-9)
