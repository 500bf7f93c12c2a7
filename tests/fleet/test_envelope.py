"""The envelope holds whatever a session can do, and both its edges can be reached."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.core.arrays import Array
from evergrid.dispatch import plan
from evergrid.fleet.envelope import energy_envelope, fleet_envelope
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import plugged_share
from tests.dispatch.cases import BOOKS, Book, book


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_every_plan_stays_inside(seed: int) -> None:
    portfolio = book(seed, Book())
    made = plan.v2g(portfolio, plan.Options(end_value_per_kwh=0.1, smooth=False)).schedule
    lowest, highest = energy_envelope(portfolio.sessions, portfolio.grid)
    inside = made.plugged & (plugged_share(portfolio.sessions, portfolio.grid) > 1e-6)
    assert (made.energy_kwh >= lowest - 1e-6)[inside].all()
    assert (made.energy_kwh <= highest + 1e-6)[inside].all()


def test_lowest_is_never_above_highest_and_both_are_zero_when_away() -> None:
    for kind in BOOKS.values():
        portfolio = book(3, kind)
        lowest, highest = energy_envelope(portfolio.sessions, portfolio.grid)
        away = plugged_share(portfolio.sessions, portfolio.grid) == 0
        assert (lowest <= highest + 1e-9).all()
        assert (lowest[away] == 0).all()
        assert (highest[away] == 0).all()


def test_full_power_from_arrival_follows_the_upper_edge() -> None:
    portfolio = book(4, Book())
    sessions, grid = portfolio.sessions, portfolio.grid
    _, highest = energy_envelope(sessions, grid)
    path = _full_power(portfolio)
    plugged = plugged_share(sessions, grid) > 0
    np.testing.assert_allclose(highest[plugged], path[plugged], atol=1e-9)


def test_what_is_owed_at_departure_lifts_the_lower_edge() -> None:
    portfolio = book(5, Book())
    sessions, grid = portfolio.sessions, portfolio.grid
    lowest, _ = energy_envelope(sessions, grid)
    _, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
    last = lowest[np.arange(len(sessions)), stop - 1]
    assert (last >= sessions.energy_departure_kwh - 1e-6).all()


def test_the_fleet_has_the_sum_of_its_sessions() -> None:
    for kind in BOOKS.values():
        portfolio = book(6, kind)
        each = energy_envelope(portfolio.sessions, portfolio.grid)
        fleet = fleet_envelope(portfolio.sessions, portfolio.grid)
        for edge, total in zip(each, fleet, strict=True):
            np.testing.assert_allclose(total, edge.sum(axis=0), atol=1e-9)


def _full_power(portfolio: Portfolio) -> Array:
    """Energy of each session that charges at full power until it is full."""
    sessions, grid = portfolio.sessions, portfolio.grid
    hours = plugged_share(sessions, grid) * grid.step_h
    path = np.zeros(hours.shape)
    for i in range(len(sessions)):
        energy = sessions.energy_arrival_kwh[i]
        for t in range(grid.steps):
            gained = hours[i, t] * sessions.max_charge_kw[i] * sessions.efficiency_charge[i]
            energy = min(sessions.capacity_kwh[i], energy + gained)
            path[i, t] = energy
    return path
