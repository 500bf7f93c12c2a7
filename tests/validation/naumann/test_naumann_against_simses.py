"""Storage and half cycles of Naumann's models give the numbers of SimSES; see the README beside."""

import csv
from pathlib import Path

import numpy as np

from evergrid.battery.ageing.cells import naumann
from evergrid.battery.ageing.life import MODELS
from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.profile import Profile
from tests.validation.naumann.golden import half_cycles, rests

STEP_H = 0.1
ROUNDED = 8e-4  # of the resistance by cycling: a constant of theirs has a digit less


def golden(part: str) -> np.ndarray:
    path = Path(__file__).with_name("golden.csv")
    rows = csv.DictReader(path.read_text().splitlines())
    return np.array(
        [(float(row["loss"]), float(row["gain"])) for row in rows if row["part"] == part]
    )


def test_days_of_storage_are_those_of_simses():
    fade, found = Fade.new(1), []
    for soc, celsius in rests():
        day = Profile(1.0, np.full((1, 25), soc), np.full((1, 25), celsius))
        fade = MODELS["naumann_lfp"].aged(fade, day)
        found.append((fade.calendar[0], fade.resistance_calendar[0]))
    np.testing.assert_allclose(found, golden("calendar"), rtol=1e-9)


def test_half_cycles_are_those_of_simses():
    walk, way, found = [0.0], -1.0, []
    for depth, c_rate in half_cycles():
        steps = round(depth / (c_rate * STEP_H))
        walk += [walk[-1] + way * depth * k / steps for k in range(1, steps + 1)]
        way = -way
        new = np.zeros(1)
        loss, gain = naumann._half_cycles(new, new, np.array([walk]), np.ones(1), STEP_H)
        found.append((loss[0], gain[0]))
    theirs = golden("cycle")
    np.testing.assert_allclose(np.array(found)[:, 0], theirs[:, 0], rtol=1e-9)
    np.testing.assert_allclose(np.array(found)[:, 1], theirs[:, 1], rtol=ROUNDED)
