"""Least curtailment, against an independent linear program on random trees."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.optimize import linprog

from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import curtailment
from evergrid.dispatch.accounts import period_peaks, unpaid_kwh
from evergrid.model.portfolio import Portfolio
from tests.dispatch.cases import book

UP = {0: (0,), 1: (1, 0), 2: (2, 0)}  # each site of a book with all above it


def sunny(seed: int) -> tuple[Portfolio, np.ndarray]:
    """A book whose sites generate, with export limits in reach, and random fleet power."""
    rng = np.random.default_rng(seed)
    portfolio = book(seed)
    shape = portfolio.load_kw.shape
    limit = np.array([rng.uniform(5, 25), rng.uniform(0, 12), np.inf])
    made = rng.uniform(0, 20, shape) * (rng.random(shape) < 0.7)
    sites = replace(portfolio.sites, export_limit_kw=limit)
    power = rng.uniform(-2, 2, (len(portfolio.sessions), portfolio.grid.steps))
    return replace(portfolio, sites=sites, generation_kw=made), power


@pytest.mark.parametrize("seed", range(5))
def test_no_other_choice_curtails_less(seed: int) -> None:
    portfolio, power = sunny(seed)
    found = curtailment.least(portfolio, power)
    assert (found >= 0).all()
    assert (found <= portfolio.generation_kw + 1e-9).all()
    own = portfolio.generation_kw - portfolio.load_kw
    np.add.at(own, portfolio.site_row, power)
    net = portfolio.sites.add_up(own)
    for step in range(0, portfolio.grid.steps, 5):
        rows = np.zeros((3, 3))
        for site, above in UP.items():
            rows[list(above), site] = -1.0
        limit = portfolio.export_limit_kw[:, step]
        held = np.isfinite(limit)
        best = linprog(
            np.ones(3),
            A_ub=rows[held],
            b_ub=(limit - net[:, step])[held],
            bounds=[(0, kw) for kw in portfolio.generation_kw[:, step]],
        )
        if best.status == 0:
            assert found[:, step].sum() == pytest.approx(best.fun, abs=1e-7)


def test_generation_that_cannot_be_curtailed_is_left_alone() -> None:
    portfolio, power = sunny(1)
    sites = replace(portfolio.sites, generation_curtailable=np.zeros(3, bool))
    assert not curtailment.least(replace(portfolio, sites=sites), power).any()


def test_what_passes_a_limit_above_meters_is_theirs_by_what_they_feed() -> None:
    portfolio = book(2)
    sites = replace(
        portfolio.sites,
        net_metering=np.array([False, True, True]),
        export_limit_kw=np.array([6.0, np.inf, 2.0]),
    )
    portfolio = replace(portfolio, sites=sites)
    power = np.zeros(portfolio.load_kw.shape)
    power[:, 0] = [12.0, 8.0, 4.0]  # 2 kW beyond the limit of the last, 6 beyond that of the root
    power[:, 1] = [5.0, 3.0, 2.0]
    unpaid = unpaid_kwh(portfolio, power)
    assert unpaid[0] == pytest.approx(6.0 * portfolio.grid.step_h)
    assert not unpaid[1:].any()


def test_a_demand_charge_counts_the_highest_steps_of_each_local_month() -> None:
    portfolio = book(3)
    grid = TimeGrid(datetime(2025, 1, 31, 21, tzinfo=UTC), 1.0, 6)  # 23:00 in Brussels is 22:00Z
    drawn = np.array([5.0, 9.0, 1.0, 8.0, 7.0, 2.0])
    sites = replace(
        portfolio.sites,
        demand_charge_peaks=np.array([2, 1, 1]),
        demand_charge_per_kw=np.array([1.0, 0.0, 0.0]),
    )
    moved = _on(replace(portfolio, sites=sites), grid, "Europe/Brussels")
    np.testing.assert_allclose(
        period_peaks(moved, 0, drawn, 6.0), [(9.0 + 6.0) / 2, (8.0 + 7.0) / 2]
    )
    np.testing.assert_allclose(period_peaks(moved, 1, drawn, 0.0), [9.0, 8.0])


def _on(portfolio: Portfolio, grid: TimeGrid, zone: str) -> Portfolio:
    part = portfolio.part(0, grid.steps, portfolio.sessions)
    prices = replace(part.prices, time_utc=grid.times)
    return replace(part, grid=grid, prices=prices, time_zone=zone)
