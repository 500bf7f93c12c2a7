"""Three good rows of each public session format; tests make one of them dirty."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

ROWS = {
    "acn": {
        "site": ["caltech", "jpl", "jpl"],
        "arrival_utc": 0,
        "departure_utc": 6,
        "delivered_kwh": [10.0, 12.0, 5.0],
        "station_id": ["CA-1", "AG-1", "AG-2"],
        "session_id": ["a", "b", "c"],
        "claimed": [True, True, False],
    },
    "norway": {
        "location": ["ASK", "BAR", "BAR"],
        "user_id": ["u1", "u2", "u3"],
        "session_id": ["a", "b", "c"],
        "plugin_local": 0,
        "plugout_local": 6,
        "connection_h": [6.0, 6.0, 6.0],
        "energy_kwh": [10.0, 12.0, 5.0],
    },
    "dundee": {
        "charging_event": [1, 2, 3],
        "cp_id": ["50339", "50340", "50341"],
        "connector": ["1", "1", "2"],
        "start_local": 0,
        "end_local": 6,
        "energy_kwh": [10.0, 12.0, 5.0],
        "site": ["Ice Arena", "Ice Arena", "Queen Street"],
        "charger_model": ["APT 7kW Dual Outlet", "APT Triple Rapid Charger", "Unnamed"],
    },
    "boulder": {
        "object_id": [1, 2, 3],
        "station": ["A", "B", "C"],
        "start_utc": 0,
        "end_utc": 6,
        "total_duration_s": [21600, 21600, 21600],
        "energy_kwh": [10.0, 12.0, 5.0],
    },
    "sap": {
        "place": ["work", "work", "home"],
        "transaction_id": [1, 2, 3],
        "station_id": ["A", "B", "home-01"],
        "connector": [1, 1, 1],
        "start_utc": 0,
        "end_utc": 6,
        "soc_start_pct": [0, 20, 0],
        "soc_end_pct": [0.0, 80.0, 0.0],
        "energy_kwh": [10.0, 12.0, 5.0],
    },
    "epfl": {
        "session": [1, 2, 3],
        "plug": ["CCS1", "CCS2", "CCS3"],
        "arrival_local": 0,
        "departure_local": 1,
        "stay_min": [60, 60, 60],
        "energy_wh": [30000.0, 20000.0, 25000.0],
        "p_max_w": [100000, 90000, 80000],
        "soc_arrival_pct": [20.0, 30.0, 40.0],
        "soc_departure_pct": [80.0, 70.0, 90.0],
    },
}


def table(name: str) -> pl.DataFrame:
    """The rows of a format; a number of hours stands for a stamp on 4 July 2022."""
    columns = {}
    for key, cells in ROWS[name].items():
        if isinstance(cells, int):
            zone = UTC if key.endswith("_utc") else None
            columns[key] = [datetime(2022, 7, 4, 8, tzinfo=zone) + timedelta(hours=cells)] * 3
        else:
            columns[key] = cells
    return pl.DataFrame(columns)


@pytest.fixture
def tables():
    """Gives the good rows of a format by its name."""
    return table
