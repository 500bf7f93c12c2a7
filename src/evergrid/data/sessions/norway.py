"""Home charging in Norwegian apartment buildings, as sessions of users."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.data.files.frames import Kind, source_columns
from evergrid.data.meta import Meta
from evergrid.data.quality import Rule
from evergrid.data.sessions import screen
from evergrid.data.sessions.assumptions import DEFAULTS, Assumptions
from evergrid.data.sessions.session_format import SessionFormat, Table
from evergrid.model.session import Sessions

USER_COLUMNS = {
    "user_id": Kind.TEXT,
    "charging_power_kw_estimated": Kind.NUMBER,
    "battery_capacity_kwh_estimated": Kind.NUMBER,
}
USERS_FILE = "norway_residential_users.csv"
ESTIMATED = "estimated by the authors from the sessions, not nameplate; assumed where missing"
NO_USERS = "no table of users given: assumed for all"
TOLERANCE_H = 0.02  # published durations are rounded to about a minute
DIFFERS = "published duration differs from the wall clock"


def _rules(table: Table, raw: screen.Raw) -> tuple[Rule, ...]:
    told_h = table["connection_h"].values
    return (Rule(DIFFERS, "kept", np.abs(raw.stay_h - told_h) > TOLERANCE_H, told_h),)


FORMAT = SessionFormat(
    name="norway",
    columns={
        "location": Kind.TEXT,
        "user_id": Kind.TEXT,
        "session_id": Kind.TEXT,
        "plugin_local": Kind.CLOCK,
        "plugout_local": Kind.CLOCK,
        "connection_h": Kind.NUMBER,
        "energy_kwh": Kind.NUMBER,
    },
    session="session_id",
    asset=("user_id",),
    site="location",
    arrival="plugin_local",
    departure="plugout_local",
    energy="energy_kwh",
    optional=("connection_h",),
    zone="Europe/Oslo",
    duration=("connection_h", 1.0),
    greatest_kw=22.2,  # AC: 32 A in three phases of 400 V; IEC 61851-1
    rules=_rules,
    licence_class="B",
    licence="CC BY 4.0 by general knowledge",
    origin="Sørensen et al. (2024), Data in Brief, doi 10.1016/j.dib.2024.110883",
    notes={
        "asset": "the user; one who charges two cars at once keeps the first",
        "battery": NO_USERS,
        "charging_power": NO_USERS,
        "periods": "places cover different periods; choose a window per place",
    },
)


def read(
    path: Path,
    assumptions: Assumptions = DEFAULTS,
    *,
    users: Path | None = None,
    max_stay_h: float | None = screen.MAX_STAY_H,
) -> tuple[Sessions, Meta]:
    """Sessions of the Norwegian residential table, by location and user.

    Args:
        path: Parquet or CSV with the columns of `FORMAT`.
        assumptions: States of charge; battery and charger of users without an estimate.
        users: The table of `USER_COLUMNS`; None takes the published one if it lies beside.
        max_stay_h: Longer stays are rejected; None keeps them.

    Raises:
        InputError: Missing or wrongly typed columns, or no usable row.
    """
    beside = path.with_name(USERS_FILE)
    users = beside if users is None and beside.is_file() else users
    if users is None:
        return FORMAT.read(path, assumptions, max_stay_h=max_stay_h)
    of_users = source_columns(users, USER_COLUMNS, source="norway users")
    here = replace(
        FORMAT,
        measured=lambda table: _estimates(table, of_users),
        notes={**FORMAT.notes, "battery": ESTIMATED, "charging_power": ESTIMATED},
    )
    return here.read(path, assumptions, max_stay_h=max_stay_h)


def _estimates(table: Table, users: Table) -> dict[str, Float[Array, " row"]]:
    """Capacity and charging power of each row's user; NaN where there is no estimate."""
    at = {name: i for i, name in enumerate(users["user_id"].values)}
    row = np.array([at.get(name, -1) for name in table["user_id"].values])

    def of_user(name: str) -> Float[Array, " row"]:
        values = np.append(users[name].values, np.nan)  # row -1: an unknown user
        return np.where(values[row] > 0, values[row], np.nan)

    return {
        "capacity_kwh": of_user("battery_capacity_kwh_estimated"),
        "charge_kw": of_user("charging_power_kw_estimated"),
    }
