"""What the loads of a feeder draw over a day, beside the vehicles."""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config as BaseConfig
from evergrid.grid.feeder import opendss_shapes
from evergrid.grid.feeder.feeder import Feeder
from evergrid.inputs.feeder.source import FeederSource
from evergrid.inputs.feeder.states import FeederStates

# Share of the peak by hour of the day: an illustrative evening peak of homes, ours, not measured.
EVENING = (
    *(0.46, 0.42, 0.40, 0.39, 0.39, 0.42, 0.50, 0.60, 0.63, 0.60, 0.58, 0.58),
    *(0.60, 0.58, 0.57, 0.60, 0.70, 0.86, 0.97, 1.00, 0.96, 0.85, 0.70, 0.55),
)


class BaseLoad(BaseConfig):
    """What the feeder carries beside the vehicles."""

    shape: Literal["evening", "flat", "feeder"] = "evening"
    """Over the day: an illustrative "evening" peak of homes, "flat", or the load shapes of the
    "feeder" files."""
    share: float = Field(default=1.0, gt=0, le=10)
    """Share of the feeder's loads."""
    taps: Literal["follow", "stay"] = "follow"
    """Whether taps and banks "follow" the load over the day, as OpenDSS settles them without
    vehicles, or "stay" where they settle at the feeder's full load."""

    def states(self, source: FeederSource, feeder: Feeder, folder: Path) -> FeederStates:
        """What settles taps and banks."""
        return FeederStates(source, folder, feeder, self.taps == "follow")

    def power(
        self, source: FeederSource, feeder: Feeder, folder: Path, step_h: float
    ) -> tuple[Float[Array, "branch step"], Float[Array, "branch step"]]:
        """Power and reactive power of each branch over a day, into the grid."""
        branches, steps = feeder.branches, round(24 / step_h)
        if self.shape == "feeder":
            path = source.path(folder)
            share = opendss_shapes.day_shares(
                path, branches, step_h=step_h, commands=source.all_commands
            )
        elif self.shape == "evening":
            hours = (np.arange(steps) + 0.5) * step_h
            daily = np.interp(hours, np.arange(24) + 0.5, EVENING, period=24)
            share = np.tile(daily, (len(branches), 1))
        else:
            share = np.ones((len(branches), steps))
        share = np.where(branches.is_load[:, None], share * self.share, 1.0)
        return branches.power_kw[:, None] * share, branches.reactive_kvar[:, None] * share
