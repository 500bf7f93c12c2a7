"""The account of dirty rows adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.data.quality import Action, Finding, Rule, account


def marks(*rows: int, of: int = 6) -> np.ndarray:
    return np.isin(np.arange(of), rows)


VALUES = np.array([1.0, -2.0, 3.0, 4.0, 5.0, 6.0])


def test_a_row_counts_in_every_rule_it_breaks_but_is_rejected_once():
    rules = [Rule("a", "rejected", marks(1, 2), VALUES), Rule("b", "rejected", marks(2), VALUES)]
    quality = account("test", rules, 6)
    assert (quality.count("a"), quality.count("b"), quality.rows_rejected) == (2, 1, 2)


def test_a_rejected_row_is_not_counted_as_repaired():
    rules = [Rule("a", "rejected", marks(1), VALUES), Rule("b", "repaired", marks(1, 3, 4), VALUES)]
    quality = account("test", rules, 6)
    assert quality.count("b") == quality.rows_repaired == 2
    assert quality.findings[1].examples == ("row 4: 4", "row 5: 5")
    assert (quality.rows_read, quality.rows_kept, quality.rows_rejected) == (6, 5, 1)


def test_a_rule_that_finds_nothing_still_shows():
    quality = account("test", [Rule("never", "rejected", marks(), VALUES)], 6)
    assert quality.findings == (Finding("never", "rejected", 0),)
    assert any("never" in line for line in quality.lines())


def test_examples_name_row_and_value_and_stop_at_three():
    finding = account("test", [Rule("a", "kept", marks(1, 2, 3, 4), VALUES)], 6).findings[0]
    assert finding.examples == ("row 2: -2", "row 3: 3", "row 4: 4")
    assert finding.count == 4


def test_an_unknown_rule_has_no_count():
    with pytest.raises(StopIteration):
        account("test", [], 0).count("a")


def test_the_account_becomes_plain_values():
    values = account("test", [Rule("a", "rejected", marks(0), VALUES)], 6).to_dict()
    assert values["rows_read"] == 6
    assert values["findings"][0]["rule"] == "a"


@given(
    st.lists(
        st.tuples(st.sampled_from(["kept", "repaired", "rejected"]), st.sets(st.integers(0, 5))),
        max_size=6,
    )
)
def test_kept_and_rejected_are_the_rows_read_and_repaired_are_kept(
    found: list[tuple[Action, set[int]]],
) -> None:
    rules = [Rule(str(i), action, marks(*rows), VALUES) for i, (action, rows) in enumerate(found)]
    quality = account("test", rules, 6)
    assert quality.rows_kept + quality.rows_rejected == quality.rows_read == 6
    assert quality.rows_repaired <= quality.rows_kept
