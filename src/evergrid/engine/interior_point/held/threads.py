"""Chunks of stores worked through by several threads.

Numba's own parallel loops take no records with tuples, whose lengths let loops over awards be
unrolled; and they compile more slowly. Kernels here release the interpreter's lock instead.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

PIECES = 4  # for each thread, so that none waits long for another


def each(function: Callable[..., None], count: int, *given: Any) -> None:
    """Call a kernel for all of so many chunks, each time from one up to another."""
    threads = min(numba.get_num_threads(), count)
    if threads <= 1:
        function(0, count, *given)
        return
    pieces = min(count, PIECES * threads)
    edges = [count * k // pieces for k in range(pieces + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda k: function(edges[k], edges[k + 1], *given), range(pieces)):
            pass
