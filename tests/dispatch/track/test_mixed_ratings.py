"""Chargers of very different ratings in one fleet: each keeps to its own limits."""

import numpy as np
import pytest

from evergrid.battery.converter import LossCurve
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.firm import grid_kw
from evergrid.dispatch.track.simulation import Stays, World, constant, simulate
from tests.dispatch.track.cases import NOTTON, TWO_WAY, cars, fleet

LARGE = ChargerType(500.0, 500.0, NOTTON, NOTTON, least_kw=4.14, step_kw=0.69)


@pytest.mark.parametrize("kind", [0, 1])
def test_power_at_the_grid_is_the_inverse_of_power_out_of_the_cells(kind: int) -> None:
    state = fleet(1, TWO_WAY, LARGE)
    middle = state.types.powers_kw.shape[1] // 2
    most = state.types.ways["most"][kind].max()
    steps = np.concatenate([np.arange(-most, -5), [0], np.arange(6, most + 1)])  # none below 6 A
    power = steps * state.types.limits["step_w"][kind] / 1000.0
    cells = state.types.powers_kw[kind, middle + steps, 0]
    assert grid_kw(state, np.full(len(steps), kind), cells) == pytest.approx(power)


def test_a_block_begins_with_the_plan_as_it_was() -> None:
    state = fleet(3, TWO_WAY, LARGE, base_kw=-5.0)
    nobody = Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0))
    record = simulate(state, nobody, np.zeros(10), constant(0.0), world=World(message_loss=0.0))
    assert record.base_kw == pytest.approx(-30.0, abs=0.7)


def test_without_losses_both_are_the_same() -> None:
    lossless = LossCurve(1e-6, 0.0, 0.0)
    state = fleet(1, ChargerType(7.36, 7.36, lossless, lossless))
    cells = np.array([-7.36, -3.0, 2.0, 7.36])
    assert grid_kw(state, np.zeros(4, int), cells) == pytest.approx(cells, abs=1e-3)
