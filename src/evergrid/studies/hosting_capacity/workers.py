"""Who judges the draws of a hosting capacity study: this machine, or the workers of a cluster."""

import math
from collections.abc import Callable
from typing import Literal

from evergrid.engine.cluster import fan_out
from evergrid.engine.cluster.fan_out import Workers
from evergrid.grid.hosting.deployment import Deployments
from evergrid.grid.hosting.hosting_capacity import Judged, Rules, joined

KEY = "sampling.workers"
PARTS = 8  # for each worker, so that all end at about the same time

WorkersName = Literal["threads", "cluster"]
Tell = Callable[[float], None]
JudgedBy = Callable[[Rules, Deployments, Tell], Judged]


def judged_by(workers: WorkersName) -> JudgedBy:
    """What judges every deployment and tells which share of them is done.

    Raises:
        InputError: Ray is not installed.
        WorkerError: No cluster answers.
    """
    return on_threads if workers == "threads" else on_cluster(fan_out.workers(KEY))


def on_threads(rules: Rules, deployments: Deployments, tell: Tell) -> Judged:
    """By the threads of this process."""
    return rules.judged(deployments)


def on_cluster(workers: Workers) -> JudgedBy:
    """By the workers of a cluster, with the very verdicts of a single process."""

    def judged(rules: Rules, deployments: Deployments, tell: Tell) -> Judged:
        groups = math.ceil(deployments.draws / rules.together)
        size = rules.together * math.ceil(groups / (PARTS * workers.count))
        starts = range(0, deployments.draws, size)
        parts = (deployments.part(first, first + size) for first in starts)
        made = workers.each(
            Rules.judged, rules, parts, progress=lambda done: tell(done / len(starts))
        )
        return joined(made)

    return judged
