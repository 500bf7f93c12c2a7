"""A microgrid refuses what cannot be one; its state has a name for each entry."""

from dataclasses import replace

import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.inverter.droop import DroopInverter
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import GridFormingUnit, ImpedanceLoad, SeriesBranch
from tests.resilience.network.cases import LINES, UNITS, island


def test_an_island_without_a_unit_that_forms_it_is_refused() -> None:
    with pytest.raises(InputError, match="units must hold a unit that forms the grid"):
        DqNetwork(50.0, ("b1",), ())


def test_50_and_60_hz_are_not_mixed() -> None:
    of_60 = GridFormingUnit("u4", "b1", DroopInverter(nominal_hz=60.0))
    with pytest.raises(InputError, match=r"be 50 Hz like that.*got 60 for u4.*cannot be mixed"):
        replace(island(), units=(*UNITS, of_60))
    line = replace(LINES[0], nominal_hz=60.0)
    with pytest.raises(InputError, match="60 for line 1"):
        replace(island(), branches=(line,))


def test_a_bus_that_is_not_listed_is_refused() -> None:
    with pytest.raises(InputError, match="from_bus must be one of the buses, got b9 for line 9"):
        replace(island(), branches=(SeriesBranch("line 9", "b9", "b1", 0.1, 1e-3),))


def test_a_name_stands_for_one_breaker() -> None:
    with pytest.raises(InputError, match="names must be unique, got u1"):
        replace(island(), loads=(ImpedanceLoad("u1", "b1", 10.0, 1e-3),))


def test_the_state_has_a_name_for_each_entry_in_its_order() -> None:
    names = island().state_names
    assert len(names) == 3 * 13 + 2 * 2 + 2 * 2
    assert names[0] == "u1.delta"
    assert names[13 + 11] == "u2.i_o_x"
    assert names[39:43] == ("line 1.i_x", "line 1.i_y", "line 2.i_x", "line 2.i_y")
    assert len(set(names)) == len(names)
