"""Work cut into ranges that all cores share, done by compiled code that lets the others run."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numba
import numpy as np

RANGES = 4  # for each thread, so that all end at about the same time


def on_all_cores(work: Callable[[int, int], object], count: int) -> None:
    """Do ``work(first, stop)`` for ranges that make up ``range(count)``.

    The calling thread works, too, and waits for no other that has not begun: where the other cores
    are busy, it does all.

    Args:
        work: Compiled, and free of the interpreter's lock.
        count: How much there is to do.
    """
    threads = numba.get_num_threads()
    if count == 0:
        return
    if threads == 1 or count == 1:
        work(0, count)
        return
    edges = np.linspace(0, count, min(count, RANGES * threads) + 1).astype(int).tolist()
    left = deque(pairwise(edges))

    def drain() -> None:
        while left:
            try:
                first, stop = left.popleft()
            except IndexError:  # another thread took the last one
                return
            work(first, stop)

    others = [_pool(os.getpid(), threads - 1).submit(drain) for _ in range(threads - 1)]
    try:
        drain()
    finally:
        left.clear()
        begun = [other for other in others if not other.cancel()]
        for other in begun:
            other.exception()
    for other in begun:
        other.result()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads that are kept, as starting some takes longer than much work does.

    Args:
        process: Whose threads they are; after a fork there are none yet.
        threads: How many.
    """
    return ThreadPoolExecutor(threads, thread_name_prefix=f"evergrid-{process}")
