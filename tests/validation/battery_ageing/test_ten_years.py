"""Ten years with and without V2G, in two climates: both published conclusions come out.

Only in the heat, with an LFP pack that charges late, does V2G cost no more life than parking full;
elsewhere it costs capacity. See the README beside.
"""

import numpy as np
import pytest

from evergrid.battery.ageing import fleet
from evergrid.battery.ageing.life import MODELS
from evergrid.battery.ageing.model import AbstractLargeCell
from evergrid.battery.ageing.profile import Profile

YEARS, HOURS = 10, 8760
# A day's corners: hour and state of charge. All drive 12 % each way, at 7 and at 17 o'clock.
DAYS = {
    "full": [(0, 0.9), (7, 0.9), (8, 0.78), (17, 0.78), (18, 0.66), (20, 0.9), (24, 0.9)],
    "full, V2G": [
        *((0, 0.41), (3, 0.9), (7, 0.9), (8, 0.78), (17, 0.78), (18, 0.66), (20, 0.41)),
        (24, 0.41),
    ],
    "late": [(0, 0.46), (5, 0.46), (7, 0.7), (8, 0.58), (17, 0.58), (18, 0.46), (24, 0.46)],
    "late, V2G": [
        *((0, 0.21), (3, 0.21), (7, 0.7), (8, 0.58), (17, 0.58), (18, 0.46), (20, 0.21)),
        (24, 0.21),
    ],
}
LOST_PERCENT = {  # by mean temperature and model, in the order of the days
    (12, "large_lfp"): (5.71, 8.44, 4.96, 7.81),
    (12, "large_nmc"): (2.91, 7.56, 2.09, 7.04),
    (25, "large_lfp"): (8.26, 9.65, 6.60, 8.24),
    (25, "large_nmc"): (7.55, 11.98, 4.28, 10.00),
}


def ten_years(mean_c: float) -> Profile:
    corners = [np.array(day, float).T for day in DAYS.values()]
    days = [np.interp(np.arange(24), hour, state) for hour, state in corners]
    soc = np.tile(np.array(days), YEARS * 365)
    soc = np.concatenate([soc, soc[:, :1]], axis=1)
    hour = np.arange(YEARS * HOURS + 1)
    season = mean_c + 10 * np.cos(2 * np.pi * hour / HOURS)
    return Profile(1.0, soc, np.tile(season, (len(soc), 1)))


@pytest.mark.parametrize("mean_c", [12, 25])
@pytest.mark.parametrize("name", ["large_lfp", "large_nmc"])
def test_ten_years_lose_what_the_table_says(mean_c: int, name: str):
    model = MODELS[name]
    assert isinstance(model, AbstractLargeCell)
    lost = 100 * (1 - fleet.aged(model, ten_years(mean_c)).capacity)
    assert lost == pytest.approx(np.array(LOST_PERCENT[mean_c, name]), rel=0.035)
    full, full_v2g, late, late_v2g = lost
    assert full_v2g > full
    assert (late_v2g < full) == (mean_c == 25 and name == "large_lfp")
    assert late < full
