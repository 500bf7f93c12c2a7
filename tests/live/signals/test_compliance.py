"""What was metered is held against the limit of each moment, and a gap claims nothing."""

import math

import pytest

from evergrid.core.errors import InputError
from evergrid.live.signals import compliance, envelope
from evergrid.live.signals.compliance import MeteredPower
from evergrid.live.signals.envelope import Envelope, Limit, Step

DEFAULT = Limit(10.0, 0.0)


def known():
    limits = envelope.start({"depot": DEFAULT})
    steps = (Step(0.0, 900.0, Limit(80.0, 20.0, -5.0)), Step(900.0, 1800.0, Limit(50.0, 5.0, -5.0)))
    return envelope.accept(limits, Envelope("depot", -5.0, steps), 0.0)


def test_limits_that_were_kept_are_told_as_kept():
    given = [MeteredPower(0.0, 900.0, -80.0), MeteredPower(900.0, 1800.0, 5.0)]
    found = compliance.report(known(), "depot", given)
    assert (found.kept, found.violated_s, found.excess_kwh, found.worst_kw) == (1.0, 0.0, 0.0, 0.0)
    assert [row.issued_s for row in found.rows] == [-5.0, -5.0]


def test_power_beyond_either_limit_is_a_violation_with_its_energy():
    given = [MeteredPower(0.0, 900.0, 24.0), MeteredPower(900.0, 1800.0, -58.0)]
    found = compliance.report(known(), "depot", given)
    assert [row.excess_kw for row in found.rows] == [4.0, 8.0]
    assert (found.kept, found.worst_kw) == (0.0, 8.0)
    assert found.excess_kwh == pytest.approx(4.0 / 4 + 8.0 / 4)


def test_an_interval_across_limits_is_held_against_each_and_then_against_the_default():
    found = compliance.report(known(), "depot", [MeteredPower(600.0, 2400.0, -60.0)])
    assert [(row.begin_s, row.end_s, row.excess_kw) for row in found.rows] == [
        (600.0, 900.0, 0.0),
        (900.0, 1800.0, 10.0),
        (1800.0, 2400.0, 50.0),
    ]
    assert found.rows[-1].issued_s is None
    assert found.violated_s == 1500.0


def test_a_gap_is_told_and_claims_nothing():
    given = [MeteredPower(0.0, 600.0, math.nan), MeteredPower(600.0, 900.0, 0.0)]
    found = compliance.report(known(), "depot", given)
    assert (found.metered_s, found.unmetered_s, found.kept) == (300.0, 600.0, 1.0)
    nothing = compliance.report(known(), "depot", [MeteredPower(0.0, 600.0, math.nan)])
    assert nothing.kept is None
    assert math.isnan(nothing.rows[0].excess_kw)
    assert not nothing.rows[0].violated


def test_what_a_meter_may_be_off_is_no_violation():
    found = compliance.report(known(), "depot", [MeteredPower(0.0, 900.0, 20.04)])
    assert found.violated_s == 0.0


@pytest.mark.parametrize(
    "given",
    [
        [MeteredPower(0.0, 0.0, 1.0)],
        [MeteredPower(0.0, 60.0, 1.0), MeteredPower(59.0, 90.0, 1.0)],
        [MeteredPower(0.0, 60.0, math.inf)],
        [MeteredPower(math.nan, 60.0, 1.0)],
    ],
)
def test_readings_that_make_no_sense_are_refused(given: list[MeteredPower]):
    with pytest.raises(InputError):
        compliance.report(known(), "depot", given)


def test_a_site_that_nobody_limits_has_no_report():
    with pytest.raises(InputError, match="name a site"):
        compliance.report(known(), "nowhere", [MeteredPower(0.0, 60.0, 1.0)])
