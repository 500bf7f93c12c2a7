"""The one door to Ray: zones as actors on one machine or many, whole trees as tasks."""

import logging
import os
import socket
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any, final

import numba

from evergrid.core.errors import InputError, SolveError, WorkerError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.engine import interior_point, zone_run
from evergrid.engine.interior_point import Iterate, Tell, untold
from evergrid.engine.program import Program
from evergrid.engine.zone_calls import Message, Setting, Traffic, Zone
from evergrid.engine.zone_run import Account, unread

KEY = "solve.method"  # of the configuration that asks for a cluster
GRACE_S = 60.0  # after the deadline, for an iteration that is under way, and for reading
RETRIES = 3  # of a task whose worker is lost
LONGEST_S = 1e7  # Ray counts waiting time in a fixed number of digits
KNOCK_S = 5.0  # for a cluster to answer at its address
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
# How Ray behaves where it is started for this process alone. The first, whatever its name says,
# keeps it to the loopback interface on any system; Ray reads it when it is imported.
ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}

_log = logging.getLogger(__name__)


def minimise(
    program: Program,
    *,
    gap: float,
    deadline: float,
    zones: int | None = None,
    address: str | None = None,
    tell: Tell = untold,
    account: Account = unread,
) -> Iterate:
    """Iterate until every tree's relative gap is below ``gap``, or the deadline.

    Args:
        program: What to solve; `interior_point.supports` it.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
        zones: Workers to use at most; by default one for every CPU that Ray sees.
        address: Of a Ray cluster; by default ``RAY_ADDRESS``, or else Ray is started on this
            machine. It is not looked at where this process is connected already.
        tell: Called for trees that are cut, with the iteration reached and the gap there.
        account: Called with what passed, for each tree that was cut.

    Raises:
        InputError: Ray is not installed.
        WorkerError: No cluster answers, or a worker is lost again and again.
        SolveError: Workers do not answer in time.
    """
    ray = connected(address)
    cpus = cpus_of(ray)

    def passed(traffic: Traffic) -> None:
        _log.info("zones_solved %s", traffic)
        account(traffic)

    return zone_run.minimise(
        program,
        host=RayHost(ray, deadline),
        zones=min(zones or cpus, cpus),  # an actor without a CPU would never begin
        gap=gap,
        deadline=deadline,
        tell=tell,
        account=passed,
    )


def connected(address: str | None = None, *, key: str = KEY) -> ModuleType:
    """Ray, connected to a cluster or else started on this machine.

    Args:
        address: Of the cluster; by default ``RAY_ADDRESS``.
        key: Of the configuration that asks for it.

    Raises:
        InputError: It is not installed.
        WorkerError: There is no cluster at the address.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if not address:
        return started(key=key)
    ray = _installed(key)
    if not ray.is_initialized():
        _knock(address)
        try:
            ray.init(address, **QUIET)
        except ConnectionError as error:
            raise WorkerError(f"No Ray cluster answers at {address}. {error}") from error
    return ray


def started(cpus: int | None = None, *, key: str = KEY) -> ModuleType:
    """Ray on this machine, reached from this machine only, until the process ends.

    Raises:
        InputError: It is not installed.
    """
    for name, value in ALONE.items():
        os.environ.setdefault(name, value)
    ray = _installed(key)
    if not ray.is_initialized():
        ray.init("local", num_cpus=cpus, include_dashboard=False, **QUIET)
    return ray


def cpus_of(ray: ModuleType) -> int:
    """CPUs that a cluster has, at least 1."""
    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _installed(key: str) -> ModuleType:
    try:
        import ray
    except ImportError as error:
        rule = "be one whose packages are installed"
        fix = 'Install them with pip install "evergrid[cluster]".'
        table, _, name = key.rpartition(".")
        raise InputError(table, [Fault(name, rule, got=("cluster",), fix=fix)]) from error
    return ray


def _knock(address: str) -> None:
    """Refuse an address at which nobody is; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if "//" in address or not port.isdigit():  # a name that only Ray resolves
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except OSError as error:
        raise WorkerError(f"No Ray cluster answers at {address}. {error}") from error


@final
class RayHost:
    """Workers of the cluster that Ray is connected to."""

    def __init__(self, ray: ModuleType, deadline: float) -> None:
        self.ray, self.deadline = ray, deadline
        self.given: list[RayWorkers] = []

    def workers(self, settings: Sequence[Setting]) -> "RayWorkers":
        """An actor for each zone."""
        self.close()
        self.given.append(RayWorkers(self.ray, settings, self.deadline))
        return self.given[-1]

    def each(self, programs: Sequence[Program], gap: float, left_s: float) -> list[Iterate]:
        """A task for each program; Ray itself repeats one that is lost."""
        task = self.ray.remote(num_cpus=1, max_retries=RETRIES)(_minimise)
        answers = [task.remote(program, gap, left_s) for program in programs]
        return fetched(self.ray, answers, self.deadline)

    def close(self) -> None:
        """Give back the actors."""
        while self.given:
            self.given.pop().close()


@final
class RayWorkers:
    """One actor for each zone; what a zone is made from is stored once and outlives the actor."""

    def __init__(self, ray: ModuleType, settings: Sequence[Setting], deadline: float) -> None:
        self.ray, self.deadline = ray, deadline
        self.settings = [ray.put(setting) for setting in settings]
        self.actors: dict[int, Any] = {}
        self.waiting: dict[int, Any] = {}
        self.kind = ray.remote(num_cpus=1)(ZoneActor)

    def start(self, zone: int) -> None:
        """A new actor, in place of the one there was."""
        if zone in self.actors:
            _log.warning("worker_replaced zone=%d", zone)
            self.ray.kill(self.actors[zone])
        self.actors[zone] = self.kind.remote(self.settings[zone])

    def send(self, zone: int, message: Message) -> None:
        """Pass a message on."""
        self.waiting[zone] = self.actors[zone].hear.remote(message)

    def receive(self, zone: int) -> Any:
        """The answer to the last message."""
        return fetched(self.ray, self.waiting.pop(zone), self.deadline)

    def close(self) -> None:
        """Give back the actors' CPUs."""
        for actor in self.actors.values():
            self.ray.kill(actor)


@final
class ZoneActor:
    """A zone that keeps to one CPU."""

    def __init__(self, setting: Setting) -> None:
        numba.set_num_threads(1)
        self.zone = Zone(setting)

    def hear(self, message: Message) -> Any:
        """Answer one message."""
        return self.zone.hear(message)


def fetched(ray: ModuleType, answers: Any, deadline: float) -> Any:
    """What workers answered, once they have.

    Raises:
        WorkerError: A worker is lost.
        SolveError: They did not answer in time.
    """
    patience_s = min(max(deadline - time.perf_counter(), 0.0) + GRACE_S, LONGEST_S)
    lost = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError)
    lost += (ray.exceptions.ObjectLostError, ray.exceptions.NodeDiedError)
    lost += (ray.exceptions.OutOfMemoryError,)
    try:
        return ray.get(answers, timeout=patience_s)
    except ray.exceptions.GetTimeoutError as error:
        detail = (
            f"Workers did not answer within {patience_s:.0f} s; the cluster may lack free CPUs."
        )
        raise SolveError(Status.TIME_LIMIT, detail) from error
    except lost as error:
        raise WorkerError(f"A worker of the cluster is lost. {error}") from error


def _minimise(program: Program, gap: float, left_s: float) -> Iterate:
    """On one CPU, wherever this runs."""
    numba.set_num_threads(1)
    deadline = time.perf_counter() + left_s
    return interior_point.minimise(program, gap=gap, deadline=deadline)
