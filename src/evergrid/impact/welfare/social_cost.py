"""What a tonne of greenhouse gas costs the world, by year of emission and source."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.impact.welfare import dollars

YEARS = (2020, 2030, 2040, 2050, 2060, 2070, 2080)
TABLE_DOLLARS = 2020
# Dollars of 2020 per tonne of carbon dioxide and of methane at `YEARS`, by near-term Ramsey
# discount rate. United States Environmental Protection Agency (2023), Report on the Social Cost of
# Greenhouse Gases, annual values as released with its code (scghg_annual.csv). Use by the federal
# government was withdrawn in 2025: a data set, not a statement on policy.
EPA: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "epa_2.5": (
        (117.0, 144.0, 173.0, 205.0, 234.0, 258.0, 284.0),
        (1257.0, 1924.0, 2702.0, 3547.0, 4320.0, 5011.0, 5756.0),
    ),
    "epa_2.0": (
        (193.0, 230.0, 267.0, 308.0, 345.0, 375.0, 407.0),
        (1648.0, 2403.0, 3280.0, 4231.0, 5118.0, 5927.0, 6783.0),
    ),
    "epa_1.5": (
        (337.0, 384.0, 431.0, 482.0, 528.0, 565.0, 601.0),
        (2305.0, 3169.0, 4177.0, 5260.0, 6289.0, 7244.0, 8246.0),
    ),
}
# Interagency Working Group (2021), Technical Support Document, tables ES-1 and ES-2: emissions of
# 2020 at a discount rate of 3 %, dollars of 2020. As quoted by others, not verified.
IWG = (51.0, 1500.0)
SOURCES = (*EPA, "iwg_2021", "own", "none")


@dataclass(frozen=True)
class SocialCost:
    """What a tonne costs.

    Attributes:
        name: Source, such as ``epa_2.0``.
        co2_per_t: Per tonne of carbon dioxide.
        ch4_per_t: Per tonne of methane.
        dollar_year: Year of the dollars.
        notes: What a reader must know.
    """

    name: str
    co2_per_t: float
    ch4_per_t: float
    dollar_year: int
    notes: tuple[str, ...] = ()


def published(name: str, year: int, dollar_year: int) -> SocialCost:
    """The social cost of a published source.

    Args:
        name: One of ``epa_2.5``, ``epa_2.0``, ``epa_1.5``, ``iwg_2021`` and ``none``.
        year: Of the emission; between decades the table is taken to be linear, as it was made.
        dollar_year: Year of the dollars wanted.

    Raises:
        InputError: An unknown source, or a year beyond the table.

    Source:
        United States Environmental Protection Agency (2023), Report on the Social Cost of
        Greenhouse Gases: Estimates Incorporating Recent Scientific Advances, table A.5.1.
    """
    if name == "none":
        return SocialCost(name, 0.0, 0.0, dollar_year)
    if name == "iwg_2021":
        note = (
            "The figure of 2021 is of emissions in 2020 and is not raised with the year. It is as "
            "quoted by others, not verified against its source."
        )
        co2, ch4 = (dollars.converted(one, TABLE_DOLLARS, dollar_year) for one in IWG)
        return SocialCost(name, co2, ch4, dollar_year, (note,))
    if name not in EPA:
        fix = f"Sources: {', '.join(SOURCES)}."
        raise InputError("social cost", [Fault("source", "be a known source", (name,), fix=fix)])
    co2, ch4 = (
        dollars.converted(_at(year, column), TABLE_DOLLARS, dollar_year) for column in EPA[name]
    )
    return SocialCost(name, co2, ch4, dollar_year)


def own(co2_per_t: float, ch4_per_t: float, given_in: int, dollar_year: int) -> SocialCost:
    """A social cost of the user's own.

    A negative one is taken as it is, and told: it says that emissions are a benefit.

    Args:
        co2_per_t: In dollars of the year given.
        ch4_per_t: In dollars of the year given.
        given_in: Year of those dollars.
        dollar_year: Year of the dollars wanted.

    Raises:
        InputError: A cost that is no number; a year without deflator.
    """
    costs = {"co2_per_t": co2_per_t, "ch4_per_t": ch4_per_t}
    faults = [
        Fault(name, "be a finite number", (value,))
        for name, value in costs.items()
        if not math.isfinite(value)
    ]
    if faults:
        raise InputError("social cost", faults)
    negative = [name for name, value in costs.items() if value < 0]
    notes = tuple(
        f"The social cost {name} is negative, {costs[name]:g}: emissions count as a benefit."
        for name in negative
    )
    co2, ch4 = (dollars.converted(value, given_in, dollar_year) for value in costs.values())
    return SocialCost("own", co2, ch4, dollar_year, notes)


def _at(year: int, column: tuple[float, ...]) -> float:
    """Value of a year between those of the table."""
    if not YEARS[0] <= year <= YEARS[-1]:
        rule = f"be a year from {YEARS[0]} to {YEARS[-1]}"
        fix = 'The table ends there. Give a cost of your own with source = "own".'
        raise InputError("social cost", [Fault("year", rule, (year,), fix=fix)])
    after = next(i for i, one in enumerate(YEARS) if one >= year)
    if YEARS[after] == year:
        return column[after]
    share = (year - YEARS[after - 1]) / (YEARS[after] - YEARS[after - 1])
    return column[after - 1] + share * (column[after] - column[after - 1])
