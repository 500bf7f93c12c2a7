"""Curves that the tests of resilience metrics share."""

import numpy as np
from hypothesis import strategies as st

from evergrid.core.arrays import Array, Float
from evergrid.resilience.metrics.performance import Interpolation, PerformanceCurves, curve

DEMAND_KW = 4


def of(
    time_h: list[float],
    served_kw: list[float],
    demand_kw: float | Float[Array, " knot"] = 100.0,
    *,
    horizon_h: float,
    event_h: float = 0.0,
    interpolation: Interpolation = "constant",
) -> PerformanceCurves:
    times, served = np.array(time_h, dtype=float), np.array(served_kw, dtype=float)
    return curve(
        times,
        served,
        demand_kw,
        horizon_h=horizon_h,
        event_h=event_h,
        interpolation=interpolation,
    )


def second_collapse(horizon_h: float = 5.0) -> PerformanceCurves:
    """0 until 1 h, 90 until 2 h, 50 until 3 h, then 100."""
    return of([0, 1, 2, 3], [0, 90, 50, 100], horizon_h=horizon_h)


Hours = tuple[int, int, list[int]]  # event, knots, levels of a scenario


def hours() -> st.SearchStrategy[list[Hours]]:
    """A few scenarios that change on whole hours, in quarters of the demand and a little beyond."""

    def scenario(knots: int) -> st.SearchStrategy[Hours]:
        level = st.integers(0, DEMAND_KW + 1)
        levels = st.lists(level, min_size=knots, max_size=knots)
        return st.tuples(st.integers(0, knots - 1), st.just(knots), levels)

    return st.integers(1, 8).flatmap(
        lambda knots: st.lists(scenario(knots), min_size=1, max_size=3)
    )


def hourly(given: list[Hours]) -> PerformanceCurves:
    """The record of such scenarios, which are followed until an hour after the last change."""
    served = np.array([levels for _, _, levels in given], dtype=float)
    knots = served.shape[1]
    return PerformanceCurves(
        np.tile(np.arange(knots, dtype=float), (len(given), 1)),
        served,
        np.full_like(served, float(DEMAND_KW)),
        np.array([event for event, _, _ in given], dtype=float),
        np.full(len(given), float(knots)),
    )
