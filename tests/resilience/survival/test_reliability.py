"""Reliability of generators with a battery: against every way in which single units can fail."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.survival.reliability import (
    BackupBattery,
    GeneratorTypes,
    generators,
    reliability,
    starting_probabilities,
    transition_matrix,
)

NAN = float("nan")


def two_types() -> GeneratorTypes:
    return GeneratorTypes(
        np.array([2, 1]),
        np.array([30.0, 50.0]),
        np.array([0.97, 0.9]),
        np.array([0.05, 0.02]),
        np.array([20.0, 8.0]),
    )


def battery(**changes: Any) -> BackupBattery:
    soc = np.linspace(0.3, 1.0, 6)
    return replace(BackupBattery(40.0, 100.0, soc, 11, 0.1, 0.9, 0.95, 1.0), **changes)


LOAD_KW = np.array([90.0, 60.0, 120.0, 75.0, 40.0, 100.0])
SUN_KW = np.array([0.0, 20.0, 60.0, 50.0, 0.0, 0.0])


def failures(working: list[bool], probability: list[float]) -> Iterator[tuple[float, list[bool]]]:
    """Every set of working units after a step, unit by unit, with its probability."""
    for fate in product([False, True], repeat=len(working)):
        chance, after = 1.0, []
        for runs, lasts, fails in zip(working, fate, probability, strict=True):
            if not runs and lasts:
                chance = 0.0
            elif runs:
                chance *= 1 - fails if lasts else fails
            after.append(runs and lasts)
        if chance > 0:
            yield chance, after


def enumerated(net_kw: np.ndarray, store: BackupBattery, start: int, durations: int) -> list[float]:
    """Survival by following each single unit through every fate, with the same levels."""
    sets = two_types()
    kinds = [0, 0, 1]
    power, fail = sets.power_kw[kinds], (1 / sets.mean_time_to_failure_h[kinds]).tolist()
    works = (sets.availability * (1 - sets.start_failure))[kinds]
    alive = np.zeros(durations)
    top = store.levels - 1

    def follow(chance: float, working: list[bool], level: int, past: int) -> None:
        if past == durations or chance == 0:
            return
        need = net_kw[(start + past) % len(net_kw)]
        for part, after in failures(working, fail):
            surplus = power[after].sum() - need
            most = min(store.power_kw, level * store.level_kwh * store.efficiency_discharge)
            if surplus + most < -1e-6:
                continue
            alive[past] += chance * part
            moved = min(max(surplus, -store.power_kw), store.power_kw)
            change = (
                moved * store.efficiency_charge if moved > 0 else moved / store.efficiency_discharge
            )
            reached = level + round(change / store.level_kwh)
            follow(chance * part, after, min(max(reached, 0), top), past + 1)

    for fate in product([False, True], repeat=3):
        chance = np.prod(np.where(fate, works, 1 - works))
        follow(float(chance), list(fate), int(store.start_level[start]), 0)
    return alive.tolist()


def test_it_is_the_sum_over_every_fate_of_every_unit() -> None:
    found = reliability(LOAD_KW, two_types(), durations=3, battery=battery(), generation_kw=SUN_KW)
    for start in range(6):
        expected = enumerated(LOAD_KW - SUN_KW, battery(), start, 3)
        assert found.survival[start] == pytest.approx(expected, abs=1e-12)


def test_generators_alone_are_a_battery_that_is_empty_and_cannot_be_charged() -> None:
    alone = reliability(LOAD_KW, two_types(), durations=3)
    idle = battery(power_kw=1e-9, start_soc=np.full(6, 0.1))
    stored = reliability(LOAD_KW, two_types(), durations=3, battery=idle)
    assert alone.survival == pytest.approx(stored.survival, abs=1e-12)


def test_outages_of_the_battery_and_the_sun_are_weighed() -> None:
    def run(store: BackupBattery | None, sun: np.ndarray | None, **options: Any) -> np.ndarray:
        given = {"battery": store, "generation_kw": sun, **options}
        return reliability(LOAD_KW, two_types(), durations=4, **given).survival

    both, stored = run(battery(), SUN_KW), run(battery(), None)
    sunny, bare = run(None, SUN_KW), run(None, None)
    parts = {"generation_availability": 0.7}
    found = run(battery(availability=0.8), SUN_KW, **parts)
    assert found == pytest.approx(0.56 * both + 0.24 * stored + 0.2 * bare)
    direct = run(battery(availability=0.8), SUN_KW, generation_without_battery=True, **parts)
    assert direct == pytest.approx(0.56 * both + 0.24 * stored + 0.14 * sunny + 0.06 * bare)


def test_survival_falls_with_duration_and_shorter_steps_are_hours_all_the_same() -> None:
    found = reliability(LOAD_KW, two_types(), durations=20, battery=battery())
    assert (np.diff(found.survival, axis=1) <= 1e-12).all()
    assert found.mean == pytest.approx(found.survival.mean(axis=0))
    assert (found.least <= found.mean).all()
    store = battery(start_soc=np.ones(4), least_soc=0.0, efficiency_discharge=1.0, levels=401)
    never = generators(1, 0.0)
    flat = reliability(np.full(4, 20.0), never, durations=24, step_h=0.25, battery=store)
    assert flat.duration_h[flat.survival[0] > 0.5].max() == 5.0


def test_a_row_of_the_transition_matrix_sums_to_one() -> None:
    matrix = transition_matrix(np.array([2, 3, 1]), np.array([0.1, 0.4, 0.0]))
    assert matrix.shape == (24, 24)
    assert matrix.sum(axis=1) == pytest.approx(np.ones(24))
    assert (matrix == np.tril(matrix)).all()  # nothing is repaired


def test_states_are_in_the_order_of_the_matrix() -> None:
    states = two_types().working.tolist()
    assert states == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]
    assert starting_probabilities(two_types()).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"units": np.array([-1, 1])}, "units"),
        ({"units": np.array([100, 100])}, "units"),
        ({"power_kw": np.array([NAN, 1.0])}, "power_kw"),
        ({"availability": np.array([99.5, 0.9])}, "availability"),
        ({"start_failure": np.array([-0.1, 0.9])}, "start_failure"),
        ({"mean_time_to_failure_h": np.array([0.0, 9.0])}, "mean_time_to_failure_h"),
        ({"mean_time_to_failure_h": np.array([NAN, 9.0])}, "mean_time_to_failure_h"),
    ],
)
def test_generators_that_cannot_be_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        replace(two_types(), **change)
    assert caught.value.field == field


def test_no_type_of_generator_is_refused() -> None:
    none = np.zeros(0)
    with pytest.raises(InputError, match="units must have at least one type"):
        GeneratorTypes(none.astype(int), none, none, none, none)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"power_kw": 0.0}, "power_kw"),
        ({"capacity_kwh": NAN}, "capacity_kwh"),
        ({"levels": 1}, "levels"),
        ({"least_soc": 1.0}, "least_soc"),
        ({"least_soc": 0.5}, "start_soc"),
        ({"start_soc": np.array([75.0])}, "start_soc"),
        ({"start_soc": np.array([NAN])}, "start_soc"),
        ({"efficiency_charge": 1.1}, "efficiency_charge"),
        ({"efficiency_discharge": 0.0}, "efficiency_discharge"),
        ({"availability": 97.0}, "availability"),
    ],
)
def test_a_battery_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        battery(**change)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"load_kw": -LOAD_KW}, "load_kw"),
        ({"load_kw": np.zeros(0), "battery": None}, "load_kw"),
        ({"load_kw": np.ones(5)}, "start_soc"),
        ({"generation_kw": np.array([NAN] * 6)}, "generation_kw"),
        ({"generation_kw": np.ones(5)}, "generation_kw"),
        ({"generation_availability": 98.0}, "generation_availability"),
        ({"durations": 0}, "durations"),
        ({"step_h": 0.0}, "step_h"),
        ({"step_h": 10.0}, "mean_time_to_failure_h"),
    ],
)
def test_an_outage_that_cannot_be_is_refused(change: dict[str, Any], field: str) -> None:
    given = {"load_kw": LOAD_KW, "sets": two_types(), "durations": 2, "battery": battery()}
    with pytest.raises(InputError) as caught:
        reliability(**{**given, **change})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("units", "failure", "field"), [([1], [1.5], "failure"), ([-1], [0.5], "units")]
)
def test_a_matrix_that_cannot_be_is_refused(
    units: list[int], failure: list[float], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        transition_matrix(np.array(units), np.array(failure))
    assert caught.value.field == field
