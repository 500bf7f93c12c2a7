"""Hourly long-run marginal rates of NREL's Cambium, a projection."""

from pathlib import Path

from evergrid.data.emissions.factor_file import FactorFile
from evergrid.data.emissions.hour_of_year import HourOfYear
from evergrid.data.meta import Meta
from evergrid.model.time_series.emission_factors import EmissionFactors

FORMAT = FactorFile(
    name="cambium",
    title="Cambium long-run marginal rate",
    columns={
        "combustion_co2": "lrmer_co2_c",
        "co2e": "lrmer_co2e",
        "co2e_combustion": "lrmer_co2e_c",
    },
    choice="rate",
    unit="kg_per_mwh",
    kind="marginal",
    licence_class="A",
    licence="NREL Cambium with its own citation terms, in a BSD-3-Clause repository",
    origin="NREL Cambium 2023, in HOPP's copy",
    notes={
        "model": "a projection of what is built and run, not a measurement; long-run rates answer "
        "what investment changes, not what tomorrow's dispatch does"
    },
)


def read(
    path: Path, *, year: str, utc_offset_h: str, rate: str = "combustion_co2"
) -> tuple[EmissionFactors, Meta]:
    """Long-run rates for a year of 8,760 hours.

    Args:
        path: The file.
        year: The year that the hours are taken to be of.
        utc_offset_h: Clock of the hours, standard time all year, hours east of Greenwich.
        rate: "combustion_co2", "co2e" or "co2e_combustion".

    Raises:
        InputError: Another rate, a leap year, options that are no numbers.
    """
    when = HourOfYear.of(year, utc_offset_h, source=FORMAT.name)
    return FORMAT.by_hour(path, rate, year=when.year, utc_offset_h=when.utc_offset_h)
