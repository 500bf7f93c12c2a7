"""Laws of events that overlap: what counts at a moment, and the same cut into steps."""

from hypothesis import given
from hypothesis import strategies as st

from evergrid.live.signals.openadr.event_store import MOST_REMEMBERED, EventStore
from evergrid.live.signals.openadr.events import Event, Kind, Span

KINDS = st.sampled_from([Kind.IMPORT_PRICE, Kind.IMPORT_LIMIT])
SPANS = st.lists(
    st.builds(
        lambda kind, begin, length, value: Span(kind, float(begin), float(begin + length), value),
        KINDS,
        st.integers(0, 20),
        st.integers(1, 10),
        st.sampled_from([1.0, 2.0, 3.0, 5.0]),
    ),
    max_size=5,
)
EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), SPANS), max_size=6)


def store_of(events: list[tuple[int, int, list[Span]]]) -> EventStore:
    return EventStore().with_all(
        Event(f"e{nth}", float(modified), priority, b"", tuple(spans))
        for nth, (modified, priority, spans) in enumerate(events)
    )


@given(EVENTS, KINDS)
def test_steps_say_what_counts_at_every_moment(
    events: list[tuple[int, int, list[Span]]], kind: Kind
) -> None:
    known = store_of(events)
    steps = known.steps(kind, 2.0, 25.0)
    assert all(one.begin_s < one.end_s for one in steps)
    assert all(one.begin_s >= 2.0 and one.end_s <= 25.0 for one in steps)
    for half in range(4, 50):
        time_s = half / 2 + 0.25
        there = [one for one in steps if one.begin_s <= time_s < one.end_s]
        counts = known.at(kind, time_s)
        assert [one.value for one in there] == ([] if counts is None else [counts.value])


@given(EVENTS)
def test_no_limit_of_the_highest_priority_is_exceeded(
    events: list[tuple[int, int, list[Span]]],
) -> None:
    known = store_of(events)
    for time_s in range(30):
        there = [
            (event.priority, span.value)
            for event in known.events.values()
            for span in event.spans
            if span.kind is Kind.IMPORT_LIMIT and span.begin_s <= time_s < span.end_s
        ]
        counts = known.at(Kind.IMPORT_LIMIT, float(time_s))
        assert (counts is None) == (not there)
        if counts is not None:
            assert counts.value == min(there)[1]


@given(EVENTS, EVENTS)
def test_the_newest_form_of_an_event_never_gets_older(
    first: list[tuple[int, int, list[Span]]], second: list[tuple[int, int, list[Span]]]
) -> None:
    before = store_of(first)
    after = before.with_all(store_of(second).events.values())
    for event, modified_s in before.seen_s.items():
        assert after.seen_s[event] >= modified_s
    for event in after.events.values():
        assert event.modified_s == after.seen_s[event.event]


def test_what_is_remembered_is_bounded() -> None:
    events = EventStore()
    for part in range(3):
        listed = [
            Event(f"{part}/{nth}", float(part), 0, b"", ()) for nth in range(MOST_REMEMBERED // 2)
        ]
        events = events.with_all(listed)
    assert len(events.seen_s) == MOST_REMEMBERED
