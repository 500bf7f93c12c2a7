"""What drivers give up by V2G beside wear: effort, and range that is not there for a trip.

A battery that feeds in the evening is emptier until it is charged again. A driver who wants to
leave unplanned then may not get there; what that is worth before anyone knows of the trip is the
option value of range.
"""

import math
from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class UnplannedTrips:
    """Trips that nobody plans.

    Attributes:
        trips_per_day: Of a vehicle while its battery is lower.
        mean_trip_kwh: Energy of such a trip on average; longer ones are exponentially rarer.
        cost_per_failure: Of a trip that cannot be made: a taxi, or a stop at a fast charger.

    Raises:
        InputError: A value below 0, or a mean trip of no energy.
    """

    trips_per_day: float
    mean_trip_kwh: float
    cost_per_failure: float

    def __post_init__(self) -> None:
        """Check kinds and ranges."""
        records.check(self, "unplanned trips")
        faults = [
            Fault(name, "be at least 0", (value,))
            for name in ("trips_per_day", "cost_per_failure")
            if not (value := getattr(self, name)) >= 0
        ]
        if not self.mean_trip_kwh > 0:
            faults.append(Fault("mean_trip_kwh", "be above 0", (self.mean_trip_kwh,)))
        raise_if_any("unplanned trips", faults)


def option_value_per_day(trips: UnplannedTrips, stored_kwh: float, fed_kwh: float) -> float:
    """What a day of feeding takes from a driver in range.

    Args:
        trips: That may come up.
        stored_kwh: In the battery without feeding.
        fed_kwh: Taken out of it.

    Returns:
        Money a day: the rise in the chance that the energy left is less than a trip needs, times
        trips and cost.

    Source:
        Tail of the exponential distribution; the distribution is an assumption of ours.
    """
    before = math.exp(-stored_kwh / trips.mean_trip_kwh)
    after = math.exp(-max(stored_kwh - fed_kwh, 0.0) / trips.mean_trip_kwh)
    return trips.trips_per_day * trips.cost_per_failure * (after - before)
