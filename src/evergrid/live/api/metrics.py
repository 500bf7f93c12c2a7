"""Figures of the service in the text form that Prometheus reads."""

from collections.abc import Iterator
from typing import final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from evergrid.live.api.updates.stream import Stream
from evergrid.live.view import Overview

MEDIA_TYPE = CONTENT_TYPE_LATEST
GAUGES = {
    "tick_age_seconds": ("tick_age_s", "Since the controller last decided."),
    "power_kilowatts": ("power_kw", "Of the fleet as metered, positive into the grid."),
    "base_kilowatts": ("base_kw", "Of the fleet as planned."),
    "target_kilowatts": ("target_kw", "Above the plan, as the signal asks."),
    "response_kilowatts": ("response_kw", "Above the plan, as metered."),
    "signal": ("signal", "Regulation signal, -1 to 1."),
    "signal_age_seconds": ("signal_age_s", "Since the last value of the signal."),
    "offer_kilowatts": ("offer_kw", "Firm power offered both ways."),
    "award_kilowatts": ("award_kw", "Power awarded."),
    "up_kilowatts": ("up_kw", "More that could be fed now."),
    "down_kilowatts": ("down_kw", "Less that could be fed now."),
    "score": ("score", "Performance score of the day, 0 to 1."),
    "stations": ("stations", "Registered."),
    "stations_online": ("online", "Connected."),
    "sessions": ("sessions", "Vehicles plugged in."),
    "stored_kilowatthours": ("stored_kwh", "In all cells."),
    "alarms": ("alarms", "Active and not acknowledged."),
}


@final
class _Fleet(Collector):
    def __init__(self, overview: Overview, stream: Stream) -> None:
        self._overview, self._stream = overview, stream

    def collect(self) -> Iterator[Metric]:
        for name, (field, text) in GAUGES.items():
            value = getattr(self._overview, field)
            if value is not None:
                yield GaugeMetricFamily(f"evergrid_{name}", text, float(value))
        yield GaugeMetricFamily("evergrid_viewers", "Streams open.", self._stream.viewers)
        dropped = self._stream.dropped
        yield CounterMetricFamily("evergrid_viewers_dropped", "Too slow to be told.", dropped)


def text(overview: Overview, stream: Stream) -> str:
    """The figures of the fleet, and those that other parts of the process count."""
    own = CollectorRegistry(auto_describe=False)
    own.register(_Fleet(overview, stream))
    return (generate_latest(own) + generate_latest(REGISTRY)).decode()
