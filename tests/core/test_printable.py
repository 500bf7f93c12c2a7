"""Texts from elsewhere are shown on one line, short, and never obeyed by a terminal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.text.printable import LONGEST_VALUE, printable, printable_lines, shown

TURNED = "\u202e"  # writes what follows from right to left


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, h\u00f6flich \u65e5\u672c", "plain, h\u00f6flich \u65e5\u672c"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b2J\x7f", r"\x9b2J\x7f"),
        (f"invoice{TURNED}fdp.exe", r"invoice\u202efdp.exe"),
        ("a\u2028b\u200b\ufeff", r"a\u2028b\u200b\ufeff"),
        ("\udcff", r"\udcff"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_what_a_terminal_would_obey_is_written_as_an_escape(text: str, expected: str):
    assert printable(text) == expected


@given(st.text())
def test_any_text_becomes_one_line_that_can_be_encoded(text: str):
    line = printable(text)
    assert line.encode() is not None
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_a_long_text_keeps_its_beginning_and_tells_its_length():
    assert printable("ab" * 500_000, 4) == "abab\u2026 (1,000,000 characters)"


def test_lines_stay_lines():
    assert printable_lines("a\n\x1bb\n") == "a\n\\x1bb\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3"),
        (True, "True"),
        (0.5, "0.5"),
        (np.float64(1e9), "1e+09"),
        ("x", "x"),
        (["a", "b"], "['a', 'b']"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_as_a_reader_writes_it(value: object, expected: str):
    assert shown(value) == expected


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_that_python_refuses_to_write_is_told_by_its_length(sign: int):
    assert shown(sign * 10**99_999) == "a whole number of about 100,000 digits"


def test_values_within_values_are_shortened():
    deep: list[object] = []
    for _ in range(50_000):
        deep = [deep]
    many = {f"key{i}": [10**5000] * 9 for i in range(10_000)}
    for value in (deep, many, ["\x1b[2J" * 1000]):
        text = shown(value)
        assert len(text) < 4 * LONGEST_VALUE
        assert "\x1b" not in text
