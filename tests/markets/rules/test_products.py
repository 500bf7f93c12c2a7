"""Products of the rule books: published sizes and energies, rounding, dates, sureness."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.markets.rules import caiso, continental_europe, great_britain, nordic, pjm
from evergrid.markets.rules.constant import Mark, constants
from evergrid.markets.rules.markets import MARKETS, PRODUCTS, product
from evergrid.markets.rules.product import Product

ALL = pytest.mark.parametrize("one", PRODUCTS.values(), ids=list(PRODUCTS))


@pytest.mark.parametrize(
    ("name", "award_mw", "energy_mwh"),
    [
        ("fcr_n", 2.0, 2.0),
        ("afrr_up", 3.0, 3.0),
        ("ffr", 1.2, 0.01),
    ],
)
def test_an_award_needs_energy_for_as_long_as_it_must_last(
    name: str, award_mw: float, energy_mwh: float
) -> None:
    assert product(name).energy_mwh(award_mw) == pytest.approx(energy_mwh)


@pytest.mark.parametrize(
    ("name", "up_mw", "down_mw", "firm_mw"),
    [
        ("fcr", 5.0, 10.0, 4.0),  # a quarter more power than the award
        ("fcr_n", 2.68, 9.0, 2.0),  # 134 %
        ("fcr_d_up", 10.0, 1.0, 5.0),  # 20 % the other way
        ("fcr_d_down", 1.0, 10.0, 5.0),
        ("ffr", 3.0, 0.0, 3.0),
        ("dc_low", 10.0, 0.5, 5.0),  # a tenth of the award restores a fifth of a quarter of an hour
        ("dr_low", 10.0, 2.0, 5.0),
        ("pjm_regulation", 3.0, 2.0, 2.0),
        ("afrr_down", 0.0, 7.0, 7.0),
    ],
)
def test_a_product_asks_for_power_both_ways(
    name: str, up_mw: float, down_mw: float, firm_mw: float
) -> None:
    found = product(name).firm_mw(np.array([up_mw]), np.array([down_mw]))
    assert found[0] == pytest.approx(firm_mw)


@given(one=st.sampled_from(list(PRODUCTS.values())), firm=st.floats(0.0, 1e3))
def test_an_award_is_whole_steps_never_more_than_is_firm(one: Product, firm: float) -> None:
    award = float(one.rounded_mw(np.array([firm]))[0])
    steps = award / one.step_mw.value
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert award <= firm + 1e-6
    assert award == 0 or award >= one.least_mw.value - 1e-6
    if firm >= one.least_mw.value + one.step_mw.value:
        assert award > firm - one.step_mw.value - 1e-6


@ALL
def test_every_constant_has_a_source_and_is_in_range(one: Product) -> None:
    given_ = constants(one)
    assert len(given_) == 7
    assert all(value.source and value.value >= 0 for value in given_.values())
    assert one.block_h.value > 0
    assert one.energy_h.value > 0
    assert one.first < one.last
    assert (one.response is None) == (one.signal != "frequency")


def test_the_least_sure_number_marks_a_product() -> None:
    assert nordic.FCR_D_UP.mark is Mark.UNVERIFIED  # its least size is from memory
    assert nordic.FFR.energy_h.mark is Mark.VERIFIED
    assert continental_europe.FCR.power_per_mw.mark is Mark.UNVERIFIED
    assert great_britain.DC_LOW.energy_h.mark is Mark.VERIFIED


def test_names_are_unique_and_an_unknown_one_is_refused_with_the_nearest() -> None:
    assert sum(len(market.products) for market in MARKETS) == len(PRODUCTS)
    assert product("dc_low").name == "dc_low"
    with pytest.raises(InputError, match="dc_low"):
        product("dc_lo")


@pytest.mark.parametrize(
    ("name", "day", "said"),
    [
        ("pjm_regulation", date(2025, 10, 1), "pjm_regulation_one_signal"),
        ("pjm_regulation_one_signal", date(2026, 10, 1), "not confirmed"),
        ("fcas_raise_1s", date(2023, 10, 8), "9 October 2023"),
        ("afrr_up", date(2021, 9, 30), "October 2021"),
    ],
)
def test_a_day_that_the_rules_do_not_cover_is_refused_with_the_reason(
    name: str, day: date, said: str
) -> None:
    assert not product(name).holds_on(day)
    with pytest.raises(InputError, match=said):
        product(name).must_hold_on(day)


@pytest.mark.parametrize(
    ("day", "least", "mark"),
    [
        (date(2013, 6, 1), 0.5, Mark.SECONDARY),
        (date(2014, 4, 30), 0.5, Mark.SECONDARY),
        (date(2014, 5, 1), 0.0, Mark.SECONDARY),
        (date(2024, 5, 1), 0.25, Mark.UNVERIFIED),
    ],
)
def test_the_least_accuracy_of_caiso_is_that_of_the_day(
    day: date, least: float, mark: Mark
) -> None:
    assert caiso.on(day).least_accuracy.value == least
    assert caiso.on(day).least_accuracy.mark is mark


def test_before_mileage_was_paid_caiso_is_refused() -> None:
    with pytest.raises(InputError, match="capacity alone"):
        caiso.on(date(2011, 1, 1))


def test_half_hours_are_sold_in_the_second_era_of_pjm() -> None:
    assert pjm.REGULATION.block_h.value == 1.0
    assert pjm.REGULATION_ONE_SIGNAL.block_h.value == 0.5


# -- FFR and the rule of nine times in ten ------------------------------------------------------


@pytest.mark.parametrize(("rate", "seconds"), [(0.2, 5.0), (0.05, 5.0), (0.21, 30.0), (1.0, 30.0)])
def test_ffr_that_goes_away_gently_may_be_short(rate: float, seconds: float) -> None:
    assert nordic.ffr_duration_s(rate) == seconds


def test_ffr_that_never_goes_away_is_refused() -> None:
    with pytest.raises(InputError, match="above 0"):
        nordic.ffr_duration_s(0.0)


@given(
    days=st.lists(st.floats(0, 100), min_size=10, max_size=60),
    probability=st.sampled_from([0.5, 0.8, 0.9]),
)
def test_a_bid_is_the_greatest_that_was_there_so_often(
    days: list[float], probability: float
) -> None:
    available = np.array(days)
    bid = float(nordic.available_award_mw(available[:, None], probability)[0])
    assert (available >= bid).mean() >= probability - 1e-12
    more = np.unique(available[available > bid])
    assert all((available >= level).mean() < probability for level in more)


@pytest.mark.parametrize(
    ("days", "probability", "said"),
    [(9, 0.9, "at least 10 days"), (20, 1.0, "lie in"), (20, 90.0, "Such as 0.9")],
)
def test_a_history_too_short_for_its_probability_is_refused(
    days: int, probability: float, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        nordic.available_award_mw(np.ones((days, 1)), probability)
