"""``python -m benchmarks.emissions``: the least carbon of 10,000 cars over a year of 5 minutes.

Cars at home, drawn by our own mobility model; California's marginal rates of 2020 (SGIP, SCE). No
limit is shared. Beside it one battery of 1 MW and 4 MWh, for which linear programs by HiGHS are
known to take 78 to 87 s on a like machine. Needs the data folder (EVERGRID_DATA).
"""

import argparse
import os
import resource
import time
from pathlib import Path

import numpy as np

from evergrid.core.config import parse
from evergrid.core.timegrid import TimeGrid, utc
from evergrid.data.emissions import FORMATS
from evergrid.dispatch.carbon.stream import least_carbon
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.model.session import Sessions

DATA = Path(os.environ.get("EVERGRID_DATA", "../shared/data")).resolve()
STEP_H = 1.0 / 12.0
ZONE = "America/Los_Angeles"


def within(sessions: Sessions, grid: TimeGrid) -> Sessions:
    """Sessions that end within the grid."""
    inside = grid.position(sessions.departure_utc) <= grid.steps
    return sessions.select(inside)


def main() -> None:
    """Run and print one line a part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vehicles", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=365)
    given = parser.parse_args()
    grid = TimeGrid(utc("2020-01-01T00:00Z"), STEP_H, given.days * 288)
    file = DATA / "emissions/sgip_moer_caiso_5min_2019_2020.parquet"
    factor = FORMATS["sgip_moer"](file, region="sce")[0].on(grid)
    begun = time.perf_counter()
    group = {"place": "home", "vehicles": given.vehicles, "sites": ["fleet"], "time_zone": ZONE}
    sessions = within(mobility.sessions(grid, [parse(FleetGroup, group)], seed=1), grid)
    print(f"{len(sessions):,} sessions drawn in {time.perf_counter() - begun:.1f} s", flush=True)
    begun, cpu = time.perf_counter(), time.process_time()
    made = least_carbon(sessions, grid, factor)
    wall, spent = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    gap = (made.tonnes - made.bound_tonnes) / max(abs(made.tonnes), 1e-9)
    print(
        f"{made.slots:,} slots in {wall:.1f} s wall, {spent:.1f} s CPU, {peak:.2f} GB; "
        f"{made.tonnes:,.3f} t against {made.usual_tonnes:,.3f} t without control, gap {gap:.1e}; "
        f"fed {made.fed_kwh.sum() / 1000.0:,.0f} MWh, {np.ptp(made.drawn_kwh) / STEP_H:,.0f} kW"
    )


if __name__ == "__main__":
    main()
