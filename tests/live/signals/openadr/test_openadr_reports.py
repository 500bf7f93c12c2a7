"""Reports of a site's energy: what was metered, once, when it is due."""

from dataclasses import replace

import pytest

from evergrid.live.signals.openadr.events import Event, Kind, Span
from evergrid.live.signals.openadr.reports import SiteEnergy, due, report

HOURS = tuple(Span(Kind.IMPORT_LIMIT, 3600.0 * n, 3600.0 * (n + 1), 5.0) for n in range(4))
EVENT = Event("a", 0.0, 0, b"", HOURS, (), ("USAGE",))


def counted(*samples: tuple[float, float]) -> SiteEnergy:
    energy = SiteEnergy()
    for time_s, power_kw in samples:
        energy.note(time_s, power_kw)
    return energy


def test_energy_drawn_is_above_0_and_energy_fed_below():
    energy = counted((0.0, -36.0), (50.0, 72.0), (100.0, 0.0))
    assert energy.drawn_kwh(0.0, 50.0) == pytest.approx(0.5)
    assert energy.drawn_kwh(50.0, 100.0) == pytest.approx(-1.0)
    assert energy.drawn_kwh(25.0, 75.0) == pytest.approx(-0.25)


def test_what_was_not_seen_is_not_told():
    assert counted().drawn_kwh(0.0, 1.0) is None
    energy = counted((0.0, -10.0), (50.0, -10.0), (200.0, -10.0), (250.0, -10.0))
    assert energy.drawn_kwh(0.0, 50.0) is None  # before a gap
    assert energy.drawn_kwh(200.0, 250.0) is not None
    assert energy.drawn_kwh(200.0, 251.0) is None  # not over yet


def test_a_report_is_due_at_the_end_or_every_so_many_intervals():
    assert [due(EVENT, 0, 3600.0 * hour + 30.0) for hour in range(5)] == [0, 0, 0, 0, 4]
    often = replace(EVENT, report_frequency=2)
    assert [due(often, 0, 3600.0 * hour + 30.0) for hour in range(5)] == [0, 0, 2, 2, 4]
    assert [due(often, 2, 3600.0 * hour + 30.0) for hour in range(5)] == [0, 0, 0, 0, 4]
    assert due(EVENT, 0, 4 * 3600.0) == 0  # its energy is not counted yet
    assert due(EVENT, 4, 1e9) == 0
    assert due(replace(EVENT, reports=()), 0, 1e9) == 0


def test_intervals_that_were_not_metered_are_left_out_of_a_report():
    def metered(begin_s: float, end_s: float) -> float | None:
        return None if begin_s < 3600.0 else (end_s - begin_s) / 3600.0

    told = report(EVENT, 0, 3, "flex", "us", "depot", metered)
    assert told is not None
    (resource,) = told["resources"]
    assert [one["id"] for one in resource["intervals"]] == [1, 2]
    assert report(EVENT, 0, 1, "flex", "us", "depot", metered) is None
