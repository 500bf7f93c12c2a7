"""Workplace charging at Caltech and NASA JPL (ACN-Data), as sessions."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.data.sessions import screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

COLUMNS = {
    "site": Kind.TEXT,
    "arrival_utc": Kind.INSTANT,
    "departure_utc": Kind.INSTANT,
    "delivered_kwh": Kind.NUMBER,
    "station_id": Kind.TEXT,
    "session_id": Kind.TEXT,
    "claimed": Kind.FLAG,
}
GREATEST_KW = 50.0  # the one fast charger at Caltech; Lee et al. (2019), ACM e-Energy
UNCLAIMED = "driver gave no inputs (claimed is false)"


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of an ACN table, by site and station.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`.
        assumptions: Battery, charger and states of charge, which ACN does not record.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    table = source_columns(path, COLUMNS, source="acn")
    plugins = PlugIns(
        session_id=table["session_id"].values,
        asset_id=table["station_id"].values,
        site_id=table["site"].values,
        arrival_utc=table["arrival_utc"].values,
        departure_utc=table["departure_utc"].values,
        delivered_kwh=table["delivered_kwh"].values,
    )
    unclaimed = ~table["claimed"].values & ~table["claimed"].bad
    raw = screen.Raw(
        plugins=plugins,
        stay_h=plugins.stay_h,
        unreadable=screen.unreadable(
            table, ends=("departure_utc", "delivered_kwh"), optional=("claimed",)
        ),
        open=table["departure_utc"].missing | table["delivered_kwh"].missing,
        greatest_kw=GREATEST_KW,
        longest_h=max_stay_h,
        rules=(Rule(UNCLAIMED, "kept", unclaimed, np.asarray(plugins.session_id)),),
    )
    sessions, quality = screen.sessions("acn", raw, assumptions)
    return sessions, Meta(
        source="acn",
        title=screen.title(sessions, "acn", path),
        period=screen.period(sessions),
        licence=licence(path, "A", "CC BY 4.0"),
        origin="ACN-Data, Z. Lee, T. Li, S. Low (Caltech), ACM e-Energy 2019",
        currency=None,
        time_zone="UTC",
        quality=quality,
        assumptions=screen.stated(assumptions, asset="the station; vehicles are not known"),
    )
