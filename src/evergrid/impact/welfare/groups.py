"""How gains and losses fall on people of different incomes and regions.

Only what reaches households is dealt out: as owners of vehicles, as consumers of electricity, and
as people who breathe. Gains of companies, of the government and of the climate have no address
here, and are left as they are.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

SHARES = ("households_share", "vehicles_share", "consumption_share", "pollution_share")


@dataclass(frozen=True)
class HouseholdGroups:
    """Groups of households, and their part in what is gained and lost.

    Attributes:
        name: Of each group.
        region: Where it lives.
        income_per_year: Of a household.
        households_share: Of all households.
        vehicles_share: Of vehicles that may feed.
        consumption_share: Of the electricity of households.
        pollution_share: Of the harm of local pollutants.
        example: Whether the numbers are made up.

    Raises:
        InputError: Shares that are negative or do not add up to 1, an income that is not positive.
    """

    name: Shaped[Array, " group"]
    region: Shaped[Array, " group"]
    income_per_year: Float[Array, " group"]
    households_share: Float[Array, " group"]
    vehicles_share: Float[Array, " group"]
    consumption_share: Float[Array, " group"]
    pollution_share: Float[Array, " group"]
    example: bool = False

    def __post_init__(self) -> None:
        """Check kinds, shares and incomes."""
        records.check(self, "groups")
        income = self.income_per_year
        faults = broken("income_per_year", income > 0, "be above 0", values=income, ids=self.name)
        for field in SHARES:
            share = getattr(self, field)
            faults += broken(field, share >= 0, "be at least 0", values=share, ids=self.name)
            if abs(share.sum() - 1.0) > 1e-6:
                faults.append(Fault(field, "add up to 1", (float(share.sum()),)))
        raise_if_any("groups", faults)


# Made up, to show what the table holds: no statistics of any place.
EXAMPLE = HouseholdGroups(
    name=np.array(["low income", "middle income", "high income"] * 2, dtype=object),
    region=np.array(["city"] * 3 + ["country"] * 3, dtype=object),
    income_per_year=np.array([28_000.0, 70_000.0, 160_000.0, 26_000.0, 62_000.0, 140_000.0]),
    households_share=np.array([0.20, 0.30, 0.10, 0.15, 0.18, 0.07]),
    vehicles_share=np.array([0.04, 0.25, 0.30, 0.03, 0.18, 0.20]),
    consumption_share=np.array([0.14, 0.28, 0.15, 0.12, 0.19, 0.12]),
    pollution_share=np.array([0.34, 0.30, 0.08, 0.14, 0.10, 0.04]),
    example=True,
)


@dataclass(frozen=True)
class GroupGains:
    """What each group gains.

    Attributes:
        as_owners: Of vehicles.
        as_consumers: Of electricity.
        in_health: By local pollutants.
        weighted: Sum of the three, counted more where incomes are lower.
    """

    as_owners: Float[Array, " group"]
    as_consumers: Float[Array, " group"]
    in_health: Float[Array, " group"]
    weighted: Float[Array, " group"]

    @property
    def total(self) -> Float[Array, " group"]:
        """All three."""
        return self.as_owners + self.as_consumers + self.in_health


def dealt_out(
    groups: HouseholdGroups,
    *,
    owners: float,
    consumers: float,
    health: float,
    aversion: float = 1.4,
) -> GroupGains:
    """Gains of households, group by group.

    Args:
        groups: Of households.
        owners: Gain of all owners of vehicles.
        consumers: Gain of all other consumers.
        health: Gain by less local pollution.
        aversion: By how many percent a dollar counts less where the income is one percent higher;
            0 counts all alike. The mean income counts 1.

    Source:
        Weights by income as in United States Office of Management and Budget (2023), Circular A-4,
        which took 1.4 and was withdrawn in 2025; as quoted by others, not verified.
    """
    mean = float(groups.households_share @ groups.income_per_year)
    weight = (groups.income_per_year / mean) ** -aversion
    parts = (
        owners * groups.vehicles_share,
        consumers * groups.consumption_share,
        health * groups.pollution_share,
    )
    return GroupGains(*parts, weighted=weight * (parts[0] + parts[1] + parts[2]))
