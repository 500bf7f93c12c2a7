"""What a station keeps while it is offline, and what it lets go."""

import asyncio
from typing import Any

import pytest

from evergrid.live.clock import VirtualClock
from evergrid.live.twin.wire import outbox
from evergrid.live.twin.wire.outbox import Message, Outbox


def waiting(box: Outbox) -> list[Any]:
    """What would be sent, in order."""
    return [message.payload["n"] for message in box._waiting]


def test_offline_only_what_has_to_be_kept_is_taken():
    async def test() -> None:
        box = Outbox(VirtualClock(0.0), 30.0)
        box.put(Message("Heartbeat", {"n": 1}))
        box.put(Message("TransactionEvent", {"n": 2}, kept=True))
        assert waiting(box) == [2]
        assert box.holds_transaction_events()
        box.open()
        box.put(Message("Heartbeat", {"n": 3}))
        assert waiting(box) == [2, 3]

    asyncio.run(test())


def test_a_full_queue_drops_the_oldest_that_can_be_spared(monkeypatch: pytest.MonkeyPatch):
    async def test() -> None:
        monkeypatch.setattr(outbox, "MOST_KEPT", 3)
        box = Outbox(VirtualClock(0.0), 30.0)
        box.put(Message("TransactionEvent", {"n": "first"}, kept=True, dispensable=True))
        for number in range(3):
            message = Message("TransactionEvent", {"n": number}, kept=True, dispensable=True)
            box.put(message)
        box.put(Message("TransactionEvent", {"n": "ended"}, kept=True))
        assert waiting(box) == ["first", 2, "ended"]
        assert box.dropped == 2

    asyncio.run(test())
