"""Performance degradation M_D: the energy that was demanded and not served, and how deep it went.

Power above the demand (cold loads, vehicles that charge) is clipped: it does not serve the energy
that was missing before. What would come out without clipping is shown beside it.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import KWH_PER_MWH
from evergrid.resilience.metrics.performance import PerformanceCurves


@dataclass(frozen=True)
class Degradation:
    """What each scenario loses between its event and an end.

    Attributes:
        energy_kwh: M_D, the integral of the demand less what is served, where that is positive.
        unclipped_kwh: The same, with what is served beyond the demand counted against it.
        demand_kwh: Energy demanded.
    """

    energy_kwh: Float[Array, " scenario"]
    unclipped_kwh: Float[Array, " scenario"]
    demand_kwh: Float[Array, " scenario"]

    @property
    def share(self) -> Float[Array, " scenario"]:
        """M_D over the energy demanded; 0 where nothing is demanded."""
        some = self.demand_kwh > 0
        return np.where(some, self.energy_kwh / np.where(some, self.demand_kwh, 1.0), 0.0)

    @property
    def resilience(self) -> Float[Array, " scenario"]:
        """The index R: share of the energy demanded that is served; 1 where none is demanded."""
        return 1.0 - self.share


def degradation(
    curves: PerformanceCurves, *, after_h: Float[Array, " scenario"] | None = None
) -> Degradation:
    """M_D of every scenario, exactly, from the event to the horizon.

    Args:
        curves: Performance.
        after_h: Hours from the event at which to end before the horizon, such as
            `RecoveryTimes.time_h` of one threshold.

    Raises:
        InputError: An end that is negative or NaN.
    """
    until_h = None
    if after_h is not None:
        rule = "be at least 0"
        raise_if_any("degradation", broken("after_h", after_h >= 0, rule, values=after_h))
        until_h = curves.event_h + after_h
    pieces = curves.segments(until_h)
    length_h = pieces.end_h - pieces.start_h
    first = pieces.demand_start_kw - pieces.served_start_kw
    last = pieces.demand_end_kw - pieces.served_end_kw
    demand_kw = (pieces.demand_start_kw + pieces.demand_end_kw) / 2
    return Degradation(
        (_mean_of_positive(first, last) * length_h).sum(axis=1),
        ((first + last) / 2 * length_h).sum(axis=1),
        (demand_kw * length_h).sum(axis=1),
    )


def _mean_of_positive(
    first: Float[Array, "scenario segment"], last: Float[Array, "scenario segment"]
) -> Float[Array, "scenario segment"]:
    """Mean of the positive part of a straight line: a trapezium, or a triangle where it crosses."""
    low, high = np.minimum(first, last), np.maximum(first, last)
    crosses = (low < 0) & (high > 0)
    triangle = high**2 / (2 * np.where(crosses, high - low, 1.0))
    return np.where(crosses, triangle, np.maximum(first + last, 0.0) / 2)


def robustness(curves: PerformanceCurves) -> Float[Array, " scenario"]:
    """Lowest share of the demand that is served between the event and the horizon.

    Source:
        M. Bruneau et al. (2003), A framework to quantitatively assess and enhance the seismic
        resilience of communities, Earthquake Spectra 19(4), doi:10.1193/1.1623497: robustness.
    """
    pieces = curves.segments()
    some = pieces.end_h > pieces.start_h
    shares = [
        np.where(some & (demand > 0), served / np.where(demand > 0, demand, 1.0), 1.0)
        for served, demand in (
            (pieces.served_start_kw, pieces.demand_start_kw),
            (pieces.served_end_kw, pieces.demand_end_kw),
        )
    ]
    return np.minimum(np.minimum(*shares).min(axis=1), 1.0)


def interruption_cost(
    energy_kwh: Float[Array, "scenario tier"], voll_per_mwh: Float[Array, " tier"]
) -> Float[Array, " scenario"]:
    """Cost of energy that is not served, at the value of lost load of each tier.

    Args:
        energy_kwh: Not served.
        voll_per_mwh: What a MWh that is not served costs.

    Raises:
        InputError: Values of lost load, or energies, that are negative or not finite.
    """
    faults: list[Fault] = []
    for name, values in (("energy_kwh", energy_kwh.ravel()), ("voll_per_mwh", voll_per_mwh)):
        ok = (values >= 0) & (values < np.inf)
        faults += broken(name, ok, "be at least 0 and finite", values=values)
    raise_if_any("interruption cost", faults)
    return energy_kwh @ voll_per_mwh / KWH_PER_MWH
