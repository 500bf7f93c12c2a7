"""The weather table: how warm each local day is."""

from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.faults import unique
from evergrid.data.files.frames import Kind, load
from evergrid.data.tables.reading import as_frame, made, read
from evergrid.model.time_series.weather import Weather

WEATHER = {"day": Kind.DAY, "temperature_c": Kind.NUMBER}
WEATHER_BY_TIME = {"time_utc": Kind.INSTANT, "temperature_c": Kind.NUMBER}
WHOLE_DAY = 0.75  # of the readings that a usual day has; a day with fewer has no mean


def read_weather(path: Path, *, time_zone: str = "UTC") -> Weather:
    """The weather table: one row per local day, or one per ``time_utc``, averaged over days.

    Days with less than `WHOLE_DAY` of the usual number of readings are left out.

    Args:
        path: Parquet or CSV.
        time_zone: Of the local clock, IANA name.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    stamp = "time_utc" if "time_utc" in load(path).columns else "day"
    kinds = WEATHER_BY_TIME if stamp == "time_utc" else WEATHER
    table, faults = read(path, kinds, source="weather")
    when, celsius = table[stamp].values, table["temperature_c"].values
    good = ~(table[stamp].bad | table["temperature_c"].bad)
    row = np.flatnonzero(good)
    if stamp == "day":
        return made(lambda: Weather(when[good], celsius[good]), faults, source="weather", row=row)
    faults += unique(stamp, when, fix="Keep one temperature for each time.") if good.all() else []
    day, mean = _daily(when[good], celsius[good], time_zone)
    return made(lambda: Weather(day, mean), faults, source="weather", row=None)


def _daily(
    time_utc: Shaped[Array, " reading"], celsius: Float[Array, " reading"], time_zone: str
) -> tuple[Shaped[Array, " day"], Float[Array, " day"]]:
    """Mean of each local day that is whole."""
    local = pl.Series(time_utc).dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)
    frame = pl.DataFrame({"day": local.dt.date(), "celsius": celsius})
    days = frame.group_by("day").agg(pl.len(), pl.col("celsius").mean()).sort("day")
    whole = days.filter(pl.col("len") >= WHOLE_DAY * pl.col("len").median())
    return whole["day"].to_numpy().astype("datetime64[D]"), whole["celsius"].to_numpy()


def weather_frame(weather: Weather) -> pl.DataFrame:
    """The weather as its table, by day."""
    return as_frame({"day": weather.day, "temperature_c": weather.temperature_c}, WEATHER)
