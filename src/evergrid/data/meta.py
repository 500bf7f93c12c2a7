"""Where a data set comes from, under which licence, and what was assumed in reading it."""

from dataclasses import asdict, dataclass
from typing import Any

from evergrid.data.quality import Quality

LICENCE_CLASSES = {
    "A": "an open licence is stated for the data",
    "B": "open by its publisher; check the publisher's page before redistributing",
    "C": "the publisher's terms restrict it; for local use, not to be redistributed",
}


@dataclass(frozen=True)
class Meta:
    """What a summary says about one source.

    Attributes:
        source: Name of the format, as in a config.
        title: What the data are, in words.
        licence: Class A, B or C and what it means for redistribution.
        origin: Who published them.
        currency: ISO 4217 code of its prices; None where there are none.
        time_zone: Clock the source is stamped in; results are always UTC.
        quality: What became of every row.
        assumptions: What the source lacks and what was used in its place.
    """

    source: str
    title: str
    licence: str
    origin: str
    currency: str | None
    time_zone: str
    quality: Quality
    assumptions: dict[str, str | float]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for a summary."""
        return asdict(self)


def licence(letter: str, words: str) -> str:
    """The licence class and its meaning, such as "A (CC BY 4.0): ..."."""
    return f"{letter} ({words}): {LICENCE_CLASSES[letter]}"
