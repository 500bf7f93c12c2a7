"""How steep may each station answer to voltage? By the advised slopes of a grid strength study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from evergrid.core.errors import InputError, MissingFileError
from evergrid.core.faults import Fault
from evergrid.live.config import StationBus
from evergrid.live.devices.adapter import Device

TABLE = "inverters.parquet"  # of the results of a study
COLUMNS = ("bus", "rating_kva", "advised_slope")


@dataclass(frozen=True)
class BusSlope:
    """What a study advises at a bus.

    Attributes:
        slope: Reactive power over rating per voltage in pu: the least of its inverters.
        rating_kva: Of all inverters there, with which it was found.
    """

    slope: float
    rating_kva: float


def read(path: Path) -> dict[str, BusSlope]:
    """Advised slopes by bus, in lower case.

    Args:
        path: A table `inverters`, Parquet or CSV, or the folder of results that holds it.

    Raises:
        MissingFileError: There is no such file.
        InputError: It is no such table, or holds what can be no slope.
    """
    file = path / TABLE if path.is_dir() else path
    if not file.is_file():
        raise MissingFileError(f"{file} is not there: run the study grid_strength first")
    try:
        csv = file.suffix == ".csv"
        table = (
            pl.read_csv(file, schema_overrides={"bus": pl.String}) if csv else pl.read_parquet(file)
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        rule = "be a table inverters of the study grid_strength"
        fault = Fault("file", rule, (f"{file.name}: {type(error).__name__}",))
        raise InputError("grid_strength", [fault]) from error
    missing = tuple(name for name in COLUMNS if name not in table.columns)
    if missing:
        fix = "Name the table inverters of a study grid_strength."
        raise InputError("grid_strength", [Fault("file", "have its columns", missing, fix=fix)])
    return _by_bus(table)


def _by_bus(table: pl.DataFrame) -> dict[str, BusSlope]:
    found: dict[str, BusSlope] = {}
    faults = []
    for bus, rating, slope in table.select(COLUMNS).iter_rows():
        name = str(bus).lower()
        numbers = all(isinstance(one, int | float) for one in (rating, slope))
        if not numbers or not (rating > 0 and 0 <= slope < float("inf")):
            rule = "be 0 or more, with a rating_kva above 0"
            faults.append(Fault("advised_slope", rule, (slope,), ids=(name,)))
            continue
        before = found.get(name, BusSlope(slope, 0.0))
        found[name] = BusSlope(min(before.slope, slope), before.rating_kva + rating)
    if faults:
        raise InputError("grid_strength", faults)
    return found


def of_stations(
    buses: Mapping[str, BusSlope], devices: Sequence[Device], at: Sequence[StationBus]
) -> dict[str, float]:
    """The steepest slope of each station whose bus is listed, over its own rating.

    A station counts at the bus of its own entry, of its site's entry, or of its site's name. Where
    more is installed at a bus than the study knew, slopes are lessened in that proportion: the
    reactive power per voltage stays what the study found to be safe.
    """
    by_station = {one.station: one.bus.lower() for one in at if one.station is not None}
    by_site = {one.site: one.bus.lower() for one in at if one.site is not None}
    bus_of = {
        device.station: by_station.get(
            device.station, by_site.get(device.site, device.site.lower())
        )
        for device in devices
        if not device.stationary
    }
    installed: dict[str, float] = {}
    for device in devices:
        bus = bus_of.get(device.station)
        if bus is not None:
            installed[bus] = installed.get(bus, 0.0) + rating_kva(device)
    return {
        station: buses[bus].slope * min(1.0, buses[bus].rating_kva / installed[bus])
        for station, bus in bus_of.items()
        if bus in buses
    }


def rating_kva(device: Device) -> float:
    """Apparent power that a station can have."""
    return max(device.charge_kw, device.discharge_kw)
