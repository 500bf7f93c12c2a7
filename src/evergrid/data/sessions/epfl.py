"""Fast charging with measured state of charge at one Swiss DC station (EPFL), as sessions."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import kw_from_w, kwh_from_wh
from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.data.sessions import clock, screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

COLUMNS = {
    "session": Kind.TEXT,
    "plug": Kind.TEXT,
    "arrival_local": Kind.CLOCK,
    "departure_local": Kind.CLOCK,
    "stay_min": Kind.NUMBER,
    "energy_wh": Kind.NUMBER,
    "p_max_w": Kind.NUMBER,
    "soc_arrival_pct": Kind.NUMBER,
    "soc_departure_pct": Kind.NUMBER,
}
GREATEST_KW = 190.0  # AC side of a station of 172.5 kW DC, at least 91 % efficient
STAMP_H = 1 / 60  # stamps are in whole minutes
ZONE = "Europe/Zurich"


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of the EPFL table, by plug.

    Args:
        path: CSV or Parquet with the columns of `COLUMNS`.
        assumptions: Efficiencies, discharge rating and reserve.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    table = source_columns(path, COLUMNS, source="epfl")
    start, end = table["arrival_local"].values, table["departure_local"].values
    told_h = table["stay_min"].values / 60
    arrival, departure, touched = clock.stays(start, end, ZONE, told_h)
    power_kw = kw_from_w(table["p_max_w"].values)
    raw = screen.Raw(
        plugins=PlugIns(
            session_id=table["session"].values,
            asset_id=table["plug"].values,
            site_id=np.full(len(start), "epfl", dtype=object),
            arrival_utc=arrival,
            departure_utc=departure,
            delivered_kwh=kwh_from_wh(table["energy_wh"].values),
            charge_kw=np.where(power_kw > 0, power_kw, np.nan),
            soc_arrival=_gauge(table["soc_arrival_pct"].values),
            soc_departure=_gauge(table["soc_departure_pct"].values),
        ),
        stay_h=(end - start) / clock.HOUR,
        unreadable=screen.unreadable(
            table,
            ends=("departure_local", "energy_wh"),
            optional=("stay_min", "p_max_w", "soc_arrival_pct", "soc_departure_pct"),
        ),
        open=table["departure_local"].missing | table["energy_wh"].missing,
        greatest_kw=GREATEST_KW,
        stamp_h=STAMP_H,
        longest_h=max_stay_h,
        rules=(Rule(screen.CLOCK, "repaired", touched, start),),
    )
    sessions, quality = screen.sessions("epfl", raw, assumptions)
    return sessions, Meta(
        source="epfl",
        title=screen.title(sessions, "epfl", path),
        period=screen.period(sessions),
        licence=licence(path, "A", "MIT"),
        origin="DESL-EPFL, Level-3-EV-charging-dataset",
        currency=None,
        time_zone=ZONE,
        quality=quality,
        assumptions=screen.stated(
            assumptions,
            asset="the plug; vehicles are not known",
            soc="measured by the car at both ends",
            battery="from metered energy and measured rise; assumed for rises below 5 %",
            charging_power="greatest AC power measured in the session",
        ),
    )


def _gauge(soc_pct: Float[Array, " row"]) -> Float[Array, " row"]:
    """State of charge, 0 to 1; NaN where the gauge is out of range."""
    return np.where((soc_pct >= 0) & (soc_pct <= 100), soc_pct / 100, np.nan)
