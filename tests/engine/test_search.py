"""A tree that is too large to be decided exactly still has a schedule that keeps every rule."""

from typing import Any

import pytest

from evergrid.engine import reference, search
from evergrid.engine.highs import mixed_integer
from tests.engine.cases import one_battery


def test_directions_are_closed_where_no_exact_search_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule that keeps every rule, and an honest gap, where branch and bound is too slow."""
    prices = [-1.0, -0.5, 0.1, -1.0]
    battery = one_battery(draw=prices, feed=prices, start=10.0, capacity=10.0, end=10.0)
    exact = reference.solve(battery)
    assert exact.certificate is not None
    close, closed = search.close, []

    def counted(*given: Any, **options: Any) -> Any:
        closed.append(close(*given, **options))
        return closed[-1]

    monkeypatch.setattr(search, "close", counted)
    monkeypatch.setattr(mixed_integer, "MOST_SLOTS", 0)
    made = reference.solve(battery)
    assert len(closed) == 1
    assert closed[0] is not None
    assert made.status.good
    assert made.certificate is not None
    assert made.certificate.keeps_limits
    assert made.certificate.objective >= exact.certificate.objective - 1e-9
    assert made.certificate.bound <= exact.certificate.objective + 1e-9
