"""Home charging in Norwegian apartment buildings, as sessions of users."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta, licence
from evergrid.data.quality import Quality, Rule
from evergrid.data.sessions import clock, screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions, PlugIns
from evergrid.model.session import Sessions

COLUMNS = {
    "location": Kind.TEXT,
    "user_id": Kind.TEXT,
    "session_id": Kind.TEXT,
    "plugin_local": Kind.CLOCK,
    "plugout_local": Kind.CLOCK,
    "connection_h": Kind.NUMBER,
    "energy_kwh": Kind.NUMBER,
}
USER_COLUMNS = {
    "user_id": Kind.TEXT,
    "charging_power_kw_estimated": Kind.NUMBER,
    "battery_capacity_kwh_estimated": Kind.NUMBER,
}
USERS_FILE = "norway_residential_users.csv"
ZONE = "Europe/Oslo"
GREATEST_KW = 22.2  # AC: 32 A in three phases of 400 V; IEC 61851-1
TOLERANCE_H = 0.02  # published durations are rounded to about a minute
DIFFERS = "published duration differs from the wall clock"


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    users: Path | None = None,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of the Norwegian residential table, by location and user.

    Args:
        path: Parquet or CSV with the columns of `COLUMNS`.
        assumptions: States of charge; battery and charger of users without an estimate.
        users: The table of `USER_COLUMNS`; None takes the published one if it lies beside.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    table = source_columns(path, COLUMNS, source="norway")
    beside = path.with_name(USERS_FILE)
    users = beside if users is None and beside.is_file() else users
    start, end = table["plugin_local"].values, table["plugout_local"].values
    told_h = table["connection_h"].values
    arrival, departure, touched = clock.stays(start, end, ZONE, told_h)
    stay_h = (end - start) / clock.HOUR
    capacity_kwh, charge_kw = _estimates(table["user_id"].values, users)
    raw = screen.Raw(
        plugins=PlugIns(
            session_id=table["session_id"].values,
            asset_id=table["user_id"].values,
            site_id=table["location"].values,
            arrival_utc=arrival,
            departure_utc=departure,
            delivered_kwh=table["energy_kwh"].values,
            capacity_kwh=capacity_kwh,
            charge_kw=charge_kw,
        ),
        stay_h=stay_h,
        unreadable=screen.unreadable(
            table, ends=("plugout_local", "energy_kwh"), optional=("connection_h",)
        ),
        open=table["plugout_local"].missing | table["energy_kwh"].missing,
        greatest_kw=GREATEST_KW,
        longest_h=max_stay_h,
        rules=(
            Rule(DIFFERS, "kept", np.abs(stay_h - told_h) > TOLERANCE_H, told_h),
            Rule(screen.CLOCK, "repaired", touched, start),
        ),
    )
    sessions, quality = screen.sessions("norway", raw, assumptions)
    return sessions, _meta(path, sessions, quality, assumptions, users)


def _estimates(
    user_id: Shaped[Array, " row"], users: Path | None
) -> tuple[Float[Array, " row"], Float[Array, " row"]]:
    """Capacity and charging power of each row's user; NaN where there is no estimate."""
    if users is None:
        return np.full(len(user_id), np.nan), np.full(len(user_id), np.nan)
    table = source_columns(users, USER_COLUMNS, source="norway users")
    at = {name: i for i, name in enumerate(table["user_id"].values)}
    row = np.array([at.get(name, -1) for name in user_id])

    def of_user(name: str) -> Float[Array, " row"]:
        values = np.append(table[name].values, np.nan)  # row -1: an unknown user
        return np.where(values[row] > 0, values[row], np.nan)

    return of_user("battery_capacity_kwh_estimated"), of_user("charging_power_kw_estimated")


def _meta(
    path: Path,
    sessions: Sessions,
    quality: Quality,
    assumptions: Assumptions,
    users: Path | None,
) -> Meta:
    estimated = "estimated by the authors from the sessions, not nameplate; assumed where missing"
    silent = "no table of users given: assumed for all"
    said = silent if users is None else estimated
    return Meta(
        source="norway",
        title=screen.title(sessions, "norway", path),
        period=screen.period(sessions),
        licence=licence(path, "B", "CC BY 4.0 by general knowledge"),
        origin="Sørensen et al. (2024), Data in Brief, doi 10.1016/j.dib.2024.110883",
        currency=None,
        time_zone=ZONE,
        quality=quality,
        assumptions=screen.stated(
            assumptions,
            asset="the user; one who charges two cars at once keeps the first",
            battery=said,
            charging_power=said,
            periods="places cover different periods; choose a window per place",
        ),
    )
