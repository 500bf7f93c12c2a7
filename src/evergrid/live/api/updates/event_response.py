"""Sends a viewer's updates until one of the two has enough."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evergrid.live.api.settings import Settings
from evergrid.live.api.updates.stream import Stream, Viewer
from evergrid.live.clock import AbstractClock


@final
class EventResponse(Response):
    """An answer that does not end by itself.

    Args:
        stream: That the viewer has joined.
        viewer: Whom to tell.
        settings: How long to wait.
        clock: Of the wall.
        may_see: Whether the viewer may still see, asked now and then.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: Stream,
        viewer: Viewer,
        settings: Settings,
        clock: AbstractClock,
        may_see: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._stream, self._viewer, self._settings = stream, viewer, settings
        self._clock, self._may_see = clock, may_see

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the viewer goes, may see no more, is too slow, or the service stops."""
        told = asyncio.create_task(self._tell(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((told, gone), return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                told.result()
        except TimeoutError:
            self._stream.drop(self._viewer)
        finally:
            self._stream.leave(self._viewer)
            for task in (told, gone):
                task.cancel()
            await asyncio.gather(told, gone, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        checked_s = self._clock.monotonic_s()
        while True:
            text = await self._viewer.get(self._settings.heartbeat_s)
            now_s = self._clock.monotonic_s()
            if now_s - checked_s > self._settings.recheck_s:
                checked_s, text = now_s, text if await self._may_see() else None
            body = {"type": "http.response.body", "body": (text or "").encode()}
            async with asyncio.timeout(self._settings.stalled_s):
                await send(body | {"more_body": text is not None})
            if text is None:
                return


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
