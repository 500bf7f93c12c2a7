"""Zones as Ray actors come to the same result, also when one is killed."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks.plan.families import home, mixed_tree
from evergrid.core.errors import InputError, SolveError, WorkerError
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import certify
from evergrid.engine.cluster import actors, zone_run
from evergrid.engine.cluster.actors import RayHost
from evergrid.engine.cluster.zone_protocol import Traffic
from evergrid.engine.cluster.zone_run import AbstractHost, LocalHost
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap
from tests.conftest import CPUS
from tests.engine.cluster.test_zone_cut import with_a_tree_apart

pytestmark = pytest.mark.xdist_group("ray")

LIMIT_S = 120.0


def by(
    host: AbstractHost, program: Program, progress: GapProgress = ignore_gap
) -> tuple[Iterate, list[Traffic]]:
    """In two zones, and what passed."""
    traffic: list[Traffic] = []
    made = zone_run.minimise(
        program,
        host=host,
        zones=2,
        gap=1e-6,
        deadline=time.perf_counter() + LIMIT_S,
        progress=progress,
        account=traffic.append,
    )
    return made, traffic


class Holder:
    """An actor of another job."""

    def here(self) -> None:
        pass


@contextmanager
def held(ray: ModuleType, cpus: int) -> Iterator[None]:
    """While another job holds so many CPUs."""
    holder = ray.remote(num_cpus=cpus)(Holder).remote()
    ray.get(holder.here.remote(), timeout=LIMIT_S)
    yield
    ray.kill(holder)


def with_ray(ray: ModuleType) -> RayHost:
    return RayHost(ray, time.perf_counter() + LIMIT_S)


def killing(host: RayHost, how: str, at: set[int]) -> GapProgress:
    """Kill the actor of the second zone after these iterations."""

    def progress(iteration: int, gap: float) -> None:
        if iteration not in at:
            return
        actor = host.actors[1]
        if how == "ray.kill":
            host.ray.kill(actor)
        else:
            os.kill(host.ray.get(actor.__ray_call__.remote(process_id)), signal.SIGKILL)

    return progress


def process_id(actor: Any) -> int:
    return os.getpid()


@pytest.mark.slow
@pytest.mark.cluster
def test_actors_agree_with_the_undivided_program_and_with_highs(ray: ModuleType) -> None:
    program = mixed_tree(300, seed=1)
    deadline = time.perf_counter() + LIMIT_S
    traffic: list[Traffic] = []
    made = actors.minimise(program, gap=1e-6, deadline=deadline, account=traffic.append)
    whole = interior_point.minimise(program, gap=1e-6, deadline=deadline)
    exact = reference.solve(program).certificate
    proof = certify(program, made.power_kw, made.dual)
    assert exact is not None
    assert made.solved.all()
    assert abs(made.iterations - whole.iterations) <= 1
    np.testing.assert_allclose(made.power_kw, whole.power_kw, atol=1e-4)
    assert proof.gap <= 1e-6
    assert proof.bound <= exact.objective + 1e-9 * abs(exact.objective)
    assert [item.replaced for item in traffic] == [0]


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("how", ["ray.kill", "kill -9"])
def test_a_killed_actor_is_replaced_and_the_plan_is_the_same(ray: ModuleType, how: str) -> None:
    program = mixed_tree(300, seed=1)
    unharmed, _ = by(LocalHost(), program)
    host = with_ray(ray)
    made, [traffic] = by(host, program, killing(host, how, {8}))
    assert traffic.replaced == 1
    assert made.iterations == unharmed.iterations
    np.testing.assert_allclose(made.power_kw, unharmed.power_kw, atol=1e-9)
    assert certify(program, made.power_kw, made.dual).gap <= 1e-6


@pytest.mark.slow
@pytest.mark.cluster
def test_an_actor_that_is_killed_again_and_again_is_given_up(ray: ModuleType) -> None:
    host = with_ray(ray)
    with pytest.raises(WorkerError, match="lost"):
        by(host, mixed_tree(300, seed=1), killing(host, "ray.kill", {2, 3, 4, 5}))


@pytest.mark.slow
@pytest.mark.cluster
def test_trees_that_share_nothing_are_tasks(ray: ModuleType) -> None:
    program = home(200, seed=1)
    made, traffic = by(with_ray(ray), program)
    whole, _ = by(LocalHost(), program)
    assert not traffic
    np.testing.assert_allclose(made.power_kw, whole.power_kw, atol=1e-6)


@pytest.mark.slow
@pytest.mark.cluster
def test_more_zones_than_there_are_cpus_do_not_wait_for_each_other(ray: ModuleType) -> None:
    program = mixed_tree(300, seed=1)
    deadline = time.perf_counter() + LIMIT_S
    assert actors.minimise(program, gap=1e-4, deadline=deadline, zones=9).solved.all()


@pytest.mark.slow
@pytest.mark.cluster
def test_a_tree_that_is_cut_gives_its_cpus_to_those_that_are_not(ray: ModuleType) -> None:
    program = with_a_tree_apart(mixed_tree(300, seed=1))
    made, traffic = by(with_ray(ray), program)
    assert len(traffic) == 1
    assert made.solved.all()
    assert certify(program, made.power_kw, made.dual).gap <= 1e-6


@pytest.mark.slow
@pytest.mark.cluster
def test_a_plan_goes_on_with_the_cpus_that_other_jobs_leave(
    ray: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(actors, "BEGIN_S", 8.0)
    program = with_a_tree_apart(mixed_tree(300, seed=1))
    with held(ray, 1):
        made, _ = by(with_ray(ray), program)
    assert certify(program, made.power_kw, made.dual).gap <= 1e-6
    assert "workers_not_begun wanted=2 begun=1" in caplog.text


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize(
    "program", [mixed_tree(60, seed=1), home(60, seed=1)], ids=["cut", "whole"]
)
def test_a_cluster_without_a_free_cpu_is_named_when_the_time_is_over(
    ray: ModuleType, program: Program
) -> None:
    limit_s = 2.0
    with held(ray, CPUS):
        begun = time.perf_counter()
        with pytest.raises(
            SolveError, match=r"No worker of the cluster .* other jobs hold its 2 CPUs, or"
        ):
            actors.minimise(program, gap=1e-6, deadline=begun + limit_s)
        assert limit_s <= time.perf_counter() - begun <= limit_s + 5.0


@pytest.mark.slow
@pytest.mark.cluster
def test_time_that_a_tree_waits_for_a_cpu_counts(ray: ModuleType) -> None:
    program = home(60, seed=1)
    now = time.time()
    # Sent off with a minute left, it finds a CPU ten minutes later.
    task = ray.remote(num_cpus=1)(actors.minimise_by)
    late, early = ray.get([task.remote(program, 1e-6, 60.0, now + far) for far in (-540.0, 60.0)])
    assert late.iterations == 0
    assert not late.solved.any()
    assert early.solved.all()


@pytest.mark.slow
@pytest.mark.cluster
def test_the_solver_hands_back_what_one_machine_would(ray: ModuleType) -> None:
    program = mixed_tree(300, seed=1)
    found = solver.solve(program, method="cluster", zones=2)
    alone = solver.solve(program, method="interior_point")
    assert found.status is Status.OPTIMAL
    assert found.certificate is not None
    assert alone.certificate is not None
    assert found.certificate.objective == pytest.approx(alone.certificate.objective, rel=1e-7)


@pytest.mark.slow
@pytest.mark.cluster
def test_a_fleet_without_a_schedule_is_told_from_one_with(ray: ModuleType) -> None:
    program = mixed_tree(60, seed=1)
    owed = np.where(np.arange(program.stores) == 3, program.energy_high_kwh, program.energy_end_kwh)
    short = replace(program, energy_end_kwh=owed, charge_kw=program.charge_kw * 0.01)
    found = solver.solve(short, method="cluster")
    assert found.status is Status.INFEASIBLE


@pytest.mark.slow
@pytest.mark.cluster
def test_the_cpus_are_given_back(ray: ModuleType) -> None:
    by(with_ray(ray), mixed_tree(300, seed=1))
    for _ in range(100):
        if ray.available_resources().get("CPU") == CPUS:
            return
        time.sleep(0.1)
    pytest.fail("an actor still holds its CPU")


@pytest.mark.slow
@pytest.mark.cluster
def test_ray_started_here_is_reached_from_here_only(ray: ModuleType) -> None:
    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
    assert ray.cluster_resources()["CPU"] == CPUS
    assert actors.connected() is ray


def test_an_address_where_nobody_is_is_named() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip('needs Ray: pip install "evergrid[cluster]"')
    code = "from evergrid.engine.cluster import actors; actors.connected('127.0.0.1:1')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "WorkerError: No Ray cluster answers at 127.0.0.1:1" in ended.stderr


def test_without_ray_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"evergrid\[cluster\]"):
        actors.connected()


def test_ray_is_not_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys; from evergrid.engine import solver; "
        "from evergrid.engine.cluster import actors; sys.exit('ray' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
