"""Ageing models against published arithmetic, and the laws that every one of them keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.battery.ageing import life, power_law
from evergrid.battery.ageing.cells import naumann
from evergrid.battery.ageing.life import MODELS, lived
from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.power_law import PowerLaw
from evergrid.battery.ageing.profile import Profile
from evergrid.core.errors import InputError

YEAR = 365


def resting(soc: float, temperature_c: float, *, days: int = YEAR, step_h: float = 1.0) -> Profile:
    points = round(days * 24 / step_h) + 1
    return Profile(step_h, np.full((1, points), soc), np.full((1, points), temperature_c))


def after(name: str, profile: Profile) -> Fade:
    *_, last = lived(MODELS[name], profile)
    return last


@pytest.mark.parametrize(
    ("soc", "temperature_c", "lost"),
    [
        (0.5, 25.0, 0.0425158),
        (0.8, 25.0, 0.0479623),
        (1.0, 25.0, 0.0677314),
        (0.5, 10.0, 0.0294853),
        (0.5, 35.0, 0.0532006),
        (0.5, 45.0, 0.0656390),
    ],
)
def test_a_year_of_storage_by_naumann(soc: float, temperature_c: float, lost: float):
    fade = after("naumann_lfp", resting(soc, temperature_c))
    assert fade.capacity[0] == pytest.approx(1 - lost, abs=5e-8)


@pytest.mark.parametrize(("depth", "lost"), [(0.5, 0.0442567), (0.8, 0.0457300)])
def test_a_thousand_cycles_by_naumann(depth: float, lost: float):
    half = np.linspace(0.5 - depth / 2, 0.5 + depth / 2, round(depth / 0.05) + 1)
    turn = np.concatenate([half[:-1], half[:0:-1]])
    soc = np.concatenate([np.tile(turn, round(1000 / depth)), half[:1]])[None]
    new = np.zeros(1)
    loss, _ = naumann._half_cycles(new, new, soc, np.ones(1), 0.1)  # of 0.05 each: C/2
    assert loss[0] == pytest.approx(lost, abs=5e-8)


@pytest.mark.parametrize(("temperature_c", "lost"), [(25.0, 0.023079), (35.0, 0.049314)])
def test_a_year_of_storage_by_schmalstieg(temperature_c: float, lost: float):
    from evergrid.battery.ageing.cells.schmalstieg import REST_V, SOC

    soc = float(np.interp(3.68, REST_V, SOC))
    fade = after("schmalstieg", resting(soc, temperature_c))
    assert fade.calendar[0] == pytest.approx(lost, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_storage_does_not_depend_on_windows_or_steps(name: str):
    *_, by_day = lived(MODELS[name], resting(0.7, 20.0, days=30))
    *_, at_once = lived(MODELS[name], resting(0.7, 20.0, days=30), window_h=720.0)
    *_, finer = lived(MODELS[name], resting(0.7, 20.0, days=30, step_h=0.25))
    assert by_day.calendar == pytest.approx(at_once.calendar, rel=1e-12)
    assert by_day.calendar == pytest.approx(finer.calendar, rel=1e-12)


def day(step_h: float) -> Profile:
    """A day of driving, charging and feeding, with corners on the hour."""
    corners = np.array([0.9, 0.9, 0.6, 0.6, 0.6, 0.4, 0.4, 0.65, 0.9])
    at = np.array([0, 7, 8, 12, 17, 18, 20, 22, 24])
    hour = np.linspace(0, 24, round(24 / step_h) + 1)
    soc = np.interp(hour, at, corners)
    return Profile(step_h, soc[None], 20 + 5 * np.sin(2 * np.pi * (hour - 9) / 24)[None])


@pytest.mark.parametrize("name", MODELS)
def test_the_length_of_a_step_hardly_matters(name: str):
    fades = []
    for minutes in (60, 15, 5, 1):
        fade = Fade.new(1)
        for _ in range(60):
            *_, fade = lived(MODELS[name], day(minutes / 60), fade)
        fades.append(1 - fade.capacity[0])
    assert fades == pytest.approx([fades[-1]] * 4, rel=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_a_battery_at_rest_loses_nothing_by_use(name: str):
    fade = after(name, resting(0.4, 30.0, days=10))
    assert fade.cycle[0] == 0
    assert fade.resistance_cycle[0] == 0


@pytest.mark.parametrize("name", MODELS)
def test_batteries_do_not_see_each_other(name: str):
    one = day(1.0)
    soc = np.concatenate([one.soc, 1 - one.soc, one.soc])
    several = Profile(1.0, soc, np.concatenate([one.temperature_c] * 3))
    together = MODELS[name].aged(Fade.new(3), several)
    alone = MODELS[name].aged(Fade.new(1), one)
    assert together.capacity[0] == together.capacity[2] == alone.capacity[0]


@given(
    st.floats(1e-6, 0.1),
    st.floats(0.3, 1.3),
    st.lists(st.floats(0.01, 50.0), min_size=2, max_size=8),
)
def test_steps_of_one_stress_add_up(rate: float, power: float, amounts: list[float]):
    law = PowerLaw(power)
    fade = np.zeros(1)
    for amount in amounts:
        fade = power_law.advanced(fade, np.array([rate]), np.array([amount]), law)
    assert fade[0] == pytest.approx(rate * sum(amounts) ** power, rel=1e-12)


@given(st.floats(1e-4, 0.1), st.floats(1e-5, 0.1), st.floats(0.4, 1.2))
def test_the_slope_is_what_a_little_more_adds(fade: float, rate: float, power: float):
    law = PowerLaw(power, unit=10.0)
    before, stress = np.array([fade]), np.array([rate])
    little = 1e-5 * law.unit * (fade / rate) ** (1 / power)
    more = power_law.advanced(before, stress, np.array([little]), law) - before
    steep = power_law.slope(before, stress, law)
    assert more[0] / little == pytest.approx(steep[0], rel=1e-3)


def test_a_mistyped_model_is_told_the_known_one():
    with pytest.raises(InputError, match="Did you mean large_lfp"):
        life.named("large_lpf")
    assert life.named("naumann_lfp") is MODELS["naumann_lfp"]


@pytest.mark.parametrize(
    ("soc", "temperature_c", "told"),
    [
        (80.0, 25.0, "fraction, not a percentage"),
        (1.01, 25.0, "soc must lie in \\[0, 1\\]"),
        (0.5, -300.0, "temperature_c must lie in \\[-30, 60\\]"),
        (0.5, -30.1, "temperature_c must lie in"),
        (0.5, 60.1, "temperature_c must lie in"),
        (0.5, float("nan"), "temperature_c must lie in"),
        (float("nan"), 25.0, "soc must lie in"),
    ],
)
def test_profiles_that_cannot_be_are_refused(soc: float, temperature_c: float, told: str):
    with pytest.raises(InputError, match=told):
        resting(soc, temperature_c, days=1)


@pytest.mark.parametrize("points", [24, 12])
def test_a_window_without_its_end_point_or_shorter_than_a_day_is_refused(points: int):
    profile = Profile(1.0, np.full((1, points), 0.5), np.full((1, points), 20.0))
    with pytest.raises(InputError, match="whole number of windows of 24 h"):
        list(profile.windows())
