"""How many times faster: rows of one run compared with one another."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.plan.case import Row
from benchmarks.plan.solvers.registry import MONOLITHIC, OURS, SITE_BY_SITE, SOLVERS

MOST_VIOLATION = 1e-3  # kW or kWh; beyond it a schedule does not count as an answer
FEWEST_FOR_SLOPE = 2


@dataclass(frozen=True)
class Bound:
    """A number, or what it is certainly larger than."""

    value: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'> ' if self.at_least else ''}{three_digits(self.value)}"


@dataclass(frozen=True)
class Comparison:
    """Every solver on one instance.

    Attributes:
        family: Name of the family.
        sessions: Size of the instance.
        rows: What came of each solver.
        against_monolithic: Time of HiGHS' fastest method over ours, for each gap of ours.
        against_site_by_site: The same for HiGHS on each independent tree.
    """

    family: str
    sessions: int
    rows: Mapping[str, Row]
    against_monolithic: Mapping[str, Bound | None]
    against_site_by_site: Mapping[str, Bound | None]


def comparisons(rows: Iterable[Row]) -> list[Comparison]:
    """One comparison for each instance, in the order of the rows."""
    instances: dict[tuple[str, int], dict[str, Row]] = {}
    for row in rows:
        instances.setdefault((row.family, row.sessions), {})[row.solver] = row
    return [
        Comparison(
            family=family,
            sessions=sessions,
            rows=by_name,
            against_monolithic=_against(by_name, MONOLITHIC),
            against_site_by_site=_against(by_name, (SITE_BY_SITE,)),
        )
        for (family, sessions), by_name in instances.items()
    ]


def time_of(row: Row, gap: float | None = None) -> Bound | None:
    """Time to an answer of this certified gap, by default of the gap the solver was asked for.

    The limit where it was exceeded; None where there is no such answer at all.
    """
    if row.seconds is None or row.gap is None or row.violation is None:
        return Bound(row.limit_s, at_least=True) if row.over_limit else None
    wanted = gap or SOLVERS[row.solver].gap or math.inf
    answered = row.gap <= wanted and row.violation <= MOST_VIOLATION
    return Bound(row.seconds) if answered else None


def fastest(times: Iterable[Bound | None]) -> Bound | None:
    """The least time; a limit that was exceeded only where nobody was done."""
    known = [time for time in times if time is not None]
    return min(known, key=lambda time: (time.at_least, time.value), default=None)


def exponent(
    rows: Iterable[Row], solver: str, family: str, *, smallest: int = 1000, largest: int = 100_000
) -> float | None:
    """Growth of time with sessions: slope of the least-squares line through the logarithms.

    None where fewer than two sizes were solved.
    """
    own = [row for row in rows if (row.solver, row.family) == (solver, family)]
    times = {row.sessions: time_of(row) for row in own if smallest <= row.sessions <= largest}
    points = [(n, time.value) for n, time in times.items() if time and not time.at_least]
    if len(points) < FEWEST_FOR_SLOPE:
        return None
    sessions, seconds = np.log(np.array(points, dtype=float)).T
    return float(np.polyfit(sessions, seconds, 1)[0])


def three_digits(value: float) -> str:
    """A number with three digits that count, as far as four decimals show them."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 4)}f}"


def _against(by_name: Mapping[str, Row], others: Sequence[str]) -> dict[str, Bound | None]:
    found = {}
    for name in OURS:
        if name in by_name:
            gap = SOLVERS[name].gap
            times = [time_of(by_name[other], gap) for other in others if other in by_name]
            found[name] = _ratio(time_of(by_name[name]), fastest(times))
    return found


def _ratio(ours: Bound | None, theirs: Bound | None) -> Bound | None:
    if ours is None or theirs is None or ours.at_least:
        return None
    return Bound(theirs.value / ours.value, theirs.at_least)
