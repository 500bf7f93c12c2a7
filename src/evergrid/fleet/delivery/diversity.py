"""What does no number of vehicles diversify away?"""

import numpy as np
from scipy.special import ndtr

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.fleet.delivery.bounded_sum import greatest, sandwich
from evergrid.fleet.delivery.common_factor import AbstractFactor, Nodes, rho_faults
from evergrid.fleet.delivery.distribution import confidence_faults
from evergrid.fleet.delivery.probability_bins import gather

ENDLESS = 1e7  # vehicles; resolves the factor's own quantile to 1e-6


def effective_vehicles(vehicles: float, rho: float) -> float:
    """Number of independent vehicles whose share varies as much as that of correlated ones.

    Args:
        vehicles: Number of like vehicles.
        rho: Intraclass correlation of delivering or not.

    Raises:
        InputError: A correlation outside [0, 1).

    Source:
        Kish (1965), Survey Sampling, section 5.4: the design effect.
    """
    raise_if_any("correlation", rho_faults(rho))
    return vehicles / (1 + (vehicles - 1) * rho)


def diversity_floor(
    probability: Float[Array, " vehicle"],
    power_kw: Float[Array, " vehicle"],
    factor: AbstractFactor,
    confidence: float,
    *,
    count: Int[Array, " vehicle"] | None = None,
) -> float:
    """Share of a fleet's power that stays firm however many vehicles of its kind are added.

    It is the quantile of the common factor alone: the vehicles' own chances cancel out.

    Raises:
        InputError: As in `distribution`, or a confidence outside (0, 1).
    """
    raise_if_any("confidence", confidence_faults(np.array([confidence])))
    bins = gather(probability[:, None], power_kw, count=count)
    between = sandwich(bins, factor, vehicles=ENDLESS)
    nodes, total_kw = between.nodes, float(bins.total_kw[0])
    share = between.middle.mean_kw[:, 0] / max(total_kw, np.finfo(float).tiny)

    def below(value: Float[Array, " one"]) -> Float[Array, " one"]:
        return np.array([_share_below(share, nodes, float(value[0]))])

    return float(greatest(below, np.ones(1), 1 - confidence)[0][0])


def _share_below(share: Float[Array, " node"], nodes: Nodes, value: float) -> float:
    """Probability that the factor brings the fleet's share below a value."""
    total = 0.0
    for regime in np.unique(nodes.share):
        here = nodes.share == regime
        rising = np.maximum.accumulate(share[here])
        score = np.interp(value, rising, nodes.score[here], left=-np.inf, right=np.inf)
        total += nodes.weight[here].sum() * ndtr(score)
    return float(total)
