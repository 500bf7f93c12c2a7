"""A power system over some steps: units, load, storage, reserve, and how units are committed."""

from dataclasses import dataclass, field

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.impact.merit_order import AggregateStorage
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad

COMMITMENTS = ("none", "relaxed", "whole")
RESERVE_H = 1 / 6  # within which reserve must be there: ten minutes


@dataclass(frozen=True)
class GenerationProblem:
    """What must be served, and with what.

    Attributes:
        fleet: The units.
        load: Load, and what is available for nothing and may be curtailed.
        voll_per_mwh: Value of lost load; None where all load must be served.
        commitment: ``none``: units give anything from 0 up, at the lower convex hull of their cost;
            starts and minimum output are not looked at. ``whole``: a unit runs or stands, starts
            cost money, and a running one gives its minimum at least. ``relaxed``: units may run in
            part, which bounds the cost of ``whole`` from below.
        on_before: Units that run before the first step, for how long is not looked at; None where a
            start in the first step costs nothing.
        reserve_mw: Output that could be raised within ten minutes, in each step; None for no need.
        storage: Stores beside the units; what they hold is no reserve.
        carbon_price_per_tonne: Of CO2, added to the cost of what emits it.
        reserve_h: Time within which reserve must be there.

    Raises:
        InputError: Every fault found.
    """

    fleet: GeneratorFleet
    load: SystemLoad
    voll_per_mwh: float | None = None
    commitment: str = "none"
    on_before: Bool[Array, " unit"] | None = None
    reserve_mw: Float[Array, " step"] | None = None
    storage: tuple[AggregateStorage, ...] = field(default=())
    carbon_price_per_tonne: float = 0.0
    reserve_h: float = RESERVE_H

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        if self.commitment not in COMMITMENTS:
            rule = f"be one of {', '.join(COMMITMENTS)}"
            faults.append(Fault("commitment", rule, (self.commitment,)))
        faults += self._carbon_faults() + self._length_faults()
        rises = self.fleet.cost_rise_per_mwh > 0
        fix = "Split the segment into flat ones; how many is a matter of the error allowed."
        names = self.fleet.unit_id[self.fleet.segment_unit]
        rule, values = "be 0 in a linear program", self.fleet.cost_rise_per_mwh
        faults += broken("cost_rise_per_mwh", ~rises, rule, values=values, ids=names, fix=fix)
        if self.voll_per_mwh is not None:
            carbon = self.fleet.carbon_cost_per_mwh(self.carbon_price_per_tonne)
            dearest = float((self.fleet.cost_per_mwh + carbon).max())
            if not (np.isfinite(self.voll_per_mwh) and self.voll_per_mwh >= dearest):
                rule = f"be at least the cost of the dearest segment, {dearest:g}"
                faults.append(Fault("voll_per_mwh", rule, (self.voll_per_mwh,)))
        raise_if_any("generation", faults)

    def _carbon_faults(self) -> list[Fault]:
        price, held = self.carbon_price_per_tonne, self.fleet.carbon_price_per_tonne
        if not (price >= 0 and np.isfinite(price)):
            return [Fault("carbon_price_per_tonne", "be finite and at least 0", (price,))]
        if price > 0 and held > 0:
            rule = f"be 0 where costs already hold {held:g} per tonne"
            fix = "It would be counted twice: give costs without it, or no price here."
            return [Fault("carbon_price_per_tonne", rule, (price,), fix=fix)]
        return []

    def _length_faults(self) -> list[Fault]:
        faults, steps = [], self.load.grid.steps
        if self.reserve_mw is not None:
            good = np.asarray((self.reserve_mw >= 0) & np.isfinite(self.reserve_mw))
            rule = "be finite and at least 0"
            faults += broken("reserve_mw", good, rule, values=self.reserve_mw)
        lengths = {f"storage {k}": store.steps for k, store in enumerate(self.storage)}
        if self.reserve_mw is not None:
            lengths["reserve_mw"] = len(self.reserve_mw)
        for name, length in lengths.items():
            if length != steps:
                rule = f"have a value for every step of the load, {steps:,} in all"
                faults.append(Fault(name, rule, (length,)))
        if self.on_before is not None and len(self.on_before) != len(self.fleet):
            rule = f"have a flag for every unit, {len(self.fleet)} in all"
            faults.append(Fault("on_before", rule, (len(self.on_before),)))
        return faults
