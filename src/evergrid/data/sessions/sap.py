"""Company-car charging of SAP Labs France, at work and at home, as sessions."""

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.data.files.frames import Kind
from evergrid.data.quality import Rule
from evergrid.data.sessions.screen import Raw
from evergrid.data.sessions.session_format import SessionFormat, Table

FALLS = "state of charge does not rise although energy was drawn; ignored"


def _gauge(soc_pct: Float[Array, " row"]) -> Float[Array, " row"]:
    """State of charge, 0 to 1; the source writes 0 where none was reported."""
    return np.where((soc_pct > 0) & (soc_pct <= 100), soc_pct / 100, np.nan)


def _falls(table: Table) -> Bool[Array, " row"]:
    return _gauge(table["soc_end_pct"].values) <= _gauge(table["soc_start_pct"].values)


def _measured(table: Table) -> dict[str, Float[Array, " row"]]:
    """States of charge where both ends were reported and the second is the higher one."""
    arrival, departure = _gauge(table["soc_start_pct"].values), _gauge(table["soc_end_pct"].values)
    known = ~(_falls(table) | np.isnan(arrival) | np.isnan(departure))
    return {
        "soc_arrival": np.where(known, arrival, np.nan),
        "soc_departure": np.where(known, departure, np.nan),
    }


def _rules(table: Table, _: Raw) -> tuple[Rule, ...]:
    return (Rule(FALLS, "repaired", _falls(table), table["soc_end_pct"].values),)


FORMAT = SessionFormat(
    name="sap",
    columns={
        "place": Kind.TEXT,
        "transaction_id": Kind.TEXT,
        "station_id": Kind.TEXT,
        "connector": Kind.TEXT,
        "start_utc": Kind.INSTANT,
        "end_utc": Kind.INSTANT,
        "soc_start_pct": Kind.NUMBER,
        "soc_end_pct": Kind.NUMBER,
        "energy_kwh": Kind.NUMBER,
    },
    session="transaction_id",
    asset=("station_id", "connector"),
    site="place",
    arrival="start_utc",
    departure="end_utc",
    energy="energy_kwh",
    optional=("soc_start_pct", "soc_end_pct"),
    greatest_kw=150.0,  # the fastest of the stations, by the publisher's description
    measured=_measured,
    rules=_rules,
    licence_class="B",
    licence="French open licence by general knowledge",
    origin="SAP Labs France open data",
    notes={
        "asset": "the plug; vehicles are not known",
        "soc": "measured where the car reported both ends, else assumed",
        "battery": "from metered energy and measured rise where there is one, else assumed",
    },
)
read = FORMAT.read
