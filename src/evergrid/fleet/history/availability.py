"""How likely each vehicle can deliver in each step of a coming day, how much, with what energy."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.fleet.history.past_days import History

POOL_DAYS = 3.0  # like days of its own at which a vehicle and the fleet count the same
LEAST_OWN_DAYS = 1.0  # below it a vehicle is the fleet's average


@dataclass(frozen=True)
class Availability:
    """What each vehicle may deliver on one day.

    Attributes:
        asset_id: The vehicles.
        probability: That the vehicle can be called.
        power_kw: What it delivers then.
        energy_kwh: Energy in its cells then.
        own_days: Like days in the record of each, weighted.
        pooled: Vehicles without a record of their own, which stand for the fleet's average.
    """

    asset_id: Shaped[Array, " asset"]
    probability: Float[Array, "asset step"]
    power_kw: Float[Array, "asset step"]
    energy_kwh: Float[Array, "asset step"]
    own_days: Float[Array, " asset"]
    pooled: Bool[Array, " asset"]

    @property
    def mean_kw(self) -> Float[Array, " step"]:
        """Expected power of the fleet."""
        return (self.probability * self.power_kw).sum(axis=0)

    @property
    def noise_kw(self) -> Float[Array, " step"]:
        """Standard deviation of the fleet's power if vehicles were independent."""
        each = self.probability * (1 - self.probability) * self.power_kw**2
        return np.sqrt(each.sum(axis=0))


def availability(
    record: History,
    weights: Float[Array, " past"],
    *,
    others: tuple[str, ...] = (),
) -> Availability:
    """Each vehicle on a day that the past days tell about with these weights.

    A vehicle's own share of like days on which it could be called is drawn towards the fleet's
    as if the fleet had `POOL_DAYS` days of it. Days before a vehicle was first seen do not
    count against it.

    Args:
        record: What happened.
        weights: How much each past day tells, see `day_forecast.DayForecast`; their sum is the
            activity.
        others: Names of vehicles that are expected but were never seen.
    """
    activity = float(weights.sum())
    share = weights / activity if activity > 0 else weights
    like_days = 1 / (share**2).sum() if activity > 0 else 0.0
    names = np.concatenate([record.asset_id, np.array(others, dtype=str)])
    seen = np.append(np.cumsum(share[::-1])[::-1], 0.0)[record.first_day]
    own_days = np.append(seen * like_days, np.zeros(len(others)))
    able, power, energy = (
        _summed(record, share * like_days, of, len(names)) for of in _columns(record)
    )
    # The fleet's share: over all vehicles, weighted by the days each was there.
    pool = able.sum(axis=0) / max(own_days.sum(), 1e-12)
    probability = (able + POOL_DAYS * pool) / (own_days[:, None] + POOL_DAYS)
    return Availability(
        asset_id=names,
        probability=np.clip(activity * probability, 0.0, 1.0),
        power_kw=_mean(power, able),
        energy_kwh=_mean(energy, able),
        own_days=own_days,
        pooled=own_days < LEAST_OWN_DAYS,
    )


def _columns(record: History) -> tuple[Float[Array, " row"], ...]:
    """Once for each row; its power; its energy."""
    return np.ones(len(record.row_kw)), record.row_kw, record.row_energy_kwh


def _summed(
    record: History, days: Float[Array, " past"], of: Float[Array, " row"], assets: int
) -> Float[Array, "asset step"]:
    """Sums over past days by vehicle and step."""
    at: Int[Array, " row"] = record.asset * record.steps + record.step
    size = assets * record.steps
    return np.bincount(at, of * days[record.day], size).reshape(assets, record.steps)


def _mean(
    summed: Float[Array, "asset step"], able: Float[Array, "asset step"]
) -> Float[Array, "asset step"]:
    """Mean over a vehicle's own days and, with the weight of one day, the fleet's in the step."""
    fleet = summed.sum(axis=0) / np.maximum(able.sum(axis=0), 1e-12)
    return (summed + fleet) / (able + 1.0)
