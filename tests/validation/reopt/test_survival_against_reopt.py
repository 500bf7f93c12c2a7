"""Survival of outages: every number that REopt states of its own, and its rule on random sites."""

from pathlib import Path
from time import process_time

import numpy as np
import polars as pl
import pytest

from evergrid.resilience.survival.reliability import (
    BackupBattery,
    GeneratorTypes,
    generators,
    reliability,
    starting_probabilities,
    transition_matrix,
)
from evergrid.resilience.survival.simulation import (
    DieselGenerator,
    simulate_outages,
    stationary_battery,
)
from tests.validation.reopt.rule import Site, hours

HERE = Path(__file__).parent
SITES = 200  # drawn at random
LOAD_KW = np.array([1.0, 2.0, 2.0, 1.0])


def pair(units: int = 2) -> GeneratorTypes:
    return generators(units, 1.0, availability=1.0, start_failure=0.0, mean_time_to_failure_h=5.0)


def lossless(power_kw: float, capacity_kwh: float, soc: np.ndarray, levels: int) -> BackupBattery:
    return BackupBattery(power_kw, capacity_kwh, soc, levels, 0.0, 1.0, 1.0, 1.0)


def test_the_transition_matrix_is_the_binomial_formula() -> None:
    expected = [
        [1, 0, 0, 0, 0, 0],
        [0.1, 0.9, 0, 0, 0, 0],
        [0.01, 0.18, 0.81, 0, 0, 0],
        [0.25, 0, 0, 0.75, 0, 0],
        [0.025, 0.225, 0, 0.075, 0.675, 0],
        [0.0025, 0.045, 0.2025, 0.0075, 0.135, 0.6075],
    ]
    found = transition_matrix(np.array([2, 1]), np.array([0.1, 0.25]))
    assert found == pytest.approx(np.array(expected), abs=1e-12)


def test_starting_probabilities() -> None:
    sets = GeneratorTypes(
        np.array([2, 1]),
        np.ones(2),
        np.array([0.99, 0.95]),
        np.array([0.05, 0.1]),
        np.array([9.0, 9.0]),
    )
    expected = [0.000513336, 0.0162283, 0.128258, 0.00302691, 0.0956912, 0.756282]
    assert starting_probabilities(sets) == pytest.approx(expected, rel=5e-6)


def test_two_generators_alone() -> None:
    expected = [
        [0.96, 0.4096, 0.262144],
        [0.64, 0.4096, 0.393216],
        [0.64, 0.6144, 0.557056],
        [0.96, 0.8704, 0.262144],
    ]
    found = reliability(LOAD_KW, pair(), durations=3).survival
    assert found == pytest.approx(np.array(expected), abs=1e-9)


def test_two_generators_and_a_battery() -> None:
    expected = [
        [1.0, 0.8704, 0.557056],
        [0.96, 0.6144, 0.57344],
        [0.96, 0.896, 0.8192],
        [1.0, 0.96, 0.761856],
    ]
    store = lossless(1.0, 2.0, np.full(4, 0.5), 3)
    found = reliability(LOAD_KW, pair(), durations=3, battery=store).survival
    assert found == pytest.approx(np.array(expected), abs=1e-9)


def test_a_battery_of_which_half_may_be_used() -> None:
    store = BackupBattery(1.0, 4.0, np.full(4, 0.75), 3, 0.5, 1.0, 1.0, 1.0)
    found = reliability(LOAD_KW, pair(), durations=3, battery=store).survival[0]
    assert found == pytest.approx([1.0, 0.8704, 0.557056], abs=1e-9)


def test_two_types_of_one_generator() -> None:
    ones = np.ones(2)
    sets = GeneratorTypes(np.array([1, 1]), ones, ones, 0 * ones, 5 * ones)
    store = lossless(1.0, 2.0, np.full(4, 0.5), 3)
    found = reliability(LOAD_KW, sets, durations=3, battery=store).survival
    assert found[0, 2] == pytest.approx(0.557056, abs=1e-9)


def test_a_generator_and_a_battery_of_four_hours() -> None:
    one = generators(1, 100.0, availability=0.98, start_failure=0.1, mean_time_to_failure_h=100.0)
    store = lossless(100.0, 400.0, np.ones(8760), 101)
    found = reliability(np.full(8760, 100.0), one, durations=24, battery=store)
    assert found.mean[23] == pytest.approx(0.99**20 * 0.9 * 0.98, abs=1e-9)
    assert found.mean[23] == pytest.approx(0.721394, abs=5e-7)


