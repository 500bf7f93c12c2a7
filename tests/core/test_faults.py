"""A fault reads as a sentence, counts what it does not spell out, and never lets NaN pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.faults import SHOWN, Fault, between, broken, known, unique


def names(count: int):
    return np.array([f"ev-{i}" for i in range(count)], dtype=object)


def test_a_fault_names_field_rule_value_record_row_and_way_out():
    fault = Fault("soc", "be in [0, 1]", (42.0,), ("ev-17",), (3,), "Give a fraction.")
    assert str(fault) == "soc must be in [0, 1], got 42 for ev-17 (row 3). Give a fraction."


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("study", "be given"), "study must be given."),
        (Fault("step_h", "be above 0", (0,)), "step_h must be above 0, got 0."),
        (
            Fault("site_id", "be unique", ids=("a", "b")),
            "site_id must be unique, got for a; for b.",
        ),
        (Fault("name", "not be empty", ("",), ("",)), "name must not be empty."),
        (
            Fault("time_utc", "not repeat", (np.datetime64("2024-01-10T05", "us"),)),
            "time_utc must not repeat, got 2024-01-10T05:00:00Z.",
        ),
        (
            Fault("time_utc", "not repeat", (np.datetime64("2024-01-10T05:00:00.5", "us"),)),
            "time_utc must not repeat, got 2024-01-10T05:00:00.500000Z.",
        ),
        (
            Fault("time_utc", "be given", (np.datetime64("NaT", "us"),)),
            "time_utc must be given, got NaTZ.",
        ),
    ],
)
def test_a_fault_leaves_out_what_it_does_not_know(fault: Fault, text: str):
    assert str(fault) == text


@given(st.integers(1, 50))
def test_the_examples_and_the_rest_add_up_to_every_place(count: int):
    fault = Fault("soc", "be in [0, 1]", got=tuple(range(2, 2 + count)))
    text = str(fault)
    rest = int(text.split("and ")[1].split(" more")[0]) if " more" in text else 0
    shown = text.split("got ")[1].split("; and ")[0].rstrip(".").split("; ")
    assert len(shown) + rest == fault.count == count
    assert len(shown) <= SHOWN


@given(st.lists(st.booleans(), max_size=30))
def test_broken_finds_exactly_the_rows_that_are_not_ok(ok: list[bool]):
    rows = np.array(ok, dtype=bool)
    found = broken("x", rows, "be ok", values=np.arange(len(ok)), ids=names(len(ok)))
    bad = [i for i, good in enumerate(ok) if not good]
    assert len(found) == bool(bad)
    for fault in found:
        assert fault.got == tuple(bad)
        assert fault.rows == tuple(i + 1 for i in bad)
        assert fault.ids == tuple(f"ev-{i}" for i in bad)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-9, 1.0 + 1e-9])
def test_between_refuses_what_is_outside_and_what_is_no_number(value: float):
    values = np.array([0.5, value])
    (fault,) = between("soc", values, 0.0, 1.0, ids=names(2), rule="be in [0, 1]")
    assert fault.ids == ("ev-1",)


def test_between_takes_both_bounds_themselves_and_a_bound_for_each_row():
    high = np.array([1.0, 2.0])
    assert not between("x", np.array([0.0, 2.0]), 0.0, high, ids=names(2), rule="fit")


@given(st.lists(st.sampled_from("abcd"), max_size=12))
def test_unique_reports_each_repetition_and_never_the_first(values: list[str]):
    found = unique("id", np.array(values, dtype=object))
    repeated = [i for i, value in enumerate(values) if value in values[:i]]
    assert [row - 1 for fault in found for row in fault.rows] == repeated


def test_known_lists_the_names_there_are_but_not_without_end():
    given_names = np.array(["x"], dtype=object)
    (few,) = known("site_id", given_names, names(2), ids=names(1), what="sites")
    assert few.fix == "Known sites: ev-0, ev-1."
    (many,) = known("site_id", given_names, names(100), ids=names(1), what="sites")
    assert many.fix.endswith("ev-7 and 92 more.")
    (none,) = known("site_id", given_names, names(0), ids=names(1), what="sites")
    assert none.fix == "No sites are given."
