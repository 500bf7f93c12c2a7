"""Power at the grid of a power out of the cells, in fleets of small and large chargers."""

import numpy as np
import pytest

from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.firm import grid_kw
from tests.dispatch.track.cases import NOTTON


@pytest.mark.parametrize("others_kw", [11.0, 150.0, 500.0])
def test_a_small_charger_is_not_misread_beside_a_large_one(others_kw: float) -> None:
    """Tables are as wide as the largest charger; far beyond a rating losses exceed the power."""
    kinds = [ChargerType(rating, rating, NOTTON, NOTTON) for rating in (11.0, others_kw)]
    state = fleet_state.empty(1, kinds, fleet_state.Rules())
    small = np.zeros(5, np.int16)
    cells_kw = np.array([-8.0, -3.0, 0.0, 3.0, 8.0])
    alone = fleet_state.empty(1, kinds[:1], fleet_state.Rules())
    assert grid_kw(state, small, cells_kw) == pytest.approx(grid_kw(alone, small, cells_kw))
    found = grid_kw(state, small, cells_kw)
    assert (np.diff(found) > 0).all()
    assert np.abs(found - cells_kw).max() < 1.0
