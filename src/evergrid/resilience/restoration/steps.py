"""A microgrid on equal steps: who is there when, what blocks draw at which age, what the sun gives.

A source counts in a step only if it is there for the whole of it. Power is constant within a step:
load and sun are means over it, so that energies are exact; the first power of a block after it is
closed, which pick-up is limited by, is kept beside them.
"""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.model.microgrid import LoadBlock, Microgrid
from evergrid.resilience.restoration.rule import SourceFailures

NEAR = 1e-9  # share of a step by which times may differ
AT_ONCE = 0.05  # share of a step; a diesel set that starts within it runs from the step's start
ONLINE_H = 1 / 60  # for which a battery must hold its full power to count as a source
DIESEL_POWER_FACTOR = 0.8  # rated; of generator sets by custom (ISO 8528-1)
MOST_STEPS = 10_000


class StepTables(NamedTuple):
    """All that a restoration needs of a microgrid, by step.

    Attributes:
        step_h: Length of a step.
        power_kw: Of each block once it is warm.
        weight: Of each block.
        power_factor: Of each block.
        life_safety: Whether a block is of that tier.
        parent: Place of each block's parent; -1 for none.
        cold_mean: What a block draws above its warm power, as a share of it, by steps since it
            was closed: mean over the step.
        cold_first: The same at the start of the step.
        cold_factor: By which the excess falls from step to step once it falls.
        cold_steps: Steps since a block was closed from which on it falls by that factor.
        there: Whether a battery is there for the whole step and works.
        energy_kwh: In the cells of each battery when it comes.
        floor_kwh: Below which it is not discharged: its reserve, or what it comes with.
        capacity_kwh: Of each battery.
        discharge_kw: Most that it feeds.
        charge_kw: Most that it draws.
        apparent_kva: Of its inverter.
        cells_out: Cells emptied per AC energy fed, auxiliaries of the charger included.
        cells_in: Cells filled per AC energy drawn, less those auxiliaries.
        online_kwh: Above its floor, from which on a battery counts as a source.
        grid_forming: Whether a battery can be the master.
        black_start: Whether it can be the master of an island that was dead.
        diesel_there: Whether a set can be loaded in the step.
        diesel_kw: Rating.
        fuel_kwh: Of each set.
        idle_share: Of each set.
        least_share: Of each set.
        solar_kw: Available, mean over the step.
    """

    step_h: float
    power_kw: Float[Array, " block"]
    weight: Float[Array, " block"]
    power_factor: Float[Array, " block"]
    life_safety: Bool[Array, " block"]
    parent: Int[Array, " block"]
    cold_mean: Float[Array, "block step"]
    cold_first: Float[Array, "block step"]
    cold_factor: Float[Array, " block"]
    cold_steps: Int[Array, " block"]
    there: Bool[Array, "battery step"]
    energy_kwh: Float[Array, " battery"]
    floor_kwh: Float[Array, " battery"]
    capacity_kwh: Float[Array, " battery"]
    discharge_kw: Float[Array, " battery"]
    charge_kw: Float[Array, " battery"]
    apparent_kva: Float[Array, " battery"]
    cells_out: Float[Array, " battery"]
    cells_in: Float[Array, " battery"]
    online_kwh: Float[Array, " battery"]
    grid_forming: Bool[Array, " battery"]
    black_start: Bool[Array, " battery"]
    diesel_there: Bool[Array, "set step"]
    diesel_kw: Float[Array, " set"]
    fuel_kwh: Float[Array, " set"]
    idle_share: Float[Array, " set"]
    least_share: Float[Array, " set"]
    solar_kw: Float[Array, " step"]

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.solar_kw)


