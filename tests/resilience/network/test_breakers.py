"""Which islands the positions of breakers leave."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network import breakers
from evergrid.resilience.network.breakers import BreakerPositions
from tests.resilience.network.cases import island, opened


def test_closed_breakers_make_one_island() -> None:
    found = breakers.islands(island(), BreakerPositions())
    assert found.count == 1
    assert found.of_bus.tolist() == [0, 0, 0]
    assert found.coupled.all()


def test_a_bus_without_a_running_unit_is_dead() -> None:
    found = breakers.islands(island(), opened("line 2", stopped=("u3",)))
    assert found.of_bus.tolist() == [0, 0, -1]
    assert found.of_unit.tolist() == [0, 0, -1]


def test_a_running_unit_with_an_open_breaker_is_an_island_of_its_own() -> None:
    found = breakers.islands(island(), opened("u2"))
    assert found.count == 2
    assert found.of_unit.tolist() == [0, 1, 0]
    assert found.coupled.tolist() == [True, False, True]


def test_every_open_line_can_make_one_island_more() -> None:
    found = breakers.islands(island(), opened("line 1", "line 2"))
    assert found.of_bus.tolist() == [0, 1, 2]
    assert np.array_equal(found.of_unit, found.of_bus)


def test_positions_are_changed_by_name() -> None:
    positions = BreakerPositions().opening("line 1", "u2").closing("u2").stopping("u3")
    assert positions == opened("line 1", stopped=("u3",))
    assert positions.starting("u3").stopped == frozenset()
    assert not positions.has("line 1")
    assert not positions.has("u3")
    assert positions.has("u2")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="open must name elements of the microgrid, got line 9"):
        breakers.check(island(), opened("line 9"))
    with pytest.raises(InputError, match="stopped must name units of the microgrid"):
        breakers.check(island(), opened(stopped=("line 1",)))


def test_a_microgrid_whose_units_are_all_stopped_is_refused() -> None:
    with pytest.raises(InputError, match="stopped must leave a unit running"):
        breakers.check(island(), opened(stopped=("u1", "u2", "u3")))
