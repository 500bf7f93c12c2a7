"""Statements of every market: published amounts, parts that add up, and who bears what."""

from collections.abc import Callable
from datetime import date
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.markets.performance import caiso_accuracy, dynamic_response
from evergrid.markets.performance.afrr_channel import accepted
from evergrid.markets.rules import caiso, nyiso
from evergrid.markets.rules.constant import Mark
from evergrid.markets.rules.frequency_response import FrequencyResponse
from evergrid.markets.rules.great_britain import DC_LOW
from evergrid.markets.settlement import afrr, availability, us_regulation
from evergrid.markets.settlement.availability import ReserveCall
from evergrid.markets.settlement.performance_payments import payments
from evergrid.markets.settlement.statement import Statement, by_error, line
from evergrid.markets.settlement.us_regulation import MileagePrices

MONEY = st.floats(-1e5, 1e5)
DC = cast(FrequencyResponse, DC_LOW.response)
SHARES = st.floats(0.0, 1.0)


def one(*values: float) -> np.ndarray:
    return np.array(values, float)


def cents(statement: Statement) -> None:
    """Every line is whole cents and they add up to the total, which sure and unsure share."""
    amounts = [100 * each.amount for each in statement.lines]
    assert amounts == pytest.approx([round(amount) for amount in amounts], rel=1e-12, abs=1e-6)
    assert round(100 * statement.total) == sum(round(amount) for amount in amounts)
    assert round(100 * (statement.sure + statement.unverified)) == round(100 * statement.total)


# -- by hand (published amounts are in tests/validation/rule_books) ---------------------------


def test_capacity_of_nyiso_is_cut_by_its_factor() -> None:
    prices = MileagePrices(one(20.0), one(0.0))
    made = us_regulation.nyiso_statement(one(10.0), one(0.0), one(0.9), prices, interval_h=1.0)
    assert made.total == pytest.approx(178.0)


def test_the_factor_of_the_tariff_is_marked_and_never_below_zero() -> None:
    assert nyiso.performance_factor(one(0.9, 0.1), reading="tariff", scaling=0.2) == pytest.approx(
        [0.875, 0.0]
    )
    assert nyiso.performance_factor(one(0.0)).tolist() == [0.0]
    prices = MileagePrices(one(20.0), one(0.5))
    made = us_regulation.nyiso_statement(one(10.0), one(40.0), one(0.9), prices, interval_h=1.0)
    assert made.sure == pytest.approx(178.0)
    assert made.unverified == pytest.approx(40.0 * 0.9 * 0.5)


def test_afrr_energy_earns_the_greater_of_bid_and_marginal_price() -> None:
    asked = np.where(np.arange(1800) < 800, 10.0, 0.0)
    bids = afrr.AfrrBids(one(0.0), one(80.0, 80.0), one(100.0, 60.0), one(50.0, 50.0))
    made = afrr.statement(one(10.0), one(1.0), accepted(asked, asked), bids, block_h=0.5)
    assert made.total == pytest.approx(222.22)
    zero = afrr.statement(one(10.0), one(1.0), accepted(asked, 0 * asked), bids, block_h=0.5)
    assert zero.lines[1].amount == 0.0
    assert zero.total == pytest.approx(-1.67284 * 50.0, abs=0.011)


def test_caiso_pays_for_mileage_in_megawatts() -> None:
    rules = caiso.on(date(2024, 1, 1))
    asked = np.tile(one(2.0, 4.0), 113)[:225]
    exact = caiso_accuracy.measured(asked, asked, rules)
    prices = MileagePrices(one(8.0), one(0.1))
    made = us_regulation.caiso_statement(one(4.0), exact, prices, rules)
    assert made.lines[0].amount == pytest.approx(4.0 * 0.25 * 8.0)
    assert made.lines[1].amount == pytest.approx(round((2.0 + 224 * 2.0) * 0.1, 2))
    twice = caiso_accuracy.measured(2 * asked, 2 * asked, rules)
    assert us_regulation.caiso_statement(one(8.0), twice, prices, rules).total == pytest.approx(
        2 * made.total
    )


def test_a_month_below_the_least_accuracy_must_qualify_again() -> None:
    in_force = caiso.on(date(2013, 6, 1))
    assert us_regulation.must_qualify_again(one(0.9, 0.2), one(1.0, 9.0), in_force)
    assert not us_regulation.must_qualify_again(one(0.9, 0.2), one(9.0, 1.0), in_force)
    waived = caiso.on(date(2015, 6, 1))
    assert not us_regulation.must_qualify_again(one(0.0), one(1.0), waived)


def test_dynamic_response_pays_nothing_for_a_period_with_a_gap() -> None:
    per = 36_000
    response = np.ones(2 * per)
    response[100:200] = np.nan
    found = dynamic_response.measured(np.full(2 * per, -0.5), response, DC)
    made = availability.dynamic_response(DC_LOW, one(5.0, 5.0), one(4.0, 4.0), found)
    assert made.total == pytest.approx(10.0)
    worse = dynamic_response.measured(np.full(2 * per, -0.5), 0.95 * response, DC)
    made = availability.dynamic_response(DC_LOW, one(5.0, 5.0), one(4.0, 4.0), worse)
    assert made.unverified == pytest.approx(-5.0)
    assert made.total == pytest.approx(5.0)


