"""Areas, fleets and records that the tests of frequency share."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.resilience.frequency.area import Area, Governor, SheddingStage
from evergrid.resilience.frequency.response import Control, FleetResponse, straight

SPAN_HZ = 5.0  # far beyond any deviation, so that droop stays straight
BASE_MW = 1000.0


def area(
    inertia_s: float = 4.0,
    *,
    damping_pu: float = 1.0,
    governor: Governor | None = None,
    nominal_hz: float = 50.0,
    least_hz: float = 45.5,
    shedding: tuple[SheddingStage, ...] = (),
) -> Area:
    """The reheat case of Anderson and Mirheydar on 1,000 MW, other than where said."""
    governor = governor or Governor()
    return Area(nominal_hz, BASE_MW, inertia_s, damping_pu, 900.0, least_hz, governor, shedding)


def no_governor() -> Governor:
    return Governor(governed_share=0.0)


def droop(control: Control) -> FleetResponse:
    """A fleet with a straight droop; 1 MW of award gives 1 MW per 5 Hz."""

    def due(deviation: Float[Array, " level"]) -> Float[Array, " level"]:
        return -np.clip(deviation / SPAN_HZ, -1.0, 1.0)

    return straight(1.0, due, SPAN_HZ, control)


def award_of(gain_pu: float, nominal_hz: float = 50.0) -> float:
    """Award of `droop` that has a gain in pu of power per pu of frequency."""
    return gain_pu * BASE_MW / nominal_hz * SPAN_HZ
