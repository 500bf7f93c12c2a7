"""Generators and load of the Reliability Test System GMLC, as its folder holds them.

Units that burn something are the fleet; wind, sun and water are series that may be curtailed.
Left out are the one unit with concentrated sun (its inflow is heat, not power), the storage unit
and the synchronous condensers.

Source:
    C. Barrows et al. (2020), The IEEE Reliability Test System: a proposed 2019 update, IEEE Trans.
    Power Systems 35(1), doi 10.1109/TPWRS.2019.2925557; files ``gen.csv`` and the day-ahead series.
"""

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import KG_PER_LB, MIN_PER_H
from evergrid.data.files.frames import Kind, cell_faults, column, load, missing_columns
from evergrid.data.prices.price_series import utc_from_standard_time
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad

SOURCE = "rts_gmlc"
GENERATORS, SERIES = "gen.csv", "timeseries_day_ahead.parquet"
SEGMENTS = 5
BTU_PER_KWH = 1000.0  # of a heat rate of one million Btu per MWh
HOUR = np.timedelta64(1, "h")
FUEL_PRICE = "Fuel Price $/MMBTU"
CAPACITY, LEAST = "PMax MW", "PMin MW"
RAMP = "Ramp Rate MW/Min"
UP, DOWN = "Min Up Time Hr", "Min Down Time Hr"
START_HEAT, START_MONEY = "Start Heat Cold MBTU", "Non Fuel Start Cost $"
OTHER_COST = "VOM"
OUTPUT = tuple(f"Output_pct_{i}" for i in range(SEGMENTS))
HEAT = ("HR_avg_0", *(f"HR_incr_{i}" for i in range(1, SEGMENTS)))
POLLUTANTS = {
    "co2": "Emissions CO2 Lbs/MMBTU",
    "ch4": "Emissions CH4 Lbs/MMBTU",
    "n2o": "Emissions N2O Lbs/MMBTU",
    "so2": "Emissions SO2 Lbs/MMBTU",
    "nox": "Emissions NOX Lbs/MMBTU",
    "pm": "Emissions Part Lbs/MMBTU",
}
TEXTS = ("GEN UID", "Unit Type", "Fuel", "Bus ID")
NUMBERS = (CAPACITY, LEAST, RAMP, UP, DOWN, START_HEAT, START_MONEY, FUEL_PRICE, OTHER_COST)
NOT_TOLD = ("NA", "Unit-specific")
# Means by capacity in PJM: of 75 coal units, and for oil of 7 boilers that may burn it. SO2 is what
# permits allow, which is more than is emitted. Source: ICARUS data of EPA's NEEDS of June 2024.
PJM_2024_LB_PER_MMBTU = {"so2": {"coal": 1.653, "oil": 2.721}, "nox": {"coal": 0.378}}
LOAD = "load_area_"
SOURCES = {"wind": "wind_", "solar": "pv_", "rooftop_solar": "rtpv_", "hydro": "hydro_"}


def read_generators(
    folder: Path, *, unit_specific_lb_per_mmbtu: Mapping[str, Mapping[str, float]] | None = None
) -> GeneratorFleet:
    """The units that burn something, 73 of the 158; areas are the first digit of the bus.

    The cost of a start is that of a cold one, fuel at its price included. Of coal, and of SO2 from
    oil burnt in boilers, the file says "Unit-specific" and no more: pollutants of which that is so
    are left out of the fleet, unless rates are given for them.

    Args:
        folder: Holds ``gen.csv``.
        unit_specific_lb_per_mmbtu: By pollutant, then by fuel in small letters, the rate where the
            file tells none; `PJM_2024_LB_PER_MMBTU` is one choice.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns that are not there, cells or units that break rules.
    """
    wanted = [*TEXTS, *NUMBERS, *OUTPUT, *HEAT, *POLLUTANTS.values()]
    frame = load(folder / GENERATORS, wanted, source=SOURCE)
    raise_if_any(SOURCE, missing_columns(frame.columns, wanted))
    text, number = _columns(frame, [*OUTPUT, *HEAT])
    burns = (number[FUEL_PRICE] > 0) & (number[CAPACITY] > 0)
    text = {name: values[burns] for name, values in text.items()}
    number = {name: values[burns] for name, values in number.items()}
    edges = np.stack([number[name] for name in OUTPUT], axis=1) * number[CAPACITY][:, None]
    width_mw = np.diff(edges, axis=1, prepend=0.0)
    heat = np.stack([number[name] for name in HEAT], axis=1) / BTU_PER_KWH
    there = np.isfinite(width_mw) & np.isfinite(heat)
    unit, segment = np.nonzero(there)
    rates = _rates(number, _lower(text["Fuel"]), unit_specific_lb_per_mmbtu or {})
    per_mmbtu = np.stack(list(rates.values())) * KG_PER_LB
    price = number[FUEL_PRICE]
    return GeneratorFleet(
        unit_id=text["GEN UID"],
        unit_type=_types(text["Fuel"], text["Unit Type"]),
        fuel=_lower(text["Fuel"]),
        area_id=np.array([bus[:1] for bus in text["Bus ID"]], object),
        minimum_mw=number[LEAST],
        ramp_mw_per_h=number[RAMP] * MIN_PER_H,
        min_up_h=number[UP],
        min_down_h=number[DOWN],
        start_cost=number[START_HEAT] * price + number[START_MONEY],
        fuel_price_per_mmbtu=price,
        other_cost_per_mwh=number[OTHER_COST],
        segment_unit=unit,
        segment_mw=width_mw[there],
        heat_rate_mmbtu_per_mwh=heat[there],
        cost_rise_per_mwh=np.zeros(len(unit)),
        pollutant=np.array(list(rates), object),
        emissions_kg_per_mwh=per_mmbtu[:, unit] * heat[unit, segment],
        currency="USD",
    )


