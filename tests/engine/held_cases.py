"""Random programs that hold capacity: several awards, calls and blocks, limits of all kinds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evergrid.engine.program import Program
from evergrid.engine.terms.held_capacity import HeldCapacity
from tests.engine.cases import Kind, random_program

STORES = Kind(stores=8, steps=12, spread=0.05)


@dataclass(frozen=True)
class HeldKind:
    """What is held; so few kinds that code is compiled for each only once.

    Attributes:
        up: Whether each award is capacity to feed.
        down: Whether it is capacity to draw.
        hours: Time for which each could be called.
        at_end: Whether energy for it is held at the end of a step, too.
        calls: Awards that could be called together, by call.
        drains: Whether what is held takes energy.
        capped: Whether holders limit what is held.
        fixed: Share of 5 kW that awards must be; None where they may be any.
        most_kw: Most of each.
        stores: Of the program.
    """

    up: tuple[bool, ...] = (True,)
    down: tuple[bool, ...] = (True,)
    hours: tuple[float, ...] = (0.5,)
    at_end: tuple[bool, ...] = (True,)
    calls: tuple[tuple[bool, ...], ...] = ((True,),)
    drains: bool = False
    capped: bool = False
    fixed: float | None = None
    most_kw: float = np.inf
    stores: Kind = STORES


def held_program(seed: int, kind: HeldKind) -> Program:
    """A random program whose stores hold random shares of awards; idle stores break no limit."""
    program = random_program(seed, kind.stores)
    program = replace(program, energy_end_kwh=program.energy_low_kwh)
    rng = np.random.default_rng([seed, 99])
    awards, stores, steps = len(kind.up), program.stores, program.steps
    store = np.concatenate([np.flatnonzero(rng.random(stores) < 0.8) for _ in range(awards)])
    award = np.cumsum(np.diff(store, prepend=-1) <= 0)
    up, down = np.array(kind.up), np.array(kind.down)
    hours = np.array(kind.hours)
    block = rng.choice([1, 2, 3, 4], awards)
    most = np.full((awards, steps), kind.most_kw)
    least = np.zeros((awards, steps))
    if kind.fixed is not None:
        least = most = np.full((awards, steps), 5.0 * kind.fixed) * (rng.random((awards, 1)) < 0.7)
    term = HeldCapacity(
        store=store,
        holder=stores + np.arange(len(store)),
        award=award,
        drain=rng.choice([0.0, 0.02], len(store)) * kind.drains,
        up=up,
        down=down,
        up_h=hours,
        down_h=hours,
        at_end=np.array(kind.at_end),
        block_steps=block,
        least_kw=least,
        most_kw=most,
        calls=np.array(kind.calls),
    )
    return _with_holders(program, term, rng, capped=kind.capped)


def _with_holders(
    program: Program, term: HeldCapacity, rng: np.random.Generator, *, capped: bool
) -> Program:
    store, award, steps = term.store, term.award, program.steps
    lengths = (program.stop - program.first)[store]
    holder = np.repeat(np.arange(len(store)), lengths)
    inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    slot = program.begin[store][holder] + inside
    credit = rng.uniform(0, 0.08, (term.awards, steps))
    price = 0.01 * rng.random(len(store))[holder] - credit[award[holder], program.step[slot]]
    swing = program.charge_kw[store] + program.discharge_kw[store]
    most = np.where((term.up & term.down)[award], 0.5 * swing, swing) * (0.5 if capped else 1.0)
    none, ones = np.zeros(len(store)), np.ones(len(store))
    endless, steady = np.full((1, steps), np.inf), np.zeros((1, steps))
    more: dict[str, Any] = {
        "first": program.first[store],
        "stop": program.stop[store],
        "share": program.share[slot],
        "charge_kw": most,
        "discharge_kw": none,
        "efficiency_charge": ones,
        "efficiency_discharge": ones,
        "energy_start_kwh": none,
        "energy_low_kwh": none - 1.0,
        "energy_high_kwh": most * program.step_h * steps + 1.0,
        "energy_end_kwh": none - 1.0,
        "end_value_per_kwh": none,
        "draw_price_per_kwh": price,
        "feed_price_per_kwh": price,
        "node": np.full(len(store), program.nodes),
        "parent": np.array([-1]),
        "net_low_kw": -endless,
        "net_high_kw": endless,
        "load_kw": steady,
        "surcharge_per_kwh": steady,
        "peak_price_per_kw": np.zeros(1),
        "peak_before_kw": np.zeros(1),
    }
    for name in ("draw_curve_per_kwh_kw", "feed_curve_per_kwh_kw"):
        if getattr(program, name) is not None:
            more[name] = np.zeros(len(slot))
    joined = {name: np.concatenate([getattr(program, name), one]) for name, one in more.items()}
    return replace(program, **joined, terms=(term,))
