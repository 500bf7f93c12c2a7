"""``python -m benchmarks.track``: time of a tick, the real signal, losses, and random signals.

The real days are PJM's RegD of 16 and 17 July 2020 in the data folder (EVERGRID_DATA).
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.track import orders
from benchmarks.track import regd as regd_days
from benchmarks.track.contactor_bound import lower_bound
from benchmarks.track.fleets import CEC, NOTTON, bound_kw, commuters, one_phase, parked, plugged_in
from evergrid.core.arrays import Array, Float
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.fleet_state import Rules
from evergrid.dispatch.track.simulation import Stays, World, share_of_firm, simulate, up_to_firm
from evergrid.dispatch.track.tick import advance

RATED_KW = 7.36
PARTS = "loss tick day real regd orders score random contactor"
HOURS = 2.5  # of a random signal, the last one quiet
WARM_UP = 50  # ticks that are not timed


def regd(day: int) -> Float[Array, " tick"]:
    """PJM's signal of a day of July 2020."""
    folder = Path(os.environ.get("EVERGRID_DATA", "../shared/data"))
    path = folder / f"regulation/pjm_regd_2s_2020-07-{day}.parquet"
    return pl.read_parquet(path)["regd"].to_numpy()


def tick_times(cars: int, ticks: int, award: float) -> None:
    """Time of a tick with the real signal, at a share of the fleet's power."""
    state, signal = plugged_in(cars, one_phase()), regd(16)[: ticks + WARM_UP]
    taken, told = np.zeros((len(signal), 2)), 0
    for tick, share in enumerate(signal):
        began, busy = time.perf_counter(), time.process_time()
        advance(state, award * RATED_KW * cars * float(share), 2.0)
        taken[tick] = time.perf_counter() - began, time.process_time() - busy
        told += int(state.changed_count.sum())
    (wall, cpu), (wall_high, cpu_high) = np.quantile(taken[WARM_UP:] * 1e3, [0.5, 0.99], axis=0)
    share = told / cars / len(signal)
    print(
        f"tick of {cars:,} cars at {award:g}: median {wall:.3f} ms (CPU {cpu:.3f}), "
        f"p99 {wall_high:.2f} ms (CPU {cpu_high:.2f}), {share:.1%} told another power, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def real_days(cars: int) -> None:
    """The real signal with late and lost orders, with and without zero power held."""
    there = Stays(np.arange(cars), np.zeros(cars), parked(cars, 0), np.full(cars, 1.8e5))
    for zero_held in (True, False):
        kind = one_phase(zero_held=zero_held)
        empty = fleet_state.empty(cars, [kind])
        for day in (16, 17):
            began = time.perf_counter()
            record = simulate(empty, there, regd(day), share_of_firm(0.8))
            took = time.perf_counter() - began
            fed, drawn, lost = record.energies_kwh[:3]
            least = bound_kw(record.response_kw + record.base_kw, kind, cars)
            bound = float(least[np.isfinite(least)].sum()) / 1800.0
            held = "zero held" if zero_held else "zero opens the contactor"
            print(
                f"RegD {day} July, {cars:,} cars, {held}: award {record.award_kw.mean():.0f} kW, "
                f"error {record.mean_error:.3%}, switches {record.switches.max()}, "
                f"loss {lost / (fed + drawn):.2%} of energy, {lost / bound - 1:.2%} above the "
                f"bound, short {record.shortfall_kwh.max():.3f} kWh, {took:.1f} s"
            )


def contactors(cars: int, movements: int) -> None:
    """Loss where zero power opens the contactor, over what so many movements let anyone reach."""
    there = Stays(np.arange(cars), np.zeros(cars), parked(cars, 0), np.full(cars, 1.8e5))
    kind = one_phase(zero_held=False)
    record = simulate(fleet_state.empty(cars, [kind]), there, regd(16), share_of_firm(0.8))
    power_kw, lost_kwh = record.response_kw + record.base_kw, record.energies_kwh[2]
    free = bound_kw(power_kw, kind, cars)
    free_kwh = float(free[np.isfinite(free)].sum()) / 1800.0
    bound = lower_bound(power_kw, kind, cars, movements * cars, tick_s=2.0)
    print(
        f"RegD 16 July, {cars} cars, zero opens the contactor: loss {lost_kwh / free_kwh - 1:.1%} "
        f"above the bound of each tick alone; with {movements} movements a charger no dispatch is "
        f"less than {bound.loss_kwh / free_kwh - 1:.1%} above it"
    )


def losses(cars: int) -> None:
    """Loss of one tick over the bound of that tick."""
    for name, curve in (("Notton 2", NOTTON), ("CEC median", CEC)):
        kind = one_phase(curve=curve)
        over = [_over(cars, kind, share) for share in (0.1, 0.3, 0.6, 0.9)]
        print(f"loss over the bound, {name}, at .1/.3/.6/.9: " + " ".join(f"{x:.3%}" for x in over))


def _over(cars: int, kind: ChargerType, share: float) -> float:
    state = plugged_in(cars, kind)
    advance(state, share * cars * RATED_KW, 2.0)
    middle = state.types.powers_kw.shape[1] // 2
    lost = state.types.powers_kw[0, middle + state.steps, 1].sum()
    return float(lost / bound_kw(np.array([state.fleet_power_kw]), kind, cars)[0] - 1.0)


def random_signals(count: int) -> None:
    """No driver short, and energy back within an hour, whatever the signal does."""
    short, switches, moved = 0.0, 0, np.zeros((count, 2))
    for seed in range(count):
        stays, kind = commuters(40, seed, HOURS), one_phase(zero_held=seed % 2 == 0)
        empty, world = fleet_state.empty(40, [kind]), World(message_loss=0.1, seed=seed)
        record = simulate(empty, stays, random_signal(seed), up_to_firm(250.0), world=world)
        short = max(short, float(record.shortfall_kwh.max()))
        switches = max(switches, int(record.switches.max()))
        beside_kwh = np.abs(record.ahead_kwh[:, 1])
        moved[seed] = beside_kwh.max(), beside_kwh[-1]
    (most, left), (most_high, left_high) = np.quantile(moved, [0.5, 0.99], axis=0)
    print(
        f"{count} random signals, 40 cars: most short {short:.6f} kWh, most switches {switches}; "
        f"beside the plan {most:.1f} kWh at most (p99 {most_high:.1f}), an hour after the signal "
        f"{left:.2f} (p99 {left_high:.2f}, most {moved[:, 1].max():.2f})"
    )


def random_signal(seed: int) -> Float[Array, " tick"]:
    """Stuck at an end, noise, waves or a walk, with gaps, and then nothing for an hour."""
    random = np.random.default_rng(seed)
    ticks, shape = round((HOURS - 1.0) * 1800), seed % 5
    if shape < 2:
        signal = np.full(ticks, 1.0 if shape == 0 else -1.0)
    elif shape == 2:
        signal = random.uniform(-1.5, 1.5, ticks)
    elif shape == 3:
        signal = np.sin(np.arange(ticks) / random.uniform(20.0, 900.0))
    else:
        signal = np.cumsum(random.normal(0.0, 0.05, ticks))
    signal = np.where(random.random(ticks) < 0.01, np.nan, signal)
    return np.r_[signal, np.zeros(1801)]


def main() -> None:
    """Run what is asked, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {PARTS}; all by default")
    parser.add_argument("--signals", type=int, default=1000)
    asked = parser.parse_args()
    parts = asked.parts or PARTS.split()
    if "loss" in parts:
        losses(1000)
    if "tick" in parts:
        for cars, ticks in ((10_000, 3000), (1_000_000, 1000)):
            for award in (0.3, 0.6):
                tick_times(cars, ticks, award)
    if "day" in parts:
        real_days(10_000)
    if "real" in parts:
        real_days(1000)
    if "regd" in parts:
        rows = {
            f"{day} July, {loop_s:g} s": regd_days.row(regd(day), 3000, loop_s=loop_s)
            for day in (16, 17)
            for loop_s in (2.0, 4.0)
        }
        print("\n".join(regd_days.table(rows)))
    if "orders" in parts:
        print("\n".join(orders.table(orders.scores(regd(16)[: 4 * 1800], 12))))
    if "contactor" in parts:
        contactors(200, Rules().switch_limit)
    if "score" in parts:
        print(f"scores of 1,000 units for a day: {regd_days.score_seconds(regd(16), 1000):.1f} s")
    if "random" in parts:
        random_signals(asked.signals)


if __name__ == "__main__":
    main()
