"""How alike generated and real sessions are, set by set."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from tests.validation.mobility import real_sets
from tests.validation.mobility.comparison import MeteredSessions, Similarity, observe, similarity

EXPECTED = Path(__file__).with_name("expected.csv")
SEED = 1
YEAR = TimeGrid(datetime(2019, 1, 1, tzinfo=UTC), 1.0, 364 * 24)
VEHICLES = 600
# Where the fitted chargers stand, and a common rating there: only energies depend on it.
ZONES = {"home": "Europe/Oslo", "workplace": "Europe/Paris", "public": "America/Denver"}
RATINGS_KW = {"home": 7.4, "workplace": 11.0, "public": 7.4}


@cache
def generated(place: str) -> MeteredSessions:
    """A year of sessions of the model, without those that the start of the year cuts."""
    group = FleetGroup(
        place=place,  # type: ignore[arg-type]
        vehicles=VEHICLES,
        sites=("site",),
        time_zone=ZONES[place],
        max_charge_kw=RATINGS_KW[place],
    )
    sessions = mobility.sessions(YEAR, [group], seed=SEED)
    whole = sessions.arrival_utc > datetime64(YEAR.start_utc)
    return observe(sessions.select(whole), ZONES[place])


def compared(name: str) -> list[Similarity]:
    """Similarity of the model and the named real set."""
    return similarity(generated(name.split()[0]), real_sets.observed(name))


def table() -> pl.DataFrame:
    """Similarity of the model and every real set, one row per set, as `EXPECTED` holds it."""
    rows = []
    for name in real_sets.NAMES:
        row: dict[str, str | float] = {
            "set": name,
            "sessions": len(real_sets.observed(name).stay_h),
        }
        for one in compared(name):
            row[f"{one.quantity} overlap"] = round(one.overlap, 2)
            row[f"{one.quantity} distance"] = round(one.distance, 2)
        rows.append(row)
    return pl.DataFrame(rows)


def shifted(ours: MeteredSessions, hours: int) -> MeteredSessions:
    """The same sessions, arriving that much later: a model that is wrong on purpose."""
    late = ours.arrival_local + np.timedelta64(hours, "h")
    return MeteredSessions(late, ours.stay_h, ours.energy_kwh)


def doubled(ours: MeteredSessions) -> MeteredSessions:
    """The same sessions with twice the stay and the energy: also wrong on purpose."""
    return MeteredSessions(ours.arrival_local, 2 * ours.stay_h, 2 * ours.energy_kwh)
