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
from evergrid.engine.cluster import zone_run
from evergrid.engine.cluster.zone_protocol import Message, Setting, Traffic, Zone
from evergrid.engine.cluster.zone_run import TrafficReport, ignore_traffic
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap

KEY = "solve.method"  # of the configuration that asks for a cluster
GRACE_S = 60.0  # after the deadline, for an iteration that is under way, and for reading
RETRIES = 3  # of a task whose worker is lost
LONGEST_S = 1e7  # Ray counts waiting time in a fixed number of digits
KNOCK_S = 5.0  # for a cluster to answer at its address
BEGIN_S = 20.0  # for workers to begin, once one has; a cold machine imports for some seconds
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
    progress: GapProgress = ignore_gap,
    account: TrafficReport = ignore_traffic,
) -> Iterate:
    """Iterate until every tree's relative gap is below ``gap``, or the deadline.

    Args:
        program: What to solve; `interior_point.supports` it.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
        zones: Workers to use at most; by default one for every CPU that Ray sees. Fewer are used
            where other jobs hold CPUs for longer than `BEGIN_S`.
        address: Of a Ray cluster; by default ``RAY_ADDRESS``, or else Ray is started on this
            machine. It is not looked at where this process is connected already.
        progress: Called for trees that are cut, with the iteration reached and the gap there.
        account: Called with what passed, for each tree that was cut.

    Raises:
        InputError: Ray is not installed.
        WorkerError: No cluster answers, or a worker is lost again and again.
        SolveError: No worker of the cluster begins in time, or workers do not answer.
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
        progress=progress,
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
        self.actors: list[Any] = []
        self.kind = ray.remote(num_cpus=1)(ZoneActor)

    def reserve(self, count: int) -> int:
        """Start an actor for each of so many zones, and keep those that find a CPU.

        Raises:
            SolveError: No CPU comes free before the deadline.
        """
        self.close()
        self.actors = [self.kind.remote() for _ in range(count)]
        begun = [actor.begun.remote() for actor in self.actors]
        waiting = set(_waiting(self.ray, begun, self.deadline))
        for actor, answer in zip(self.actors, begun, strict=True):
            if answer in waiting:
                self.ray.kill(actor)
        pairs = zip(self.actors, begun, strict=True)
        self.actors = [actor for actor, answer in pairs if answer not in waiting]
        return len(self.actors)

    def workers(self, settings: Sequence[Setting]) -> "RayWorkers":
        """One of the reserved actors for each zone."""
        return RayWorkers(self, settings)

    def each(self, programs: Sequence[Program], gap: float, deadline: float) -> list[Iterate]:
        """A task for each program; Ray itself repeats one that is lost.

        Raises:
            SolveError: No CPU comes free before the deadline.
        """
        if not programs:
            return []
        _waiting(self.ray, [self.ray.remote(num_cpus=1)(_nothing).remote()], deadline)
        task = self.ray.remote(num_cpus=1, max_retries=RETRIES)(minimise_by)
        left_s = max(deadline - time.perf_counter(), 0.0)
        ends_at = time.time() + left_s
        answers = [task.remote(program, gap, left_s, ends_at) for program in programs]
        return fetched(self.ray, answers, deadline)

    def close(self) -> None:
        """Give back the actors' CPUs."""
        while self.actors:
            self.ray.kill(self.actors.pop())


