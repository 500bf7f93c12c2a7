"""What a dollar of one year is worth in dollars of another, by the deflator of the GDP."""

from collections.abc import Mapping

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault

# Implicit price deflator of the gross domestic product of the United States, 2017 = 100: means of
# the four quarters of a year. Bureau of Economic Analysis, table 1.1.9, revision of 30 May 2024.
DEFLATOR: Mapping[int, float] = {
    2014: 96.417,
    2015: 97.315,
    2016: 98.238,
    2017: 99.995,
    2018: 102.288,
    2019: 104.004,
    2020: 105.366,
    2021: 110.185,
    2022: 117.965,
    2023: 122.265,
}


def converted(amount: float, from_year: int, to_year: int) -> float:
    """An amount of dollars of one year in those of another.

    Raises:
        InputError: A year that the table does not hold.

    Source:
        Bureau of Economic Analysis (2024), National Income and Product Accounts, table 1.1.9.
    """
    rule = f"be a year from {min(DEFLATOR)} to {max(DEFLATOR)}"
    fix = "Give the amount in dollars of a year that the deflator covers."
    unknown = [year for year in dict.fromkeys((from_year, to_year)) if year not in DEFLATOR]
    faults = [Fault("dollar_year", rule, (year,), fix=fix) for year in unknown]
    raise_if_any("dollars", faults)
    return amount * DEFLATOR[to_year] / DEFLATOR[from_year]


def one_year(years: Mapping[str, int]) -> int:
    """The year whose dollars all amounts are in.

    Args:
        years: Year of the dollars of each amount, by the name of the amount.

    Raises:
        InputError: They are of different years; each name is told with its year.
    """
    if len(set(years.values())) == 1:
        return next(iter(years.values()))
    fix = "Convert them with evergrid.impact.welfare.dollars.converted before they are added."
    fault = Fault(
        "dollar_year", "be the same for all amounts", tuple(years.values()), tuple(years), fix=fix
    )
    raise InputError("dollars", [fault])
