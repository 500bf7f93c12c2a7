"""Ranges cover the work, each part once, and errors come through."""

import threading

import numba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.computing.all_cores import on_all_cores


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


@pytest.mark.skipif(numba.get_num_threads() < 2, reason="needs a second thread")
def test_it_does_not_wait_for_threads_that_are_busy() -> None:
    busy, free = threading.Event(), threading.Event()
    done: list[int] = []

    def outer(first: int, stop: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            busy.set()
            free.wait(10.0)
        elif not free.is_set():
            busy.wait(10.0)
            on_all_cores(lambda one, other: done.extend(range(one, other)), 40)
            free.set()

    numba.set_num_threads(2)
    on_all_cores(outer, 20)
    assert sorted(done) == list(range(40))
