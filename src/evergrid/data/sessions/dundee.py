"""Public charging in Dundee, Scotland, as sessions: a raw council export with real dirt."""

import re

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.data.files.frames import Kind
from evergrid.data.sessions.session_format import SessionFormat, Table

RAPID_KW = 50.0  # "rapid" models without a number; the export spans 7 to 50 kW


def ratings(models: Shaped[Array, " row"]) -> Float[Array, " row"]:
    """Power in the name of each charger model, such as "APT 7kW Dual Outlet"; NaN without one."""
    known = {model: _rating_kw(str(model)) for model in set(models)}
    return np.array([known[model] for model in models], dtype=float)


def _rating_kw(model: str) -> float:
    number = re.search(r"(\d+(?:\.\d+)?) ?kW", model)
    if number and float(number[1]) > 0:
        return float(number[1])
    return RAPID_KW if "rapid" in model.lower() else float("nan")


def _measured(table: Table) -> dict[str, Float[Array, " row"]]:
    return {"charge_kw": ratings(table["charger_model"].values)}


FORMAT = SessionFormat(
    name="dundee",
    columns={
        "charging_event": Kind.TEXT,
        "cp_id": Kind.TEXT,
        "connector": Kind.TEXT,
        "start_local": Kind.CLOCK,
        "end_local": Kind.CLOCK,
        "energy_kwh": Kind.NUMBER,
        "site": Kind.TEXT,
        "charger_model": Kind.TEXT,
    },
    session="charging_event",
    asset=("cp_id", "connector"),
    site="site",
    arrival="start_local",
    departure="end_local",
    energy="energy_kwh",
    optional=("site", "connector", "charger_model"),
    zone="Europe/London",
    stamp_h=1 / 60,  # stamps are in whole minutes
    greatest_kw=RAPID_KW,
    measured=_measured,
    licence_class="B",
    licence="Open Government Licence v3 by general knowledge",
    origin="Dundee City Council open data",
    notes={
        "asset": "the plug; vehicles are not known",
        "charging_power": f"from the charger's model name; {RAPID_KW:g} kW for unnumbered rapids",
    },
)
read = FORMAT.read
