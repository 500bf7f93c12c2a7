"""A record of the frequency as a table: times, readings, and voltages where there are any."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.local_time import utc_from_local
from evergrid.core.timegrid import zone
from evergrid.data.files.frames import Kind, cell_faults, column, load, missing_columns
from evergrid.model.time_series.frequency import FrequencyRecord, dead_bus

Unit = Literal["hz", "deviation_hz", "deviation_mhz"]
SECOND_US = 1e6
SOME_DAY = "2000-01-01T"  # of times that have none
SLACK = 0.25  # of a tick, by which a stamp may be off its place


@dataclass(frozen=True)
class FrequencyColumns:
    """How the table of a record is laid out.

    Attributes:
        time: Column of times: ISO 8601 with offset, or of the local clock where one is named; with
            a start also seconds, or times of a day.
        frequency: Column of readings.
        unit: What they are: Hz, or a deviation from nominal in Hz or mHz.
        voltages: Columns of voltages, which tell when the bus is dead.
        time_zone: IANA zone of times without offset.
        start_utc: Time of the first row, where the times are of no date; replaces its clock.
    """

    time: str = "time_utc"
    frequency: str = "frequency_hz"
    unit: Unit = "hz"
    voltages: tuple[str, ...] = ()
    time_zone: str | None = None
    start_utc: np.datetime64 | None = None


def read_frequency(
    path: Path, nominal_hz: float, columns: FrequencyColumns | None = None
) -> FrequencyRecord:
    """The frequency in a file; ticks that are missing, or empty, are readings that did not come.

    Args:
        path: Parquet or CSV.
        nominal_hz: 50 or 60.
        columns: How the table is laid out.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns or cells that break rules, times that do not rise by whole ticks,
            readings of another nominal frequency or another unit.
    """
    columns = columns or FrequencyColumns()
    wanted = [columns.time, columns.frequency, *columns.voltages]
    if columns.unit not in get_args(Unit):
        rule = f"be one of {', '.join(get_args(Unit))}"
        raise InputError("frequency", [Fault("unit", rule, (columns.unit,))])
    frame = load(path, wanted, source="frequency")
    raise_if_any("frequency", missing_columns(frame.columns, wanted))
    times, faults = _times(frame[columns.time], columns)
    cells = [column(frame[name], Kind.NUMBER) for name in wanted[1:]]
    for name, one in zip(wanted[1:], cells, strict=True):
        faults += cell_faults(name, Kind.NUMBER, one, required=False)
    if len(frame) < 2:
        faults.append(Fault(columns.time, "have at least two rows"))
    raise_if_any("frequency", faults)
    place, tick_s = _places(columns.time, times)
    readings = np.full(int(place[-1]) + 1, np.nan)
    readings[place] = _hz(cells[0].values, columns.unit, nominal_hz)
    return FrequencyRecord(times[0], tick_s, nominal_hz, readings, _dead(place, cells[1:]))


def _times(
    series: pl.Series, columns: FrequencyColumns
) -> tuple[Shaped[Array, " row"], list[Fault]]:
    """Times in UTC; counted from the start where one is given, of whatever date they are."""
    if columns.start_utc is not None:
        seconds = column(series, Kind.NUMBER)
        if not seconds.bad.any():
            since_us = np.round(seconds.values * SECOND_US).astype("timedelta64[us]")
            return since_us - since_us[:1] + columns.start_utc, []
        if series.dtype == pl.String and not series.str.contains("-").any():
            offset = "Z" if columns.time_zone is None else ""  # only how far apart they are counts
            series = (SOME_DAY + series + offset).rename(series.name)
    kind = Kind.INSTANT if columns.time_zone is None else Kind.CLOCK
    read = column(series, kind)
    times, faults = read.values, cell_faults(series.name, kind, read, required=True)
    if faults or not len(times):
        return times, faults
    if columns.time_zone is not None:
        times = utc_from_local(times, zone(columns.time_zone))
    return times if columns.start_utc is None else times - times[0] + columns.start_utc, []


def _places(name: str, times: Shaped[Array, " row"]) -> tuple[Shaped[Array, " row"], float]:
    """Tick of each row, and the length of a tick."""
    steps_s = np.diff(times) / np.timedelta64(1, "us") / SECOND_US
    tick_s = float(np.median(steps_s))
    ticks = steps_s / tick_s if tick_s > 0 else np.zeros(len(steps_s))
    bad = np.flatnonzero(~((ticks > 0.5) & (np.abs(ticks - np.round(ticks)) < SLACK)))
    if len(bad):
        rule = f"rise by whole ticks of {tick_s:g} s"
        got = tuple(times[row + 1] for row in bad[:3])
        fix = "A clock that jumps back or stands still cannot be followed; cut the file there."
        rows = tuple(int(row) + 2 for row in bad)
        raise InputError("frequency", [Fault(name, rule, got, rows=rows, fix=fix)])
    return np.concatenate([[0], np.cumsum(np.round(ticks))]).astype(np.int64), tick_s


def _hz(values: Float[Array, " row"], unit: Unit, nominal_hz: float) -> Float[Array, " row"]:
    match unit:
        case "hz":
            return values
        case "deviation_hz":
            return nominal_hz + values
        case "deviation_mhz":
            return nominal_hz + values / 1000.0


def _dead(place: Shaped[Array, " row"], voltages: list) -> Bool[Array, " tick"]:
    """Ticks at which the bus is dead; without voltages it is taken to be alive."""
    dead = np.zeros(int(place[-1]) + 1, bool)
    if voltages:
        dead[place] = dead_bus(np.stack([one.values for one in voltages]))
    return dead
