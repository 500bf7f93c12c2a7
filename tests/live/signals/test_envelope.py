"""A site keeps to the newest limits that a utility issued, and to its safe default without any."""

import json
import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.live.signals import envelope
from evergrid.live.signals.envelope import Envelope, Envelopes, Limit, Step

DEFAULT = Limit(10.0, 0.0)
T0 = 1_800_000_000.0
HOUR = 3600.0


def utc(time_s: float):
    return datetime.fromtimestamp(T0 + time_s, UTC).isoformat()


def document(issued_s: float, *steps: tuple[float, float, float, float], site: str = "depot"):
    return json.dumps(
        {
            "issued_utc": utc(issued_s),
            "sites": [
                {
                    "site_id": site,
                    "steps": [
                        {
                            "begin_utc": utc(begin_s),
                            "end_utc": utc(end_s),
                            "import_limit_kw": drawn,
                            "export_limit_kw": fed,
                        }
                        for begin_s, end_s, drawn, fed in steps
                    ],
                }
            ],
        }
    ).encode()


def none():
    return envelope.start({"depot": DEFAULT, "yard": Limit(5.0, 5.0)})


def accepted(known: Envelopes, now_s: float, *given: bytes):
    for one in given:
        (read,) = envelope.parse(one)
        known = envelope.accept(known, read, T0 + now_s)
    return known


def at(known: Envelopes, time_s: float):
    limit = envelope.limit_at(known, "depot", T0 + time_s)
    return limit.import_limit_kw, limit.export_limit_kw


def test_a_document_is_read_as_it_was_written():
    (read,) = envelope.parse(document(0, (60, 120, 80.0, 20.0), (120, 180, 0.0, 0.0)))
    first = Step(T0 + 60, T0 + 120, Limit(80.0, 20.0, T0))
    second = Step(T0 + 120, T0 + 180, Limit(0.0, 0.0, T0))
    assert read == Envelope("depot", T0, (first, second))


def test_limits_hold_from_their_begin_to_their_end_and_then_the_safe_default():
    known = accepted(none(), 0, document(-5, (60, 120, 80.0, 20.0), (180, 240, 70.0, 0.0)))
    seen = [at(known, time_s) for time_s in (0, 59.9, 60, 119.9, 120, 179.9, 180, 239.9, 240, 1e9)]
    default, first, second = (10.0, 0.0), (80.0, 20.0), (70.0, 0.0)
    assert seen == [*[default] * 2, *[first] * 2, *[default] * 2, *[second] * 2, *[default] * 2]
    assert envelope.limit_at(known, "yard", T0 + 60) == Limit(5.0, 5.0)


def test_a_newer_envelope_replaces_where_it_overlaps_from_when_it_comes():
    day = document(-100, (0, 24 * HOUR, 80.0, 20.0))
    known = accepted(none(), 0, day)
    known = accepted(known, HOUR, document(HOUR - 1, (0.5 * HOUR, 2 * HOUR, 30.0, 0.0)))
    assert at(known, 0.75 * HOUR) == (80.0, 20.0)  # it held then, whatever came later
    assert at(known, 1.5 * HOUR) == (30.0, 0.0)
    assert at(known, 2.5 * HOUR) == (80.0, 20.0)


def test_an_older_or_repeated_envelope_is_refused():
    known = accepted(none(), 0, document(-5, (0, HOUR, 80.0, 20.0)))
    for issued_s in (-5, -6, -HOUR):
        with pytest.raises(InputError, match="be later than that of the envelope in force"):
            accepted(known, 10, document(issued_s, (0, HOUR, 500.0, 500.0)))
    other = accepted(known, 10, document(-6, (0, HOUR, 7.0, 7.0), site="yard"))
    assert envelope.limit_at(other, "yard", T0 + 20) == Limit(7.0, 7.0, T0 - 6)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (document(0, (0, HOUR, 1.0, 1.0), site="nowhere"), "name a site that a utility may limit"),
        (document(61, (0, HOUR, 1.0, 1.0)), "not be of a time that has not come"),
        (document(-5, (-HOUR, 0, 1.0, 1.0)), "be later than now for one step"),
    ],
)
def test_an_envelope_that_cannot_be_put_into_force_is_refused(given: bytes, rule: str):
    known = none()
    with pytest.raises(InputError, match=rule):
        accepted(known, 0, given)
    assert known == none()


