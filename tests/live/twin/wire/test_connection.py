"""A connection that is lost fails its call once, and leaves nothing that nobody looks at."""

import asyncio
import gc

import pytest

from evergrid.live.clock import WallClock
from evergrid.live.twin.wire.connection import Connection, Endpoint


class LostSocket:
    """Is found lost while something is sent, after whoever reads has seen it."""

    def __init__(self) -> None:
        self.connection: Connection | None = None

    async def send(self, data: bytes, *, text: bool) -> None:
        assert self.connection is not None
        assert self.connection._outstanding is not None
        self.connection._outstanding.answer.set_exception(ConnectionError("connection lost"))
        raise ConnectionError("connection lost")


def test_a_call_that_cannot_be_sent_fails_once():
    unseen: list[object] = []

    async def lost() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unseen.append(told))
        socket = LostSocket()
        endpoint = Endpoint("ws://127.0.0.1:1", "cp-1", "ocpp2.1")
        connection = Connection(endpoint, WallClock(), lambda *_: {})
        socket.connection = connection
        connection._socket = socket  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(ConnectionError):
            await connection.call("Heartbeat", {})
        assert connection._outstanding is None
        gc.collect()

    asyncio.run(lost())
    assert unseen == []
