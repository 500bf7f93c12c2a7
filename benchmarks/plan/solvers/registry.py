"""Who takes part: HiGHS whole and site by site, Evergrid on CPUs and devices, peers on GPUs."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.plan import machine
from benchmarks.plan.solvers import gpu_peers, on_device, outcome, site_by_site
from benchmarks.plan.solvers.outcome import Outcome
from evergrid.engine import reference, solver
from evergrid.engine.interior_point import interior_point
from evergrid.engine.program import Program

Solve = Callable[[], Outcome]
NOT_INSTALLED, NO_GPU, JAX_WITHOUT_GPU = "not_installed", "no_gpu", "jax_sees_no_gpu"


@dataclass(frozen=True)
class Solver:
    """One way to solve an instance.

    Attributes:
        label: What tables and figures call it.
        ready: Makes everything ready for an instance and a time limit in s; what it returns is
            the part that is timed.
        largest: Most sessions on which it is run where solvers are not asked for by name.
        gap: Certified gap at which it stops; None where it has a tolerance of its own.
        covers: Whether it can solve a program at all.
        missing: What is missing on this machine, as a status; empty if nothing is.
        per_shape: Whether it compiles anew for every size, so that the first call has to be made
            on the instance itself.
    """

    label: str
    ready: Callable[[Program, float], Solve]
    largest: int
    gap: float | None = None
    covers: Callable[[Program], bool] = lambda program: True
    missing: Callable[[], str] = lambda: ""
    per_shape: bool = False


def _highs(algorithm: str) -> Callable[[Program, float], Solve]:
    def ready(program: Program, limit_s: float) -> Solve:
        return lambda: outcome.of(
            reference.solve(program, algorithm=algorithm, time_limit_s=limit_s)
        )

    return ready


def _evergrid(label: str, gap: float) -> Solver:
    def ready(program: Program, limit_s: float) -> Solve:
        return lambda: outcome.of(
            solver.solve(program, method="interior_point", gap=gap, time_limit_s=limit_s)
        )

    return Solver(label, ready, 100_000, gap=gap, covers=interior_point.supports)


def _no_device() -> str:
    """JAX runs on whatever there is, but where there is a GPU it must not run beside it."""
    if find_spec("jax") is None:
        return NOT_INSTALLED
    return JAX_WITHOUT_GPU if machine.gpus() and on_device.platform() == "cpu" else ""


def _gpu_peer(label: str, package: str, ready: Callable[[Program, float], Solve]) -> Solver:
    def missing() -> str:
        if find_spec(package) is None:
            return NOT_INSTALLED
        return "" if machine.gpus() else NO_GPU

    return Solver(label, ready, 10_000_000, covers=gpu_peers.covers, missing=missing)


MONOLITHIC = ("simplex", "ipm", "pdlp")
SITE_BY_SITE = "site_by_site"
OURS = ("evergrid_1e-3", "evergrid_1e-4")
DEVICE = "device_1e-3"
GPU_PEERS = ("cupdlpx", "cuopt")
SOLVERS: dict[str, Solver] = {
    "simplex": Solver("HiGHS simplex", _highs("simplex"), 10_000),
    "ipm": Solver("HiGHS interior point", _highs("ipm"), 1000),
    "pdlp": Solver("HiGHS PDLP", _highs("pdlp"), 1000),
    SITE_BY_SITE: Solver("HiGHS site by site", site_by_site.ready, 10_000),
    "evergrid_1e-3": _evergrid("Evergrid to 1e-3", 1e-3),
    "evergrid_1e-4": _evergrid("Evergrid to 1e-4", 1e-4),
    DEVICE: Solver(
        "Evergrid in JAX to 1e-3",
        on_device.ready(1e-3),
        1000,
        gap=1e-3,
        covers=interior_point.supports,
        missing=_no_device,
        per_shape=True,
    ),
    "cupdlpx": _gpu_peer("cuPDLPx", "cupdlpx", gpu_peers.cupdlpx),
    "cuopt": _gpu_peer("cuOpt", "cuopt", gpu_peers.cuopt),
}
