"""Modes of islands: against the notes, what is left out of them, and what they foretell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network import small_signal
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.simulation import simulate
from evergrid.resilience.network.steady_state import SteadyState, steady_state
from tests.resilience.network.cases import at_rest, island, lone, opened

LISTED = [  # section 2.4, loads of 1 mH
    -8.3912 + 47.6298j,
    -13.7434 + 22.2967j,
    -31.3900,
    -31.4487,
    -59.2525,
    -74.1666 + 137.6100j,
    -126.307,
    -129.284 + 206.033j,
    -1112.96 + 1503.65j,
    -1143.10 + 1549.46j,
    -1195.58 + 2096.11j,
]


def modes_of(*arguments: Any, **options: float) -> small_signal.IslandModes:
    return small_signal.modes(steady_state(assemble(*arguments, **options)))


def test_modes_are_those_of_the_notes() -> None:
    found = modes_of(island()).eigenvalue_per_s
    assert found[np.imag(found) >= 0][: len(LISTED)] == pytest.approx(np.array(LISTED), rel=5e-6)


@pytest.mark.parametrize(
    ("droop", "growth"),
    [(1.57e-5, -4.43), (9.4e-5, -8.39), (1.5e-4, -3.19), (2.0e-4, 1.66), (3.14e-4, 11.95)],
)
def test_more_droop_costs_stability(droop: float, growth: float) -> None:
    found = modes_of(island(droop=droop))
    assert found.eigenvalue_per_s[0].real == pytest.approx(growth, abs=0.005)
    assert found.stable == (growth < 0)


def test_the_term_that_holds_currents_together_leaves_no_trace() -> None:
    """The Jacobian has it, at -k +/- j w for each bus; the modes do not, whatever k is."""
    slow, quick = (modes_of(island(), baumgarte_per_s=k) for k in (300.0, 5000.0))
    assert slow.eigenvalue_per_s == pytest.approx(quick.eigenvalue_per_s, rel=1e-7)
    assert slow.participation == pytest.approx(quick.participation, abs=1e-6)
    settled = steady_state(assemble(island(), baumgarte_per_s=300.0))
    raw = np.linalg.eigvals(settled.assembly.jacobian(settled.state.values, tables=settled.tables))
    fake = -300.0 + 1j * settled.w_rad_per_s[0]
    assert (np.abs(raw - fake) < 1e-3).sum() == 3
    assert np.abs(slow.eigenvalue_per_s - fake).min() > 1.0


def test_one_zero_is_left_out_for_each_island() -> None:
    """47 entries, less 3 sums of currents in x and y, less the zeros."""
    assert len(modes_of(island()).eigenvalue_per_s) == 47 - 6 - 1
    apart = modes_of(island(), opened("line 1"))
    assert len(apart.eigenvalue_per_s) == 45 - 6 - 2
    assert apart.stable


def test_modes_of_islands_apart_are_those_of_each() -> None:
    both = modes_of(island(), opened("line 1"))
    first = modes_of(island(), opened("line 1", stopped=("u2", "u3")))
    second = modes_of(island(), opened("line 1", stopped=("u1",)))
    each = np.concatenate([first.eigenvalue_per_s, second.eigenvalue_per_s])
    assert np.sort_complex(each) == pytest.approx(np.sort_complex(both.eigenvalue_per_s), rel=1e-6)


def test_shares_add_up_and_name_the_states_of_power_sharing() -> None:
    found = modes_of(island())
    assert found.participation.sum(axis=1) == pytest.approx(1.0)
    assert {name.split(".")[1] for name in found.main_states(0)} == {"delta", "p"}


def test_the_swing_after_a_step_is_that_of_the_least_damped_mode() -> None:
    start = at_rest(island(load_1_ohm=24.5))
    went = simulate(assemble(island()), start, 1.0)
    lead = modes_of(island()).eigenvalue_per_s[0]
    swing = went.power_w[:, 1] - went.power_w[:, 0]
    late = went.time_s > 0.7
    times, values = went.time_s[late], swing[late]
    shape = np.exp(np.outer(times - times[0], [lead, np.conj(lead)]))
    fitted = shape @ np.linalg.lstsq(shape, values.astype(complex), rcond=None)[0]
    assert np.abs(fitted - values).max() < 0.03 * np.abs(values).max()


def test_an_unstable_island_is_refused_before_it_is_integrated_and_then_does_grow() -> None:
    grid = island(droop=2.0e-4)
    with pytest.raises(InputError, match=r"mode of u2.delta .* grows, got 1.6632\d \+/- j69.7016"):
        small_signal.check_stable(assemble(grid))
    went = simulate(assemble(grid), at_rest(island(load_1_ohm=24.0, droop=2.0e-4)), 2.0)
    swing = went.power_w[:, 1] - went.power_w[:, 0]
    early, late = (np.ptp(swing[went.time_s > after][:200]) for after in (0.8, 1.8))
    assert late / early == pytest.approx(np.exp(1.6632), rel=0.05)
    assert small_signal.check_stable(assemble(island())).stable


def test_a_bracket_without_the_critical_droop_is_refused() -> None:
    with pytest.raises(InputError, match="be on both sides of the critical droop"):
        small_signal.critical_droop(island(), low_rad_per_s_per_w=5e-5, high_rad_per_s_per_w=9.4e-5)


def test_a_state_that_does_not_rest_has_no_modes() -> None:
    settled = steady_state(assemble(island()))
    values = settled.state.values.copy()
    values[8] += 50.0
    moved = SteadyState(
        settled.assembly, replace(settled.state, values=values), settled.w_rad_per_s, 1.0
    )
    with pytest.raises(InputError, match="settled must hold a steady state"):
        small_signal.modes(moved)


def test_a_unit_without_a_bus_has_modes_of_its_own() -> None:
    """11 states move, of which one is an angle that nothing depends on."""
    found = modes_of(lone(), opened("u1", "load", "more"))
    assert len(found.eigenvalue_per_s) == 10
    assert found.stable
