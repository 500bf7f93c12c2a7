"""Public charging in Dundee, Scotland, as sessions: a raw council export with real dirt."""

from pathlib import Path

from evergrid.data import clock, screen
from evergrid.data.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.data.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.model.session import Sessions

COLUMNS = {
    "charging_event": Kind.TEXT,
    "cp_id": Kind.TEXT,
    "connector": Kind.TEXT,
    "start_local": Kind.CLOCK,
    "end_local": Kind.CLOCK,
    "energy_kwh": Kind.NUMBER,
    "site": Kind.TEXT,
}
ZONE = "Europe/London"


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of the Dundee table, by site and plug (charge point and connector).

    Order and length of stay are judged on the published wall clock.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`.
        assumptions: Battery, charger and states of charge, which the export does not hold.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    table = source_columns(path, COLUMNS, source="dundee")
    start, end = table["start_local"].values, table["end_local"].values
    arrival, departure, touched = clock.stays(start, end, ZONE)
    site = table["site"].values.copy()
    site[table["site"].missing] = "dundee"
    raw = screen.Raw(
        plugins=PlugIns(
            session_id=table["charging_event"].values,
            asset_id=screen.joined(table["cp_id"].values, table["connector"].values),
            site_id=site,
            arrival_utc=arrival,
            departure_utc=departure,
            delivered_kwh=table["energy_kwh"].values,
        ),
        stay_h=(end - start) / clock.HOUR,
        unreadable=screen.unreadable(
            table, ends=("end_local", "energy_kwh"), optional=("site", "connector")
        ),
        open=table["end_local"].missing | table["energy_kwh"].missing,
        longest_h=max_stay_h,
        rules=(Rule(screen.CLOCK, "repaired", touched, start),),
    )
    sessions, quality = screen.sessions("dundee", raw, assumptions)
    return sessions, Meta(
        source="dundee",
        title="Public charging in Dundee, 2017-09 to 2018-09, with a hole 2017-12 to 2018-02",
        licence=licence("B", "Open Government Licence v3 by general knowledge"),
        origin="Dundee City Council open data",
        currency=None,
        time_zone=ZONE,
        quality=quality,
        assumptions=screen.stated(assumptions, asset="the plug; vehicles are not known"),
    )
