"""Random power systems whose energies balance, with everything that welfare must count."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system.system import MarketTerms, SystemRun

STEPS = 6
VOLL = 10_000.0


def run(rng: np.random.Generator, base: SystemRun | None = None, **changed: Any) -> SystemRun:
    """A run with losses, lost load, imports, curtailment, vehicles and storage.

    Args:
        rng: What draws it.
        base: A run whose load, weights and driving it has too, at other hours.
        changed: Fields that are given.
    """
    weight = rng.uniform(0.5, 100.0, STEPS) if base is None else base.weight
    consumption = rng.uniform(50.0, 900.0, STEPS) if base is None else base.consumption_mwh
    driving = rng.uniform(0.0, 40.0, STEPS)
    if base is not None:  # the same in all, with the weights
        driving *= base.sum(base.driving_mwh) / float(weight @ driving)
    unserved = np.where(rng.random(STEPS) < 0.3, rng.uniform(0.0, 30.0, STEPS), 0.0)
    charge = rng.uniform(0.0, 30.0, STEPS)
    discharge = rng.uniform(0.0, 30.0, STEPS)
    storage = rng.uniform(-20.0, 20.0, STEPS)
    imports = np.where(rng.random(STEPS) < 0.5, rng.uniform(0.0, 60.0, STEPS), 0.0)
    metered = consumption - unserved + driving + charge - discharge
    losses = rng.uniform(0.0, 0.12, STEPS) * np.abs(metered)
    fields: dict[str, Any] = {
        "weight": weight,
        "consumption_mwh": consumption,
        "unserved_mwh": unserved,
        "driving_mwh": driving,
        "charge_mwh": charge,
        "discharge_mwh": discharge,
        "storage_mwh": storage,
        "generation_mwh": metered + losses - storage - imports,
        "import_mwh": imports,
        "losses_mwh": losses,
        "curtailed_mwh": rng.uniform(0.0, 5.0, STEPS),
        "generation_cost": rng.uniform(0.0, 4e4, STEPS),
        "import_cost": imports * rng.uniform(10.0, 60.0, STEPS),
        "priced_co2_t": rng.uniform(0.0, 400.0, STEPS),
        "emissions_t": rng.uniform(0.0, 500.0, (len(POLLUTANTS), STEPS)),
        "price_per_mwh": np.where(unserved > 0, VOLL, rng.uniform(0.0, 200.0, STEPS)),
        "wear_cost": float(rng.uniform(0.0, 2e4)),
        "inconvenience_cost": float(rng.uniform(0.0, 2e4)),
        "programme_cost": float(rng.uniform(0.0, 5e3)),
        "storage_cost": float(rng.uniform(0.0, 5e3)),
        "capacity_worth": float(rng.uniform(0.0, 5e3)),
        "stored_begin_mwh": 100.0,
        "stored_end_mwh": 100.0,
    }
    return SystemRun(**(fields | changed))


def terms(rng: np.random.Generator, **changed: Any) -> MarketTerms:
    """Who pays what, every tax and payment among it; storage belongs to anyone."""
    fields: dict[str, Any] = {
        "voll_per_mwh": VOLL,
        "carbon_price_per_t": float(rng.uniform(0.0, 120.0)),
        "retail_per_mwh": rng.uniform(0.0, 300.0, STEPS),
        "tax_per_mwh": float(rng.uniform(0.0, 40.0)),
        "tax_on_feeding_per_mwh": float(rng.uniform(0.0, 40.0)),
        "rate_per_mwh": rng.uniform(0.0, 90.0, STEPS),
        "adder_per_mwh": rng.uniform(-60.0, 60.0, STEPS),
        "fixed_payment": float(rng.uniform(0.0, 1e4)),
        "loss_credit": rng.uniform(1.0, 1.1, STEPS),
        "storage_owner": list(Party)[int(rng.integers(len(Party)))],
        "damage_per_t": rng.uniform(0.0, 300.0, len(POLLUTANTS)),
    }
    return MarketTerms(**(fields | changed))


def pair(rng: np.random.Generator) -> tuple[tuple[SystemRun, MarketTerms], ...]:
    """A run without a programme and one with it, which serve the same."""
    before = run(rng)
    paid = terms(rng)
    after = replace(terms(rng), damage_per_t=paid.damage_per_t, storage_owner=paid.storage_owner)
    return (before, paid), (run(rng, before), after)


def close(got: float, wanted: float, scale: float) -> bool:
    """Whether two amounts agree to 1e-9 of the largest that went into them."""
    return math.isclose(got, wanted, rel_tol=0.0, abs_tol=1e-9 * scale)
