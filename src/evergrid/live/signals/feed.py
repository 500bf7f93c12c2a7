"""Listen to a source, and have ready at each tick what the fleet is to follow."""

from collections.abc import Callable
from typing import final

from evergrid.live.clock import AbstractClock
from evergrid.live.signals import freshness
from evergrid.live.signals.freshness import FollowedSignal, Freshness, FreshnessRules, RefusalReason
from evergrid.live.signals.signal import AbstractSignalSource, SignalValue


@final
class Feed:
    """A source that is listened to.

    Args:
        source: Where the signal comes from.
        clock: What time it is.
        rules: What counts as fresh.
        refused: Told of each value that was not taken; such as an alarm.
    """

    def __init__(
        self,
        source: AbstractSignalSource,
        clock: AbstractClock,
        rules: FreshnessRules,
        *,
        refused: Callable[[SignalValue, RefusalReason], None] | None = None,
    ) -> None:
        self._source, self._clock, self._rules = source, clock, rules
        self._refused = refused
        self.known = Freshness()
        self.ended = False
        """Whether the source has nothing more to say."""
        self.failure = ""
        """Why the source ended that should not have; "" where it did not."""

    async def run(self) -> None:
        """Listen until the source ends. What it raises is kept in `failure`, and passed on."""
        try:
            async for value in self._source.values():
                self._take(value)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.ended = True

    def follow(self) -> FollowedSignal:
        """What to follow now; once a tick."""
        self.known, followed = freshness.follow(self.known, self._clock.now_s(), self._rules)
        return followed

    def _take(self, value: SignalValue) -> None:
        self.known, reason = freshness.take(self.known, value, self._clock.now_s(), self._rules)
        if reason is not None and self._refused is not None:
            self._refused(value, reason)
