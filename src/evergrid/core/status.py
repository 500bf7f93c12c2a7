"""How a numerical task ended, as data; the edge turns a bad end into an exception."""

from enum import StrEnum


class Status(StrEnum):
    """Outcome of a solve. Each member says what it means and what to do next."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    LIMITS_EXCEEDED = "limits_exceeded"
    TIME_LIMIT = "time_limit"
    INFEASIBLE = "infeasible"
    NUMERICAL = "numerical"

    @property
    def message(self) -> str:
        """What happened, and the next step."""
        return {
            Status.OPTIMAL: "The plan is optimal within the requested gap.",
            Status.FEASIBLE: "The plan is feasible; its gap is larger than requested. "
            "Read the gap, or allow more time.",
            Status.LIMITS_EXCEEDED: "The plan exceeds limits: by the least possible where load or "
            "generation that cannot be curtailed does so by itself, read the overloads; on a "
            "feeder where none that keeps its limits was found, read limits_violated.",
            Status.TIME_LIMIT: "No plan was found in the time allowed. Raise time_limit_s.",
            Status.INFEASIBLE: "No schedule keeps every limit.",
            Status.NUMERICAL: "The calculation lost precision or found no solution. Check "
            "the inputs for values that differ by many orders of magnitude.",
        }[self]

    @property
    def good(self) -> bool:
        """Whether a usable plan exists."""
        return self in (Status.OPTIMAL, Status.FEASIBLE, Status.LIMITS_EXCEEDED)
