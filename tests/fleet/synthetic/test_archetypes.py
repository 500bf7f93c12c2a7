"""Tables of constants: whole, rising, and within the hours they are for."""

import numpy as np
import pytest

from evergrid.fleet.synthetic import archetypes
from evergrid.fleet.synthetic.archetypes import Archetype


@pytest.mark.parametrize("place", archetypes.CARS.values(), ids=list(archetypes.CARS))
def test_tables_are_quantiles(place: Archetype) -> None:
    width = len(archetypes.PROBABILITIES)
    tables = [place.arrival_weekday_h, place.arrival_weekend_h, place.energy_kwh, *place.stay_h]
    assert all(len(table) == width and (np.diff(table) >= 0).all() for table in tables)
    assert len(place.stay_h) == len(archetypes.BLOCKS_H) - 1


@pytest.mark.parametrize("place", archetypes.CARS.values(), ids=list(archetypes.CARS))
def test_arrivals_fall_in_the_blocks_of_stays(place: Archetype) -> None:
    for table in (place.arrival_weekday_h, place.arrival_weekend_h):
        assert archetypes.BLOCKS_H[0] <= table[0]
        assert table[-1] < archetypes.BLOCKS_H[-1]
    assert place.stay_h.max() <= archetypes.LONGEST_STAY_H
