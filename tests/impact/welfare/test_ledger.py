"""The ledger: payments have two sides and cancel, and what has not is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.impact.welfare import ledger
from evergrid.impact.welfare.ledger import RealEffect, Transfer, WelfareLedger
from evergrid.impact.welfare.party import Party, named

AMOUNT = st.floats(-1e9, 1e9)
PARTY = st.sampled_from(Party)


@given(
    st.lists(st.tuples(PARTY, PARTY, AMOUNT).filter(lambda row: row[0] != row[1]), max_size=12),
    st.lists(st.tuples(PARTY, AMOUNT), max_size=8),
)
def test_payments_cancel_and_only_real_effects_are_left(
    paid: list[tuple[Party, Party, float]], real: list[tuple[Party, float]]
) -> None:
    made = WelfareLedger(
        tuple(Transfer("x", *row) for row in paid), tuple(RealEffect("y", *row) for row in real)
    )
    scale = max((abs(amount) for *_, amount in (*paid, *real)), default=1.0)
    assert abs(made.total - sum(amount for _, amount in real)) <= 1e-9 * scale


def test_what_is_paid_leaves_one_party_and_reaches_the_other() -> None:
    made = WelfareLedger((Transfer("rate", Party.AGGREGATOR, Party.EV_OWNERS, 5.0),), ())
    assert made.by_party[Party.AGGREGATOR] == -5.0
    assert made.by_party[Party.EV_OWNERS] == 5.0
    assert made.paid("rate") == 5.0
    assert made.paid("tax") == 0.0


@pytest.mark.parametrize("side", ["payer", "receiver"])
@pytest.mark.parametrize("nobody", [None, "moon"])
def test_a_payment_with_one_side_is_refused(side: str, nobody: Any) -> None:
    one = Transfer("bill", Party.UTILITY, Party.GENERATORS, 1.0)
    object.__setattr__(one, side, nobody)  # which the checks of types in tests would refuse
    with pytest.raises(InputError, match=rf"{side} must be a known party, got .* for bill"):
        WelfareLedger((one,), ())


def test_a_payment_to_oneself_is_refused() -> None:
    with pytest.raises(InputError, match="receiver must differ from the payer"):
        WelfareLedger((Transfer("bill", Party.UTILITY, Party.UTILITY, 1.0),), ())


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
def test_an_amount_that_is_no_number_is_refused(amount: float) -> None:
    with pytest.raises(InputError, match="amount must be a finite number"):
        WelfareLedger((), (RealEffect("wear", Party.EV_OWNERS, amount),))


def test_entries_that_cancel_become_transfers() -> None:
    entries = [("tax", "consumers", -7.0), ("tax", "utility", -3.0), ("tax", "government", 10.0)]
    made = ledger.transfers(entries)
    assert sum(one.amount for one in made) == 10.0
    assert {one.receiver for one in made} == {Party.GOVERNMENT}
    assert WelfareLedger(made, ()).by_party[Party.CONSUMERS] == -7.0


def test_a_one_sided_entry_is_refused_with_what_is_left() -> None:
    entries = [("tax", "consumers", -7.0), ("tax", "government", 6.0), ("bill", "utility", 1.0)]
    with pytest.raises(InputError, match="cancel between payers and receivers") as caught:
        ledger.transfers(entries)
    assert [fault.ids for fault in caught.value.faults] == [("tax",), ("bill",)]
    assert caught.value.got == (-1.0,)


def test_an_unknown_party_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean government"):
        named("goverment")
    with pytest.raises(InputError, match="be a known party"):
        ledger.transfers([("tax", "moon", 1.0)])


@given(st.lists(st.tuples(PARTY, st.floats(-1e6, 1e6)), min_size=1, max_size=10))
def test_any_entries_that_cancel_are_matched_to_the_last_one(
    sides: list[tuple[Party, float]],
) -> None:
    left = -sum(amount for _, amount in sides)
    entries = [("x", party.value, amount) for party, amount in [*sides, (Party.UTILITY, left)]]
    made = WelfareLedger(ledger.transfers(entries), ())
    scale = max(abs(amount) for _, _, amount in entries) or 1.0
    for party in Party:
        wanted = sum(amount for _, name, amount in entries if name == party.value)
        assert abs(made.by_party[party] - wanted) <= 1e-7 * scale
