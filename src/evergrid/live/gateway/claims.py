"""Which gateway holds a station's connection, when only the newest one counts?

A gateway that a station connects to claims it. The claim supersedes an older one, and nothing that
comes under an older claim counts any more: neither a late event, nor the end of a connection.
"""

from dataclasses import dataclass
from typing import final

import msgspec


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """Of one gateway to one connection of a station.

    Attributes:
        term: Of the controller that it was given by, another one after each start.
        epoch: Counts up in a term.
    """

    term: str
    epoch: int


@dataclass(frozen=True)
class Holder:
    """Who holds a station.

    Attributes:
        gateway: Where it listens.
        claim: Its claim.
    """

    gateway: str
    claim: Claim


@final
class Claims:
    """The claims of a term.

    Args:
        term: Of the controller.
    """

    def __init__(self, term: str) -> None:
        self.term = term
        self._epoch = 0
        self._holders: dict[str, Holder] = {}
        self._stations: dict[str, set[str]] = {}

    def give(self, station: str, gateway: str) -> tuple[Claim, Holder | None]:
        """A new claim of a gateway, and who held the station before."""
        older = self._holders.get(station)
        if older is not None:
            self._stations[older.gateway].discard(station)
        self._epoch += 1
        claim = Claim(self.term, self._epoch)
        self._holders[station] = Holder(gateway, claim)
        self._stations.setdefault(gateway, set()).add(station)
        return claim, older

    def holder(self, station: str) -> Holder | None:
        """Who holds a station; None where nobody does."""
        return self._holders.get(station)

    def is_newest(self, station: str, claim: Claim) -> bool:
        """Whether a claim is the one that counts."""
        holder = self._holders.get(station)
        return holder is not None and holder.claim == claim

    def is_superseded(self, station: str, claim: Claim) -> bool:
        """Whether another claim of this term has taken the place of one."""
        holder = self._holders.get(station)
        return claim.term == self.term and holder is not None and holder.claim != claim

    def end(self, station: str, claim: Claim) -> bool:
        """A connection has ended; whether it was the one that counts."""
        if not self.is_newest(station, claim):
            return False
        holder = self._holders.pop(station)
        self._stations[holder.gateway].discard(station)
        return True

    def held_by(self, gateway: str) -> tuple[str, ...]:
        """The stations that a gateway holds."""
        return tuple(sorted(self._stations.get(gateway, ())))

    def lose(self, gateway: str) -> tuple[str, ...]:
        """A gateway is gone, and its claims with it; the stations that it held."""
        lost = tuple(sorted(self._stations.pop(gateway, ())))
        for station in lost:
            del self._holders[station]
        return lost
