"""Test 17 of the live service: events that come twice, late, in any order, or from a queue."""

import asyncio
import random
from itertools import accumulate

import pytest

from evergrid.live.controller import recovery
from evergrid.live.controller.books.ledger_lines import SessionMeter
from evergrid.live.devices.adapter import MeterReading, TransactionEvent, TransactionPart
from evergrid.live.store.entry import Entry
from tests.live.controller_cases import Run

QUICK, WHOLE = 300, 10_000
EVENTS = 12  # of a session
STEP_S = 60.0


def session(begin_s: float, chance: random.Random) -> list[TransactionEvent]:
    """A session whose registers rise by what nobody would choose."""
    drawn = list(accumulate((chance.uniform(0, 0.3) for _ in range(EVENTS - 1)), initial=812.345))
    fed = list(accumulate((chance.uniform(0, 0.2) for _ in range(EVENTS - 1)), initial=77.001))
    parts = [TransactionPart.STARTED, *[TransactionPart.UPDATED] * (EVENTS - 2)]
    parts.append(TransactionPart.ENDED)
    return [
        TransactionEvent(
            "s0",
            "t0",
            number,
            part,
            "MeterValuePeriodic",
            begin_s + STEP_S * number,
            begin_s,
            evse=1,
            offline=number % 3 == 0,
            token="card-0",
            readings=(
                MeterReading(
                    begin_s + STEP_S * number, drawn_kwh=drawn[number], fed_kwh=fed[number]
                ),
            ),
        )
        for number, part in enumerate(parts)
    ]


def booked(events: list[TransactionEvent], run: Run) -> tuple[dict[str, float], list[Entry]]:
    """Energy in the ledger by item, and what the log holds."""

    async def scenario(_: Run) -> None:
        for event in events:
            await run.controller.transaction(event)

    run.go(scenario)
    return {line.item: line.quantity for line in run.lines.values()}, run.log.entries


def mixed(events: list[TransactionEvent], chance: random.Random) -> list[TransactionEvent]:
    """The same, in any order with repeats; the end is told last, as it closes the account."""
    first = chance.sample(events[:-1], len(events) - 1)
    again = chance.choices(events[:-1], k=chance.randrange(EVENTS))
    for event in again:
        first.insert(chance.randrange(len(first) + 1), event)
    return [*first, events[-1], *chance.choices(events, k=3)]


@pytest.mark.parametrize("orders", [QUICK, pytest.param(WHOLE, marks=pytest.mark.soak)])
def test_17_energy_is_the_same_to_the_bit_in_every_order_with_repeats(orders: int):
    chance, run = random.Random(17), Run(1)
    events = session(run.clock.now_s(), chance)
    expected, whole = booked(events, run)
    assert expected["energy drawn"] > 1.0
    for _ in range(orders):
        other = Run(1)
        found, entries = booked(mixed(events, chance), other)
        assert found == expected
        assert sorted(e.sequence for e in entries if e.kind == "transaction_event") == sorted(
            e.sequence for e in whole if e.kind == "transaction_event"
        )
        assert other.controller.transactions == {}


def test_17_a_late_event_of_a_session_that_ended_opens_none_also_after_a_restart():
    run = Run(1)
    events = session(run.clock.now_s(), random.Random(1))
    booked([*events[:5], *events[6:], events[5]], run)
    assert run.controller.transactions == {}
    fresh = Run(1)
    entries = [one for one in run.log.entries if one.kind == "transaction_event"]
    assert recovery.restore(fresh.controller, entries) == 0
    asyncio.run(fresh.controller.transaction(events[5]))
    assert fresh.controller.transactions == {}


def test_17_a_register_that_begins_anew_keeps_what_it_counted():
    meter = SessionMeter()
    for sequence, kwh in enumerate((10.0, 14.0, 1.0, 3.5)):
        meter.read(kwh, None, 100.0, 0.0, sequence=sequence)
    assert meter.drawn_kwh == pytest.approx(4.0 + 2.5)
    assert meter.drawn.amount == pytest.approx(0.1 * (4.0 + 2.5))
