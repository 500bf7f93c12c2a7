"""Sites that the tests of restoration share."""

from typing import Any

import numpy as np

from evergrid.model.microgrid import TIERS, BatteryUnit, DieselSet, LoadBlock, Microgrid


def block(name: str = "ward", power_kw: float = 40.0, **other: Any) -> LoadBlock:
    return LoadBlock(**{"name": name, "power_kw": power_kw, "tier": "critical", **other})


def bus(
    name: str = "bus", energy_kwh: float = 100.0, power_kw: float = 60.0, **other: Any
) -> BatteryUnit:
    """A bus with no losses, no auxiliaries and no way back, other than where said."""
    given = {
        "capacity_kwh": 155.0,
        "max_charge_kw": power_kw,
        "apparent_kva": 2 * power_kw,
        "efficiency_charge": 1.0,
        "efficiency_discharge": 1.0,
        "grid_forming": True,
        "black_start": True,
    }
    return BatteryUnit(
        name, energy_arrival_kwh=energy_kwh, max_discharge_kw=power_kw, **given | other
    )


def site(*blocks: LoadBlock, batteries: tuple[BatteryUnit, ...], **other: Any) -> Microgrid:
    return Microgrid(50.0, 400.0, blocks, batteries, **other)


def random_site(random: np.random.Generator, *, blocks: int = 4, vehicles: int = 4) -> Microgrid:
    """Anything that may be met: cold load with a delay, a tree, departures, sun, diesel set."""
    load = tuple(
        LoadBlock(
            name=f"block {k}",
            power_kw=float(random.uniform(10.0, 60.0)),
            tier=TIERS[random.integers(3)],
            weight=float(random.uniform(0.5, 10.0)),
            parent=f"block {random.integers(k)}" if k and random.random() < 0.3 else "",
            cold_load_factor=float(random.uniform(1.0, 2.0)),
            cold_load_delay_h=float(random.choice([0.0, 0.3])),
            cold_load_decay_h=float(random.choice([0.0, 0.5])),
        )
        for k in range(blocks)
    )
    units = tuple(
        BatteryUnit(
            name=f"bus {b}",
            capacity_kwh=155.0,
            energy_arrival_kwh=float(random.uniform(20.0, 150.0)),
            max_discharge_kw=float(random.choice([30.0, 60.0])),
            max_charge_kw=30.0,
            apparent_kva=66.0,
            energy_reserve_kwh=31.0,
            arrival_h=float(arrival := random.choice([0.0, random.exponential(0.7)])),
            departure_h=float(random.choice([np.inf, arrival + random.uniform(0.5, 4.0)])),
            grid_forming=(forming := bool(random.random() < 0.8)),
            black_start=forming and bool(random.random() < 0.8),
            auxiliary_kw=0.5,
        )
        for b in range(vehicles)
    )
    sets = (DieselSet("diesel", 80.0, 150.0),) if random.random() < 0.4 else ()
    sun = random.uniform(0.0, 60.0, 8) if random.random() < 0.4 else None
    return Microgrid(50.0, 400.0, load, units, sets, sun, 0.5)
