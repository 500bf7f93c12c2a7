"""The workers of a cluster come to the verdicts of one process, also when one of them is killed."""

import importlib.util
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.engine.cluster.fan_out import Workers
from evergrid.grid.feeder import opendss
from evergrid.grid.flow import power_flow
from evergrid.grid.hosting import deployment, hosting_capacity
from evergrid.grid.hosting.deployment import Deployments, ParkingPlaces
from evergrid.grid.hosting.hosting_capacity import (
    DeploymentEvaluator,
    DeploymentResults,
    deployment_evaluator,
)
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import day_limits
from evergrid.grid.limits.limits import Limits
from evergrid.studies import hosting_capacity as study
from evergrid.studies.hosting_capacity import workers as evaluating
from tests.grid.cases import street
from tests.studies.hosting_capacity.test_study import configured

pytestmark = pytest.mark.xdist_group("ray")
STEPS = 24


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeploymentEvaluator, Deployments]:
    """A street with 95 draws, which no number of parts divides."""
    network = power_flow.reduce(opendss.read(street(tmp_path_factory.mktemp("street"))))
    power = np.tile(network.branches.power_kw[:, None], STEPS)
    reactive = np.tile(network.branches.reactive_kvar[:, None], STEPS)
    case = FeederCase(
        (network,), np.zeros(STEPS, np.int64), power, reactive, 1.0, Limits(low_pu=0.94)
    )
    parking = ParkingPlaces(np.array([[k, -1, -1] for k in range(len(network.branches))]))
    profiles = np.random.default_rng(2).choice([0.0, -7.4, 11.0], (30, STEPS))
    deployed = deployment.draw(parking, counts=4, draws=95, profiles=30, seed=3)
    return deployment_evaluator(day_limits(case), parking, profiles), deployed


def untold(share: float) -> None:
    """Nobody is told."""


def agree(found: DeploymentResults, wanted: DeploymentResults) -> None:
    for name, value in vars(found).items():
        np.testing.assert_array_equal(value, getattr(wanted, name), err_msg=name)


def test_parts_put_together_are_the_undivided_verdicts(
    asked: tuple[DeploymentEvaluator, Deployments],
) -> None:
    evaluator, deployed = asked
    assert evaluator.together == 10
    cuts = (0, 10, 60, 95)
    parts = [deployed.part(a, b) for a, b in pairwise(cuts)]
    found = hosting_capacity.joined([evaluator.evaluate(part) for part in parts])
    agree(found, evaluating.on_threads(evaluator, deployed, untold))


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("count", [1, 2, 100])
def test_the_number_of_workers_changes_nothing(
    ray: ModuleType, asked: tuple[DeploymentEvaluator, Deployments], count: int
) -> None:
    told: list[float] = []
    found = evaluating.on_cluster(Workers(ray, count))(*asked, told.append)
    whole = evaluating.on_threads(*asked, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    agree(found, whole)


def test_a_cluster_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"workers must be one whose .*evergrid\[cluster\]"):
        evaluating.evaluate_on("cluster")


def test_an_address_where_nobody_is_is_named() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip('needs Ray: pip install "evergrid[cluster]"')
    code = (
        "from evergrid.studies.hosting_capacity.workers import evaluate_on; evaluate_on('cluster')"
    )
    at = os.environ | {"RAY_ADDRESS": "127.0.0.1:1"}
    call = [sys.executable, "-c", code]
    ended = subprocess.run(call, capture_output=True, text=True, env=at, check=False)
    assert "WorkerError: No Ray cluster answers at 127.0.0.1:1" in ended.stderr


def killed_once(given: tuple[DeploymentEvaluator, Path], part: Deployments) -> DeploymentResults:
    """Kills its worker the first time that a part is found."""
    evaluator, mark = given
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return evaluator.evaluate(part)


@pytest.mark.slow
@pytest.mark.cluster
def test_a_killed_worker_changes_nothing(
    ray: ModuleType, asked: tuple[DeploymentEvaluator, Deployments], tmp_path: Path
) -> None:
    evaluator, deployed = asked
    parts = [deployed.part(first, first + 10) for first in range(0, 95, 10)]
    mark = tmp_path / "killed"
    found = Workers(ray, 2).each(killed_once, (evaluator, mark), parts)
    assert mark.exists()
    agree(hosting_capacity.joined(found), evaluating.on_cluster(Workers(ray, 2))(*asked, untold))


@pytest.mark.slow
@pytest.mark.cluster
def test_a_study_over_the_cluster_tells_what_it_tells_alone(
    ray: ModuleType, tmp_path: Path
) -> None:
    told: list[float] = []
    found = {}
    for workers in ("threads", "cluster"):
        sampling: dict[str, Any] = {
            "vehicle_counts": 7,
            "draws": 40,
            "vehicle_days": 60,
            "step_min": 60,
        }
        config = configured(tmp_path, sampling=sampling | {"workers": workers}, cases=["charge"])
        found[workers] = study.run(
            config, seed=1, folder=tmp_path, progress=lambda label, share: told.append(share)
        )
    alone, spread = (found[name].tables["draws"] for name in ("threads", "cluster"))
    assert spread.equals(alone)
    ours = told[told.index(0.0, 1) :]
    assert ours == sorted(ours)