@final
class RayWorkers:
    """One actor for each zone; what a zone is made from is stored once and outlives the actor."""

    def __init__(self, host: RayHost, settings: Sequence[Setting]) -> None:
        self.host, self.ray = host, host.ray
        self.settings = [self.ray.put(setting) for setting in settings]
        self.made: dict[int, Any] = {}
        self.waiting: dict[int, Any] = {}

    def start(self, zone: int) -> None:
        """Make the zone, in a new actor where there was one before."""
        if zone in self.made:
            _log.warning("worker_replaced zone=%d", zone)
            self.ray.kill(self.host.actors[zone])
            self.host.actors[zone] = self.host.kind.remote()
        self.made[zone] = self.host.actors[zone].make.remote(self.settings[zone])

    def send(self, zone: int, message: Message) -> None:
        """Pass a message on."""
        self.waiting[zone] = self.host.actors[zone].hear.remote(message)

    def receive(self, zone: int) -> Any:
        """The answer to the last message."""
        answers = [self.made[zone], self.waiting.pop(zone)]  # an error in the first is its cause
        return fetched(self.ray, answers, self.host.deadline)[1]


@final
class ZoneActor:
    """Holds one zone at a time, and keeps to one CPU."""

    def __init__(self) -> None:
        numba.set_num_threads(1)

    def begun(self) -> None:
        """Answer as soon as there is a CPU to answer from."""

    def make(self, setting: Setting) -> None:
        """Make the zone, in place of the one there was."""
        self.zone = Zone(setting)

    def hear(self, message: Message) -> Any:
        """Answer one message."""
        return self.zone.hear(message)


def free_cpus(ray: ModuleType) -> int:
    """CPUs that nobody holds, as the cluster last counted them."""
    return int(ray.available_resources().get("CPU", 0))


def _waiting(ray: ModuleType, begun: list[Any], deadline: float) -> list[Any]:
    """Those that still wait for a CPU, once at least one has begun and others had time to.

    Raises:
        SolveError: None has begun before the deadline.
    """
    left_s = _left(deadline)
    ready, waiting = ray.wait(begun, num_returns=1, timeout=left_s)
    if ready:
        until_s = min(BEGIN_S, _left(deadline))
        ready, waiting = ray.wait(begun, num_returns=len(begun), timeout=until_s)
        if waiting:
            _log.warning("workers_not_begun wanted=%d begun=%d", len(begun), len(ready))
        return waiting
    detail = (
        f"No worker of the cluster began within {left_s:.0f} s: other jobs hold its "
        f"{cpus_of(ray)} CPUs, or its machines are too busy to start one. Wait until they are "
        "free, allow more time, or use another cluster."
    )
    raise SolveError(Status.TIME_LIMIT, detail)


def _left(deadline: float) -> float:
    """Seconds until then, in the digits that Ray has for them."""
    return min(max(deadline - time.perf_counter(), 0.0), LONGEST_S)


def fetched(ray: ModuleType, answers: Any, deadline: float) -> Any:
    """What workers answered, once they have.

    Raises:
        WorkerError: A worker is lost.
        SolveError: They did not answer in time.
    """
    patience_s = min(_left(deadline) + GRACE_S, LONGEST_S)
    lost = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError)
    lost += (ray.exceptions.ObjectLostError, ray.exceptions.NodeDiedError)
    lost += (ray.exceptions.OutOfMemoryError,)
    try:
        return ray.get(answers, timeout=patience_s)
    except ray.exceptions.GetTimeoutError as error:
        detail = (
            f"Workers did not answer within {patience_s:.0f} s, {GRACE_S:.0f} s past the limit. "
            f"{free_cpus(ray)} of the cluster's {cpus_of(ray)} CPUs are free now."
        )
        raise SolveError(Status.TIME_LIMIT, detail) from error
    except lost as error:
        raise WorkerError(f"A worker of the cluster is lost. {error}") from error


def _nothing() -> None:
    """A task that only needs a CPU."""


def minimise_by(program: Program, gap: float, left_s: float, ends_at: float) -> Iterate:
    """On one CPU, wherever this runs.

    Args:
        program: What to solve.
        gap: Relative gap to reach.
        left_s: Time there was when it was sent off.
        ends_at: When that ends by the clock, so that waiting for a CPU counts.
    """
    numba.set_num_threads(1)
    deadline = time.perf_counter() + min(left_s, ends_at - time.time())
    return interior_point.minimise(program, gap=gap, deadline=deadline)
