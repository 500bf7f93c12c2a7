"""``python -m benchmarks.island_dynamics``: CPU seconds of one simulated second from a dead bus.

Chains of droop inverters, those of GridKit's scaled microgrid. Explicit steps of 20 us with what a
run records, after compiling; beside them SciPy's BDF and Radau on the same equations with their
exact Jacobian, and Radau with virtual resistors, as for the keys. CPU time of this process, least
and median of the rounds. Each line tells the power of the first inverter, so that times are of one
answer.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Literal

from benchmarks.plan import machine
from evergrid.resilience.network import implicit
from evergrid.resilience.network.assembly import Assembly, assemble
from evergrid.resilience.network.dq_state import dead_state
from evergrid.resilience.network.simulation import simulate
from tests.validation.gridkit_microgrid.case import VIRTUAL_RESISTOR_OHM, chain

ROUNDS = 15
PEER_ROUNDS = 3
TOLERANCE = 1e-8
SECONDS = 1.0


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inverters", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--no-peers", action="store_true", help="only what is ours")
    given = parser.parse_args(arguments)
    print(machine.description())
    print(machine.versions())
    for inverters in given.inverters:
        whole = assemble(chain(inverters))
        print(explicit_line(whole, inverters))
        if not given.no_peers:
            print(implicit_line(whole, inverters, "BDF"))
            print(implicit_line(whole, inverters, "Radau"))
            grid = whole.microgrid
            stiff = assemble(grid, virtual_resistor_ohm=VIRTUAL_RESISTOR_OHM)
            print(implicit_line(stiff, inverters, "Radau", "with virtual resistors, "))


def explicit_line(whole: Assembly, inverters: int) -> str:
    """Explicit steps in Numba."""
    start = dead_state(whole.microgrid)
    simulate(whole, start, 1e-3)
    least_s, median_s, power_w = timed(
        lambda: float(simulate(whole, start, SECONDS).power_w[-1, 0]), ROUNDS
    )
    return line(f"{inverters} inverters, explicit steps of 20 us", least_s, median_s, power_w)


def implicit_line(
    whole: Assembly, inverters: int, method: Literal["Radau", "BDF"], how: str = ""
) -> str:
    """A solver of SciPy on the same equations."""
    start = dead_state(whole.microgrid)

    def once() -> float:
        ended = implicit.solve(whole, start, SECONDS, method=method, tolerance=TOLERANCE)
        return float(ended.state.values[1])

    least_s, median_s, power_w = timed(once, PEER_ROUNDS)
    name = f"  {inverters} inverters, {how}SciPy {method} {TOLERANCE:g}"
    return line(name, least_s, median_s, power_w)


def line(name: str, least_s: float, median_s: float, power_w: float) -> str:
    """One figure in words."""
    return f"{name}: {least_s:.3f} s least, {median_s:.3f} s median; P1 {power_w:.6f} W"


def timed(call: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Least and median CPU seconds of the rounds, and the last answer."""
    taken_s, answer = [], 0.0
    for _ in range(rounds):
        begun = time.process_time()
        answer = call()
        taken_s.append(time.process_time() - begun)
    return min(taken_s), statistics.median(taken_s), answer


if __name__ == "__main__":
    main()
