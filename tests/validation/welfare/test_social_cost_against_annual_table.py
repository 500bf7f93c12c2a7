"""Social costs between decades and the deflator against the tables that they were taken from."""

import csv
from pathlib import Path

import pytest

from evergrid.impact.welfare import dollars, social_cost

TABLE = Path(__file__).parent / "epa_2023_annual.csv"
QUARTERS = Path(__file__).parent / "bea_2024_quarters.csv"
ROUNDING = 1.01  # the released values are whole dollars, and so are the decades between


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_year_of_the_table_is_met_to_a_dollar() -> None:
    assert len(rows()) == 61 + 21
    for row in rows():
        for name in social_cost.EPA:
            cost = social_cost.published(name, int(row["year"]), 2020)
            got = cost.co2_per_t if row["gas"] == "co2" else cost.ch4_per_t
            assert got == pytest.approx(float(row[name]), abs=ROUNDING), (row, name)


@pytest.mark.parametrize(
    ("year", "printed"),
    [
        (2020, (120, 190, 340)),
        (2025, (130, 210, 360)),
        (2030, (140, 230, 380)),
        (2040, (170, 270, 430)),
        (2050, (200, 310, 480)),
        (2060, (230, 350, 530)),
        (2070, (260, 380, 570)),
        (2080, (280, 410, 600)),
    ],
)
def test_the_printed_table_is_ours_in_two_figures(year: int, printed: tuple[int, ...]) -> None:
    """The report prints tens of dollars; 2050 at 2.5 % and 2070 at 1.5 % are at the edge."""
    for name, wanted in zip(("epa_2.5", "epa_2.0", "epa_1.5"), printed, strict=True):
        got = social_cost.published(name, year, 2020).co2_per_t
        assert abs(got - wanted) <= 5.0 + 1e-9


def test_methane_is_ours_in_the_printed_table_too() -> None:
    for year, printed in ((2020, (1300, 1600, 2300)), (2030, (1900, 2400, 3200))):
        for name, wanted in zip(("epa_2.5", "epa_2.0", "epa_1.5"), printed, strict=True):
            assert abs(social_cost.published(name, year, 2020).ch4_per_t - wanted) <= 50.0


def test_the_deflator_is_the_mean_of_the_quarters() -> None:
    with QUARTERS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["year"]) for row in rows} == set(dollars.DEFLATOR)
    for row in rows:
        mean = sum(float(row[f"q{quarter}"]) for quarter in range(1, 5)) / 4
        assert dollars.DEFLATOR[int(row["year"])] == pytest.approx(mean, abs=6e-4)
