"""What is old goes, what settlement needs stays, and what went is told."""

import json

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.store import retention
from evergrid.live.store.entry import Entry
from evergrid.live.store.retention import DAY_S, RetentionRules
from evergrid.live.store.store import Store
from tests.live.store.cases import Place, with_store

NOW_S = 1000 * DAY_S
RULES = RetentionRules(settlement_s=100 * DAY_S, other_s=10 * DAY_S)


def day(kind: str, days_ago: float, transaction: str = "", sequence: int = -1):
    return Entry(kind, NOW_S - days_ago * DAY_S, "cp-1", transaction, sequence)


def left(place: Place, entries: list[Entry]):
    """What stays, and the report."""

    async def work(store: Store):
        await store.log.append(entries)
        report = await retention.apply(store, RULES)
        again = await retention.apply(store, RULES)
        assert not again.deleted
        return [one.entry for one in await store.log.entries(limit=10_000)], report

    return with_store(place, work, clock=VirtualClock(NOW_S))


def test_old_entries_go_and_those_of_settlement_stay_longer(place: Place):
    given = [
        day("heartbeat", 11),
        day("heartbeat", 9),
        day("transaction_event", 101, "old", 0),
        day("transaction_event", 100.5, "old", 1),
        day("transaction_event", 101, "long", 0),
        day("transaction_event", 99, "long", 1),
        day("order", 101),
        day("order", 50),
    ]
    found, report = left(place, given)
    assert found[:-1] == [given[1], given[4], given[5], given[7]]
    assert report.deleted == {"heartbeat": 1, "order": 1, "transaction_event": 2}
    assert report.left == 4
    assert found[-1].kind == "retention"
    assert json.loads(found[-1].body)["deleted"] == dict(report.deleted)


def test_the_last_entry_stays_so_that_numbers_are_given_once(place: Place):
    async def work(store: Store):
        await store.log.append([day("heartbeat", 50) for _ in range(3)])
        await retention.apply(store, RULES)
        await store.log.append([day("heartbeat", 0)])
        return [one.number for one in await store.log.entries()]

    assert with_store(place, work, clock=VirtualClock(NOW_S)) == [3, 4, 5]


def test_many_entries_go_in_parts(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "WINDOW", 7)
    old = [day("heartbeat", 20) for _ in range(100)]
    found, report = left(place, [*old, *(day("heartbeat", 1) for _ in range(30))])
    assert report.deleted == {"heartbeat": 100}
    assert len(found) == 31


def test_nothing_old_is_nothing_written(place: Place):
    found, report = left(place, [day("heartbeat", 1)])
    assert (len(found), dict(report.deleted), report.left) == (1, {}, 1)


@pytest.mark.parametrize(
    ("settlement_s", "other_s", "field"),
    [
        (DAY_S, 0.0, "other_s"),
        (float("nan"), DAY_S, "settlement_s"),
        (DAY_S, 2 * DAY_S, "settlement_s"),
    ],
)
def test_periods_that_make_no_sense_are_refused(settlement_s: float, other_s: float, field: str):
    with pytest.raises(InputError) as caught:
        RetentionRules(settlement_s=settlement_s, other_s=other_s)
    assert caught.value.field == field
