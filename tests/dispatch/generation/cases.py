"""Small systems."""

from datetime import UTC, datetime

import numpy as np

from evergrid.core.timegrid import TimeGrid
from evergrid.model.time_series.system_load import SystemLoad


def system(load_mw: list[float], available_mw: list[float] | None = None) -> SystemLoad:
    """Load by the hour, and wind."""
    grid = TimeGrid(datetime(2020, 1, 1, tzinfo=UTC), 1.0, len(load_mw))
    free = np.array([available_mw or [0.0] * len(load_mw)])
    return SystemLoad(grid, np.array(load_mw, float), np.array(["wind"], object), free)
