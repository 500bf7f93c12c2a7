"""What a kWh from the grid emits over time."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.timegrid import TimeGrid, stamp
from evergrid.model.time_series import stamps
from evergrid.model.time_series.series import mean_on

LARGEST_KG_PER_MWH = 3000.0  # twice the dirtiest plant: more is another unit
SMALLEST_KG_PER_MWH = 3.0  # a series that never reaches this is in kg per kWh or t per MWh

FactorKind = Literal["marginal", "average", "residual_mix"]
"""What one more kWh causes, what all kWh emit on the average, or what is left to those without
certificates."""
KINDS: tuple[FactorKind, ...] = get_args(FactorKind)


@dataclass(frozen=True)
class EmissionFactors:
    """Emission factors without gaps; each holds from its time stamp to the next.

    Attributes:
        time_utc: Start of each interval.
        emissions_kg_per_mwh: CO2 of a MWh; below 0 only where the source's model says so.
        kind: Which question they answer: the ledger that they may be used on.
        source: Where they come from, with region and vintage, as reports name it.

    Raises:
        InputError: Unordered, repeated or missing time stamps, values that are not finite or lie
            outside what any grid emits.
    """

    time_utc: Shaped[Array, " interval"]
    emissions_kg_per_mwh: Float[Array, " interval"]
    kind: FactorKind
    source: str

    def __post_init__(self) -> None:
        records.check(self, "emission_factors")
        faults = stamps.faults(self.time_utc)
        if self.kind not in KINDS:
            rule = f"be one of {', '.join(KINDS)}"
            faults.append(Fault("kind", rule, (self.kind,)))
        value = self.emissions_kg_per_mwh
        ids = [stamp(time) for time in self.time_utc]
        rule = f"be a finite number, at most {LARGEST_KG_PER_MWH:g} kg/MWh up or down"
        fix = "Name the unit of the source: lb/MWh is 0.4536 kg/MWh, kg/kWh is 1000 kg/MWh."
        good = np.asarray(np.abs(value) <= LARGEST_KG_PER_MWH)  # NaN is not
        faults += broken("emissions_kg_per_mwh", good, rule, values=value, ids=ids, fix=fix)
        most = float(np.abs(value).max(initial=0.0))
        if 0.0 < most < SMALLEST_KG_PER_MWH:
            rule = f"reach {SMALLEST_KG_PER_MWH:g} kg/MWh at least once, or be 0 throughout"
            fix = "Values in kg per kWh, or in t per MWh, are to be given as such."
            faults.append(Fault("emissions_kg_per_mwh", rule, (most,), fix=fix))
        raise_if_any("emission_factors", faults)

    def on(self, grid: TimeGrid) -> Float[Array, " step"]:
        """The factor of each step, kg/MWh: held over finer steps, averaged over coarser.

        Raises:
            InputError: The factors do not cover the grid.
        """
        return mean_on(grid, self.time_utc, self.emissions_kg_per_mwh, source=self.source)

    def shifted(self, weeks: int) -> "EmissionFactors":
        """The same factors, so many weeks later."""
        return replace(self, time_utc=self.time_utc + np.timedelta64(7 * weeks, "D"))
