"""What the charts of the pages draw, as data for the script that draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from evergrid.live.view import Offer, PlanView, Series

POINTS = 600
DECIMALS = 4


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        label: What it is.
        of: Names of the series whose sum it is.
        color: Of the house.
        dashed: Whether it is a wish rather than a fact.
    """

    label: str
    of: tuple[str, ...]
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: What it shows.
        unit: Of its values, as they are stored.
        lines: From back to front.
        series: The points.
        zone: In which times are shown.
        event: Event of the stream that brings points; "" for none.
        steps: Whether values hold until the next.
        decimals: Of what is read out.
        least: Of the axis; None to fit.
        most: Of the axis; None to fit.
    """

    title: str
    unit: str
    lines: tuple[Line, ...]
    series: Series
    zone: tzinfo
    event: str = "series"
    steps: bool = False
    decimals: int = 1
    least: float | None = None
    most: float | None = None

    @property
    def drawn(self) -> bool:
        """Whether any line of it has a point."""
        given = self.series.values
        return any(
            all(name in given for name in line.of)
            and any(value is not None for value in given[line.of[0]])
            for line in self.lines
        )

    @property
    def data(self) -> dict[str, Any]:
        """For the script."""
        wanted = {name for line in self.lines for name in line.of}
        values = {
            name: [None if v is None else round(v, DECIMALS) for v in values]
            for name, values in self.series.values.items()
            if name in wanted
        }
        return {
            "title": self.title,
            "unit": self.unit,
            "zone": str(self.zone),
            "event": self.event,
            "steps": self.steps,
            "decimals": self.decimals,
            "least": self.least,
            "most": self.most,
            "points": POINTS,
            "lines": [vars(line) for line in self.lines],
            "time_s": self.series.time_s,
            "values": values,
        }


def fleet(series: Series, zone: tzinfo) -> Chart:
    """Power against plan and signal."""
    lines = (
        Line("Plan", ("base_kw",), "grey"),
        Line("Plan and signal", ("base_kw", "target_kw"), "orange", dashed=True),
        Line("Metered", ("base_kw", "response_kw"), "blue"),
    )
    return Chart("Power into the grid", "kW", lines, series, zone)


def signal(series: Series, zone: tzinfo) -> Chart:
    """The signal alone."""
    lines = (Line("Signal", ("signal",), "plum"),)
    return Chart("Signal", "", lines, series, zone, decimals=2, least=-1.0, most=1.0)


def response(series: Series, zone: tzinfo) -> Chart:
    """What the signal asks for above the plan, and what was metered."""
    lines = (
        Line("Asked for", ("target_kw",), "orange", dashed=True),
        Line("Metered", ("response_kw",), "blue"),
    )
    return Chart("Power above the plan", "kW", lines, series, zone)


def score(offers: Sequence[Offer], zone: tzinfo) -> Chart:
    """The performance score of each award period, from the first that has one."""
    rows = sorted(offers, key=lambda one: one.begin_s)
    first = next((i for i, one in enumerate(rows) if one.score is not None), len(rows))
    times = tuple(one.begin_s for one in rows[first:])
    points = Series(times, {"score": tuple(one.score for one in rows[first:])})
    lines = (Line("Score", ("score",), "green"),)
    return Chart(
        "Score of each award period", "", lines, points, zone, "", True, decimals=3, most=1.0
    )


def station(series: Series, zone: tzinfo) -> Chart:
    """Ordered against measured power of one station."""
    lines = (
        Line("Ordered", ("ordered_kw",), "orange", dashed=True),
        Line("Accepted", ("accepted_kw",), "plum", dashed=True),
        Line("Measured", ("measured_kw",), "blue"),
    )
    return Chart("Power into the grid", "kW", lines, series, zone, "station")


def plan(found: PlanView, zone: tzinfo) -> tuple[Chart, ...]:
    """Power, energy and price of the plan."""
    times = tuple(row.time_s for row in found.rows)

    def chart(title: str, unit: str, *lines: Line) -> Chart:
        values = {
            name: tuple(getattr(row, name) for row in found.rows)
            for line in lines
            for name in line.of
        }
        steps = unit != "kWh"
        return Chart(title, unit, lines, Series(times, values), zone, "", steps)

    return (
        chart(
            "Planned power into the grid",
            "kW",
            Line("Held for services", ("award_kw",), "green", dashed=True),
            Line("Power", ("power_kw",), "blue"),
        ),
        chart("Energy in all cells", "kWh", Line("Energy", ("energy_kwh",), "plum")),
        chart("Price of energy", "per MWh", Line("Price", ("price_per_mwh",), "orange")),
    )
