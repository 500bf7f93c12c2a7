"""``python -m benchmarks.phasor_island``: CPU seconds for each simulated second of an island.

A hospital that starts from a dead bus: inverters that form a grid, chargers that follow, a diesel
set, a motor, and blocks of which half is constant power. Times are the least and the median of the
rounds, after compiling.
"""

import argparse
import statistics
import time

from benchmarks.plan import machine
from evergrid.resilience.inverter.regfm_a1 import RegfmA1
from evergrid.resilience.phasor.events import IslandEvent
from evergrid.resilience.phasor.island import (
    PhasorIsland,
    PhasorLine,
    PhasorLoad,
    PhasorMotor,
    UnderFrequencyStage,
)
from evergrid.resilience.phasor.simulation import IslandRun, simulate
from evergrid.resilience.phasor.units import DieselUnit, FollowingUnit, FormingUnit

ROUNDS = 5
DURATION_S = 120.0
STEPS_S = (0.001, 0.002, 0.005)
SIZES = ((2, 2), (3, 9), (6, 18))  # units that form, and that follow


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=float, default=DURATION_S, help="seconds to simulate")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    print(machine.description())
    for forming, following in SIZES:
        island, events = hospital(forming, following)
        for step_s in STEPS_S:
            print(line(island, events, given.duration, step_s, given.rounds))


def line(
    island: PhasorIsland,
    events: list[IslandEvent],
    duration_s: float,
    step_s: float,
    rounds: int,
) -> str:
    """One island with one step."""
    run, taken_s = simulate(island, events, duration_s, step_s=step_s), []
    for _ in range(rounds):
        begun = time.process_time()
        run = simulate(island, events, duration_s, step_s=step_s)
        taken_s.append((time.process_time() - begun) / duration_s)
    return (
        f"{len(island.units)} units, {len(island.buses)} buses, step {1e3 * step_s:g} ms: "
        f"{1e3 * min(taken_s):.2f} ms least, {1e3 * statistics.median(taken_s):.2f} ms median "
        f"of CPU for each simulated second; {ending(run)}"
    )


def ending(run: IslandRun) -> str:
    """How it ended."""
    if run.collapse is not None:
        return run.collapse.cause
    return f"{run.frequency_hz[-1]:.3f} Hz, {run.load_kw[:, -1].sum():.0f} kW fed"


def hospital(forming: int, following: int) -> tuple[PhasorIsland, list[IslandEvent]]:
    """An island in which each unit has a bus of its own on a plaza, and its events."""
    makers = [
        *(FormingUnit(f"form {n}", f"plaza {n}", 125.0, MODEL) for n in range(forming)),
        *(
            FollowingUnit(f"follow {n}", f"plaza {n % forming}", 60.0, 20.0, running=True)
            for n in range(following)
        ),
        DieselUnit("diesel", "hospital", 200.0, 50.0),
    ]
    lines = [PhasorLine(f"cable {n}", f"plaza {n}", "hospital", 0.01, 0.03) for n in range(forming)]
    block_kw = 40.0 * forming
    loads = [PhasorLoad(f"block {n}", "hospital", block_kw, 0.3 * block_kw, 0.5) for n in range(3)]
    island = PhasorIsland(
        buses=("hospital", *(f"plaza {n}" for n in range(forming))),
        units=tuple(makers),
        lines=tuple(lines),
        loads=tuple(loads),
        motors=(PhasorMotor("pump", "hospital", 15.0),),
        shedding=(UnderFrequencyStage(59.0, ("block 2",)),),
        base_kva=250.0,
    )
    starts = [IslandEvent(float(n), "start", f"form {n}") for n in range(forming)]
    connects = [IslandEvent(10.0 + 10.0 * n, "connect", f"block {n}") for n in range(3)]
    rest = [IslandEvent(15.0, "connect", "pump"), IslandEvent(25.0, "start", "diesel")]
    return island, [*starts, *connects, *rest]


MODEL = RegfmA1().bidirectional()


if __name__ == "__main__":
    main()
