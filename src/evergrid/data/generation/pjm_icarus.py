"""Generators and load of PJM as the ICARUS data set has them, from EPA's NEEDS of June 2024.

It has heat rates and NOx, but no prices of fuel and no CO2: prices are given, CO2 follows from the
fuel. Units are whole, without minimum, ramp, start cost or outages. Wind, sun, water and storage
have no series there and are left out: take them off the load first.

Source:
    HopkinsICARUS/ICARUS-PJM-Dataset (CC BY 4.0). Factors of fuels: 40 CFR part 98, tables C-1 and
    C-2; CO2 of what grows counts as none, that of solid waste as a whole.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.units import KG_PER_LB
from evergrid.data.files.frames import Kind, cell_faults, column, load, missing_columns
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad, year_grid

SOURCE = "pjm_icarus"
UNIT, KIND, ZONE, FUELS = "UniqueID_Final", "PlantType", "Region Name", "Modeled Fuels"
CAPACITY, HEAT = "Capacity (MW)", "Heat Rate (Btu/kWh)"
BEGIN, END = "On Line Year", "Retirement Year"
NOX = "Mode 1 NOx Rate (lbs/mmBtu)"
TEXTS, NUMBERS = (UNIT, KIND, ZONE, FUELS), (CAPACITY, HEAT, BEGIN, END, NOX)
POLLUTANTS = ("co2", "ch4", "n2o", "nox")
BTU_PER_KWH = 1000.0  # of a heat rate of one million Btu per MWh


class FuelFactors(NamedTuple):
    """Emissions of a fuel in kg per million Btu."""

    co2: float
    ch4: float
    n2o: float


COAL_CH4, COAL_N2O = 0.011, 0.0016
OIL_CH4, OIL_N2O = 0.003, 0.0006
SOLID_CH4, SOLID_N2O = 0.032, 0.0042
FACTORS = {
    "Natural Gas": FuelFactors(53.06, 0.001, 0.0001),
    "Bituminous": FuelFactors(93.28, COAL_CH4, COAL_N2O),
    "Subbituminous": FuelFactors(97.17, COAL_CH4, COAL_N2O),
    "Waste Coal": FuelFactors(93.28, COAL_CH4, COAL_N2O),
    "Petroleum Coke": FuelFactors(102.41, OIL_CH4, OIL_N2O),
    "Distillate Fuel Oil": FuelFactors(73.96, OIL_CH4, OIL_N2O),
    "Residual Fuel Oil": FuelFactors(75.10, OIL_CH4, OIL_N2O),
    "Nuclear Fuel": FuelFactors(0.0, 0.0, 0.0),
    "MSW": FuelFactors(90.70, SOLID_CH4, SOLID_N2O),
    "Fossil Waste": FuelFactors(90.70, SOLID_CH4, SOLID_N2O),
    "Non-Fossil Waste": FuelFactors(0.0, SOLID_CH4, SOLID_N2O),
    "Biomass": FuelFactors(0.0, 0.0072, 0.0036),
    "Landfill Gas": FuelFactors(0.0, 0.0032, 0.00063),
}


def read_generators(
    path: Path,
    fuel_price_per_mmbtu: Mapping[str, float],
    *,
    year: int,
    other_cost_per_mwh: Mapping[str, float] | None = None,
) -> GeneratorFleet:
    """Units that burn something and are on line through a year; each burns its first fuel.

    Args:
        path: The table of generators.
        fuel_price_per_mmbtu: In dollars, by the names of fuels that the table has.
        year: Units are kept that are on line by it and do not retire before it ends.
        other_cost_per_mwh: Operation and maintenance by plant type; 0 where none is given.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns that are not there, cells that break rules, fuels without a price;
            prices of fuels or costs of plant types that there are not.
    """
    text, number = _columns(path)
    others = other_cost_per_mwh or {}
    faults = _strange_names("fuel_price_per_mmbtu", fuel_price_per_mmbtu, FACTORS)
    faults += _strange_names("other_cost_per_mwh", others, sorted(set(text[KIND])))
    raise_if_any(SOURCE, faults)
    kept = (number[HEAT] > 0) & (number[CAPACITY] > 0)
    kept &= (number[BEGIN] <= year) & (number[END] > year)
    text = {name: values[kept] for name, values in text.items()}
    number = {name: values[kept] for name, values in number.items()}
    fuel = np.array([listed.split(",")[0].strip() for listed in text[FUELS]], object)
    _raise_if_unknown(fuel, number[CAPACITY], fuel_price_per_mmbtu)
    heat = number[HEAT] / BTU_PER_KWH
    per_mmbtu = np.array([FACTORS[name] for name in fuel]).T
    factors = np.vstack([per_mmbtu, number[NOX] * KG_PER_LB]) * heat
    count = len(fuel)
    return GeneratorFleet(
        unit_id=text[UNIT],
        unit_type=_small(text[KIND]),
        fuel=_small(fuel),
        area_id=text[ZONE],
        minimum_mw=np.zeros(count),
        ramp_mw_per_h=np.full(count, np.inf),
        min_up_h=np.zeros(count),
        min_down_h=np.zeros(count),
        start_cost=np.zeros(count),
        fuel_price_per_mmbtu=np.array([fuel_price_per_mmbtu[name] for name in fuel], float),
        other_cost_per_mwh=np.array([others.get(kind, 0.0) for kind in text[KIND]], float),
        segment_unit=np.arange(count),
        segment_mw=number[CAPACITY],
        heat_rate_mmbtu_per_mwh=heat,
        cost_rise_per_mwh=np.zeros(count),
        pollutant=np.array(POLLUTANTS, object),
        emissions_kg_per_mwh=factors,
        currency="USD",
    )


def read_system_load(path: Path, *, year: int) -> SystemLoad:
    """Load of all zones together, by the hour, with nothing available beside it.

    The hours of the table are those of no year and no stated clock; they are taken as those of the
    year in UTC.

    Args:
        path: The table of loads by zone.
        year: Not a leap year, for the table has 8,760 hours.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Cells that break rules, another number of hours than the year has.
    """
    frame = load(path, source=SOURCE)
    zones = [name for name in frame.columns if name.startswith("PJM_")]
    if not zones:
        rule = "be there, one for each zone, with names that begin with PJM_"
        raise InputError(SOURCE, [Fault("columns", rule, tuple(frame.columns[:5]))])
    grid = year_grid(year, len(frame), field=zones[0])
    total, faults = np.zeros(len(frame)), list[Fault]()
    for name in zones:
        read = column(frame[name], Kind.NUMBER)
        faults += cell_faults(name, Kind.NUMBER, read, required=True)
        total += read.values
    raise_if_any(SOURCE, faults)
    return SystemLoad(grid, total, np.zeros(0, object), np.zeros((0, len(frame))))


def _columns(path: Path) -> tuple[dict[str, Array], dict[str, Float[Array, " row"]]]:
    wanted = [*TEXTS, *NUMBERS]
    frame = load(path, wanted, source=SOURCE)
    raise_if_any(SOURCE, missing_columns(frame.columns, wanted))
    found: dict[str, Array] = {}
    faults: list[Fault] = []
    for name in wanted:
        kind = Kind.TEXT if name in TEXTS else Kind.NUMBER
        read = column(frame[name], kind)
        faults += cell_faults(name, kind, read, required=True)
        found[name] = read.values
    raise_if_any(SOURCE, faults)
    return {name: found[name] for name in TEXTS}, {name: found[name] for name in NUMBERS}


def _raise_if_unknown(
    fuel: Array, capacity_mw: Float[Array, " unit"], prices: Mapping[str, float]
) -> None:
    faults = []
    for field, known in (("fuel", FACTORS), ("fuel_price_per_mmbtu", prices)):
        strange: Bool[Array, " unit"] = np.array([name not in known for name in fuel], bool)
        if strange.any():
            names = tuple(sorted(set(fuel[strange])))
            rule = "be known of every fuel that is burnt"
            fix = f"It concerns {capacity_mw[strange].sum():,.0f} MW."
            faults.append(Fault(field, rule, names, fix=fix))
    raise_if_any(SOURCE, faults)


def _strange_names(field: str, given: Mapping[str, float], known: Collection[str]) -> list[Fault]:
    """Names that are given something, and stand for nothing."""
    rule = f"name what there is: {', '.join(known)}"
    return [
        Fault(field, rule, (name,), fix=did_you_mean(name, known))
        for name in given
        if name not in known
    ]


def _small(values: Array) -> Array:
    """Names in small letters, such as ``combined_cycle``."""
    replaced = (value.lower().replace("/", "_").replace(" ", "_") for value in values)
    return np.array([value.replace("-", "_") for value in replaced], object)
