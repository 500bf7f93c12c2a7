"""Sites of 12 load blocks and 20 vehicles, drawn at random."""

from typing import Literal, get_args

import numpy as np

from evergrid.model.microgrid import TIERS, BatteryUnit, DieselSet, LoadBlock, Microgrid

BLOCKS, VEHICLES, STEPS, STEP_H = 12, 20, 96, 0.25
WEIGHTS = (10.0, 3.0, 1.0)  # by tier


Kind = Literal["buses", "sun", "battery", "diesel", "mixed"]  # what is there beside the buses
KINDS: tuple[Kind, ...] = get_args(Kind)


def site(
    seed: int, *, blocks: int = BLOCKS, vehicles: int = VEHICLES, kind: Kind = "buses"
) -> Microgrid:
    """A site whose vehicles come at random; "battery" is with sun, "mixed" has all."""
    random = np.random.default_rng(seed)
    tier = random.integers(0, 3, blocks)
    load = tuple(
        LoadBlock(
            name=f"block {k + 1}",
            power_kw=float(random.uniform(15.0, 70.0)),
            tier=TIERS[tier[k]],
            weight=WEIGHTS[tier[k]] * float(random.uniform(0.8, 1.2)),
            parent=f"block {random.integers(0, k) + 1}" if k > 2 and random.random() < 0.5 else "",
            cold_load_factor=float(random.uniform(1.0, 2.5)),
            cold_load_decay_h=float(random.uniform(0.25, 1.0)),
        )
        for k in range(blocks)
    )
    arrival = np.concatenate([[0.0], random.exponential(0.75, vehicles - 1)])
    buses = tuple(
        BatteryUnit(
            name=f"bus {b + 1}",
            capacity_kwh=155.0,
            energy_arrival_kwh=float(random.uniform(62.0, 139.0)),
            max_discharge_kw=60.0,
            max_charge_kw=60.0,
            apparent_kva=66.0,
            energy_reserve_kwh=31.0,
            arrival_h=float(arrival[b]),
            grid_forming=True,
            black_start=True,
            auxiliary_kw=0.5,
        )
        for b in range(vehicles)
    )
    if kind == "buses":
        return Microgrid(60.0, 480.0, load, buses)
    hour = np.arange(STEPS) * STEP_H
    sun = 150.0 * np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0)
    battery = BatteryUnit(
        "site battery",
        400.0,
        320.0,
        200.0,
        200.0,
        220.0,
        40.0,
        grid_forming=True,
        black_start=True,
        stationary=True,
    )
    diesel = DieselSet("diesel", 150.0, 1500.0)
    return Microgrid(
        60.0,
        480.0,
        load,
        (*buses, battery) if kind in ("battery", "mixed") else buses,
        (diesel,) if kind in ("diesel", "mixed") else (),
        sun if kind != "diesel" else None,
        STEP_H,
    )
