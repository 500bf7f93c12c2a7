"""What draws say: bands that hold, capacities that stop at the first violation."""

import numpy as np
import pytest

from evergrid.grid.hosting import hosting_curve
from evergrid.grid.hosting.hosting_capacity import DeploymentResults
from evergrid.grid.limits.kinds import Kind


def results(excess: np.ndarray) -> DeploymentResults:
    none = np.zeros(excess.shape, dtype=np.int64)
    flat = np.zeros(excess.shape[:2])
    return DeploymentResults(excess, none, none, flat, flat, flat)


def kept(counts: int, draws: int) -> np.ndarray:
    return np.full((counts, draws, len(Kind)), -1.0)


def test_capacity_ends_at_the_first_number_that_fails_even_if_a_later_one_holds():
    excess = kept(4, 1)
    excess[2, 0, 0] = 0.5
    found = hosting_curve.capacity(results(excess), np.array([0, 5, 10, 15]))
    assert found.vehicles.tolist() == [5]
    assert found.kind.tolist() == [0]


def test_what_is_reached_first_is_named_whatever_its_unit():
    excess = kept(2, 1)
    excess[0, 0, :2], excess[1, 0, :2] = (
        (-1.0, -0.01),
        (100.0, 0.09),
    )  # at 1 % and at 10 % of the way
    assert hosting_curve.capacity(results(excess), np.array([0, 9])).kind.tolist() == [0]


def test_a_draw_that_never_fails_takes_everybody():
    found = hosting_curve.capacity(results(kept(3, 2)), np.array([0, 5, 10]))
    assert found.vehicles.tolist() == [10, 10]
    assert found.kind.tolist() == [-1, -1]


def test_a_limit_that_is_just_reached_is_not_violated():
    excess = kept(1, 4)
    excess[0, :, 0] = 0.0
    excess[0, 0, 1] = 1e-9
    found = hosting_curve.curve(results(excess))
    assert found.probability == pytest.approx([0.25])
    assert found.by_kind[0, :2] == pytest.approx([0.0, 0.25])


def test_bands_hold_the_share_and_close_at_the_ends():
    excess = kept(3, 100)
    excess[1, :30, 0] = 1.0
    excess[2, :, 0] = 1.0
    found = hosting_curve.curve(results(excess))
    assert found.probability == pytest.approx([0, 0.3, 1])
    assert found.low[0] == 0
    assert found.high[2] == 1
    assert found.high[0] == pytest.approx(1 - 0.025 ** (1 / 100))
    assert found.low[1] < 0.3 < found.high[1]


def test_bands_cover_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    excess = np.where(random.random((1, 60, 2000)) < 0.2, 1.0, -1.0)
    inside = 0
    for trial in range(400):
        found = hosting_curve.curve(results(excess[:, :, [trial]]))
        inside += found.low[0] <= 0.2 <= found.high[0]
    assert inside >= 0.95 * 400 - 10


def test_quantiles_lie_in_their_bands():
    values = np.arange(1000)
    for share in (0.05, 0.5, 0.95):
        middle, low, high = hosting_curve.quantile(values, share)
        assert low <= middle <= high
        assert middle == pytest.approx(1000 * share, abs=1)
    assert hosting_curve.quantile(np.array([3]), 0.5) == (3, 3, 3)


def test_no_solution_is_named_among_what_is_violated():
    excess = kept(2, 2)
    excess[1, :, Kind.NO_SOLUTION] = 1.0
    excess[0, 1, Kind.LINE], excess[1, 1, Kind.LINE] = -0.1, 2.0  # long before half of the way
    found = hosting_curve.capacity(results(excess), np.array([0, 9]))
    assert found.kind.tolist() == [Kind.NO_SOLUTION, Kind.LINE]