def hospital() -> tuple[np.ndarray, np.ndarray]:
    series = pl.read_csv(HERE / "hospital.csv.gz")
    sun_kw = series["pv_kw_per_kw"].to_numpy() * (1276.0 + 1276.0)  # and as much wind, alike
    return series["load_kw"].to_numpy(), sun_kw


def test_a_hospital_with_generators_sun_wind_and_battery() -> None:
    load_kw, sun_kw = hospital()
    sets = generators(2, 200.0, availability=0.9, start_failure=0.02, mean_time_to_failure_h=200.0)
    store = BackupBattery(506.0, 2306.0, np.ones(8760), 20, 0.0, 0.948, 0.948, 1.0)
    found = reliability(load_kw, sets, durations=96, battery=store, generation_kw=sun_kw)
    assert found.survival[0, -1] == pytest.approx(0.858756, abs=5e-7)
    assert found.mean[-1] == pytest.approx(0.904242, abs=5e-7)


def drawn(seed: int) -> tuple[Site, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    steps = 72
    site = Site(
        rng.uniform(0, 150),
        rng.uniform(0, 400),
        rng.uniform(0.05, 0.4),
        rng.uniform(0, 10),
        rng.uniform(0, 0.6),
        rng.uniform(10, 150),
        rng.uniform(20, 600),
        rng.uniform(0.7, 1.0),
    )
    hour = np.arange(steps)
    sun = np.maximum(0, np.sin((hour % 24 - 6) / 12 * np.pi)) * rng.uniform(0, 400)
    return site, rng.uniform(20, 150, steps), sun, rng.uniform(0, 1, steps) * site.battery_kwh


def ours(site: Site, load: np.ndarray, sun: np.ndarray, energy: np.ndarray) -> np.ndarray:
    generator = DieselGenerator(
        site.diesel_kw, 1, site.turndown, site.fuel, site.slope, site.intercept
    )
    battery = stationary_battery(
        len(load),
        power_kw=site.battery_kw,
        capacity_kwh=site.battery_kwh,
        start_kwh=energy,
        efficiency_charge=site.round_trip,
    )
    found = simulate_outages(
        load, step_h=1.0, generation_kw=sun, generator=generator, battery=battery
    )
    return found.hours[1]


def test_hours_survived_on_random_sites_are_those_of_its_rule() -> None:
    """All with two amendments; as published all but a few, which survive no shorter there."""
    alike = 0
    for seed in range(SITES):
        site, load, sun, energy = drawn(seed)
        load *= min(1.0, site.diesel_kw / load.max()) if seed % 2 else 1.0
        amended, published = (
            [
                hours(site, load - sun, start, energy[start], amended=amended)
                for start in range(len(load))
            ]
            for amended in (True, False)
        )
        assert ours(site, load, sun, energy).tolist() == amended, seed
        alike += amended == published
    assert 0.7 * SITES < alike < SITES


def test_a_tank_is_not_emptied_by_a_load_beyond_the_rating() -> None:
    """25 of fuel give 100 kWh, two hours of 50 kW; the battery has 160 kWh for the other 60 kW."""
    site = Site(50.0, 25.0, 0.25, 0.0, 0.0, 100.0, 160.0, 1.0)
    load, energy = np.full(12, 110.0), np.full(12, 160.0)
    assert hours(site, load, 0, 160.0) == 1
    assert ours(site, load, 0 * load, energy)[0] == 2


def test_what_the_last_fuel_gives_fills_no_battery_beyond_its_room() -> None:
    """A set that gives 100 kW at least, fuel for 80 kWh, a load of 10 kW, a battery of 15 kWh."""
    site = Site(100.0, 20.0, 0.25, 0.0, 1.0, 100.0, 15.0, 1.0)
    load, energy = np.full(12, 10.0), np.zeros(12)
    assert hours(site, load, 0, 0.0) == 8
    assert ours(site, load, 0 * load, energy)[0] == 2


def test_a_year_of_starts_takes_well_under_a_second() -> None:
    load_kw, sun_kw = hospital()
    battery = stationary_battery(
        8760, power_kw=506.0, capacity_kwh=2306.0, start_kwh=2306.0, efficiency_charge=0.9
    )
    generator = DieselGenerator(100.0, 1, 0.3, 500.0, 0.27, 3.0)
    spent = []
    for _ in range(3):
        began = process_time()
        simulate_outages(
            load_kw, step_h=1.0, generation_kw=sun_kw, generator=generator, battery=battery
        )
        spent.append(process_time() - began)
    assert min(spent) < 0.5
