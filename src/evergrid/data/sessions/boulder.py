"""Public charging in Boulder, Colorado, as sessions."""

import numpy as np

from evergrid.data.files.frames import Kind
from evergrid.data.quality import Rule
from evergrid.data.sessions import screen
from evergrid.data.sessions.session_format import SessionFormat, Table

PORTS = 2  # no station ever has more than two sessions at once in the data
TOLERANCE_S = 120.0  # stamps are in whole minutes
DIFFERS = "end disagrees with the published duration"
REPEATED = "same station, start and energy as an earlier row"


def _rules(table: Table, raw: screen.Raw) -> tuple[Rule, ...]:
    """A row whose end disagrees with its duration is rejected: which one is right is not known."""
    told_s, plugins = table["total_duration_s"].values, raw.plugins
    differs = np.abs(raw.stay_h * 3600 - told_s) > TOLERANCE_S
    key = screen.joined(
        plugins.asset_id, plugins.arrival_utc.astype(str), plugins.delivered_kwh.astype(str)
    )
    repeated = screen.repeats(key, np.ones(len(key), bool))
    return (
        Rule(DIFFERS, "rejected", differs, told_s),
        Rule(REPEATED, "rejected", repeated, plugins.arrival_utc),
    )


FORMAT = SessionFormat(
    name="boulder",
    columns={
        "object_id": Kind.TEXT,
        "station": Kind.TEXT,
        "start_utc": Kind.INSTANT,
        "end_utc": Kind.INSTANT,
        "total_duration_s": Kind.NUMBER,
        "energy_kwh": Kind.NUMBER,
    },
    session="object_id",
    asset=("station",),
    arrival="start_utc",  # UTC although the publisher labels it mountain time
    departure="end_utc",
    energy="energy_kwh",
    optional=("total_duration_s",),
    stamp_h=1 / 60,  # stamps are in whole minutes
    ports=PORTS,
    greatest_kw=19.2,  # AC Level 2: 80 A at 240 V; SAE J1772
    rules=_rules,
    licence_class="B",
    licence="CC0 by general knowledge",
    origin="City of Boulder open data",
    notes={
        "asset": f"the station and its first free port of {PORTS}; ports are not recorded",
        "clock": "UTC although labelled MST/MDT: only then do arrivals peak by day",
    },
)
read = FORMAT.read
