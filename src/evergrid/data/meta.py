"""Where a data set comes from, under which licence, and what was assumed in reading it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Shaped
from evergrid.core.files import given_file
from evergrid.core.text.printable import printable
from evergrid.data.quality import Quality

LICENCE_CLASSES = {
    "A": "an open licence is stated for the data",
    "B": "open by its publisher; check the publisher's page before redistributing",
    "C": "the publisher's terms restrict it; for local use, not to be redistributed",
}
LICENCE_KEYS = ("licence", "license")  # of the metadata that a Parquet file may carry
HOLE = np.timedelta64(30, "D")  # a longer time without a row is told
HOLES = 3  # the longest ones that are told


@dataclass(frozen=True)
class Meta:
    """What a summary says about one source.

    Attributes:
        source: Name of the format, as in a config.
        title: What was read, in words, with the file's name.
        period: First and last day of the rows kept, and long holes between, in UTC.
        licence: What the file itself states; else class A, B or C of the published set, and what
            it means for redistribution.
        origin: Who publishes data in this format.
        currency: ISO 4217 code of its prices; None where there are none.
        time_zone: Clock the source is stamped in; results are always UTC.
        quality: What became of every row.
        assumptions: What the source lacks and what was used in its place.
    """

    source: str
    title: str
    period: str
    licence: str
    origin: str
    currency: str | None
    time_zone: str
    quality: Quality
    assumptions: dict[str, str | float]

    def to_dict(self) -> dict[str, Any]:
        """What is known of the source as plain values, for a summary."""
        return asdict(self)


def title(words: str, source: str, path: Path, period: str) -> str:
    """What was read: the kind of data, the format, when, and the file without its folder.

    A format says how a file is laid out and not whose data are in it, so nothing more is claimed.
    """
    file = Path(given_file.name(path)).name
    return f"{words} in the format {source}, {period}, from {file}"


def period(first: Shaped[Array, " row"], last: Shaped[Array, " row"]) -> str:
    """The days from the first instant to the last, such as "2019-05-01 to 2020-05-29".

    Times of more than 30 days in which no row begins are named, the longest three.

    Args:
        first: When each row begins, ``datetime64``; there is at least one row.
        last: When each row ends; half-open, so that midnight belongs to the day before.
    """
    begin = np.sort(first)
    holes = np.diff(begin)
    longest = np.sort(np.argsort(-holes, kind="stable")[:HOLES])
    empty = [f"{_day(begin[i])} to {_day(begin[i + 1])}" for i in longest if holes[i] > HOLE]
    days = (_day(begin[0]), _day(last.max() - np.timedelta64(1, "us")))
    text = " to ".join(dict.fromkeys(days))
    return text + (f" (no row begins from {' or '.join(empty)})" if empty else "")


def licence(path: Path, letter: str, words: str) -> str:
    """What the file states in its metadata, else the class of the published set.

    Args:
        path: The file that was read.
        letter: Class of the set as it is published, one of `LICENCE_CLASSES`.
        words: Its licence there.
    """
    if path.suffix == ".parquet":
        stated = {key.lower(): text for key, text in pl.read_parquet_metadata(path).items()}
        for key in LICENCE_KEYS:
            if key in stated:
                return f"stated in the file: {printable(stated[key])}"
    meaning = LICENCE_CLASSES[letter]
    return f"{letter} ({words}) for the set as published: {meaning}. The file read states none."


def _day(time: Any) -> str:
    return np.datetime_as_string(time, unit="D")
