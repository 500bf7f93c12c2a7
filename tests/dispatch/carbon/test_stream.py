"""A fleet planned some sessions at a time emits what it emits when planned at once."""

from datetime import timedelta

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import plan
from evergrid.dispatch.carbon import stream
from evergrid.dispatch.options import Options
from evergrid.model.session import Sessions
from tests.dispatch.cases import CaseSettings, a_portfolio

KIND = CaseSettings(sessions=30, steps=96, step_h=0.5, room_kw=1e6)


def fleet() -> tuple[Sessions, TimeGrid, np.ndarray]:
    portfolio = a_portfolio(5, KIND)
    factor = np.random.default_rng(6).uniform(0, 800, portfolio.grid.steps)
    return portfolio.sessions, portfolio.grid, factor


def test_batches_emit_what_one_plan_of_all_emits(monkeypatch: pytest.MonkeyPatch):
    sessions, grid, factor = fleet()
    whole = stream.least_carbon(sessions, grid, factor)
    monkeypatch.setattr(stream, "BATCH_DAYS", 0.25)
    parts = stream.least_carbon(sessions, grid, factor)
    assert parts.tonnes == pytest.approx(whole.tonnes, abs=1e-12)
    np.testing.assert_allclose(parts.drawn_kwh, whole.drawn_kwh, atol=1e-9)
    one = plan.v2g(stream._alone(sessions, grid, factor), Options(0.0, method="highs"))
    assert whole.tonnes == pytest.approx(one.costs.net / 1000.0, abs=1e-9)
    assert whole.bound_tonnes == pytest.approx(whole.tonnes, abs=1e-12)


def test_energy_is_delivered_and_what_is_saved_follows_from_powers():
    sessions, grid, factor = fleet()
    made = stream.least_carbon(sessions, grid, factor)
    usual = float(made.usual_kwh @ factor) / 1e6
    planned = float((made.drawn_kwh - made.fed_kwh) @ factor) / 1e6
    assert made.usual_tonnes == pytest.approx(usual)
    assert made.tonnes == pytest.approx(planned)
    assert made.saved_tonnes > 0


def test_sessions_outside_the_grid_are_refused():
    sessions, grid, factor = fleet()
    later = TimeGrid(grid.start_utc + timedelta(hours=10), grid.step_h, grid.steps)
    with pytest.raises(InputError, match="begin and end within the grid"):
        stream.least_carbon(sessions, later, factor)
