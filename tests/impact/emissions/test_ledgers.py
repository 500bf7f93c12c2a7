"""Carbon of different ledgers never adds."""

import pytest

from evergrid.impact.emissions.ledgers import (
    AbstractLedger,
    ConsequentialLedger,
    LocationBasedLedger,
    MarketBasedLedger,
)

ENTRIES = [
    LocationBasedLedger(1.0, "a"),
    MarketBasedLedger(2.0, "b"),
    ConsequentialLedger(3.0, "c"),
]


def test_entries_of_one_ledger_add_and_keep_their_sources():
    both = (
        LocationBasedLedger(1000.0, "a")
        + LocationBasedLedger(500.0, "b")
        - LocationBasedLedger(250.0, "a")
    )
    assert both == LocationBasedLedger(1250.0, "a + b")
    assert both.tonnes == 1.25


OTHERS = [(one, other) for one in ENTRIES for other in (*ENTRIES, 1.0) if one is not other]


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_entries_of_two_ledgers_do_not_add(one: AbstractLedger, other: object):
    with pytest.raises(TypeError, match="ledger"):
        one + other
    with pytest.raises(TypeError, match="ledger"):
        one - other
