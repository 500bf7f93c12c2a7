"""The duty of a service is counted by throughput and by depth, to the digits that were measured."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.battery import duty
from evergrid.core.errors import InputError

# Real RegD days, a car of 60 kWh with 11 kW awarded, .935 one way: worked out apart from this code.
# rms and mean size of the signal; discharged out of the cells, kWh and cycles a day; cycles in
# those deeper than 10 % and shallower than 1 %, with a constant recovery. Equal as printed.
MEASURED = {
    16: ("0.605", "64.2", "1.07", "0.116", "0.199"),
    17: ("0.670", "59.5", "0.99", "0.190", "0.189"),
}


@pytest.mark.data
@pytest.mark.parametrize("day", MEASURED)
def test_a_regd_day_is_a_cycle_by_throughput_and_few_by_depth(day: int, data_folder: Path):
    path = data_folder / "regulation" / f"pjm_regd_2s_2020-07-{day}.parquet"
    signal = pl.read_parquet(path)["regd"].to_numpy().astype(float)
    found = duty.of_regulation(
        signal, step_s=2.0, award_kw=11.0, capacity_kwh=60.0, efficiency=0.935
    )
    cycles = found.discharged_kwh_per_day / 60.0
    told = (
        f"{found.rms:.3f}",
        f"{found.discharged_kwh_per_day:.1f}",
        f"{cycles:.2f}",
        f"{found.duty.deep:.3f}",
        f"{found.duty.shallow:.3f}",
    )
    assert told == MEASURED[day]
    assert found.state[-1] == pytest.approx(0.0, abs=1e-9)


def test_a_duty_by_hand():
    state = np.array([0.5, 0.9, 0.895, 0.9, 0.5])  # a deep cycle with a ripple on it
    found = duty.of(state, step_h=6.0)
    assert found.throughput == pytest.approx(0.405)
    assert found.shallow == pytest.approx(0.005)
    assert found.deep == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"signal": np.array([0.0, 2.0])}, r"signal must lie in \[-1, 1\]"),
        ({"signal": np.array([0.0, np.nan])}, r"signal must lie in \[-1, 1\]"),
        ({"efficiency": 93.5}, r"efficiency must lie in \(0, 1\]"),
        ({"award_kw": 0.0}, "award_kw must be above 0"),
    ],
)
def test_a_signal_that_is_none_is_refused(changed: dict[str, Any], told: str):
    good = {
        "signal": np.array([0.5, -0.5]),
        "step_s": 2.0,
        "award_kw": 11.0,
        "capacity_kwh": 60.0,
        "efficiency": 0.9,
    }
    with pytest.raises(InputError, match=told):
        duty.of_regulation(**(good | changed))