def read_system_load(folder: Path, *, utc_offset_h: float = 0.0) -> SystemLoad:
    """Load of the three areas together, and wind, sun and water, by the hour.

    Args:
        folder: Holds ``timeseries_day_ahead.parquet``.
        utc_offset_h: Of the clock of the series, which the source does not tell.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns that are not there, cells that break rules, hours that are missing.
    """
    frame = load(folder / SERIES, source=SOURCE)
    groups = {"load": LOAD, **SOURCES}
    missing = [
        Fault(f"{start}...", "begin the name of a column", tuple(frame.columns[:3]))
        for start in groups.values()
        if not any(name.startswith(start) for name in frame.columns)
    ]
    raise_if_any(SOURCE, [*missing_columns(frame.columns, ["time_local"]), *missing])
    sums = {name: _sum(frame, start) for name, start in groups.items()}
    grid = _grid(frame["time_local"], utc_offset_h)
    available_mw = np.stack([sums[name] for name in SOURCES])
    return SystemLoad(grid, sums["load"], np.array(list(SOURCES), object), available_mw)


def _columns(
    frame: pl.DataFrame, optional: list[str]
) -> tuple[dict[str, Array], dict[str, Float[Array, " row"]]]:
    """Text and numbers by column; NaN stands where an optional cell says NA."""
    faults: list[Fault] = []
    found: dict[str, Array] = {}
    numbers = [*NUMBERS, *optional, *POLLUTANTS.values()]
    blank = [OTHER_COST, *optional, *POLLUTANTS.values()]
    for name in (*TEXTS, *numbers):
        kind = Kind.TEXT if name in TEXTS else Kind.NUMBER
        series = frame[name]
        if name in blank and series.dtype == pl.String:
            series = series.set(series.is_in(NOT_TOLD), None)
        read = column(series, kind)
        faults += cell_faults(name, kind, read, required=name not in blank)
        found[name] = read.values
    raise_if_any(SOURCE, faults)
    found[OTHER_COST] = np.nan_to_num(found[OTHER_COST])  # NA: none is told
    return {name: found[name] for name in TEXTS}, {name: found[name] for name in numbers}


def _rates(
    number: dict[str, Float[Array, " unit"]],
    fuel: Array,
    unit_specific: Mapping[str, Mapping[str, float]],
) -> dict[str, Float[Array, " unit"]]:
    """Rates per heat of the pollutants that are known of every unit."""
    rates = {}
    for pollutant, name in POLLUTANTS.items():
        given = unit_specific.get(pollutant, {})
        own = np.array([given.get(one, np.nan) for one in fuel])
        rate = np.where(np.isfinite(number[name]), number[name], own)
        if np.isfinite(rate).all():
            rates[pollutant] = rate
    return rates


def _lower(values: Array) -> Array:
    return np.array([value.lower() for value in values], object)


def _types(fuel: Array, kind: Array) -> Array:
    """Such as ``coal_steam``; nuclear units are just that."""
    pairs = zip(_lower(fuel), _lower(kind), strict=True)
    return np.array([one if one == other else f"{one}_{other}" for one, other in pairs], object)


def _sum(frame: pl.DataFrame, start: str) -> Float[Array, " step"]:
    names = [name for name in frame.columns if name.startswith(start)]
    faults: list[Fault] = []
    total = np.zeros(len(frame))
    for name in names:
        read = column(frame[name], Kind.NUMBER)
        faults += cell_faults(name, Kind.NUMBER, read, required=True)
        total += read.values
    raise_if_any(SOURCE, faults)
    return total


def _grid(series: pl.Series, utc_offset_h: float) -> TimeGrid:
    read = column(series, Kind.CLOCK)
    raise_if_any(SOURCE, cell_faults("time_local", Kind.CLOCK, read, required=True))
    times = utc_from_standard_time(read.values, utc_offset_h)
    if len(times) < 2 or (np.diff(times) != HOUR).any():
        bad = np.flatnonzero(np.diff(times) != HOUR) + 1 if len(times) > 1 else np.array([0])
        rule = "rise by an hour from row to row"
        rows = tuple(int(row) + 1 for row in bad)
        raise InputError(SOURCE, [Fault("time_local", rule, rows=rows)])
    start = times[0].astype("datetime64[us]").item().replace(tzinfo=UTC)
    return TimeGrid(start, 1.0, len(times))
