"""Workplace charging at Caltech and NASA JPL (ACN-Data), as sessions."""

import numpy as np

from evergrid.data.files.frames import Kind
from evergrid.data.quality import Rule
from evergrid.data.sessions.screen import Raw
from evergrid.data.sessions.session_format import SessionFormat, Table

UNCLAIMED = "driver gave no inputs (claimed is false)"


def _unclaimed(table: Table, raw: Raw) -> tuple[Rule, ...]:
    unclaimed = ~table["claimed"].values & ~table["claimed"].bad
    return (Rule(UNCLAIMED, "kept", unclaimed, np.asarray(raw.plugins.session_id)),)


FORMAT = SessionFormat(
    name="acn",
    columns={
        "site": Kind.TEXT,
        "arrival_utc": Kind.INSTANT,
        "departure_utc": Kind.INSTANT,
        "delivered_kwh": Kind.NUMBER,
        "station_id": Kind.TEXT,
        "session_id": Kind.TEXT,
        "claimed": Kind.FLAG,
    },
    session="session_id",
    asset=("station_id",),
    site="site",
    arrival="arrival_utc",
    departure="departure_utc",
    energy="delivered_kwh",
    optional=("claimed",),
    greatest_kw=50.0,  # the one fast charger at Caltech; Lee et al. (2019), ACM e-Energy
    rules=_unclaimed,
    licence_class="A",
    licence="CC BY 4.0",
    origin="ACN-Data, Z. Lee, T. Li, S. Low (Caltech), ACM e-Energy 2019",
    notes={"asset": "the station; vehicles are not known"},
)
read = FORMAT.read
