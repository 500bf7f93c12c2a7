"""The score of the real RegD signal by latency of orders, loss of messages and chargers' steps."""

from itertools import product

import numpy as np

from benchmarks.track import regd as regd_days
from benchmarks.track.fleets import NOTTON, parked
from evergrid.core.arrays import Array, Float
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.fleet_state import Rules
from evergrid.dispatch.track.simulation import Stays, World, share_of_firm, simulate

LATENCIES_S = (0.2, 3.0, 5.0)
LOSSES = (0.0, 0.02, 0.3)
STEPS_A = (0.1, 1.0, 8.0)
KW_PER_A = 0.23


def scores(
    signal: Float[Array, " tick"], cars: int
) -> dict[tuple[float, float, float], tuple[float, float]]:
    """Mean and worst hourly score, unshifted, by latency, loss and step."""
    there = Stays(np.arange(cars), np.zeros(cars), parked(cars, 0), np.full(cars, 1.8e5))
    found = {}
    for latency_s, loss, step_a in product(LATENCIES_S, LOSSES, STEPS_A):
        kind = ChargerType(7.36, 7.36, NOTTON, NOTTON, step_kw=round(step_a * KW_PER_A, 4))
        record = simulate(
            fleet_state.empty(cars, [kind], Rules(latency_s=latency_s)),
            there,
            signal,
            share_of_firm(0.8),
            world=World(message_loss=loss),
        )
        hourly = regd_days.scores(signal, record, "at_begin", 2.0)
        found[latency_s, loss, step_a] = float(hourly.mean()), float(hourly.min())
    return found


def table(found: dict[tuple[float, float, float], tuple[float, float]]) -> list[str]:
    """The scores as a table of Markdown, a column for each step."""
    heads = " | ".join(f"steps of {step_a:g} A" for step_a in STEPS_A)
    lines = [f"| latency, loss | {heads} |", "| --- |" + " --- |" * len(STEPS_A)]
    for latency_s, loss in product(LATENCIES_S, LOSSES):
        pairs = (found[latency_s, loss, step_a] for step_a in STEPS_A)
        cells = " | ".join(f"{mean:.4f} ({worst:.4f})" for mean, worst in pairs)
        lines.append(f"| {latency_s:g} s, {loss:.0%} | {cells} |")
    return lines
