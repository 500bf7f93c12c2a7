"""What a study of resilience finds."""

from dataclasses import dataclass

from evergrid.core.arrays import Array, Float, Int
from evergrid.resilience.metrics.requirement import RequirementTest
from evergrid.studies.resilience.cases import FleetCase
from evergrid.studies.resilience.scenarios import Outages
from evergrid.studies.resilience.standing import StandingReserves


@dataclass(frozen=True)
class SizeSweep:
    """Fleets of several sizes through the same outages.

    Attributes:
        vehicles: How many, rising.
        m_d_kwh: Mean energy not served, of the tiers that count.
        kept_share: Share of outages that keep the target.
        lost_cost: Mean cost of lost load of an outage, of all tiers.
    """

    vehicles: Int[Array, " size"]
    m_d_kwh: Float[Array, " size"]
    kept_share: Float[Array, " size"]
    lost_cost: Float[Array, " size"]


@dataclass(frozen=True)
class LeastFleets:
    """Fewest vehicles that are proven to keep the target.

    Attributes:
        energy_kwh: Mean that each brings.
        charger_kw: Power of its charger.
        vehicles: How many; NaN where not even the most are enough.
        lower_bound: Proven probability with so many; with the most where those are not enough.
        own_energy_kwh: Least mean energy that is tried with which as many vehicles as the study has
            are enough, at the charger nearest to theirs; NaN where none is.
        own_charger_kw: Least charger that is tried with which they are, at the energy nearest to
            theirs; NaN where none is.
    """

    energy_kwh: Float[Array, " energy"]
    charger_kw: Float[Array, " charger"]
    vehicles: Float[Array, "energy charger"]
    lower_bound: Float[Array, "energy charger"]
    own_energy_kwh: float
    own_charger_kw: float


@dataclass(frozen=True)
class StandingWorth:
    """What readiness costs on usual days and saves in outages, in a year.

    Attributes:
        days: One vehicle on a usual day.
        given_up: By all vehicles, in all days of a year.
        lost_cost: Of lost load, mean of an outage.
        avoided: Of lost load in a year, against the first reserve.
        m_d_kwh: Mean of an outage.
    """

    days: StandingReserves
    given_up: Float[Array, " reserve"]
    lost_cost: Float[Array, " reserve"]
    avoided: Float[Array, " reserve"]
    m_d_kwh: Float[Array, " reserve"]


@dataclass(frozen=True)
class PolicyCheck:
    """The policy beside the best restorations that know more, on some outages.

    Attributes:
        policy_kwh: Weighted energy not served until the grid is back, interruptions included.
        best_kwh: Of the best restoration found that knows who comes and how long it lasts.
        bound_kwh: That no restoration can be below.
        policy_mean_kwh: Of the policy, mean over all lengths that it may reckon with.
        best_mean_kwh: Of the best restoration found that knows who comes, and of the length what
            the policy knows.
        bound_mean_kwh: That none of these can be below.
    """

    policy_kwh: Float[Array, " outage"]
    best_kwh: Float[Array, " outage"]
    bound_kwh: Float[Array, " outage"]
    policy_mean_kwh: Float[Array, " outage"]
    best_mean_kwh: Float[Array, " outage"]
    bound_mean_kwh: Float[Array, " outage"]

    @property
    def gap(self) -> float:
        """Share of what the policy loses that could be saved at most with all known."""
        return _above(self.policy_kwh, self.bound_kwh)

    @property
    def mean_gap(self) -> float:
        """Share that could be saved at most where nobody knows how long the outage lasts."""
        return _above(self.policy_mean_kwh, self.bound_mean_kwh)


def _above(cost_kwh: Float[Array, " outage"], bound_kwh: Float[Array, " outage"]) -> float:
    total = float(cost_kwh.sum())
    return (total - float(bound_kwh.sum())) / max(total, 1e-9)


@dataclass(frozen=True)
class ResilienceResults:
    """All that was found.

    Attributes:
        outages: With the vehicles of the study.
        fleet: With them.
        none: Without vehicles.
        storm: With a warning; None where none is asked for.
        requirement: What the outages prove of the target.
        more_energy_kwh: Mean M_D were a tenth more energy in each vehicle.
        more_power_kwh: Mean M_D were each charger a tenth stronger.
        lost_cost: Of lost load, mean of an outage, with and without vehicles.
        sizes: None where not asked for.
        least: None where not asked for.
        standing: None where not asked for.
        check: None where not asked for.
        signal_made_up: Whether the signal of regulation is; None where none was followed.
    """

    outages: Outages
    fleet: FleetCase
    none: FleetCase
    storm: FleetCase | None
    requirement: RequirementTest
    more_energy_kwh: float
    more_power_kwh: float
    lost_cost: tuple[float, float]
    sizes: SizeSweep | None
    least: LeastFleets | None
    standing: StandingWorth | None
    check: PolicyCheck | None
    signal_made_up: bool | None

    @property
    def cases(self) -> dict[str, FleetCase]:
        """Every fleet by the words that figures use."""
        found = {"with vehicles": self.fleet, "without vehicles": self.none}
        return found if self.storm is None else found | {"with a storm warning": self.storm}
