"""Is a resilience requirement proven: P(T_r <= x and M_D <= y) >= share, with confidence?

Counting scenarios that meet it gives an estimate. What is proven is the lower confidence bound of
that share, by the exact binomial distribution: it holds for any number of independent scenarios.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

MOST_SCENARIOS = 10**9  # beyond, nobody simulates


@dataclass(frozen=True)
class RequirementTest:
    """What independent scenarios prove of a requirement.

    Attributes:
        met: Scenarios that meet it.
        scenarios: Of how many.
        share: Probability that is required.
        confidence: With which it is to be proven.
        lower_bound: Probability that is proven with that confidence.
    """

    met: int
    scenarios: int
    share: float
    confidence: float
    lower_bound: float

    @property
    def estimate(self) -> float:
        """Share of the scenarios that meet the requirement."""
        return self.met / self.scenarios

    @property
    def proven(self) -> bool:
        """Whether the bound is at least what is required."""
        return self.lower_bound >= self.share


def proportion_lower_bound(met: int, scenarios: int, *, confidence: float) -> float:
    """Probability that is exceeded with a confidence, of which some of n scenarios are drawn.

    Raises:
        InputError: No scenario, a count outside [0, scenarios], confidence outside (0, 1).

    Source:
        C. J. Clopper, E. S. Pearson (1934), The use of confidence or fiducial limits illustrated in
        the case of the binomial, Biometrika 26, 404-413; one-sided.
    """
    faults = _probabilities(confidence=confidence)
    if scenarios < 1:
        faults.append(Fault("scenarios", "be at least one", (scenarios,)))
    elif not 0 <= met <= scenarios:
        faults.append(Fault("met", f"be in [0, {scenarios}]", (met,)))
    raise_if_any("requirement", faults)
    return float(beta.ppf(1 - confidence, met, scenarios - met + 1)) if met else 0.0


def scenarios_needed(share: float, *, confidence: float, not_met: int = 0) -> int:
    """Fewest scenarios that prove a share, if so many of them do not meet the requirement.

    Raises:
        InputError: Share or confidence outside (0, 1), a negative count, more than a billion.
    """
    faults = _probabilities(share=share, confidence=confidence)
    if not_met < 0:
        faults.append(Fault("not_met", "be at least 0", (not_met,)))
    raise_if_any("requirement", faults)

    def proves(scenarios: int) -> bool:
        # The bound is at least the share where a true share would seldom leave so few failures.
        return float(binom.cdf(not_met, scenarios, 1 - share)) <= 1 - confidence

    low, high = not_met, not_met + 1
    while not proves(high):
        low, high = high, 2 * high
        if high > MOST_SCENARIOS:
            rule = f"be proven by at most {MOST_SCENARIOS:,} scenarios"
            raise_if_any("requirement", [Fault("share", rule, (share,))])
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def requirement_test(
    time_h: Float[Array, " scenario"],
    reached: Bool[Array, " flag"],
    energy_kwh: Float[Array, " energy"],
    *,
    within_h: float,
    at_most_kwh: float,
    share: float = 0.95,
    confidence: float = 0.95,
) -> RequirementTest:
    """Count scenarios with T_r <= x and M_D <= y, and what they prove.

    Args:
        time_h: T_r, or how long it was waited for it.
        reached: Whether it is T_r.
        energy_kwh: M_D.
        within_h: Latest T_r.
        at_most_kwh: Greatest M_D.
        share: Probability that is required.
        confidence: With which it is to be proven.

    Raises:
        InputError: No scenario, NaN, negative limits, share or confidence outside (0, 1), a
            scenario that was not followed for as long as it may take to recover.
    """
    faults = _probabilities(share=share, confidence=confidence)
    if not len(time_h) == len(reached) == len(energy_kwh) > 0:
        counts = (len(time_h), len(reached), len(energy_kwh))
        faults.append(Fault("scenarios", "be at least one, the same for all", counts))
    for name, value in (("within_h", within_h), ("at_most_kwh", at_most_kwh)):
        if not value >= 0:
            faults.append(Fault(name, "be at least 0", (value,)))
    for name, values in (("time_h", time_h), ("energy_kwh", energy_kwh)):
        faults += broken(name, values >= 0, "be at least 0", values=values)
    raise_if_any("requirement", faults)
    seen = reached | (time_h >= within_h)
    fix = "Follow the scenarios for at least as long as recovery may take."
    raise_if_any(
        "requirement",
        broken(
            "time_h", seen, f"be at least {within_h:g} h where censored", values=time_h, fix=fix
        ),
    )
    met = int(np.count_nonzero(reached & (time_h <= within_h) & (energy_kwh <= at_most_kwh)))
    bound = proportion_lower_bound(met, len(time_h), confidence=confidence)
    return RequirementTest(met, len(time_h), share, confidence, bound)


def _probabilities(**given: float) -> list[Fault]:
    """Faults of numbers that are not strictly between 0 and 1."""
    fix = "Give a fraction, not a percentage."
    bad = {name: value for name, value in given.items() if not 0 < value < 1}
    return [Fault(name, "be in (0, 1)", (value,), fix=fix) for name, value in bad.items()]
