"""The kinds of limits that a feeder has, in the order in which arrays and tables have them."""

from enum import IntEnum


class Kind(IntEnum):
    """A kind of limit; its value is its column in results by kind.

    Attributes:
        label: What reports and tables call it.
    """

    label: str

    LOW_VOLTAGE = 0, "low voltage"
    HIGH_VOLTAGE = 1, "high voltage"
    LINE = 2, "line"
    TRANSFORMER = 3, "transformer"
    TRANSFORMER_MEAN = 4, "transformer on average"
    HOT_SPOT = 5, "transformer hot spot"
    UNBALANCE = 6, "unbalance"
    NO_SOLUTION = 7, "no solution"

    def __new__(cls, value: int, label: str) -> "Kind":
        """A member of this value, with its label."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


OF_TRANSFORMERS = (Kind.TRANSFORMER, Kind.TRANSFORMER_MEAN, Kind.HOT_SPOT)
# What one step alone tells, and what takes all steps of a day.
OF_STEP = (Kind.LOW_VOLTAGE, Kind.HIGH_VOLTAGE, Kind.LINE, Kind.TRANSFORMER, Kind.UNBALANCE)
OF_DAY = tuple(sorted({*OF_STEP, *OF_TRANSFORMERS}))
