"""What is measured across an open breaker, and that closing at no difference moves nothing."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.simulation import simulate
from evergrid.resilience.network.switching import switched
from evergrid.resilience.network.synchro_check import across_breaker
from tests.resilience.network.cases import at_rest, island, lone, opened


def test_a_slip_moves_the_phase_as_time_goes() -> None:
    apart, told = opened("line 1"), {"u1": UnitReference(trim_rad_per_s=1.0)}
    whole = assemble(island(), apart, told)
    first = across_breaker(whole, simulate(whole, at_rest(island(), apart), 1.0).final, "line 1")
    second_state = simulate(whole, simulate(whole, at_rest(island(), apart), 1.0).final, 0.5).final
    second = across_breaker(whole, second_state, "line 1")
    assert first.both_live
    assert first.phase_rad is not None
    assert first.slip_hz is not None
    assert second.phase_rad is not None
    assert first.slip_hz == pytest.approx(second.slip_hz, abs=1e-4)
    turned = np.exp(1j * (second.phase_rad - first.phase_rad))
    assert turned == pytest.approx(np.exp(2j * np.pi * first.slip_hz * 0.5), abs=1e-3)


def test_a_unit_is_measured_against_its_bus() -> None:
    positions = opened("u1", "load", "more")
    grid = replace(lone(), units=(*lone().units, replace(lone().units[0], name="u2")))
    whole = assemble(grid, positions, {"u2": UnitReference(300.0)})
    state = at_rest(grid, positions)
    values = state.values.copy()
    values[13 + 9] = 300.0
    values[0] = 0.4
    found = across_breaker(whole, DqState(0.0, values), "u1")
    assert found.from_voltage_v == pytest.approx(381.0)
    assert found.to_voltage_v == pytest.approx(300.0)
    assert found.phase_rad == pytest.approx(0.4)
    assert found.slip_hz == pytest.approx(0.0, abs=1e-9)
    assert found.voltage_difference_share == pytest.approx(81.0 / 340.5)


def test_a_dead_side_has_no_phase() -> None:
    positions = opened("line 2", stopped=("u3",))
    whole = assemble(island(), positions)
    found = across_breaker(whole, at_rest(island(), positions), "line 2")
    assert not found.both_live
    assert found.to_voltage_v == 0.0
    assert found.phase_rad is None
    assert found.slip_hz is None
    assert found.voltage_difference_share is None


def test_closing_in_phase_disturbs_less_than_closing_out_of_phase() -> None:
    apart = opened("u3")
    start, peaks = at_rest(island(), apart), []
    for turn in (0.0, 0.5):
        whole, values = assemble(island(), apart), start.values.copy()
        ahead = across_breaker(whole, start, "u3").phase_rad
        assert ahead is not None
        values[26] += turn - ahead
        assert across_breaker(whole, DqState(0.0, values), "u3").phase_rad == pytest.approx(turn)
        closed = assemble(island())
        after = switched(DqState(0.0, values), closed)
        peaks.append(simulate(closed, after.state, 0.1).peak_filter_current_a[2])
    assert peaks[0] < 20.0
    assert peaks[1] > 3.0 * peaks[0]


def test_only_an_open_breaker_between_buses_or_of_a_unit_is_measured() -> None:
    whole = assemble(island(), opened("load 1"))
    with pytest.raises(InputError, match="name must have an open breaker, got line 1"):
        across_breaker(whole, at_rest(island(), opened("load 1")), "line 1")
    with pytest.raises(InputError, match="name must be a branch or a unit, got load 1"):
        across_breaker(whole, at_rest(island(), opened("load 1")), "load 1")
