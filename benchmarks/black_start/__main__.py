"""``python -m benchmarks.black_start``: CPU time of black starts, after compiling.

Twenty seconds with three inverters and four blocks, as in ``examples/black_start.toml``, the
hospital with twelve, as in ``examples/black_start_hospital.toml``, and its neighbours, as in
``examples/black_start_neighbour.toml``: the event engine alone, without waveforms and report. Times
are the least and the median of the rounds.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from benchmarks.plan import machine
from evergrid.core import config
from evergrid.resilience.black_start.procedure import black_start
from evergrid.resilience.black_start.results.outcome import BlackStart
from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.neighbour_config import feeder

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = (
    *("black_start", "black_start_hospital", "black_start_unstable"),
    "black_start_neighbour",
)


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each case")
    given = parser.parse_args(arguments)
    print(machine.description())
    for case in CASES:
        settings = config.read(Config, EXAMPLES / f"{case}.toml")
        found = start(settings)  # compiles
        took = []
        for _ in range(given.rounds):
            from_s = time.process_time()
            found = start(settings)
            took.append(time.process_time() - from_s)
        print(
            f"{case}: {found.duration_s:g} s, {len(found.circuit.formers)} inverters, "
            f"{len(found.circuit.blocks)} blocks, {found.status}: {min(took):.2f} CPU s least, "
            f"{statistics.median(took):.2f} median"
        )


def start(settings: Config) -> BlackStart:
    """The engine alone."""
    returned, following = settings.grid_return, settings.following
    random = np.random.default_rng(0)
    return black_start(
        settings.microgrid.record(random),
        settings.start.record(),
        inverter=settings.inverter.record(),
        synchronise=settings.synchronise.record(),
        limits=settings.limits.record(),
        grid=None if returned is None else returned.record(),
        feeder=feeder(settings.upstream, settings.neighbour, random),
        following=None if following is None else following.record(),
    )


if __name__ == "__main__":
    main()
