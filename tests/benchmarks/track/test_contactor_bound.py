"""The bound with few movements against every path there is, for a few chargers and ticks."""

from itertools import product

import numpy as np
import pytest

from benchmarks.track.contactor_bound import losses_kwh, lower_bound, shortest_path
from benchmarks.track.fleets import bound_kw, one_phase

CHARGERS = 4
KIND = one_phase(zero_held=False)


def every_path(loss: np.ndarray) -> list[tuple[float, int]]:
    """Loss and movements of each choice of how many are closed, tick by tick."""
    ticks = np.arange(len(loss))
    return [
        (float(loss[ticks, list(path)].sum()), int(np.abs(np.diff(path)).sum()))
        for path in product(range(loss.shape[1]), repeat=len(loss))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_is_below_the_best_path_within_the_limit_and_near_it(seed: int) -> None:
    power = np.random.default_rng(seed).uniform(-20.0, 20.0, 6)
    loss = losses_kwh(power, KIND, CHARGERS, 2.0)
    paths = every_path(loss)
    for price in (0.0, 1e-5, 1e-3):
        length, moved = shortest_path(loss, price)
        assert length == pytest.approx(min(lost + price * n for lost, n in paths))
        assert (pytest.approx(length - price * moved), moved) in paths
    for movements in (0, 2, 4):
        best = min(lost for lost, n in paths if n <= movements)
        bound = lower_bound(power, KIND, CHARGERS, movements, tick_s=2.0).loss_kwh
        assert 0.9 * best < bound <= best + 1e-12


def test_with_movements_enough_it_is_the_bound_of_each_tick_alone() -> None:
    power = np.array([2.0, 25.0, -9.0, 14.0])
    alone_kwh = bound_kw(power, KIND, CHARGERS).sum() * 2.0 / 3600.0
    found = lower_bound(power, KIND, CHARGERS, 100, tick_s=2.0)
    assert found.loss_kwh == pytest.approx(alone_kwh, rel=1e-3)
