"""Work cut into ranges that all cores share, done by compiled code that lets the others run."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

RANGES = 4  # for each thread, so that all end at about the same time


def on_all_cores(work: Callable[[int, int], object], count: int) -> None:
    """Do ``work(first, stop)`` for ranges that make up ``range(count)``.

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
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, edges[:-1], edges[1:]):
            pass
