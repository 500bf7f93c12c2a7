"""Whose gains and losses are counted."""

from enum import StrEnum

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean


class Party(StrEnum):
    """Everyone who may gain or lose. Each is counted once, and nobody is left out."""

    EV_OWNERS = "ev_owners"
    CONSUMERS = "consumers"
    GENERATORS = "generators"
    UTILITY = "utility"
    AGGREGATOR = "aggregator"
    GOVERNMENT = "government"
    NEIGHBOURS = "neighbours"
    ENVIRONMENT = "environment"

    @property
    def label(self) -> str:
        """The party in words."""
        return {
            Party.EV_OWNERS: "EV owners",
            Party.CONSUMERS: "Other consumers",
            Party.GENERATORS: "Generators",
            Party.UTILITY: "Utility and grid owner",
            Party.AGGREGATOR: "Aggregator",
            Party.GOVERNMENT: "Government",
            Party.NEIGHBOURS: "Neighbours (imports)",
            Party.ENVIRONMENT: "Climate and health",
        }[self]


def named(name: str) -> Party:
    """The party of that name.

    Raises:
        InputError: There is none; the message names the nearest and all.
    """
    names = [party.value for party in Party]
    if name in names:
        return Party(name)
    fix = f"{did_you_mean(name, names)} Parties: {', '.join(names)}.".lstrip()
    raise InputError("welfare", [Fault("party", "be a known party", (name,), fix=fix)])