def step_tables(
    microgrid: Microgrid, hours: float, step_h: float, failures: SourceFailures
) -> StepTables:
    """The microgrid on steps of that length.

    The auxiliaries of a charger are drawn from the cells of its vehicle for the share of a step in
    which it is needed at full power.

    Raises:
        InputError: Hours that are no whole number of steps, failures of another number of sources.
    """
    steps = step_count(hours, step_h)
    _check_failures(microgrid, failures)
    start = np.arange(steps) * step_h
    units, sets, blocks = microgrid.batteries, microgrid.diesel_sets, microgrid.load_blocks

    def of(records: tuple, field: str) -> Array:
        return np.array([getattr(record, field) for record in records], float)

    delay, decay = of(blocks, "cold_load_delay_h"), of(blocks, "cold_load_decay_h")
    near = NEAR * step_h
    there = (of(units, "arrival_h")[:, None] <= start + near) & (
        np.minimum(of(units, "departure_h"), failures.battery_h)[:, None] >= start + step_h - near
    )
    discharge, charge = of(units, "max_discharge_kw"), of(units, "max_charge_kw")
    auxiliary = of(units, "auxiliary_kw")
    # Energy out of and into the cells for each kWh at the charger, auxiliaries in it.
    out = 1 / of(units, "efficiency_discharge") + auxiliary / np.maximum(discharge, 1e-9)
    fill = of(units, "efficiency_charge") - auxiliary / np.maximum(charge, 1e-9)
    started = of(sets, "start_s")[:, None] / S_PER_H <= start + AT_ONCE * step_h
    working = failures.diesel_h[:, None] >= start + step_h - near
    return StepTables(
        step_h=step_h,
        power_kw=of(blocks, "power_kw"),
        weight=of(blocks, "weight"),
        power_factor=of(blocks, "power_factor"),
        life_safety=np.array([block.tier == "life_safety" for block in blocks]),
        parent=np.array(microgrid.parents(), np.int64),
        cold_mean=np.stack([cold_mean(block, steps, step_h) for block in blocks]),
        cold_first=np.stack([cold_excess(block, start) for block in blocks]),
        cold_factor=np.where(decay > 0, np.exp(-step_h / np.where(decay > 0, decay, 1.0)), 0.0),
        cold_steps=np.ceil(delay / step_h - NEAR).astype(np.int64),
        there=there,
        energy_kwh=of(units, "energy_arrival_kwh"),
        floor_kwh=np.minimum(of(units, "energy_reserve_kwh"), of(units, "energy_arrival_kwh")),
        capacity_kwh=of(units, "capacity_kwh"),
        discharge_kw=discharge,
        charge_kw=np.where(fill > 0, charge, 0.0),
        apparent_kva=of(units, "apparent_kva"),
        cells_out=out,
        cells_in=np.maximum(fill, 0.0),
        online_kwh=ONLINE_H * discharge * out,
        grid_forming=of(units, "grid_forming") > 0,
        black_start=of(units, "black_start") > 0,
        diesel_there=started & working,
        diesel_kw=of(sets, "power_kw"),
        fuel_kwh=of(sets, "fuel_kwh"),
        idle_share=of(sets, "idle_share"),
        least_share=of(sets, "least_load_share"),
        solar_kw=_solar(microgrid, steps, step_h),
    )


def step_count(hours: float, step_h: float) -> int:
    """Steps of that length in so many hours.

    Raises:
        InputError: Hours that are no whole number of steps, or too many steps.
    """
    faults = []
    if not 1e-3 <= step_h <= 24.0:
        faults.append(Fault("step_h", "be in [0.001, 24]", (step_h,)))
    elif not 1 <= hours / step_h <= MOST_STEPS or abs(hours / step_h % 1 - 0.5) < 0.5 - 1e-6:
        rule = f"be 1 to {MOST_STEPS} whole steps of {step_h:g} h"
        faults.append(Fault("hours", rule, (hours,)))
    if faults:
        raise InputError("restoration", faults)
    return round(hours / step_h)


def cold_excess(block: LoadBlock, age_h: Float[Array, " step"]) -> Float[Array, " step"]:
    """What a block draws above its warm power at an age, as a share of it."""
    late = np.maximum(age_h - block.cold_load_delay_h, 0.0)
    decay = block.cold_load_decay_h
    falls = np.exp(-late / decay) if decay > 0 else 0.0
    return (block.cold_load_factor - 1) * np.where(age_h < block.cold_load_delay_h, 1.0, falls)


def cold_mean(block: LoadBlock, steps: int, step_h: float) -> Float[Array, " step"]:
    """Mean of the cold excess over each step since the block was closed; energies are exact."""
    start = np.arange(steps) * step_h
    delay, decay = block.cold_load_delay_h, block.cold_load_decay_h
    flat = np.clip(delay - start, 0.0, step_h)
    late = np.maximum(start - delay, 0.0)
    tail = np.exp(-late / decay) * decay * -np.expm1(-(step_h - flat) / decay) if decay > 0 else 0.0
    return (block.cold_load_factor - 1) * (flat + tail) / step_h


def _solar(microgrid: Microgrid, steps: int, step_h: float) -> Float[Array, " step"]:
    """Mean of the sun's power over each step."""
    if microgrid.solar_kw is None or len(microgrid.solar_kw) == 0:
        return np.zeros(steps)
    given_h = np.arange(len(microgrid.solar_kw) + 1) * microgrid.solar_step_h
    energy = np.concatenate([[0.0], np.cumsum(microgrid.solar_kw) * microgrid.solar_step_h])
    return np.diff(np.interp(np.arange(steps + 1) * step_h, given_h, energy)) / step_h


def _check_failures(microgrid: Microgrid, failures: SourceFailures) -> None:
    faults = []
    for name, sources in (
        ("battery_h", microgrid.batteries),
        ("diesel_h", microgrid.diesel_sets),
    ):
        if (count := len(getattr(failures, name))) != len(sources):
            rule = f"have one value for each source, {len(sources)} in all"
            faults.append(Fault(name, rule, (count,)))
    if faults:
        raise InputError("source failures", faults)