GOOD = document(0, (0, 60, 1.0, 1.0))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (b"", "document"),
        (b"[" * 100_000, "document"),
        (b"\xff\xfe", "document"),
        (GOOD.replace(b"1.0", b"NaN"), "document"),
        (GOOD.replace(b"1.0", b"1e999"), None),
        (GOOD.replace(b"1.0", b'"1.0"'), "document"),
        (GOOD.replace(b'"site_id"', b'"site"'), "document"),
        (GOOD.replace(b"+00:00", b""), "issued_utc"),
        (GOOD[:-1] + b', "more": 1}', "document"),
        (b" " * 2**20 + GOOD, "document"),
        (document(0), "steps"),
        (document(0, (0, 60, -1.0, 1.0)), "import_limit_kw"),
        (document(0, (0, 60, 1.0, -1.0)), "export_limit_kw"),
        (document(0, (60, 60, 1.0, 1.0)), "end_utc"),
        (document(0, (0, 60, 1.0, 1.0), (59, 90, 1.0, 1.0)), "begin_utc"),
        (document(0, (60, 90, 1.0, 1.0), (0, 30, 1.0, 1.0)), "begin_utc"),
        (document(0, (0, 60, 1.0, 1.0), site=""), "site_id"),
        (json.dumps({"issued_utc": utc(0), "sites": []}).encode(), "sites"),
        (
            json.dumps(
                {"issued_utc": utc(0), "sites": [json.loads(GOOD)["sites"][0]] * 2}
            ).encode(),
            "site_id",
        ),
    ],
)
def test_a_document_that_breaks_a_rule_is_refused(given: bytes, field: str | None):
    with pytest.raises(InputError) as caught:
        envelope.parse(given)
    assert field is None or caught.value.field == field
    assert len(str(caught.value)) < 5000


def test_a_default_that_is_no_limit_is_refused():
    for bad in (math.nan, math.inf, -1.0):
        with pytest.raises(InputError, match="be 0 or more, and finite"):
            envelope.start({"depot": Limit(bad, 0.0)})


def test_a_site_that_nobody_limits_is_told():
    with pytest.raises(InputError, match="Sites with a safe default: depot, yard"):
        envelope.limit_at(none(), "nowhere", T0)


def test_a_plan_keeps_the_strictest_limit_within_each_step():
    given = document(-5, (0, 450, 80.0, 20.0), (450, 900, 50.0, 30.0), (900, 1800, 60.0, 5.0))
    known = accepted(none(), 0, given)
    drawn, fed = envelope.strictest_on(known, "depot", T0, 900.0, 3)
    assert drawn.tolist() == [50.0, 60.0, 10.0]
    assert fed.tolist() == [20.0, 5.0, 0.0]


def test_when_limits_end_is_known_before():
    known = accepted(none(), 0, document(-5, (0, 60, 1.0, 1.0), (60, 90, 2.0, 2.0)))
    assert envelope.expires_s(known, "depot", T0 + 10) == T0 + 90
    assert envelope.expires_s(known, "depot", T0 + 90) is None


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(envelope, "MOST_STEPS", 10)
    known = none()
    for number in range(10):
        begin_s = 100.0 + 10 * number
        known = accepted(known, number, document(number, (begin_s, begin_s + 10, 1.0, 1.0)))
    with pytest.raises(InputError, match="at most 10 steps"):
        accepted(known, 11, document(11, (500.0, 510.0, 1.0, 1.0)))
    late = accepted(known, 3 * 86_400, document(3 * 86_400, (3 * 86_400, 4 * 86_400, 1.0, 1.0)))
    assert len(late.steps["depot"]) == 1


STEPS = st.lists(st.integers(0, 40), min_size=2, max_size=7, unique=True).map(sorted)


@given(st.lists(STEPS, min_size=1, max_size=6))
def test_at_every_moment_the_newest_that_covers_it_holds(drafts: list[list[int]]):
    """Against a table of moments that each envelope is written over, from when it came."""
    known, table = none(), [DEFAULT] * 60
    for number, edges in enumerate(drafts):
        now_s = 3 * number
        pairs = list(zip(edges[::2], edges[1::2], strict=False))
        steps = tuple(
            Step(T0 + a, T0 + b, Limit(float(number), float(a), T0 + now_s)) for a, b in pairs
        )
        if pairs[-1][1] <= now_s:
            continue
        known = envelope.accept(known, Envelope("depot", T0 + now_s, steps), T0 + now_s)
        for a, b in pairs:
            for moment in range(max(a, now_s), b):
                table[moment] = Limit(float(number), float(a), T0 + now_s)
    found = [envelope.limit_at(known, "depot", T0 + moment) for moment in range(60)]
    assert found == table
    parts = envelope.limits_between(known, "depot", T0, T0 + 60)
    assert [parts[0].begin_s, parts[-1].end_s] == [T0, T0 + 60]
    assert all(one.end_s == two.begin_s for one, two in pairwise(parts))
    drawn, fed = envelope.strictest_on(known, "depot", T0, 7.0, 8)
    blocks = [table[first : first + 7] for first in range(0, 56, 7)]
    assert np.array_equal(drawn, [min(one.import_limit_kw for one in block) for block in blocks])
    assert np.array_equal(fed, [min(one.export_limit_kw for one in block) for block in blocks])
