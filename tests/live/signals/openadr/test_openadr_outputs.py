"""Events become what the planner and the limits of sites are given."""

from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.live.signals import envelope as envelopes
from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.openadr.event_store import EventStore
from evergrid.live.signals.openadr.events import Event, Kind, Span
from evergrid.live.signals.openadr.outputs import envelope, prices

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()


def store_of(*spans: tuple[Kind, float, float, float], currency: str = "EUR") -> EventStore:
    """Spans of hours from noon on."""
    made = tuple(
        Span(kind, NOON_S + 3600 * begin, NOON_S + 3600 * end, value, currency)
        for kind, begin, end, value in spans
    )
    return EventStore().with_all([Event("a", NOON_S - 60.0, 0, b"", made)])


def test_prices_are_means_over_the_steps() -> None:
    events = store_of(
        (Kind.IMPORT_PRICE, -1.0, 0.25, 100.0),
        (Kind.IMPORT_PRICE, 0.25, 5.0, 20.0),
        (Kind.EXPORT_PRICE, -1.0, 5.0, 10.0),
    )
    grid = TimeGrid(NOON, 1.0, 3)
    made = prices(events, grid, export_as_import=False)
    np.testing.assert_allclose(made.import_price_per_mwh, [40.0, 20.0, 20.0])
    np.testing.assert_allclose(made.export_price_per_mwh, [10.0, 10.0, 10.0])
    assert made.currency == "EUR"
    fine = prices(events, TimeGrid(NOON, 0.25, 8), export_as_import=True)
    np.testing.assert_allclose(fine.import_price_per_mwh, [100.0, *[20.0] * 7])
    np.testing.assert_allclose(fine.export_price_per_mwh, fine.import_price_per_mwh)


def test_a_step_without_a_price_is_not_guessed() -> None:
    events = store_of((Kind.IMPORT_PRICE, 0.0, 1.5, 100.0))
    with pytest.raises(InputError, match="13:00"):
        prices(events, TimeGrid(NOON, 1.0, 2), export_as_import=True)
    with pytest.raises(InputError, match="EXPORT_PRICE"):
        prices(events, TimeGrid(NOON, 1.0, 1), export_as_import=False)
    with pytest.raises(InputError):
        prices(EventStore(), TimeGrid(NOON, 1.0, 1), export_as_import=True)


def test_limits_become_an_envelope_and_a_cancelled_one_goes_back_to_the_default() -> None:
    default = Limit(200.0, 150.0)
    known = envelopes.start({"depot": default})
    events = store_of(
        (Kind.IMPORT_LIMIT, 1.0, 3.0, 80.0),
        (Kind.EXPORT_LIMIT, 2.0, float("inf"), 0.0),
    )
    until_s = NOON_S + 6 * 3600.0
    (first,) = envelopes.parse(envelope(events, "depot", default, now_s=NOON_S, until_s=until_s))
    known = envelopes.accept(known, first, NOON_S)

    def at(hour: float) -> tuple[float, float]:
        limit = envelopes.limit_at(known, "depot", NOON_S + 3600 * hour)
        return limit.import_limit_kw, limit.export_limit_kw

    assert [at(hour) for hour in (0.5, 1.5, 2.5, 3.5, 7.0)] == [
        (200.0, 150.0),
        (80.0, 150.0),
        (80.0, 0.0),
        (200.0, 0.0),
        (200.0, 150.0),
    ]
    later_s = NOON_S + 60.0
    document = envelope(EventStore(), "depot", default, now_s=later_s, until_s=until_s)
    (second,) = envelopes.parse(document)
    known = envelopes.accept(known, second, later_s)
    assert at(2.5) == (200.0, 150.0)
