"""The summary keeps to ten lines, and no row is lost on the way."""

from evergrid.studies import console_summary

JOINS = (("a0", "a1"), ("a2", "a3"), ("a4", "none"))


def test_few_rows_stay_as_they_are():
    rows = [(f"a{i}", f"text {i}") for i in range(9)]
    assert console_summary.lines(rows, JOINS) == [f"{name:<10}{text}" for name, text in rows]


def test_too_many_rows_are_joined_only_as_far_as_needed():
    rows = [(f"a{i}", f"text {i}") for i in range(10)]
    lines = console_summary.lines(rows, JOINS)
    assert len(lines) == 9
    assert lines[0] == "a0        text 0; a1: text 1"
    assert lines[1:] == [f"a{i}        text {i}" for i in range(2, 10)]
