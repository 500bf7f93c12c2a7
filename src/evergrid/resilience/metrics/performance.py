"""Served power against demand after an event, as a record of exact times: nothing is resampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

SAME = 1e-9  # of the demand: rounding of sums of blocks is not taken for power that is missing

Interpolation = Literal["constant", "linear"]


class Segments(NamedTuple):
    """Pieces between the event and the horizon on which power and demand are straight lines.

    Pieces without length are kept, so that all scenarios have as many.

    Attributes:
        start_h: Where each piece begins.
        end_h: Where it ends.
        served_start_kw: Power at its start.
        served_end_kw: Power at its end.
        demand_start_kw: Demand at its start.
        demand_end_kw: Demand at its end.
    """

    start_h: Float[Array, "scenario segment"]
    end_h: Float[Array, "scenario segment"]
    served_start_kw: Float[Array, "scenario segment"]
    served_end_kw: Float[Array, "scenario segment"]
    demand_start_kw: Float[Array, "scenario segment"]
    demand_end_kw: Float[Array, "scenario segment"]


@dataclass(frozen=True)
class PerformanceCurves:
    """Power served and power demanded in each scenario, at the times where they change.

    A value holds from its time until the next one (``"constant"``), or is joined to the next one
    by a straight line (``"linear"``, for simulated curves that are smooth). Two knots at one time
    are a jump. The last value holds to the horizon. On which side of a jump its instant counts
    changes no metric. Scenarios with fewer changes repeat their last knot: `stack` does.

    Attributes:
        time_h: Of the knots, on any clock.
        served_kw: Power that is served.
        demand_kw: Power that would be consumed if all could be supplied; not what was supplied
            before the event, and without the extra draw of cold loads.
        event_h: When supply is lost, on the same clock.
        horizon_h: Until when the scenario is followed.
        interpolation: Between knots.

    Raises:
        InputError: No scenario, NaN, negative power or demand, times out of order, an event before
            the first knot, a horizon that is not after the event or is before the last knot.
    """

    time_h: Float[Array, "scenario knot"]
    served_kw: Float[Array, "scenario knot"]
    demand_kw: Float[Array, "scenario knot"]
    event_h: Float[Array, " scenario"]
    horizon_h: Float[Array, " scenario"]
    interpolation: Interpolation = "constant"

    def __post_init__(self) -> None:
        records.check(self, "performance")
        if self.time_h.size == 0:
            fix = "Give at least one scenario with one knot."
            raise_if_any("performance", [Fault("time_h", "not be empty", fix=fix)])
        raise_if_any("performance", self._faults())

    def _faults(self) -> list[Fault]:
        faults = []
        for name in ("served_kw", "demand_kw"):
            values = getattr(self, name).ravel()
            ok = (values >= 0) & (values < np.inf)
            fix = "Power of a load is served or not; power into the grid is not performance."
            faults += broken(name, ok, "be at least 0 and finite", values=values, fix=fix)
        for name in ("time_h", "event_h", "horizon_h"):
            values = getattr(self, name).ravel()
            faults += broken(name, np.isfinite(values), "be finite", values=values)
        if faults:
            return faults
        ordered = np.asarray((np.diff(self.time_h, axis=1) >= 0).all(axis=1))
        faults += broken("time_h", ordered, "rise", values=list(self.time_h), fix="Sort the knots.")
        known = self.event_h >= self.time_h[:, 0]
        rule, fix = "not be before the first knot", "Give the power at the event, too."
        faults += broken("event_h", known, rule, values=self.event_h, fix=fix)
        after = self.horizon_h > self.event_h
        faults += broken("horizon_h", after, "be after the event", values=self.horizon_h)
        last = self.horizon_h >= self.time_h[:, -1]
        rule, fix = "not be before the last knot", "Leave out knots beyond the horizon."
        return faults + broken("horizon_h", last, rule, values=self.horizon_h, fix=fix)

    @property
    def followed_h(self) -> Float[Array, " scenario"]:
        """How long each scenario is followed from its event."""
        return self.horizon_h - self.event_h

    @property
    def index(self) -> Float[Array, "scenario knot"]:
        """Served power over demand at the knots; 1 where nothing is demanded."""
        some = self.demand_kw > 0
        return np.where(some, self.served_kw / np.where(some, self.demand_kw, 1.0), 1.0)

    def segments(self, until_h: Float[Array, " scenario"] | None = None) -> Segments:
        """The pieces from the event to the horizon.

        Args:
            until_h: End before the horizon, on the clock of ``time_h``.
        """
        end_h = self.horizon_h if until_h is None else np.minimum(until_h, self.horizon_h)
        first_h, last_h = self.event_h[:, None], end_h[:, None]
        edge_h = np.hstack([self.time_h, self.horizon_h[:, None]])
        length_h = np.diff(edge_h, axis=1)
        start_h = np.clip(edge_h[:, :-1], first_h, last_h)
        stop_h = np.clip(edge_h[:, 1:], first_h, last_h)
        whole = np.where(length_h > 0, length_h, 1.0)
        from_part = (start_h - edge_h[:, :-1]) / whole
        to_part = (stop_h - edge_h[:, :-1]) / whole
        served = self._ends(self.served_kw, from_part, to_part)
        return Segments(start_h, stop_h, *served, *self._ends(self.demand_kw, from_part, to_part))

    def _ends(
        self,
        value: Float[Array, "scenario knot"],
        from_part: Float[Array, "scenario knot"],
        to_part: Float[Array, "scenario knot"],
    ) -> tuple[Float[Array, "scenario knot"], Float[Array, "scenario knot"]]:
        """Values at the ends of pieces that lie at parts of the way from knot to knot."""
        if self.interpolation == "constant":
            return value, value
        rise = np.hstack([np.diff(value, axis=1), np.zeros((len(value), 1))])
        return value + from_part * rise, value + to_part * rise


def curve(
    time_h: Float[Array, " knot"],
    served_kw: Float[Array, " knot"],
    demand_kw: Float[Array, " knot"] | float,
    *,
    horizon_h: float,
    event_h: float = 0.0,
    interpolation: Interpolation = "constant",
) -> PerformanceCurves:
    """One curve, as the only scenario of a record.

    Args:
        time_h: Of the knots.
        served_kw: Power from each knot on.
        demand_kw: Of each knot, or one for all.
        horizon_h: Until when it is followed.
        event_h: When supply is lost.
        interpolation: Between knots.

    Raises:
        InputError: As for `PerformanceCurves`.
    """
    demand = np.broadcast_to(np.asarray(demand_kw, dtype=np.float64), time_h.shape)
    return PerformanceCurves(
        time_h[None, :],
        served_kw[None, :],
        demand[None, :],
        np.array([event_h], dtype=np.float64),
        np.array([horizon_h], dtype=np.float64),
        interpolation,
    )


def stack(curves: Sequence[PerformanceCurves]) -> PerformanceCurves:
    """Scenarios of several records in one; what has fewer knots repeats its last one.

    Raises:
        InputError: No record, or records of different interpolation.
    """
    if len({one.interpolation for one in curves}) != 1:
        rule = "be at least one, all of one interpolation"
        raise_if_any("performance", [Fault("curves", rule, (len(curves),))])
    knots = max(one.time_h.shape[1] for one in curves)

    def padded(name: str) -> Float[Array, "scenario knot"]:
        arrays = [getattr(one, name) for one in curves]
        widths = [((0, 0), (0, knots - array.shape[1])) for array in arrays]
        return np.vstack(
            [np.pad(a, width, mode="edge") for a, width in zip(arrays, widths, strict=True)]
        )

    return PerformanceCurves(
        padded("time_h"),
        padded("served_kw"),
        padded("demand_kw"),
        np.concatenate([one.event_h for one in curves]),
        np.concatenate([one.horizon_h for one in curves]),
        curves[0].interpolation,
    )


def last_below(curves: PerformanceCurves, threshold: float) -> Bool[Array, " scenario"]:
    """Whether the last knot of each scenario is below a share of its demand."""
    demand = curves.demand_kw[:, -1]
    return curves.served_kw[:, -1] < (threshold - SAME) * demand
