"""What a program is told of a site's energy: reports of events that ask for them.

An event asks by a report descriptor of type USAGE (kWh drawn) or DEMAND (mean kW drawn). It gets a
report of its intervals once all are over, or each time that so many more are as `frequency` says.

Source:
    OpenADR 3.1.0 Definition, sections on report, reportDescriptor and the table of report payload
    types; OpenADR 3 OpenAPI description, POST /reports.
"""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, final

import numpy as np

from evergrid.core.units import S_PER_H, consumption_from_grid_power
from evergrid.live.signals.openadr.events import Event

KEPT = 40_000  # samples of a site, the oldest are forgotten
LONGEST_GAP_S = 60.0  # between two samples, beyond which nothing is said
COUNTED_S = 20.0  # after the end of an interval, by when its energy is counted
DIGITS = 3  # of kWh and kW

MeteredKwh = Callable[[float, float], float | None]
"""Energy that a site drew, less what it fed, from one moment to another; None where not known."""


class _Sample(NamedTuple):
    time_s: float
    drawn_kwh: float  # since the first one


@final
class SiteEnergy:
    """Energy of a site, counted from its power."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=KEPT)
        self._power_kw = 0.0

    def note(self, time_s: float, power_kw: float) -> None:
        """The site's power into the grid at a moment; between two the one before holds."""
        last = self._samples[-1] if self._samples else _Sample(time_s, 0.0)
        if time_s - last.time_s > LONGEST_GAP_S:
            self._samples.clear()  # what was before cannot be counted on
            last = _Sample(time_s, last.drawn_kwh)
        drawn_kw = consumption_from_grid_power(self._power_kw)
        more_kwh = drawn_kw * max(time_s - last.time_s, 0.0) / S_PER_H
        self._samples.append(_Sample(time_s, last.drawn_kwh + more_kwh))
        self._power_kw = power_kw

    def drawn_kwh(self, begin_s: float, end_s: float) -> float | None:
        """Energy drawn less fed; None where a part of the time was not seen."""
        if not self._samples:
            return None
        if begin_s < self._samples[0].time_s or end_s > self._samples[-1].time_s:
            return None
        times, energy = np.array(self._samples).T
        first, last = np.interp((begin_s, end_s), times, energy)
        return float(last - first)


def due(event: Event, reported: int, now_s: float) -> int:
    """How many intervals of an event are to be reported by now; 0 for no report yet.

    Args:
        event: That may ask for reports.
        reported: Of its intervals, those that were reported.
        now_s: UTC seconds since 1970.
    """
    if not event.reports:
        return 0
    intervals = intervals_of(event)
    over = sum(end_s + COUNTED_S <= now_s for _, end_s in intervals)
    each = event.report_frequency
    if each > 0 and over < len(intervals):
        over -= (over - reported) % each
    elif over < len(intervals):
        over = 0
    return over if over > reported else 0


def intervals_of(event: Event) -> list[tuple[float, float]]:
    """Begin and end of each interval, in the order of time."""
    return sorted({(span.begin_s, span.end_s) for span in event.spans})


def report(
    event: Event, first: int, stop: int, program: str, client: str, site: str, metered: MeteredKwh
) -> Mapping[str, Any] | None:
    """A report in the words of OpenADR; None where nothing of it was metered.

    Args:
        event: That asks for it.
        first: Of its intervals.
        stop: The first interval that is not in it.
        program: Of the event.
        client: Our name.
        site: Whose energy it is.
        metered: Energy that the site drew.
    """
    intervals = []
    for number, (begin_s, end_s) in enumerate(intervals_of(event)[first:stop], first):
        drawn_kwh = metered(begin_s, end_s)
        if drawn_kwh is None:
            continue
        hours = (end_s - begin_s) / S_PER_H
        values = {"USAGE": drawn_kwh, "DEMAND": drawn_kwh / hours}
        period = {
            "start": datetime.fromtimestamp(begin_s, UTC).isoformat(),
            "duration": f"PT{timedelta(seconds=end_s - begin_s).total_seconds():g}S",
        }
        payloads = [
            {"type": kind, "values": [round(values[kind], DIGITS)]} for kind in event.reports
        ]
        intervals.append({"id": number, "intervalPeriod": period, "payloads": payloads})
    if not intervals:
        return None
    units = {"USAGE": "KWH", "DEMAND": "KW"}
    return {
        "objectType": "REPORT",
        "programID": program,
        "eventID": event.event,
        "clientName": client,
        "reportName": f"{site} {stop}",
        "payloadDescriptors": [
            {
                "objectType": "REPORT_PAYLOAD_DESCRIPTOR",
                "payloadType": kind,
                "units": units[kind],
                "readingType": "DIRECT_READ" if kind == "USAGE" else "MEAN",
            }
            for kind in event.reports
        ],
        "resources": [{"resourceName": site, "intervals": intervals}],
    }
