"""Was an operating envelope kept? Metered power against the limit of every step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.live.signals.envelope import Envelopes, Step, limits_between

TOLERANCE_KW = 0.05  # below what a meter of class 1 tells at 5 kW


@dataclass(frozen=True)
class MeteredPower:
    """Mean power of a site in an interval.

    Attributes:
        begin_s: UTC seconds since 1970.
        end_s: The interval ends before this moment.
        power_kw: Into the grid; NaN where nothing was metered.
    """

    begin_s: float
    end_s: float
    power_kw: float


@dataclass(frozen=True)
class ComplianceRow:
    """Metered power in a time of one limit.

    Attributes:
        begin_s: UTC seconds since 1970.
        end_s: It ends before this moment.
        power_kw: Into the grid, mean; NaN where nothing was metered.
        import_limit_kw: That the site might draw.
        export_limit_kw: That it might feed.
        issued_s: When the limit was issued; None for the safe default.
        excess_kw: Beyond the limit; 0 where it was kept, NaN where nothing was metered.
    """

    begin_s: float
    end_s: float
    power_kw: float
    import_limit_kw: float
    export_limit_kw: float
    issued_s: float | None
    excess_kw: float

    @property
    def violated(self) -> bool:
        """Whether the limit was passed by more than a meter may be off."""
        return self.excess_kw > TOLERANCE_KW


@dataclass(frozen=True)
class ComplianceReport:
    """How an envelope was kept.

    Attributes:
        site: The site.
        rows: Of each limit and interval.
        metered_s: For which there were readings.
        unmetered_s: For which there were none: nothing is claimed for it.
        violated_s: For which a limit was passed.
        excess_kwh: Beyond the limits.
        worst_kw: Greatest excess.
    """

    site: str
    rows: tuple[ComplianceRow, ...]
    metered_s: float
    unmetered_s: float
    violated_s: float
    excess_kwh: float
    worst_kw: float

    @property
    def kept(self) -> float | None:
        """Share of the metered time in which the limits were kept; None without a reading."""
        return 1.0 - self.violated_s / self.metered_s if self.metered_s else None


def report(known: Envelopes, site: str, metered: Iterable[MeteredPower]) -> ComplianceReport:
    """Metered power against the limits that held, part by part.

    Args:
        known: The limits, those that are over among them.
        site: The site.
        metered: In the order of time.

    Raises:
        InputError: A site that no utility limits, intervals that overlap or are empty, a power that
            is infinite.
    """
    given = list(metered)
    raise_if_any("compliance", _faults(given, site))
    rows = tuple(
        _row(step, one.power_kw)
        for one in given
        for step in limits_between(known, site, one.begin_s, one.end_s)
    )
    told = [row for row in rows if not math.isnan(row.power_kw)]
    passed = [row for row in told if row.violated]
    return ComplianceReport(
        site,
        rows,
        _seconds(told),
        _seconds(rows) - _seconds(told),
        _seconds(passed),
        sum(row.excess_kw * (row.end_s - row.begin_s) for row in passed) / S_PER_H,
        max((row.excess_kw for row in passed), default=0.0),
    )


def excess_kw(power_kw: float, step: Step) -> float:
    """By how much a power passes a limit; 0 where it keeps it."""
    beyond = max(power_kw - step.limit.export_limit_kw, -power_kw - step.limit.import_limit_kw)
    return beyond if math.isnan(beyond) else max(beyond, 0.0)


def _row(step: Step, power_kw: float) -> ComplianceRow:
    limit = step.limit
    return ComplianceRow(
        step.begin_s,
        step.end_s,
        power_kw,
        limit.import_limit_kw,
        limit.export_limit_kw,
        limit.issued_s,
        excess_kw(power_kw, step),
    )


def _seconds(rows: Iterable[ComplianceRow]) -> float:
    return math.fsum(row.end_s - row.begin_s for row in rows)


def _faults(metered: list[MeteredPower], site: str) -> list[Fault]:
    faults, before_s = [], -math.inf
    for one in metered:
        if not before_s <= one.begin_s < one.end_s < math.inf:
            rule = "rise from interval to interval without overlap"
            faults.append(Fault("begin_s", rule, (one.begin_s,), (site,)))
        if math.isinf(one.power_kw):
            faults.append(Fault("power_kw", "be finite, or NaN", (one.power_kw,), (site,)))
        before_s = one.end_s
    return faults
