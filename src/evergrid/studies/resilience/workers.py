"""Where outages are followed: in this process, or by the workers of a Ray cluster."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from evergrid.engine.cluster import fan_out
from evergrid.engine.cluster.fan_out import Workers
from evergrid.studies.resilience.config import WorkersName
from evergrid.studies.resilience.scenarios import Outages

KEY = "outage.workers"
PARTS = 4  # for each worker, so that all end at about the same time

WorkContext = TypeVar("WorkContext")
Part = TypeVar("Part")
PartResult = TypeVar("PartResult")


@final
@dataclass(frozen=True)
class OutageWorkers:
    """Who follows outages.

    Attributes:
        cluster: Workers of a cluster; None for this process.
    """

    cluster: Workers | None = None

    def each(
        self,
        work: Callable[[WorkContext, Part], PartResult],
        shared: WorkContext,
        parts: Sequence[Part],
    ) -> list[PartResult]:
        """What is made of each part, in their order, with the very results of one process.

        Raises:
            WorkerError: A part loses its worker again and again.
        """
        if self.cluster is None:
            return [work(shared, part) for part in parts]
        return self.cluster.each(work, shared, parts)

    def split(self, outages: Outages) -> list[Outages]:
        """Outages in parts, each for one worker at a time; undivided for this process."""
        if self.cluster is None:
            return [outages]
        size = math.ceil(len(outages) / (PARTS * self.cluster.count))
        return [outages.part(first, first + size) for first in range(0, len(outages), size)]


HERE = OutageWorkers()


def chosen(workers: WorkersName) -> OutageWorkers:
    """Those that a configuration asks for.

    Raises:
        InputError: Ray is not installed.
        WorkerError: No cluster answers.
    """
    return HERE if workers == "process" else OutageWorkers(fan_out.workers(KEY))