def test_a_reserve_call_that_was_missed_is_taken_back() -> None:
    price, award = np.full(24, 6.0), np.full(24, 2.0)
    good = availability.synchronized_reserve(award, price, (ReserveCall(3, 2.5, 12.0),))
    assert good.total == pytest.approx(288.0)
    missed = availability.synchronized_reserve(award, price, (ReserveCall(3, 0.5, 90.0),))
    assert missed.lines[1].amount == pytest.approx(-1.5 * 6.0)
    assert missed.lines[2].amount == pytest.approx(-1.5 * 30 * 24 * 6.0)
    with pytest.raises(InputError, match="hour of the award"):
        availability.synchronized_reserve(award, price, (ReserveCall(24, 0.0, 1.0),))


# -- laws ---------------------------------------------------------------------------------


@given(
    parts=st.lists(
        st.tuples(st.floats(0, 1e4), MONEY, st.sampled_from(list(Mark))), min_size=1, max_size=9
    )
)
def test_lines_are_whole_cents_that_add_up(parts: list[tuple[float, float, Mark]]) -> None:
    lines = tuple(
        line(f"item {i}", one(quantity), one(price), unit="MW h", rule="a rule", mark=mark)
        for i, (quantity, price, mark) in enumerate(parts)
    )
    made = Statement("EUR", lines)
    cents(made)
    exact = sum(quantity * price for quantity, price, _ in parts)
    assert made.total == pytest.approx(exact, abs=0.005 * len(parts) + 1e-5)


@given(
    award=st.lists(st.floats(0, 500), min_size=1, max_size=30),
    ready=SHARES,
    price=st.floats(-50, 500),
)
def test_availability_and_its_lack_add_up(award: list[float], ready: float, price: float) -> None:
    given_mw, prices = one(*award), np.full(len(award), price)
    share = np.full(len(award), ready)
    made = availability.enablement(
        given_mw, prices, interval_h=0.5, currency="EUR", available=share
    )
    cents(made)
    exact = float(given_mw @ prices) * 0.5 * ready
    assert made.total == pytest.approx(exact, abs=0.0101)


@given(
    contribution=st.lists(st.floats(-100, 100), min_size=2, max_size=40),
    price=st.floats(0, 300),
    need=st.floats(0, 1000),
)
def test_performance_payments_sum_to_zero_and_help_is_never_charged(
    contribution: list[float], price: float, need: float
) -> None:
    units = one(*contribution)
    made = payments(units, price_per_mw=price, requirement_mw=need, day=date(2025, 7, 1))
    assert np.round(100 * made).sum() == 0
    assert (made[units > 0] >= 0).all()
    assert (made[units < 0] <= 0).all()
    if (units > 0).any() and (units < 0).any():
        assert made[units > 0].sum() == pytest.approx(price * need / 12, abs=0.0051)


def test_performance_payments_before_they_began_are_refused() -> None:
    with pytest.raises(InputError, match="causer-pays"):
        payments(one(1.0, -1.0), price_per_mw=1.0, requirement_mw=1.0, day=date(2025, 6, 7))
    made = payments(
        one(3.0, 1.0, -2.0), price_per_mw=12.0, requirement_mw=4.0, day=date(2025, 6, 8)
    )
    assert made.tolist() == [3.0, 1.0, -4.0]
    alone = payments(one(3.0, 1.0), price_per_mw=12.0, requirement_mw=4.0, day=date(2025, 6, 8))
    assert alone.tolist() == [0.0, 0.0]


@given(
    parties=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), min_size=1, max_size=30),
    paid=st.floats(0, 1e4),
    lost=st.floats(0, 1e3),
)
def test_what_vehicles_get_adds_up_to_what_is_paid(
    parties: list[tuple[float, float]], paid: float, lost: float
) -> None:
    held, missed = (one(*column) for column in zip(*parties, strict=True))
    made = by_error(paid, held, missed, without_error=paid + lost)
    assert np.round(100 * made).sum() == round(100 * paid)


def test_who_missed_the_signal_bears_what_it_cost() -> None:
    made = by_error(80.0, one(1.0, 1.0), one(0.0, 3.0), without_error=100.0)
    assert made.tolist() == [50.0, 30.0]
    assert by_error(80.0, one(1.0, 3.0), one(0.0, 0.0), without_error=100.0).tolist() == [20, 60]


BAD = [
    (lambda: availability.enablement(one(-1), one(1), interval_h=1.0, currency="EUR"), "award_mw"),
    (
        lambda: availability.enablement(
            one(1), one(1), interval_h=1.0, currency="EUR", available=one(99)
        ),
        "Give a fraction",
    ),
    (
        lambda: availability.enablement(one(1), one(np.nan), interval_h=1.0, currency="EUR"),
        "finite",
    ),
    (
        lambda: availability.enablement(one(1), one(1, 2), interval_h=1.0, currency="EUR"),
        "interval",
    ),
    (lambda: MileagePrices(one(1.0), one(-1.0)), "mileage_per_mw"),
    (lambda: nyiso.performance_factor(one(95.0)), "Give a fraction"),
    (lambda: by_error(1.0, one(1.0), one(1.0, 2.0), without_error=1.0), "same parties"),
]


@pytest.mark.parametrize(("make", "said"), BAD)
def test_numbers_out_of_range_are_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()
