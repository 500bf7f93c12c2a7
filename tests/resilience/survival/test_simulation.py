"""Outages from every start: by hand, laws, vehicles that come and go, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.survival.simulation import (
    BatterySeries,
    DieselGenerator,
    simulate_outages,
    stationary_battery,
)

NAN, INF = float("nan"), float("inf")


def flat(steps: int, kw: float = 10.0) -> np.ndarray:
    return np.full(steps, kw)


def test_a_full_battery_lasts_for_its_energy_over_the_load() -> None:
    battery = stationary_battery(24, power_kw=10.0, capacity_kwh=40.0, start_kwh=40.0)
    found = simulate_outages(flat(24), step_h=1.0, battery=battery)
    assert found.hours.tolist() == [[4.0] * 24]
    assert (found.least_h, found.mean_h, found.most_h) == (4.0, 4.0, 4.0)
    probability = found.probability_of_surviving(np.array([0.0, 3.9, 4.0, 4.1, 24.0]))
    assert probability.tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_quarters_of_an_hour_are_counted_as_such() -> None:
    battery = stationary_battery(96, power_kw=10.0, capacity_kwh=40.0, start_kwh=40.0)
    assert simulate_outages(flat(96), step_h=0.25, battery=battery).mean_h == 4.0


def test_losses_of_discharging_shorten_it() -> None:
    battery = stationary_battery(
        24, power_kw=10.0, capacity_kwh=40.0, start_kwh=40.0, efficiency_discharge=0.75
    )
    assert simulate_outages(flat(24), step_h=1.0, battery=battery).mean_h == 3.0


def test_power_that_is_too_small_serves_nothing() -> None:
    battery = stationary_battery(24, power_kw=9.0, capacity_kwh=1000.0, start_kwh=1000.0)
    assert simulate_outages(flat(24), step_h=1.0, battery=battery).most_h == 0.0


def test_without_anything_nothing_is_served_and_without_load_all_is() -> None:
    assert simulate_outages(flat(5), step_h=1.0).most_h == 0.0
    assert simulate_outages(flat(5, 0.0), step_h=1.0).least_h == 5.0


def test_the_sun_charges_what_the_night_needs() -> None:
    """12 hours of 25 kW by day; a night of 12 h at 10 kW takes 120 kWh, of which 12 are lost."""
    sun = np.tile(np.repeat([25.0, 0.0], 12), 4)
    empty = stationary_battery(
        96, power_kw=15.0, capacity_kwh=162.0, start_kwh=0.0, efficiency_charge=0.9
    )
    found = simulate_outages(flat(96), step_h=1.0, generation_kw=sun, battery=empty)
    assert found.hours[0, 0] == 96.0
    assert found.hours[0, 12] == 0.0
    assert found.hours[0, 8] == 4.0 + 5.0  # 4 h of 13.5 kWh carry five hours and not a sixth


def test_a_tank_lasts_for_its_fuel() -> None:
    burning = DieselGenerator(20.0, fuel=35.0, fuel_per_kwh=0.3, fuel_per_h=0.5, turndown=0.0)
    assert simulate_outages(flat(48), step_h=1.0, generator=burning).mean_h == 10.0


def test_a_generator_that_cannot_be_turned_down_charges_the_battery() -> None:
    stiff = DieselGenerator(20.0, fuel=20.0, fuel_per_kwh=1.0, turndown=1.0)
    bare = simulate_outages(flat(48), step_h=1.0, generator=stiff)
    assert bare.mean_h == 1.0
    battery = stationary_battery(48, power_kw=10.0, capacity_kwh=10.0, start_kwh=0.0)
    stored = simulate_outages(flat(48), step_h=1.0, generator=stiff, battery=battery)
    assert stored.mean_h == 2.0


def test_a_generator_and_a_battery_share_what_neither_can_take_alone() -> None:
    small = DieselGenerator(6.0, turndown=0.0)
    battery = stationary_battery(24, power_kw=4.0, capacity_kwh=12.0, start_kwh=12.0)
    assert simulate_outages(flat(24), step_h=1.0, generator=small, battery=battery).mean_h == 3.0


def test_sets_that_may_not_start_are_weighed_by_the_binomial_law() -> None:
    sets = DieselGenerator(1.0, units=10, start_probability=0.9)
    found = simulate_outages(flat(3, 8.0), step_h=1.0, generator=sets)
    assert found.probability_of_surviving(np.array([3.0]))[0] == pytest.approx(
        0.9298091736, abs=5e-11
    )
    assert found.hours[:, 0].tolist() == [0.0] * 8 + [3.0] * 3
    assert found.mean_h == pytest.approx(3 * 0.9298091736)
    assert (found.least_h, found.most_h) == (0.0, 3.0)


def test_an_outcome_that_cannot_happen_is_not_the_worst() -> None:
    sure = DieselGenerator(20.0, units=2)
    assert simulate_outages(flat(4), step_h=1.0, generator=sure).least_h == 4.0


def fleet(steps: int, **given: list[float]) -> BatterySeries:
    series = {
        name: np.zeros(steps) for name in BatterySeries.__dataclass_fields__ if "eff" not in name
    }
    return BatterySeries(**{**series, **{name: np.array(v) for name, v in given.items()}})


def test_a_vehicle_that_comes_in_time_carries_on() -> None:
    """30 kWh there until 3 h, when it goes; then one comes with 20 kWh."""
    vehicles = fleet(
        8,
        power_kw=[10.0] * 8,
        capacity_kwh=[40.0] * 8,
        start_kwh=[30.0, 30.0, 30.0, 20.0, 20.0, 20.0, 20.0, 20.0],
        arrival_kwh=[0, 0, 0, 20.0, 0, 0, 0, 0],
    )
    found = simulate_outages(flat(8), step_h=1.0, battery=vehicles)
    assert found.hours[0, 0] == 5.0
    assert found.hours[0, 2] == 5.0  # 10 of 30 used before 20 come: 40 for the next four hours
    assert found.hours[0, 3] == 2.0  # what is there at the start has come already


def test_a_vehicle_that_goes_takes_its_energy_and_power_along() -> None:
    vehicles = fleet(
        6,
        power_kw=[10.0, 10.0, 10.0, 0.0, 10.0, 10.0],
        capacity_kwh=[60.0, 60.0, 60.0, 0.0, 60.0, 60.0],
        start_kwh=[60.0, 60.0, 60.0, 0.0, 60.0, 60.0],
    )
    assert simulate_outages(flat(6), step_h=1.0, battery=vehicles).hours[0, 0] == 3.0
    owed = fleet(
        6,
        power_kw=[10.0] * 6,
        capacity_kwh=[60.0] * 6,
        start_kwh=[60.0] * 6,
        departure_kwh=[0, 30.0, 0, 0, 0, 0],
    )
    assert simulate_outages(flat(6), step_h=1.0, battery=owed).hours[0, 0] == 3.0
    more = replace(owed, departure_kwh=np.array([0, 90.0, 0, 0, 0, 0]))
    assert simulate_outages(flat(6), step_h=1.0, battery=more).hours[0, 0] == 1.0


def test_an_outage_is_followed_for_as_long_as_is_asked_and_no_longer() -> None:
    found = simulate_outages(flat(24, 0.0), step_h=0.25, longest_h=1.5)
    assert (found.least_h, found.longest_h) == (1.5, 1.5)
    with pytest.raises(InputError, match=r"duration_h must be in \[0, 1.5\] h"):
        found.probability_of_surviving(np.array([1.0, 2.0]))


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 30.0), st.floats(0.0, 20.0))
def test_more_energy_never_shortens_it_and_starts_are_those_of_a_turned_record(
    seed: int, more_kwh: float, fuel: float
) -> None:
    rng = np.random.default_rng(seed)
    load, sun, turn = rng.uniform(0, 20, 24), rng.uniform(0, 15, 24), int(rng.integers(24))
    generator = DieselGenerator(8.0, fuel=fuel, fuel_per_kwh=0.3, fuel_per_h=0.2)

    def hours(start_kwh: float, shift: int = 0) -> np.ndarray:
        battery = stationary_battery(24, power_kw=15.0, capacity_kwh=60.0, start_kwh=start_kwh)
        return simulate_outages(
            np.roll(load, -shift),
            step_h=1.0,
            generation_kw=np.roll(sun, -shift),
            generator=generator,
            battery=battery,
        ).hours

    assert (hours(30.0 + more_kwh) >= hours(30.0)).all()
    assert np.array_equal(hours(30.0, turn), np.roll(hours(30.0), -turn, axis=1))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"power_kw": -1.0}, "power_kw"),
        ({"power_kw": NAN}, "power_kw"),
        ({"power_kw": INF}, "power_kw"),
        ({"units": -1}, "units"),
        ({"turndown": 30.0}, "turndown"),
        ({"fuel": -1.0}, "fuel"),
        ({"fuel": NAN}, "fuel"),
        ({"fuel_per_kwh": -0.1}, "fuel_per_kwh"),
        ({"fuel_per_h": NAN}, "fuel_per_h"),
        ({"start_probability": 99.0}, "start_probability"),
    ],
)
def test_a_generator_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        replace(DieselGenerator(10.0), **change)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"power_kw": np.array([-1.0])}, "power_kw"),
        ({"capacity_kwh": np.array([NAN])}, "capacity_kwh"),
        ({"start_kwh": np.array([11.0])}, "start_kwh"),
        ({"arrival_kwh": np.array([INF])}, "arrival_kwh"),
        ({"departure_kwh": np.array([-1.0])}, "departure_kwh"),
        ({"efficiency_charge": 0.0}, "efficiency_charge"),
        ({"efficiency_discharge": 95.0}, "efficiency_discharge"),
    ],
)
def test_a_battery_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    battery = stationary_battery(1, power_kw=1.0, capacity_kwh=10.0, start_kwh=5.0)
    with pytest.raises(InputError) as caught:
        replace(battery, **change)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"load_kw": np.array([1.0, -1.0])}, "load_kw"),
        ({"load_kw": np.array([1.0, NAN])}, "load_kw"),
        ({"load_kw": np.zeros(0)}, "load_kw"),
        ({"generation_kw": np.array([1.0, -1.0])}, "generation_kw"),
        ({"generation_kw": np.ones(3)}, "generation_kw"),
        (
            {"battery": stationary_battery(3, power_kw=1.0, capacity_kwh=1.0, start_kwh=1.0)},
            "battery",
        ),
        ({"step_h": 0.0}, "step_h"),
        ({"step_h": NAN}, "step_h"),
        ({"longest_h": 0.5}, "longest_h"),
        ({"longest_h": NAN}, "longest_h"),
    ],
)
def test_an_outage_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    given = {"load_kw": np.ones(2), "step_h": 1.0, **change}
    with pytest.raises(InputError) as caught:
        simulate_outages(**given)
    assert caught.value.field == field


@pytest.mark.parametrize("duration_h", [-1.0, NAN])
def test_a_duration_that_cannot_be_is_refused(duration_h: float) -> None:
    with pytest.raises(InputError, match="duration_h"):
        simulate_outages(flat(2), step_h=1.0).probability_of_surviving(np.array([duration_h]))
