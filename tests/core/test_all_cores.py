"""Ranges cover the work, each part once, and errors come through."""

import numba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.all_cores import on_all_cores


@given(st.integers(0, 100), st.integers(1, 4))
def test_everything_is_done_once(count: int, threads: int) -> None:
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    done: list[int] = []
    on_all_cores(lambda first, stop: done.extend(range(first, stop)), count)
    numba.set_num_threads(before)
    assert sorted(done) == list(range(count))


def test_an_error_of_one_range_is_not_lost() -> None:
    def work(first: int, stop: int) -> None:
        if first <= 7 < stop:
            raise ValueError("seven")

    with pytest.raises(ValueError, match="seven"):
        on_all_cores(work, 20)
