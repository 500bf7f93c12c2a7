"""How alike two sets of sessions are: arrival hour, stay and energy, by overlap and distance."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.local_time import local_from_utc
from evergrid.core.timegrid import zone
from evergrid.model.session import Sessions

# Edges of the bins of the overlap: whole hours; stays and energies finer where they are dense.
ARRIVAL_EDGES_H = np.arange(25.0)
STAY_EDGES_H = np.append(np.arange(25.0), [30.0, 36.0, 48.0, np.inf])
ENERGY_EDGES_KWH = np.append(np.arange(0.0, 62.0, 2.0), [70.0, 80.0, 100.0, np.inf])


@dataclass(frozen=True)
class MeteredSessions:
    """What a meter sees of sessions, whichever source they come from.

    Attributes:
        arrival_local: Start of the connection on the wall clock of the place.
        stay_h: Time from arrival to departure.
        energy_kwh: Energy drawn at the plug, by charging alone.
    """

    arrival_local: Shaped[Array, " session"]
    stay_h: Float[Array, " session"]
    energy_kwh: Float[Array, " session"]

    @property
    def arrival_h(self) -> Float[Array, " session"]:
        """Hour of the day on arrival, from 0 to 24."""
        since = self.arrival_local - self.arrival_local.astype("datetime64[D]")
        return since / np.timedelta64(1, "h")


@dataclass(frozen=True)
class Similarity:
    """How alike one quantity is in two sets.

    Attributes:
        quantity: Which: arrival_h, stay_h or energy_kwh.
        overlap: Area the two histograms share, from 0 to 1.
        distance: Kolmogorov-Smirnov distance, from 0 for the same to 1.
    """

    quantity: str
    overlap: float
    distance: float


def observe(sessions: Sessions, time_zone: str) -> MeteredSessions:
    """The sessions as a meter at the plug sees them when each is just charged as owed."""
    owed_kwh = sessions.energy_departure_kwh - sessions.energy_arrival_kwh
    drawn_kwh = np.maximum(owed_kwh, 0.0) / sessions.efficiency_charge
    arrival = local_from_utc(sessions.arrival_utc, zone(time_zone))
    return MeteredSessions(arrival, sessions.stay_h, drawn_kwh)


def similarity(ours: MeteredSessions, real: MeteredSessions) -> list[Similarity]:
    """Overlap and distance of arrival hour, stay and energy."""
    edges = {
        "arrival_h": ARRIVAL_EDGES_H,
        "stay_h": STAY_EDGES_H,
        "energy_kwh": ENERGY_EDGES_KWH,
    }
    rows = []
    for quantity, bins in edges.items():
        mine, theirs = getattr(ours, quantity), getattr(real, quantity)
        shared = overlap(mine, theirs, bins)
        rows.append(Similarity(quantity, shared, ks_distance(mine, theirs)))
    return rows


def overlap(
    one: Float[Array, " row"], other: Float[Array, " other"], edges: Float[Array, " edge"]
) -> float:
    """Area that the normalised histograms of two samples share: 1 for the same, 0 for disjoint."""
    shares = [np.histogram(values, edges)[0] / len(values) for values in (one, other)]
    return float(np.minimum(*shares).sum())


def ks_distance(one: Float[Array, " row"], other: Float[Array, " other"]) -> float:
    """Greatest difference of the two empirical distribution functions.

    Source:
        Smirnov's two-sample statistic, from its definition; no outside source was used.
    """
    one, other = np.sort(one), np.sort(other)
    points = np.concatenate([one, other])
    below_one = np.searchsorted(one, points, side="right") / len(one)
    below_other = np.searchsorted(other, points, side="right") / len(other)
    return float(np.abs(below_one - below_other).max())
