"""Rare events that a record does not show: what of a promise survives them, and at what risk."""

from dataclasses import dataclass

from evergrid.fleet.firm_capacity.risk_control import days_needed


@dataclass(frozen=True)
class Outage:
    """A rare event that the record does not show.

    Attributes:
        name: What fails.
        probability: Share of the time it does.
        share: What it leaves of the fleet's power.
    """

    name: str
    probability: float
    share: float


def with_outages(confidence: float, outages: tuple[Outage, ...], days: int) -> tuple[float, float]:
    """The confidence to ask of days without outages, and the share of it that may be promised.

    The worst outages are left to chance as long as these many days can vouch for what risk
    remains; all others are survived, by promising only what they leave. What survives an outage
    survives milder ones too, at no risk. By the union bound the promise is broken no more often
    than asked.
    """
    risk, share = 1.0 - confidence, 1.0
    for outage in sorted(outages, key=lambda outage: outage.share):
        rest = risk - outage.probability
        if outage.share < share and rest > 0 and days_needed(1.0 - rest) <= days:
            risk = rest
        else:
            share = min(share, outage.share)
    return 1.0 - risk, share
