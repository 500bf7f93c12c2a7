"""Vehicles are only added from number to number, and power is shared over phases."""

from itertools import pairwise

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.hosting import deployment
from evergrid.grid.hosting.deployment import ParkingPlaces

PARKING = ParkingPlaces(np.array([[0, -1, -1], [1, -1, -1], [2, 3, 4], [0, -1, -1]]))


def test_everybody_has_a_vehicle_in_the_last_number_and_nobody_in_the_first():
    found = deployment.draw(PARKING, counts=3, draws=50, profiles=2, seed=0)
    assert found.vehicles.tolist() == [0, 2, 4]
    assert all(sorted(order) == [0, 1, 2, 3] for order in found.order.tolist())
    profiles = np.ones((2, 1))
    assert found.power_kw(0, 0, profiles, 5) == pytest.approx(np.zeros((1, 5)))
    assert found.power_kw(2, 0, profiles, 5) == pytest.approx(
        np.array([[2, 1, 1 / 3, 1 / 3, 1 / 3]])
    )


def test_power_only_grows_with_the_number_of_vehicles():
    found = deployment.draw(PARKING, counts=5, draws=20, profiles=3, seed=1)
    profiles = np.random.default_rng(0).uniform(0, 1, (3, 4))
    for draw in range(20):
        powers = [found.power_kw(count, draw, profiles, 5) for count in range(5)]
        assert all((b >= a - 1e-12).all() for a, b in pairwise(powers))


def test_the_same_seed_gives_the_same_draws():
    one, other = (deployment.draw(PARKING, counts=3, draws=9, profiles=9, seed=4) for _ in range(2))
    assert (one.order == other.order).all()
    assert (one.profile == other.profile).all()


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(InputError, match="parking places must be at least 1") as caught:
        deployment.draw(ParkingPlaces(np.zeros((0, 3), int)), counts=1, draws=0, profiles=0, seed=0)
    assert len(caught.value.faults) == 4
