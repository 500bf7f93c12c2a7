"""``python -m benchmarks.power_flow``: power flows a second against OpenDSS, hosting capacity.

OpenDSS steps through load shapes and its voltages are read at each step, all at a tolerance of
1e-6, in turns with ours, in one process; the solver in JAX runs where JAX is installed. With
``--gpu`` it runs alone, on many more scenarios. The feeders lie in the shared data folder
(``EVERGRID_DATA``).
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.plan import machine
from benchmarks.plan.solvers import on_device
from evergrid.core.arrays import Array
from evergrid.grid import device_flow
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import power_flow, sparse_flow
from evergrid.grid.flow.power_flow import Flow
from evergrid.grid.hosting import deployment, hosting_capacity
from evergrid.grid.hosting.deployment import ParkingPlaces
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import day_limits
from evergrid.grid.limits.limits import Limits

FEEDERS = {
    "European LV": ("LVTestCase/Master.dss", (-7.0, 5.0), 4096, 300),
    "IEEE 123": ("123Bus/IEEE123Master.dss", (-0.6, 1.4), 4096, 1000),
    "IEEE 8500": ("8500-Node/Master-unbal.dss", (-0.6, 1.2), 512, 30),
}
SOLVERS = {
    "dense": (power_flow.reduce, power_flow.solve),
    "dense in JAX": (power_flow.reduce, device_flow.solve),
    "sparse": (sparse_flow.reduce, sparse_flow.solve),
}
MOST_DENSE = 300  # branches beyond which the dense impedance is not timed on CPUs
GPU_SCENARIOS = {"European LV": 2**20, "IEEE 123": 2**20, "IEEE 8500": 2**14}
TOLERANCE_PU = 1e-6
ROUNDS = 5
CONSTANT = ("batchedit load..* model=1 vminpu=0.3 vmaxpu=2 vlowpu=0.2",)


@dataclass(frozen=True)
class Row:
    """One solver on one feeder.

    Attributes:
        feeder: Name of the feeder.
        solver: Ours.
        per_second: Scenarios per second, median of the rounds.
        opendss_per_second: Of OpenDSS, median of the rounds.
        error_pu: Largest difference of a voltage from one found to 1e-11.
    """

    feeder: str
    solver: str
    per_second: float
    opendss_per_second: float
    error_pu: float


def folder() -> Path:
    """Where the feeders are."""
    return Path(os.environ.get("EVERGRID_DATA", "../shared/data")) / "feeders"


def rows(feeders: Path) -> Iterator[Row]:
    """Every solver on every feeder, in turns with OpenDSS."""
    for name, (file, shares, scenarios, steps) in FEEDERS.items():
        feeder = opendss.read(feeders / file)
        multiple = drawn(feeder, shares, scenarios)
        power, reactive = of_loads(feeder, multiple)
        theirs = opendss_steps(feeders / file, feeder, multiple[:steps])
        ours, error = {}, {}
        for solver in solvers(feeder):
            reduce, solve = SOLVERS[solver]
            network = reduce(feeder)
            ours[solver] = _solving(solve, network, power, reactive)
            error[solver] = error_pu(solve, network, power[:64], reactive[:64])
        theirs_s, *ours_s = in_turns(theirs, *ours.values())
        for solver, seconds in zip(ours, ours_s, strict=True):
            yield Row(name, solver, scenarios / seconds, steps / theirs_s, error[solver])


def solvers(feeder: Feeder) -> list[str]:
    """Names of the solvers that are timed on a feeder here."""
    dense = len(feeder.branches) <= MOST_DENSE
    jax = dense and find_spec("jax") is not None
    return [name for name, use in zip(SOLVERS, (dense, jax, True), strict=True) if use]


def error_pu(solve: Callable[..., Flow], *given: object) -> float:
    """Largest difference of a voltage from one found to 1e-11."""
    exact = solve(*given, tolerance_pu=1e-11)
    found = solve(*given, tolerance_pu=TOLERANCE_PU)
    return float(np.abs(found.voltage_pu - exact.voltage_pu).max())


def _solving(solve: Callable[..., object], *given: object) -> Callable[[], object]:
    return lambda: solve(*given, tolerance_pu=TOLERANCE_PU)


@dataclass(frozen=True)
class OnDevice:
    """The solver in JAX alone.

    Attributes:
        feeder: Name of the feeder.
        scenarios: How many at once.
        per_second: Scenarios per second with all voltages brought back, median of the rounds.
        evaluated_per_second: With the worst places alone brought back.
        error_pu: As in `Row`.
    """

    feeder: str
    scenarios: int
    per_second: float
    evaluated_per_second: float
    error_pu: float


def on_devices(feeders: Path, scenarios: dict[str, int]) -> Iterator[OnDevice]:
    """The solver in JAX on feeders, with so many scenarios each."""
    for name, count in scenarios.items():
        file, shares, _, _ = FEEDERS[name]
        feeder = opendss.read(feeders / file)
        network = power_flow.reduce(feeder)
        power, reactive = of_loads(feeder, drawn(feeder, shares, count))
        limits = day_limits(_case(network, np.zeros((len(feeder.branches), 1)), 1.0))
        solve = _solving(device_flow.solve, network, power, reactive)
        evaluated = _solving(device_flow.worst, limits, power, reactive)
        error = error_pu(device_flow.solve, network, power[:64], reactive[:64])
        solve_s, evaluated_s = in_turns(solve, evaluated)
        yield OnDevice(name, count, count / solve_s, count / evaluated_s, error)


def drawn(feeder: Feeder, shares: tuple[float, float], scenarios: int) -> Array:
    """Multiples of each load in each scenario; negative ones feed."""
    loads = len(dict.fromkeys(feeder.branches.name))
    return np.random.default_rng(0).uniform(*shares, (scenarios, loads))


def of_loads(feeder: Feeder, multiple: Array) -> tuple[Array, Array]:
    """Powers of the branches with their loads multiplied."""
    names = list(dict.fromkeys(feeder.branches.name))
    place = {name: i for i, name in enumerate(names)}
    by_branch = multiple[:, [place[name] for name in feeder.branches.name]]
    return feeder.branches.power_kw * by_branch, feeder.branches.reactive_kvar * by_branch


def opendss_steps(path: Path, feeder: Feeder, multiple: Array) -> Callable[[], object]:
    """A function that steps OpenDSS through the multiples and reads every voltage each time."""
    engine = opendss.opened(path, CONSTANT)
    circuit = engine.ActiveCircuit
    for i, name in enumerate(dict.fromkeys(feeder.branches.name)):
        circuit.LoadShapes.New(f"multiple{i}")
        shape = circuit.LoadShapes
        shape.Name, shape.Npts, shape.HrInterval = f"multiple{i}", len(multiple), 1.0
        shape.Pmult = shape.Qmult = multiple[:, i].tolist()
        circuit.Loads.Name = name
        circuit.Loads.daily = f"multiple{i}"
    engine.Text.Command = "set mode=daily stepsize=1h number=1 controlmode=off"
    circuit.Solution.Tolerance = TOLERANCE_PU

    def step() -> None:
        circuit.Solution.dblHour = 0
        for _ in range(len(multiple)):
            circuit.Solution.Solve()
            opendss.voltages(engine)

    return step


def in_turns(*runs: Callable[[], object]) -> list[float]:
    """Median seconds of each, run in turns after one run that compiles."""
    for run in runs:
        run()
    taken = [[timed(run) for run in runs] for _ in range(ROUNDS)]
    return np.median(np.array(taken), axis=0).tolist()


def timed(run: Callable[[], object]) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def hosting(feeders: Path) -> Iterator[tuple[str, float]]:
    """Seconds of hosting capacity on the European feeder: one step both ways, and a minute day."""
    feeder = opendss.read(feeders / "LVTestCase/Master.dss", source_pu=1.0)
    lines = replace(feeder.lines, rating_a=np.full(len(feeder.lines), 200.0))
    network = power_flow.reduce(replace(feeder, lines=lines))
    parking = ParkingPlaces(np.column_stack([np.arange(55), np.full((55, 2), -1)]))
    total = 0.0
    for power, load in (([[-7.0]] * 6 + [[0.0]] * 4, 1.0), ([[7.0]] * 8 + [[0.0]] * 2, 0.3)):
        limits = day_limits(_case(network, np.full((55, 1), load), 1.0))
        draws = deployment.draw(parking, counts=21, draws=512, profiles=len(power), seed=0)
        work = partial(hosting_capacity.evaluate, limits, draws, np.array(power))
        work()  # compiles
        total += min(timed(work) for _ in range(3))
    yield "21 numbers of vehicles x 512 draws x both directions, one step", total
    random = np.random.default_rng(0)
    limits = day_limits(_case(network, random.uniform(0, 1, (55, 1440)), 1 / 60))
    profiles = np.zeros((300, 1440))
    for row in profiles:
        begin = random.integers(900, 1200)
        row[begin : begin + random.integers(60, 240)] = -7.0
    draws = deployment.draw(parking, counts=21, draws=200, profiles=300, seed=0)
    yield (
        "21 numbers of vehicles x 200 draws x 1,440 minutes",
        timed(partial(hosting_capacity.evaluate, limits, draws, profiles)),
    )


def _case(network: power_flow.Network, share: Array, step_h: float) -> FeederCase:
    branches = network.branches
    state = np.zeros(share.shape[1], dtype=np.int64)
    base_kw = branches.power_kw[:, None] * share
    base_kvar = branches.reactive_kvar[:, None] * share
    return FeederCase((network,), state, base_kw, base_kvar, step_h, Limits())


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser("benchmarks.power_flow", description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="the solver in JAX alone, on GPUs")
    options = parser.parse_args(words)
    print(machine.description())
    if options.gpu:
        _print_on_devices()
    else:
        _print_rows()


def _print_on_devices() -> None:
    print(f"JAX on {on_device.platform()}: {', '.join(machine.gpus()) or 'no GPU'}\n")
    print("| feeder | scenarios | scenarios/s | evaluated/s | error, pu |")
    print("| --- | --- | --- | --- | --- |")
    for row in on_devices(folder(), GPU_SCENARIOS):
        print(
            f"| {row.feeder} | {row.scenarios:,} | {row.per_second:,.0f} | "
            f"{row.evaluated_per_second:,.0f} | {row.error_pu:.0e} |"
        )


def _print_rows() -> None:
    print("| feeder | solver | scenarios/s | OpenDSS steps/s | ratio | error, pu |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows(folder()):
        ratio = row.per_second / row.opendss_per_second
        print(
            f"| {row.feeder} | {row.solver} | {row.per_second:,.0f} | "
            f"{row.opendss_per_second:,.0f} | {ratio:.0f} | {row.error_pu:.0e} |"
        )
    print("\n| hosting capacity, European LV | seconds |\n| --- | --- |")
    for what, seconds in hosting(folder()):
        print(f"| {what} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
