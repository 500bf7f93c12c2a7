"""Which real charging sessions the mobility model is fitted on and compared with."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.validation.mobility.comparison import MeteredSessions

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("EVERGRID_DATA", ROOT / "../shared/data")) / "sessions"
BEFORE_PANDEMIC = pl.datetime(2020, 3, 1)
LATER = pl.datetime(2019, 11, 1)  # sessions from here on are held out where a site is fitted
HOME_HELD_OUT = ("TRO", "TRO_R", "BER", "BOD")  # Trondheim, Bergen and Bodø: other cities
LEAST_KWH = 0.5  # ACN-Data holds nothing smaller, so neither may the others


def observed(name: str) -> MeteredSessions:
    """The cleaned sessions of a named set, as plain columns."""
    frame = _SETS[name]().filter(
        pl.col("energy_kwh").is_between(LEAST_KWH, 150.0), pl.col("stay_h").is_between(1 / 12, 48)
    )
    arrival = frame["arrival"].to_numpy().astype("datetime64[us]")
    return MeteredSessions(arrival, frame["stay_h"].to_numpy(), frame["energy_kwh"].to_numpy())


def available() -> bool:
    """Whether the shared data folder is there."""
    return FOLDER.is_dir()


def norway(*, held_out: bool) -> pl.DataFrame:
    """Home sessions in Norwegian apartment buildings, with the user of each."""
    frame = pl.read_parquet(FOLDER / "norway_residential_sessions.parquet")
    chosen = pl.col("location").is_in(list(HOME_HELD_OUT))
    return (
        frame.drop_nulls("plugout_local")
        .select(
            "user_id",
            "location",
            arrival=pl.col("plugin_local"),
            stay_h=pl.col("connection_h"),
            energy_kwh=pl.col("energy_kwh"),
        )
        .filter(chosen if held_out else ~chosen)
    )


def _acn(site: str) -> pl.DataFrame:
    frame = pl.read_parquet(FOLDER / "acn_caltech_jpl_2019_2020.parquet")
    return _local(
        frame.filter(pl.col("site") == site),
        "arrival_utc",
        "departure_utc",
        "delivered_kwh",
        "America/Los_Angeles",
    )


def _sap(place: str) -> pl.DataFrame:
    frame = pl.read_parquet(FOLDER / "sap_labs_france_2017_2021.parquet")
    return _local(
        frame.filter(pl.col("place") == place), "start_utc", "end_utc", "energy_kwh", "Europe/Paris"
    )


def _boulder() -> pl.DataFrame:
    frame = pl.read_parquet(FOLDER / "boulder_public_2018_2021.parquet")
    return _local(frame, "start_utc", "end_utc", "energy_kwh", "America/Denver")


def _dundee() -> pl.DataFrame:
    frame = pl.read_parquet(FOLDER / "dundee_public_2017_2018.parquet")
    posts = pl.col("charger_model").cast(pl.String).str.contains("Outlet")  # 7 and 22 kW, no rapids
    return (
        frame.filter(posts)
        .drop_nulls(["end_local", "energy_kwh"])
        .select(
            arrival=pl.col("start_local"),
            stay_h=(pl.col("end_local") - pl.col("start_local")).dt.total_seconds() / 3600,
            energy_kwh=pl.col("energy_kwh"),
        )
    )


def _local(frame: pl.DataFrame, start: str, end: str, energy: str, zone: str) -> pl.DataFrame:
    return (
        frame.drop_nulls([start, end, energy])
        .select(
            arrival=pl.col(start).dt.convert_time_zone(zone).dt.replace_time_zone(None),
            stay_h=(pl.col(end) - pl.col(start)).dt.total_seconds() / 3600,
            energy_kwh=pl.col(energy),
        )
        .filter(pl.col("arrival") < BEFORE_PANDEMIC)
    )


def _early(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("arrival") < LATER)


def _late(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("arrival") >= LATER)


_SETS: dict[str, Callable[[], pl.DataFrame]] = {
    "home fitted: Norway, other places": lambda: norway(held_out=False),
    "home held out: Norway, Trondheim Bergen Bodø": lambda: norway(held_out=True),
    "home held out: SAP Labs company cars": lambda: _sap("home"),
    "workplace fitted: JPL to Oct 2019": lambda: _early(_acn("jpl")),
    "workplace fitted: SAP Labs to Oct 2019": lambda: _early(_sap("work")),
    "workplace held out: JPL from Nov 2019": lambda: _late(_acn("jpl")),
    "workplace held out: SAP Labs from Nov 2019": lambda: _late(_sap("work")),
    "workplace held out: Caltech": lambda: _acn("caltech"),
    "public fitted: Boulder to Oct 2019": lambda: _early(_boulder()),
    "public held out: Boulder from Nov 2019": lambda: _late(_boulder()),
    "public held out: Dundee 7 and 22 kW": _dundee,
}
NAMES = tuple(_SETS)
