"""What a volt/VAR study finds."""

from dataclasses import dataclass
from functools import cached_property

from evergrid.core.arrays import Array, Float
from evergrid.grid.devices.time_series import Series
from evergrid.grid.feeder.feeder import Feeder
from evergrid.studies.feeder_places import FeederPlaces


@dataclass(frozen=True)
class VoltVarResults:
    """What a feeder does in a day under each way of control.

    Attributes:
        feeder: As read.
        series: What the feeder did, a scenario for each mode.
        fleet_kw: Power requested of all vehicles together.
    """

    feeder: Feeder
    series: Series
    fleet_kw: Float[Array, " step"]

    @cached_property
    def places(self) -> FeederPlaces:
        """The buses of the feeder that have loads."""
        return FeederPlaces.with_branches(self.feeder)
