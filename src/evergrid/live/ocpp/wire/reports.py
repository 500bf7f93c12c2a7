"""What did a station report in parts, in answer to a question of ours?"""

import asyncio
from typing import Any, final

MOST_PARTS = 50
_LISTS = (
    "curve",
    "enterService",
    "fixedPFAbsorb",
    "fixedPFInject",
    "fixedVar",
    "freqDroop",
    "gradient",
    "limitMaxDischarge",
)


@final
class Reports:
    """Reports of grid functions that one connection was asked for."""

    def __init__(self) -> None:
        self._parts: dict[int, list[dict[str, Any]]] = {}
        self._done: dict[int, asyncio.Future[dict[str, list[Any]]]] = {}

    def expect(self, number: int) -> asyncio.Future[dict[str, list[Any]]]:
        """A future of the whole report of a request."""
        self._parts[number] = []
        self._done[number] = asyncio.get_running_loop().create_future()
        return self._done[number]

    def forget(self, number: int) -> None:
        """No longer wait for a report."""
        self._parts.pop(number, None)
        self._done.pop(number, None)

    def add(self, payload: dict[str, Any]) -> bool:
        """Take a part in; whether it was asked for."""
        number = payload["requestId"]
        parts = self._parts.get(number)
        if parts is None or len(parts) >= MOST_PARTS:
            return False
        parts.append(payload)
        if not payload.get("tbc", False):
            done = self._done[number]
            self.forget(number)
            if not done.done():
                done.set_result(_joined(parts))
        return True


def _joined(parts: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [one for part in parts for one in part.get(name, [])] for name in _LISTS}
