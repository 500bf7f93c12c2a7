"""Social costs: years between those of the table, dollars of other years, costs of one's own."""

import pytest

from evergrid.core.errors import InputError
from evergrid.impact.welfare import dollars, pollutants, social_cost


def test_a_year_between_decades_lies_on_the_line() -> None:
    assert social_cost.published("epa_2.0", 2025, 2020).co2_per_t == pytest.approx(211.5)


@pytest.mark.parametrize("year", [2019, 2081])
def test_a_year_beyond_the_table_is_refused(year: int) -> None:
    with pytest.raises(InputError, match=rf"year from 2020 to 2080, got {year}") as caught:
        social_cost.published("epa_2.0", year, 2020)
    assert "own" in str(caught.value)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(InputError, match="be a known source, got epa"):
        social_cost.published("epa", 2025, 2020)


def test_other_dollars_cost_more_of_them_by_the_deflator() -> None:
    ratio = dollars.DEFLATOR[2023] / dollars.DEFLATOR[2020]
    for name in ("epa_2.0", "iwg_2021"):
        old, new = (social_cost.published(name, 2025, year) for year in (2020, 2023))
        assert new.co2_per_t == pytest.approx(ratio * old.co2_per_t, rel=1e-12)
        assert new.ch4_per_t == pytest.approx(ratio * old.ch4_per_t, rel=1e-12)


def test_dollars_there_and_back_are_the_same() -> None:
    for year in dollars.DEFLATOR:
        there = dollars.converted(100.0, 2020, year)
        assert dollars.converted(there, year, 2020) == pytest.approx(100.0, rel=1e-12)


def test_prices_rose_in_every_year_of_the_deflator() -> None:
    values = [dollars.DEFLATOR[year] for year in sorted(dollars.DEFLATOR)]
    assert values == sorted(values)


def test_a_year_without_deflator_is_refused() -> None:
    with pytest.raises(InputError, match="year from 2014 to 2023, got 1990"):
        dollars.converted(1.0, 1990, 2020)


def test_amounts_of_different_years_are_refused_with_their_names() -> None:
    assert dollars.one_year({"wear": 2020, "voll": 2020}) == 2020
    with pytest.raises(InputError, match="be the same for all amounts") as caught:
        dollars.one_year({"wear": 2020, "voll": 2023})
    assert caught.value.ids == ("wear", "voll")


def test_the_working_group_says_that_its_figure_is_of_2020() -> None:
    cost = social_cost.published("iwg_2021", 2040, 2020)
    assert cost.co2_per_t == 51.0
    assert "2020" in cost.notes[0]


def test_a_negative_cost_of_ones_own_is_flagged() -> None:
    assert social_cost.own(100.0, 0.0, 2020, 2020).notes == ()
    assert "benefit" in social_cost.own(-5.0, 0.0, 2020, 2020).notes[0]
    with pytest.raises(InputError, match="finite"):
        social_cost.own(float("nan"), 0.0, 2020, 2020)


def test_a_short_ton_is_907_kg() -> None:
    per_tonne = pollutants.local_per_tonne(2015)
    assert per_tonne["nox"] == pytest.approx(6000.0 / 0.90718474, rel=1e-12)
    assert set(per_tonne) == set(pollutants.LOCAL)


def test_an_oil_turbine_harms_by_52_dollars_a_mwh() -> None:
    """Rates of the RTS-GMLC for oil turbines; 52.1 is the published sum of SO2 and NOx."""
    per_tonne = pollutants.local_per_tonne(2015)
    heat, pound = 9.476, 0.45359237 / 1000.0
    harm = heat * pound * (per_tonne["so2"] * 0.2 + per_tonne["nox"] * 0.5)
    assert harm == pytest.approx(52.1, abs=0.1)


def test_damages_come_in_the_order_of_the_pollutants() -> None:
    cost = social_cost.own(100.0, 2000.0, 2020, 2020)
    local = pollutants.local_per_tonne(2020)
    damage = pollutants.damage_per_tonne(cost, local, local_dollar_year=2020)
    assert tuple(damage) == pollutants.POLLUTANTS
    assert damage["co2"] == 100.0
    assert damage["ch4"] == 2000.0


def test_damages_in_dollars_of_different_years_are_refused() -> None:
    cost = social_cost.published("epa_2.0", 2025, 2023)
    local = pollutants.local_per_tonne(2020)
    with pytest.raises(InputError, match="dollar_year must be the same for all amounts"):
        pollutants.damage_per_tonne(cost, local, local_dollar_year=2020)
