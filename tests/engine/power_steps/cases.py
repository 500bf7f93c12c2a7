"""Small programs whose stores take whole steps of power, and a program of its own that solves them.

The referee has a flag for each level of each slot, where ours has counts of steps; runs and pauses
are told by differences of flags. It shares no code with ours.
"""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
from scipy import optimize

from evergrid.engine.program import Program
from evergrid.engine.step_rules import ANY, PowerSteps
from evergrid.engine.terms.fed_energy import FedEnergyLimits

STEP_KW = 0.69  # 1 A on three phases


def stepped(
    seed: int, *, stores: int = 3, steps: int = 7, limit_kw: float = np.inf, v2g: bool = False
) -> tuple[Program, PowerSteps]:
    """A program under one node that limits it, whose stores take 3 to 8 steps of 0.69 kW."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 2, stores)
    stop = rng.integers(steps - 1, steps + 1, stores)
    slots = int((stop - first).sum())
    store = np.repeat(np.arange(stores), stop - first)
    step = np.concatenate([np.arange(a, b) for a, b in zip(first, stop, strict=True)])
    share = np.ones(slots)
    share[np.searchsorted(store, np.arange(stores))] = rng.choice([1.0, 0.4], stores)
    price = rng.uniform(0.05, 0.4, steps)
    owed = rng.integers(5, 15, stores) * STEP_KW * 0.25 * 0.9
    most = np.full(stores, 8)
    feeds = np.where(rng.random(stores) < 0.7, 8, 0) if v2g else np.zeros(stores, np.int64)
    shape = (1, steps)
    program = Program(
        step_h=0.25,
        steps=steps,
        first=first,
        stop=stop,
        share=share,
        charge_kw=most * STEP_KW,
        discharge_kw=feeds * STEP_KW,
        efficiency_charge=np.full(stores, 0.9),
        efficiency_discharge=np.full(stores, 0.92),
        energy_start_kwh=np.full(stores, 10.0),
        energy_low_kwh=np.full(stores, 8.0),
        energy_high_kwh=np.full(stores, 14.0),
        energy_end_kwh=10.0 + owed,
        end_value_per_kwh=np.zeros(stores),
        draw_price_per_kwh=price[step],
        feed_price_per_kwh=price[step] - 0.02,
        node=np.zeros(stores, np.int64),
        parent=np.array([-1]),
        net_low_kw=np.full(shape, -limit_kw),
        net_high_kw=np.full(shape, np.inf),
        load_kw=np.zeros(shape),
        surcharge_per_kwh=np.zeros(shape),
        peak_price_per_kw=np.zeros(1),
        peak_before_kw=np.zeros(1),
    )

    def drawn(low: int, high: int) -> Any:
        return rng.integers(low, high, stores)

    on = drawn(0, 3) * drawn(0, 2)
    rules = PowerSteps(
        step_kw=np.full(stores, STEP_KW),
        least=np.full(stores, 3),
        most_draw=most,
        most_feed=feeds,
        least_on=drawn(1, 4),
        least_off=drawn(1, 3),
        most_starts=np.where(rng.random(stores) < 0.7, drawn(1, 3), ANY),
        on_before=on,
        off_before=np.where(on > 0, 0, drawn(1, 4)),
    )
    return program, rules


def referee(p: Program, s: PowerSteps) -> float:
    """Least cost of any schedule in whole steps; infinite where there is none."""
    flags: dict[tuple[int, int], dict[int, int]] = {}
    cost: list[float] = []
    rows: list[tuple[dict[int, float], float, float]] = []
    slot = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(p.store, p.step, strict=True))}
    for (i, t), k in slot.items():
        flags[i, t] = {}
        for n in range(-int(s.most_feed[i]), int(s.most_draw[i]) + 1):
            if n == 0 or abs(n) >= s.least[i]:
                kw = n * float(s.step_kw[i] * p.share[k])
                price = p.draw_price_per_kwh[k] if n > 0 else p.feed_price_per_kwh[k]
                flags[i, t][n] = len(cost)
                cost.append(float(p.step_h * price * kw))
        rows.append((dict.fromkeys(flags[i, t].values(), 1.0), 1.0, 1.0))
    for i in range(p.stores):
        rows += _energies(p, s, flags, slot, i) + _runs(p, s, flags, i)
    for t in range(p.steps):
        row = {
            f: float(n * s.step_kw[i] * p.share[slot[i, t]])
            for i in range(p.stores)
            if (i, t) in flags
            for n, f in flags[i, t].items()
        }
        if row and np.isfinite(p.net_low_kw[0, t]):
            rows.append((row, -np.inf, float(-p.net_low_kw[0, t])))
    rows += _fed(p, s, flags, slot)
    matrix = np.zeros((len(rows), len(cost)))
    for r, (entries, _, _) in enumerate(rows):
        for column, value in entries.items():
            matrix[r, column] += value
    low: Any = [r[1] for r in rows]
    high: Any = [r[2] for r in rows]
    limits = optimize.LinearConstraint(matrix, low, high)
    found = optimize.milp(
        cost,
        constraints=limits,
        integrality=np.ones(len(cost)),
        bounds=optimize.Bounds(0, 1),
        options={"mip_rel_gap": 1e-9},
    )
    return float(found.fun) if found.status == 0 else np.inf


def _fed(p: Program, s: PowerSteps, flags: Any, slot: Any) -> list[Any]:
    """Energy that each group feeds, flag by flag."""
    rows = []
    for term in p.terms:
        assert isinstance(term, FedEnergyLimits)
        for group, limit in enumerate(term.limit_kwh):
            row = {
                f: -n * float(s.step_kw[i] * p.share[slot[i, t]]) * p.step_h
                for (i, t), of_level in flags.items()
                if term.group[i] == group
                for n, f in of_level.items()
                if n < 0
            }
            rows.append((row, -np.inf, float(limit)))
    return rows


def _energies(p: Program, s: PowerSteps, flags: Any, slot: Any, i: int) -> list[Any]:
    rows, so_far = [], {}
    steps = range(int(p.first[i]), int(p.stop[i]))
    for t in steps:
        for n, f in flags[i, t].items():
            kwh = n * float(s.step_kw[i] * p.share[slot[i, t]]) * p.step_h
            so_far[f] = kwh * 0.9 if n > 0 else kwh / 0.92
        least = p.energy_end_kwh[i] if t == steps[-1] else p.energy_low_kwh[i]
        start = p.energy_start_kwh[i]
        rows.append((dict(so_far), float(least - start), float(p.energy_high_kwh[i] - start)))
    return rows


def _runs(p: Program, s: PowerSteps, flags: Any, i: int) -> list[Any]:
    """Off is a flag of its own: differences of it are starts and stops."""
    first, stop = int(p.first[i]), int(p.stop[i])
    off = {t: flags[i, t][0] for t in range(first, stop)}
    was_on = int(s.on_before[i] > 0)
    rows: list[Any] = []
    for t in range(first, stop):
        ahead = list(range(t, min(t + int(s.least_on[i]), stop)))
        behind = list(range(t, min(t + int(s.least_off[i]), stop)))
        if t == first:
            # start = 1 - off_t where it was off; stop = off_t where it was on
            for u in ahead[1:]:
                if not was_on:
                    rows.append(({off[t]: -1.0, off[u]: 1.0}, -np.inf, 0.0))
            for u in behind[1:]:
                if was_on:
                    rows.append(({off[t]: 1.0, off[u]: -1.0}, -np.inf, 0.0))
            continue
        for u in ahead[1:]:  # off before and on now: on in u
            rows.append(({off[t - 1]: 1.0, off[t]: -1.0, off[u]: 1.0}, -np.inf, 1.0))
        for u in behind[1:]:  # on before and off now: off in u
            rows.append(({off[t]: 1.0, off[t - 1]: -1.0, off[u]: -1.0}, -np.inf, 0.0))
    if was_on:
        for t in range(first, min(first + int(s.least_on[i]) - int(s.on_before[i]), stop)):
            rows.append(({off[t]: 1.0}, 0.0, 0.0))
    else:
        for t in range(first, min(first + int(s.least_off[i]) - int(s.off_before[i]), stop)):
            rows.append(({off[t]: 1.0}, 1.0, 1.0))
    rows += _starts(s, off, first, stop, i, was_on)
    return rows


def _starts(s: PowerSteps, off: Any, first: int, stop: int, i: int, was_on: int) -> list[Any]:
    """No choice of more slots than starts allow may begin runs: every set of begins is cut off."""
    most = int(s.most_starts[i])
    if most >= stop - first:
        return []
    rows = []
    for begins in combinations(range(first, stop), most + 1):
        if any(b - a < 2 for a, b in pairwise(begins)):
            continue
        row: dict[int, float] = {}
        constant = 0.0
        for t in begins:  # begins at t: off before (1 where off) and on now
            row[off[t]] = row.get(off[t], 0.0) - 1.0
            if t > first:
                row[off[t - 1]] = row.get(off[t - 1], 0.0) + 1.0
            else:
                constant += 1 - was_on
        # each begin that is one counts 1, so that all together may be most at most
        rows.append((row, -np.inf, most - constant))
    return rows
