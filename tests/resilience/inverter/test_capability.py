"""Who may lead an island."""

import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.inverter.capability import ControlCapability, check_island

FOLLOWER = ControlCapability("follower", grid_forming=False)
LEADER = ControlCapability("leader", grid_forming=True)


def test_an_island_needs_one_that_forms_it() -> None:
    check_island([FOLLOWER, LEADER])
    with pytest.raises(InputError, match="grid_forming must be true for one unit") as error:
        check_island([FOLLOWER])
    assert error.value.ids == ("follower",)
    with pytest.raises(InputError, match="grid_forming"):
        check_island([])


def test_one_master_is_enough() -> None:
    masters = [ControlCapability(name, True, True) for name in ("a", "b")]
    check_island([masters[0], LEADER])
    with pytest.raises(InputError, match="give all but one a droop") as error:
        check_island([*masters, LEADER])
    assert error.value.ids == ("a", "b")


def test_one_that_follows_cannot_insist_on_a_frequency() -> None:
    with pytest.raises(InputError, match="isochronous must be false"):
        ControlCapability("charger", grid_forming=False, isochronous=True)
