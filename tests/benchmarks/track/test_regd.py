"""The real signal with few cars: as good as a plain hold, and drivers served."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.track import regd

TICKS = 2 * 1800


@pytest.mark.data
@pytest.mark.parametrize(("loop_s", "least"), [(2.0, 0.98), (4.0, 0.97)])
def test_few_cars_follow_nearly_as_well_as_a_plain_hold(
    loop_s: float, least: float, data_folder: Path
) -> None:
    path = data_folder / "regulation/pjm_regd_2s_2020-07-16.parquet"
    signal = pl.read_parquet(path)["regd"].to_numpy()[:TICKS]
    row = regd.row(signal, 1000, loop_s=loop_s)
    assert row.cars >= 200
    assert row.least_award_kw > 50.0
    assert row.worst_hour >= least
    assert row.composite >= row.held - (0.004 if loop_s == 2.0 else 0.015)
    assert row.in_the_mean > row.composite
    assert row.switches <= 20
    assert row.short_kwh == 0.0
    assert "| 16, 2 s |" in regd.table({"16, 2 s": row})[2]


def test_a_plain_hold_is_one_tick_late_and_loses_a_share_of_each_move() -> None:
    signal = np.array([0.0, 1.0, 1.0, -1.0])
    assert regd.held(signal, 0.1) == pytest.approx([0.0, 0.0, 0.9, 0.99])
