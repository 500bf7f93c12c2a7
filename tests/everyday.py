"""Which cases of a test the everyday run takes, and which wait for `make test-all`."""

from collections.abc import Sequence
from typing import Any

import pytest


def one_in(share: int, cases: Sequence[Any]) -> list[Any]:
    """One of so many cases in everyday runs, the first among them; the others in the whole run."""
    return [
        case if place % share == 0 else pytest.param(case, marks=pytest.mark.exhaustive)
        for place, case in enumerate(cases)
    ]


def first(few: int, cases: Sequence[Any]) -> list[Any]:
    """The first few of the cases in everyday runs; the others in the whole run."""
    return [
        case if place < few else pytest.param(case, marks=pytest.mark.exhaustive)
        for place, case in enumerate(cases)
    ]
