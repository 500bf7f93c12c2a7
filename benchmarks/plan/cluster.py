"""What zones cost on one machine, what passes between them, and how long a lost one takes.

``python -m benchmarks.plan.cluster`` prints a table. Ray is started with as many CPUs as there are.
"""

import time

import numpy as np

from benchmarks.plan.families import FAMILIES
from evergrid.engine.certificate import certify
from evergrid.engine.cluster import actors, zone_run
from evergrid.engine.cluster.actors import RayHost
from evergrid.engine.cluster.zone_protocol import Traffic
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap

SESSIONS = 10_000
GAP = 1e-6
LIMIT_S = 600.0
KILLED_AFTER = 20  # iterations
RUNS = 3  # of which the fastest counts


def main() -> None:
    """Time every family, divided and not."""
    ray = actors.started()
    zones = int(ray.cluster_resources()["CPU"])
    for name in ("mixed_tree", "home"):
        program = FAMILIES[name](SESSIONS, seed=1)
        whole_s, whole = min(_undivided(program) for _ in range(RUNS))
        zoned_s, zoned, traffic = min(_zoned(program, zones) for _ in range(RUNS))
        print(f"{name}: {program.slots} slots, undivided {whole_s:.1f} s, {whole} iterations")
        print(f"  {zones} zones {zoned_s:.1f} s, {zoned} iterations")
        for item in traffic:
            per = zones * zoned
            down, up = item.sent_bytes / per, item.heard_bytes / per
            print(f"  per zone and iteration {down:.0f} bytes down, {up:.0f} bytes up")
            killed_s, *_ = min(_zoned(program, zones, killed=True) for _ in range(RUNS))
            print(f"  with a worker killed {killed_s:.1f} s")


def _undivided(program: Program) -> tuple[float, int]:
    begun = time.perf_counter()
    found = interior_point.minimise(program, gap=GAP, deadline=begun + LIMIT_S)
    return time.perf_counter() - begun, _proven(program, found)


def _zoned(
    program: Program, zones: int, *, killed: bool = False
) -> tuple[float, int, list[Traffic]]:
    begun = time.perf_counter()
    host, traffic = RayHost(actors.connected(), begun + LIMIT_S), []
    found = zone_run.minimise(
        program,
        host=host,
        zones=zones,
        gap=GAP,
        deadline=begun + LIMIT_S,
        progress=_kill(host) if killed else ignore_gap,
        account=traffic.append,
    )
    return time.perf_counter() - begun, _proven(program, found), traffic


def _kill(host: RayHost) -> GapProgress:
    def progress(iteration: int, gap: float) -> None:
        if iteration == KILLED_AFTER:
            host.ray.kill(host.actors[0])

    return progress


def _proven(program: Program, found: Iterate) -> int:
    proof = certify(program, found.power_kw, found.dual)
    assert np.all(found.solved)
    assert proof.gap <= GAP
    return found.iterations


if __name__ == "__main__":
    main()
