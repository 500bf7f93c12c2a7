"""Our rates, moved on in BLAST-Lite's way, give BLAST-Lite's numbers; see the README beside."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.battery.ageing.life import MODELS
from evergrid.battery.ageing.model import AbstractPowerLawModel, Fade, Stress
from evergrid.battery.ageing.profile import Profile
from tests.validation.battery_ageing.euler import c_rate, stepped
from tests.validation.battery_ageing.golden import BATTERIES, profiles

TOLERANCE = 1e-12
CAPACITY = {"schmalstieg": 2.15 / 2.05}  # BLAST-Lite's cell over that of the publication
FLOORED = {"schmalstieg": (0, 2)}  # shallow cycles, for which only the publication has a floor
PARTS = ("calendar", "cycle", "resistance_calendar", "resistance_cycle")


def expected() -> dict[str, list[tuple[float, float]]]:
    path = Path(__file__).with_name("golden.csv")
    found: dict[str, list[tuple[float, float]]] = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        pair = float(row["capacity"]), float(row["resistance"])
        found.setdefault(row["model"], []).append(pair)
    return found


GOLDEN = expected()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_rates_are_those_of_blast_lite(name: str):
    model = MODELS[name]
    assert isinstance(model, AbstractPowerLawModel)
    fade = Fade.new(BATTERIES)
    for window in Profile(1.0, *profiles()).windows():
        stress = Stress.of(window, fade.capacity)
        stress = replace(stress, c_rate=c_rate(window, fade.capacity))
        rates, days = model.rates(window, stress), np.full(BATTERIES, stress.days)
        cycles = stress.cycles * CAPACITY.get(name, 1.0)
        amounts = (days, cycles, days, cycles)
        fade = Fade(
            *(
                stepped(
                    getattr(fade, part),
                    getattr(rates, part),
                    amount / getattr(model, part).unit,
                    getattr(model, part).power,
                )
                for part, amount in zip(PARTS, amounts, strict=True)
            )
        )
    capacity, resistance = np.array(GOLDEN[name]).T
    np.testing.assert_allclose(fade.capacity, capacity, rtol=0, atol=TOLERANCE)
    same = np.array([battery not in FLOORED.get(name, ()) for battery in range(BATTERIES)])
    np.testing.assert_allclose(fade.resistance[same], resistance[same], rtol=0, atol=TOLERANCE)
    assert (fade.resistance >= resistance - TOLERANCE).all()


@pytest.mark.parametrize("name", GOLDEN)
def test_our_way_differs_by_little(name: str):
    fade = Fade.new(BATTERIES)
    for window in Profile(1.0, *profiles()).windows():
        fade = MODELS[name].aged(fade, window)
    capacity = np.array(GOLDEN[name])[:, 0]
    lost = 1.0 - capacity
    assert (np.abs(fade.capacity - capacity) <= 0.06 * lost).all()
