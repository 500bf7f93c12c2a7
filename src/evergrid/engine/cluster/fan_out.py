"""Parts of a job that need nothing from each other, each on a worker of a Ray cluster."""

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any, TypeVar, final

import numba

from evergrid.engine.cluster import actors

AHEAD = 2  # parts on their way for each worker, so that none waits for its next

Context = TypeVar("Context")
Part = TypeVar("Part")
PartResult = TypeVar("PartResult")


def ignore_count(done: int) -> None:
    """Nobody is told of parts that are done."""


@final
@dataclass(frozen=True)
class Workers:
    """The workers of a cluster, one for each of its CPUs.

    Attributes:
        ray: Ray, connected.
        count: How many there are now.
    """

    ray: ModuleType
    count: int

    def each(
        self,
        work: Callable[[Context, Part], PartResult],
        shared: Context,
        parts: Iterable[Part],
        *,
        progress: Callable[[int], None] = ignore_count,
    ) -> list[PartResult]:
        """What is made of each part, in their order.

        Only a few parts are on their way at a time. One whose worker is lost is done again.

        Args:
            work: Called with what is shared and a part, on one CPU. It is a function that the
                other machines have too.
            shared: What every part needs; sent to each machine once.
            parts: Taken one by one.
            progress: Called with the number of parts that are done.

        Raises:
            WorkerError: A part loses its worker again and again.
        """
        task = self.ray.remote(num_cpus=1, max_retries=actors.RETRIES)(_work)
        stored, coming = self.ray.put(shared), enumerate(parts)
        running: dict[Any, int] = {}
        done: dict[int, PartResult] = {}
        while True:
            for row, part in islice(coming, AHEAD * self.count - len(running)):
                running[task.remote(work, stored, part)] = row
            if not running:
                return [done[row] for row in sorted(done)]
            (ready,), _ = self.ray.wait(list(running))
            done[running.pop(ready)] = actors.fetched(self.ray, ready, math.inf)
            progress(len(done))


def workers(key: str) -> Workers:
    """The workers of the cluster at ``RAY_ADDRESS``, or else of Ray started on this machine.

    Args:
        key: Of the configuration that asks for them.

    Raises:
        InputError: Ray is not installed.
        WorkerError: There is no cluster at the address.
    """
    ray = actors.connected(key=key)
    return Workers(ray, actors.cpus_of(ray))


def _work(work: Callable[[Any, Any], Any], shared: Any, part: Any) -> Any:
    """On one CPU, with arrays of its own: compiled code takes read-only ones for another type."""
    numba.set_num_threads(1)
    return work(*copy.deepcopy((shared, part)))
