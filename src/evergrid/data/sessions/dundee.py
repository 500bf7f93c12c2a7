"""Public charging in Dundee, Scotland, as sessions: a raw council export with real dirt."""

import re
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.data.sessions import clock, screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

COLUMNS = {
    "charging_event": Kind.TEXT,
    "cp_id": Kind.TEXT,
    "connector": Kind.TEXT,
    "start_local": Kind.CLOCK,
    "end_local": Kind.CLOCK,
    "energy_kwh": Kind.NUMBER,
    "site": Kind.TEXT,
    "charger_model": Kind.TEXT,
}
ZONE = "Europe/London"
STAMP_H = 1 / 60  # stamps are in whole minutes
RAPID_KW = 50.0  # "rapid" models without a number; the export spans 7 to 50 kW


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
        assumptions: Battery and states of charge, which the export does not hold.
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
            charge_kw=ratings(table["charger_model"].values),
        ),
        stay_h=(end - start) / clock.HOUR,
        unreadable=screen.unreadable(
            table, ends=("end_local", "energy_kwh"), optional=("site", "connector", "charger_model")
        ),
        open=table["end_local"].missing | table["energy_kwh"].missing,
        greatest_kw=RAPID_KW,
        stamp_h=STAMP_H,
        longest_h=max_stay_h,
        rules=(Rule(screen.CLOCK, "repaired", touched, start),),
    )
    sessions, quality = screen.sessions("dundee", raw, assumptions)
    return sessions, Meta(
        source="dundee",
        title=screen.title(sessions, "dundee", path),
        period=screen.period(sessions),
        licence=licence(path, "B", "Open Government Licence v3 by general knowledge"),
        origin="Dundee City Council open data",
        currency=None,
        time_zone=ZONE,
        quality=quality,
        assumptions=screen.stated(
            assumptions,
            asset="the plug; vehicles are not known",
            charging_power=f"from the charger's model name; {RAPID_KW:g} kW for unnumbered rapids",
        ),
    )


def ratings(models: Shaped[Array, " row"]) -> Float[Array, " row"]:
    """Power in the name of each charger model, such as "APT 7kW Dual Outlet"; NaN without one."""
    known = {model: _rating_kw(str(model)) for model in set(models)}
    return np.array([known[model] for model in models], dtype=float)


def _rating_kw(model: str) -> float:
    number = re.search(r"(\d+(?:\.\d+)?) ?kW", model)
    if number and float(number[1]) > 0:
        return float(number[1])
    return RAPID_KW if "rapid" in model.lower() else float("nan")
