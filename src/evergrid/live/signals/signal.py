"""A regulation signal from anywhere: what a value is, and what a source promises."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

TroubleReport = Callable[[str, str], None]
"""Takes what is refused or wrong: a rule in a few words, and what was found."""


@dataclass(frozen=True)
class SignalValue:
    """One value of a signal.

    Attributes:
        time_s: For which it was sent, UTC seconds since 1970, by the sender's clock.
        sequence: Counts up by one from value to value; -1 where the sender does not count.
        value: Share of the award, -1 to 1, positive into the grid; NaN for a tick without one.
        source: Who sent it.
    """

    time_s: float
    sequence: int
    value: float
    source: str


class AbstractSignalSource(ABC):
    """Where a signal comes from. What comes is not believed before `Freshness` has seen it."""

    @abstractmethod
    def values(self) -> AsyncIterator[SignalValue]:
        """Values as they come, until the source ends."""
