"""Money is booked once, in whole cents, and no cent is lost or made."""

import math
from dataclasses import replace

import pytest

from evergrid.core.errors import InputError
from evergrid.live.store import ledger
from evergrid.live.store.ledger import Booking
from evergrid.live.store.store import Store
from tests.live.store.cases import Place, with_store

LINE = Booking("tx-1/energy", 5.0, "driver-1", "energy fed", 7.25, "kWh", 181, "EUR", "tariff 4")


def test_a_line_is_read_as_it_was_booked_and_booked_once(place: Place):
    async def work(store: Store):
        other = replace(LINE, entry="tx-1/energy/2", party="aggregator", cents=-31)
        assert await ledger.post(store, [LINE, LINE, other]) == 2
        assert await ledger.post(store, [LINE, other]) == 0
        assert await ledger.post(store, []) == 0
        assert await ledger.newest(store) == (other, LINE)
        assert await ledger.newest(store, party="driver-1") == (LINE,)
        assert await ledger.newest(store, limit=1, offset=1) == (LINE,)
        assert await ledger.sums(store, "EUR") == {"aggregator": -31, "driver-1": 181}
        assert await ledger.sums(store, "USD") == {}
        assert await ledger.balance(store, "driver-1") == {"EUR": 181}

    with_store(place, work)


def test_a_line_is_not_booked_with_another_amount(place: Place):
    async def work(store: Store):
        await ledger.post(store, [LINE])
        new = replace(LINE, entry="tx-2")
        with pytest.raises(InputError, match="be booked with one amount only, got 180"):
            await ledger.post(store, [new, replace(LINE, cents=180)])
        with pytest.raises(InputError, match="be booked with one amount only"):
            await ledger.post(store, [new, replace(new, cents=1)])
        return await ledger.newest(store)

    assert with_store(place, work) == (LINE,)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"entry": ""}, "entry"),
        ({"entry": "e" * 129}, "entry"),
        ({"party": ""}, "party"),
        ({"quantity": math.nan}, "quantity"),
        ({"time_s": math.inf}, "time_s"),
        ({"cents": 10**16}, "cents"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "EURO"}, "currency"),
    ],
)
def test_a_line_that_breaks_a_rule_is_not_booked(place: Place, changes: dict, field: str):
    async def work(store: Store):
        with pytest.raises(InputError) as caught:
            await ledger.post(store, [LINE, replace(LINE, **{"entry": "other", **changes})])
        assert await ledger.newest(store) == ()
        return caught.value.field

    assert with_store(place, work) == field


@pytest.mark.parametrize(
    ("amount", "cents"),
    [(1.005, 100), (1.015, 102), (2.675, 268), (-0.125, -12), (0.0, 0), (1e9, 10**11)],
)
def test_an_amount_is_rounded_as_it_is_written(amount: float, cents: int):
    assert ledger.whole_cents(amount) == cents


@pytest.mark.parametrize("amount", [math.nan, math.inf, -1e300])
def test_what_is_no_amount_is_refused(amount: float):
    with pytest.raises(InputError, match="amount must be finite"):
        ledger.whole_cents(amount)
