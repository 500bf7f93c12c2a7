"""Fast charging with measured state of charge at one Swiss DC station (EPFL), as sessions."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import kw_from_w, kwh_from_wh
from evergrid.data.files.frames import Kind
from evergrid.data.sessions.session_format import SessionFormat, Table


def _measured(table: Table) -> dict[str, Float[Array, " row"]]:
    power_kw = kw_from_w(table["p_max_w"].values)
    return {
        "delivered_kwh": kwh_from_wh(table["energy_wh"].values),
        "charge_kw": np.where(power_kw > 0, power_kw, np.nan),
        "soc_arrival": _gauge(table["soc_arrival_pct"].values),
        "soc_departure": _gauge(table["soc_departure_pct"].values),
    }


def _gauge(soc_pct: Float[Array, " row"]) -> Float[Array, " row"]:
    """State of charge, 0 to 1; NaN where the gauge is out of range."""
    return np.where((soc_pct >= 0) & (soc_pct <= 100), soc_pct / 100, np.nan)


FORMAT = SessionFormat(
    name="epfl",
    columns={
        "session": Kind.TEXT,
        "plug": Kind.TEXT,
        "arrival_local": Kind.CLOCK,
        "departure_local": Kind.CLOCK,
        "stay_min": Kind.NUMBER,
        "energy_wh": Kind.NUMBER,
        "p_max_w": Kind.NUMBER,
        "soc_arrival_pct": Kind.NUMBER,
        "soc_departure_pct": Kind.NUMBER,
    },
    session="session",
    asset=("plug",),
    arrival="arrival_local",
    departure="departure_local",
    energy="energy_wh",
    optional=("stay_min", "p_max_w", "soc_arrival_pct", "soc_departure_pct"),
    zone="Europe/Zurich",
    duration=("stay_min", 60.0),
    stamp_h=1 / 60,  # stamps are in whole minutes
    greatest_kw=190.0,  # AC side of a station of 172.5 kW DC, at least 91 % efficient
    measured=_measured,
    licence_class="A",
    licence="MIT",
    origin="DESL-EPFL, Level-3-EV-charging-dataset",
    notes={
        "asset": "the plug; vehicles are not known",
        "soc": "measured by the car at both ends",
        "battery": "from metered energy and measured rise; assumed for rises below 5 %",
        "charging_power": "greatest AC power measured in the session",
    },
)
read = FORMAT.read
