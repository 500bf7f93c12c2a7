"""Public charging in Boulder, Colorado, as sessions."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Rule
from evergrid.data.sessions import screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

COLUMNS = {
    "object_id": Kind.TEXT,
    "station": Kind.TEXT,
    "start_utc": Kind.INSTANT,
    "end_utc": Kind.INSTANT,
    "total_duration_s": Kind.NUMBER,
    "energy_kwh": Kind.NUMBER,
}
PORTS = 2  # no station ever has more than two sessions at once in the data
GREATEST_KW = 19.2  # AC Level 2: 80 A at 240 V; SAE J1772
STAMP_H = 1 / 60  # stamps are in whole minutes
TOLERANCE_S = 120.0  # stamps are in whole minutes
DIFFERS = "end disagrees with the published duration"
REPEATED = "same station, start and energy as an earlier row"


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of the Boulder table, by station and port.

    The stamps are UTC although the publisher labels them mountain time. A row whose end
    disagrees with its published duration is rejected: neither is known to be the right one.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`.
        assumptions: Battery, charger and states of charge, which the export does not hold.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    table = source_columns(path, COLUMNS, source="boulder")
    station, energy_kwh = table["station"].values, table["energy_kwh"].values
    plugins = PlugIns(
        session_id=table["object_id"].values,
        asset_id=station,
        site_id=np.full(len(station), "boulder", dtype=object),
        arrival_utc=table["start_utc"].values,
        departure_utc=table["end_utc"].values,
        delivered_kwh=energy_kwh,
    )
    told_s = table["total_duration_s"].values
    differs = np.abs(plugins.stay_h * 3600 - told_s) > TOLERANCE_S
    raw = screen.Raw(
        plugins=plugins,
        stay_h=plugins.stay_h,
        unreadable=screen.unreadable(
            table, ends=("end_utc", "energy_kwh"), optional=("total_duration_s",)
        ),
        open=table["end_utc"].missing | table["energy_kwh"].missing,
        greatest_kw=GREATEST_KW,
        stamp_h=STAMP_H,
        longest_h=max_stay_h,
        rules=(
            Rule(DIFFERS, "rejected", differs, told_s),
            Rule(REPEATED, "rejected", _repeated(plugins), plugins.arrival_utc),
        ),
    )
    raw = screen.with_ports(raw, PORTS)
    sessions, quality = screen.sessions("boulder", raw, assumptions)
    return sessions, Meta(
        source="boulder",
        title=screen.title(sessions, "boulder", path),
        period=screen.period(sessions),
        licence=licence(path, "B", "CC0 by general knowledge"),
        origin="City of Boulder open data",
        currency=None,
        time_zone="UTC",
        quality=quality,
        assumptions=screen.stated(
            assumptions,
            asset=f"the station and its first free port of {PORTS}; ports are not recorded",
            clock="UTC although labelled MST/MDT: only then do arrivals peak by day",
        ),
    )


def _repeated(plugins: PlugIns) -> np.ndarray:
    key = screen.joined(
        plugins.asset_id, plugins.arrival_utc.astype(str), plugins.delivered_kwh.astype(str)
    )
    return screen.repeats(key, np.ones(len(key), bool))
