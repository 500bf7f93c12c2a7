"""Hourly marginal rates of regions of the United States by EPA's AVERT."""

from pathlib import Path

from evergrid.data.emissions.factor_file import FactorFile
from evergrid.data.emissions.hour_of_year import HourOfYear
from evergrid.data.meta import Meta
from evergrid.model.time_series.emission_factors import EmissionFactors

REGIONS = (
    "CA",
    "CENT",
    "FL",
    "MIDA",
    "MIDW",
    "NCSC",
    "NE",
    "NW",
    "NY",
    "RM",
    "SE",
    "SW",
    "TE",
    "TN",
)
FORMAT = FactorFile(
    name="avert",
    title="AVERT marginal rate of 2023",
    columns={name: name for name in (*REGIONS, "AKGD", "HIMS", "HIOA")},
    choice="region",
    unit="lb_per_kwh",
    kind="marginal",
    licence_class="A",
    licence="public domain (US EPA), in a BSD-3-Clause repository",
    origin="US EPA AVERT, in REopt's copy",
    notes={"model": "a statistical model of 2023; some hours are below 0 in it"},
)


def read(path: Path, *, region: str, year: str, utc_offset_h: str) -> tuple[EmissionFactors, Meta]:
    """Rates of a region for a year of 8,760 hours.

    Args:
        path: The file.
        region: Such as "CA".
        year: The year that the hours are taken to be of.
        utc_offset_h: Clock of the hours, standard time all year, hours east of Greenwich.

    Raises:
        InputError: Another region, a leap year, options that are no numbers.
    """
    when = HourOfYear.of(year, utc_offset_h, source=FORMAT.name)
    return FORMAT.by_hour(path, region, year=when.year, utc_offset_h=when.utc_offset_h)
