"""What many scenarios say together: expected energy and hours lost, and the mean of the worst."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.resilience.metrics.degradation import degradation
from evergrid.resilience.metrics.performance import PerformanceCurves
from evergrid.resilience.metrics.recovery import recovery

TOTAL = 1e-9  # by which probabilities may miss 1


@dataclass(frozen=True)
class Risk:
    """What one event costs, over scenarios.

    Attributes:
        eens_kwh: Expected energy not served.
        lole_h: Expected hours in which some demand is not served.
        lolp: Probability that some is not, at a random time between event and horizon.
        alpha: Of the mean of the worst.
        cvar_kwh: Mean of M_D over the worst scenarios, of total probability 1 - alpha.
    """

    eens_kwh: float
    lole_h: float
    lolp: float
    alpha: float
    cvar_kwh: float


def risk(
    curves: PerformanceCurves,
    *,
    alpha: float = 0.95,
    probability: Float[Array, " probability"] | None = None,
) -> Risk:
    """Expected energy not served, hours of loss, and the mean of the worst scenarios.

    All are of one event; times the events in a year they are by year.

    Args:
        curves: Performance.
        alpha: In [0, 1): 0.95 for the worst 5 %.
        probability: Of each scenario; all alike by default.

    Raises:
        InputError: As for `conditional_value_at_risk`.

    Source:
        R. Billinton, R. Allan (1996), Reliability evaluation of power systems, doi:10.1007/
        978-1-4899-1860-4, chapter 2: EENS, LOLE and LOLP, here of an event and not of a year.
    """
    lost_kwh = degradation(curves).energy_kwh
    cvar_kwh = conditional_value_at_risk(lost_kwh, alpha=alpha, probability=probability)
    weight = _weights(lost_kwh, probability)
    below_h = recovery(curves, [1.0]).below_h[:, 0]
    lole_h = float(weight @ below_h)
    lolp = lole_h / float(weight @ curves.followed_h)
    return Risk(float(weight @ lost_kwh), lole_h, lolp, alpha, cvar_kwh)


def conditional_value_at_risk(
    value: Float[Array, " scenario"],
    *,
    alpha: float,
    probability: Float[Array, " probability"] | None = None,
) -> float:
    """Mean of the highest values, which together have probability 1 - alpha.

    Exact on the sample: of the scenario at the edge only the part counts that is still missing.

    Args:
        value: Of each scenario, the higher the worse.
        alpha: In [0, 1); 0 is the mean of all.
        probability: Of each scenario; all alike by default.

    Raises:
        InputError: No scenario, values that are not finite, alpha outside [0, 1), probabilities
            that are negative or do not sum to 1.

    Source:
        R. T. Rockafellar, S. Uryasev (2002), Conditional value-at-risk for general loss
        distributions, Journal of Banking & Finance 26(7), doi:10.1016/S0378-4266(02)00271-6,
        proposition 8.
    """
    if not 0 <= alpha < 1:
        fix = "Give 0.95 for the worst 5 %."
        raise_if_any("risk", [Fault("alpha", "be in [0, 1)", (alpha,), fix=fix)])
    weight = _weights(value, probability)
    order = np.argsort(-value, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(weight[order])[:-1]])
    counted = np.clip(1 - alpha - before, 0.0, weight[order])
    return float(counted @ value[order] / counted.sum())


def _weights(
    value: Float[Array, " scenario"], probability: Float[Array, " probability"] | None
) -> Float[Array, " scenario"]:
    """Checked probabilities of scenarios."""
    if len(value) == 0:
        raise_if_any("risk", [Fault("scenarios", "be at least one", (0,))])
    raise_if_any("risk", broken("value", np.isfinite(value), "be finite", values=value))
    if probability is None:
        return np.full(len(value), 1 / len(value))
    name, rule = "probability", "be at least 0"
    faults = broken(name, probability >= 0, rule, values=probability)
    if len(probability) != len(value):
        faults.append(Fault(name, f"be one for each of {len(value)} scenarios"))
    elif not abs(probability.sum() - 1) <= TOTAL:
        faults.append(Fault(name, "sum to 1", (float(probability.sum()),)))
    raise_if_any("risk", faults)
    return probability
