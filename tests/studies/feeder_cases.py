"""A fleet on the built-in feeder whose prices ask for more than its wires carry."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.config import parse
from evergrid.studies import plan

HOMES = {
    "place": "home",
    "vehicles": 150,
    "sites": ["feeder/load"],
    "time_zone": "America/New_York",
    "max_charge_kw": 60.0,
    "max_discharge_kw": 60.0,
    "active_share": 1.0,
}
LIMITS = {"low_pu": 0.986, "high_pu": 1.05, "line": 0.8, "unbalance": 0.05}
FEEDER = {"load": {"share": 0.6}, "limits": LIMITS}


def configuration(**changed: Any) -> dict[str, Any]:
    """The case, with tables of it replaced."""
    return {
        "horizon": {"start": "2024-01-10", "step_min": 60},
        "prices": {"file": "prices.csv"},
        "fleet": [HOMES],
        "feeder": FEEDER,
    } | changed


def planned(folder: Path, *, seed: int = 0, **changed: Any) -> plan.Result:
    """The plan of the case, whose prices are written into the folder."""
    times = pl.datetime_range(
        pl.datetime(2024, 1, 9, time_zone="UTC"),
        pl.datetime(2024, 1, 19, time_zone="UTC"),
        "1h",
        eager=True,
    )
    price = 80 + 60 * np.sin(np.arange(len(times)) * 2 * np.pi / 12)
    prices = {"time_utc": times, "import_price_per_mwh": price + 5}
    pl.DataFrame(prices | {"export_price_per_mwh": price - 5}).write_csv(folder / "prices.csv")
    return plan.run(parse(plan.Config, configuration(**changed)), folder=folder, seed=seed)
