"""``python -m benchmarks.merit_order``: a year of the RTS-GMLC against a linear program.

The year by merit order, a store that moves the price over the year, and the same by a linear
program with HiGHS over as many hours as are asked for: the store's balance ties all hours, so that
the linear program holds every piece of the stack in every hour. Times are the least and the median
of the rounds. The system lies in the shared data folder (``EVERGRID_DATA``).
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan import machine
from evergrid.data.generation import rts_gmlc
from evergrid.dispatch.generation.problem import GenerationProblem
from evergrid.dispatch.generation.schedule import UnitSchedule, schedule_units
from evergrid.impact import merit_order
from evergrid.impact.merit_order import AggregateStorage
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad

ROUNDS = 15
STORES = ((100.0, 400.0), (1000.0, 4000.0))  # MW and MWh
EFFICIENCY = 0.87
WEEK = (4008, 4176)  # hours of the year, from 16 June on
VOLL, WEEK_GAP = 9500.0, 0.005


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=744, help="of the linear program")
    parser.add_argument("--week", action="store_true", help="whole commitment of a week, alone")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for each program of it")
    given = parser.parse_args(arguments)
    folder = Path(os.environ.get("EVERGRID_DATA", "../shared/data")) / "generation" / "rts_gmlc"
    fleet, load = rts_gmlc.read_generators(folder), rts_gmlc.read_system_load(folder)
    print(machine.description())
    if given.week:
        commitment_lines(fleet, load, given.limit)
        return
    for treatment in ("as_given", "hull"):
        print(merit_order_line(fleet, load, treatment))
    for power_mw, energy_mwh in STORES:
        print(storage_line(fleet, load, power_mw, energy_mwh))
        print(referee_line(fleet, load, power_mw, energy_mwh, given.hours))


def merit_order_line(fleet: GeneratorFleet, load: SystemLoad, treatment: str) -> str:
    """The whole year, every hour by itself."""
    stack = merit_order.supply_stack(fleet, treatment=treatment)
    net_mw = load.net_load_mw
    least_s, median_s, year = timed(lambda: merit_order.dispatch(stack, net_mw))
    pieces = len(stack.low_price_per_mwh)
    return (
        f"merit order, {treatment}, {len(net_mw):,} hours, {pieces} pieces: "
        f"{1e3 * least_s:.2f} ms least, {1e3 * median_s:.2f} ms median; "
        f"cost {year.cost / 1e6:.2f} million, CO2 {year.emissions_of('co2').sum() / 1e9:.3f} Mt"
    )


def storage_line(
    fleet: GeneratorFleet, load: SystemLoad, power_mw: float, energy_mwh: float
) -> str:
    """The whole year with a store that moves the price."""
    stack, hours = merit_order.supply_stack(fleet), load.grid.steps
    store = a_store(hours, power_mw, energy_mwh)
    net_mw = load.net_load_mw
    least_s, median_s, found = timed(lambda: merit_order.price_making(stack, net_mw, store))
    return (
        f"price making, {power_mw:g} MW, {energy_mwh:g} MWh, {hours:,} hours: "
        f"{1e3 * least_s:.0f} ms least, {1e3 * median_s:.0f} ms median; {found.status}, "
        f"gap {found.gap:.1e}, cost {found.cost / 1e6:.4f} million"
    )


def referee_line(
    fleet: GeneratorFleet, load: SystemLoad, power_mw: float, energy_mwh: float, hours: int
) -> str:
    """The first hours by both, and how far their costs are apart."""
    part = first_hours(load, hours)
    store = a_store(hours, power_mw, energy_mwh)
    stack = merit_order.supply_stack(fleet)
    ours = merit_order.price_making(stack, part.net_load_mw, store)
    begun = time.perf_counter()
    theirs = linear_program(fleet, part, store)
    took_s = time.perf_counter() - begun
    apart = abs(ours.cost - theirs.cost) / theirs.cost
    return (
        f"  linear program, {hours:,} hours: {took_s:.2f} s, {theirs.status}; "
        f"costs differ by {apart:.1e}"
    )


def commitment_lines(fleet: GeneratorFleet, load: SystemLoad, limit_s: float) -> None:
    """A week of June as merit order with ramps, relaxed, and with whole units."""
    week = SystemLoad(
        load.grid.part(*WEEK),
        load.load_mw[slice(*WEEK)],
        load.source,
        load.available_mw[:, slice(*WEEK)],
    )
    for commitment in ("none", "relaxed", "whole"):
        problem = GenerationProblem(fleet, week, commitment=commitment, voll_per_mwh=VOLL)
        begun = time.process_time()
        found = schedule_units(problem, gap=WEEK_GAP, time_limit_s=limit_s)
        print(
            f"{commitment}: cost {found.cost / 1e6:.4f} million, gap {found.gap:.2%}, "
            f"{found.status}, lost {found.lost_load_mw.sum():.1f} MWh, "
            f"{time.process_time() - begun:.1f} CPU s",
            flush=True,
        )


def linear_program(
    fleet: GeneratorFleet, load: SystemLoad, store: AggregateStorage
) -> UnitSchedule:
    """Every unit without ramps, for the merit order has none."""
    free = merit_order_fleet(fleet)
    return schedule_units(GenerationProblem(free, load, storage=(store,)))


def merit_order_fleet(fleet: GeneratorFleet) -> GeneratorFleet:
    """The fleet without what ties hours together."""
    values: dict[str, Any] = {name: getattr(fleet, name) for name in fleet.__dataclass_fields__}
    values["ramp_mw_per_h"] = np.full(len(fleet), np.inf)
    return GeneratorFleet(**values)


def first_hours(load: SystemLoad, hours: int) -> SystemLoad:
    """The first hours of a load."""
    grid = load.grid.part(0, hours)
    return SystemLoad(grid, load.load_mw[:hours], load.source, load.available_mw[:, :hours])


def a_store(hours: int, power_mw: float, energy_mwh: float) -> AggregateStorage:
    """A battery that begins and ends half full."""
    return merit_order.constant_storage(
        hours,
        power_mw=power_mw,
        energy_mwh=energy_mwh,
        energy_start_mwh=energy_mwh / 2,
        efficiency_charge=EFFICIENCY,
    )


def timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Least and median seconds of the rounds, and the last answer; a first call is not counted."""
    answer, taken_s = call(), []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = call()
        taken_s.append(time.perf_counter() - begun)
    return min(taken_s), statistics.median(taken_s), answer


if __name__ == "__main__":
    main()
