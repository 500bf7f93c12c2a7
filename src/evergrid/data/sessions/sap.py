"""Company-car charging of SAP Labs France, at work and at home, as sessions."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.data.sessions import screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

COLUMNS = {
    "place": Kind.TEXT,
    "transaction_id": Kind.TEXT,
    "station_id": Kind.TEXT,
    "connector": Kind.TEXT,
    "start_utc": Kind.INSTANT,
    "end_utc": Kind.INSTANT,
    "soc_start_pct": Kind.NUMBER,
    "soc_end_pct": Kind.NUMBER,
    "energy_kwh": Kind.NUMBER,
}
GREATEST_KW = 150.0  # the fastest of the stations, by the publisher's description
FALLS = "state of charge does not rise although energy was drawn; ignored"


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of the SAP Labs table, by place (work, home) and plug.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`.
        assumptions: Battery, charger and states of charge where the car reported none.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    table = source_columns(path, COLUMNS, source="sap")
    soc = _gauge(table["soc_start_pct"].values), _gauge(table["soc_end_pct"].values)
    falls = soc[1] <= soc[0]
    plugins = PlugIns(
        session_id=table["transaction_id"].values,
        asset_id=screen.joined(table["station_id"].values, table["connector"].values),
        site_id=table["place"].values,
        arrival_utc=table["start_utc"].values,
        departure_utc=table["end_utc"].values,
        delivered_kwh=table["energy_kwh"].values,
        soc_arrival=np.where(falls | np.isnan(soc[1]), np.nan, soc[0]),
        soc_departure=np.where(falls | np.isnan(soc[0]), np.nan, soc[1]),
    )
    optional = ("soc_start_pct", "soc_end_pct")
    raw = screen.Raw(
        plugins=plugins,
        stay_h=plugins.stay_h,
        unreadable=screen.unreadable(table, ends=("end_utc", "energy_kwh"), optional=optional),
        open=table["end_utc"].missing | table["energy_kwh"].missing,
        greatest_kw=GREATEST_KW,
        longest_h=max_stay_h,
        rules=(Rule(FALLS, "repaired", falls, table["soc_end_pct"].values),),
    )
    sessions, quality = screen.sessions("sap", raw, assumptions)
    return sessions, Meta(
        source="sap",
        title=screen.title(sessions, "sap", path),
        period=screen.period(sessions),
        licence=licence(path, "B", "French open licence by general knowledge"),
        origin="SAP Labs France open data",
        currency=None,
        time_zone="UTC",
        quality=quality,
        assumptions=screen.stated(
            assumptions,
            asset="the plug; vehicles are not known",
            soc="measured where the car reported both ends, else assumed",
            battery="from metered energy and measured rise where there is one, else assumed",
        ),
    )


def _gauge(soc_pct: Float[Array, " row"]) -> Float[Array, " row"]:
    """State of charge, 0 to 1; the source writes 0 where none was reported."""
    return np.where((soc_pct > 0) & (soc_pct <= 100), soc_pct / 100, np.nan)
