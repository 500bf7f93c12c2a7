"""Where the draws of a hosting capacity study are evaluated: here, or by workers of a cluster."""

import math
from collections.abc import Callable
from typing import Literal

from evergrid.engine.cluster import fan_out
from evergrid.engine.cluster.fan_out import Workers
from evergrid.grid.hosting.deployment import Deployments
from evergrid.grid.hosting.hosting_capacity import (
    DeploymentEvaluator,
    DeploymentResults,
    joined,
)

KEY = "sampling.workers"
PARTS = 8  # for each worker, so that all end at about the same time

WorkersName = Literal["threads", "cluster"]
Report = Callable[[float], None]  # given the share that is done
Evaluate = Callable[[DeploymentEvaluator, Deployments, Report], DeploymentResults]


def evaluate_on(workers: WorkersName) -> Evaluate:
    """What evaluates every deployment, and reports which share of them is done.

    Raises:
        InputError: Ray is not installed.
        WorkerError: No cluster answers.
    """
    return on_threads if workers == "threads" else on_cluster(fan_out.workers(KEY))


def on_threads(
    evaluator: DeploymentEvaluator, deployments: Deployments, report: Report
) -> DeploymentResults:
    """By the threads of this process."""
    return evaluator.evaluate(deployments)


def on_cluster(workers: Workers) -> Evaluate:
    """By the workers of a cluster, with the very results of a single process."""

    def evaluate(
        evaluator: DeploymentEvaluator, deployments: Deployments, report: Report
    ) -> DeploymentResults:
        groups = math.ceil(deployments.draws / evaluator.together)
        size = evaluator.together * math.ceil(groups / (PARTS * workers.count))
        starts = range(0, deployments.draws, size)
        parts = (deployments.part(first, first + size) for first in starts)
        made = workers.each(
            DeploymentEvaluator.evaluate,
            evaluator,
            parts,
            progress=lambda done: report(done / len(starts)),
        )
        return joined(made)

    return evaluate
