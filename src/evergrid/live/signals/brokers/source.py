"""A signal from a broker, through every break of the line."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import final

from evergrid.core.errors import EvergridError, InputError
from evergrid.live.clock import AbstractClock
from evergrid.live.signals.brokers.message import Positive, read
from evergrid.live.signals.signal import AbstractSignalSource, SignalValue, TroubleReport

FIRST_WAIT_S = 1.0  # before a lost broker is looked for again; then twice as long each time
LONGEST_WAIT_S = 30.0
MOST_WAITING = 64  # messages that nobody has taken yet


class BrokerError(EvergridError, ConnectionError):
    """A broker is not reached, refuses us, or the line to it is lost."""


class AbstractLine(ABC):
    """Messages of one broker, over one connection."""

    name: str
    """Of the broker and what is listened to."""

    @abstractmethod
    def payloads(self) -> AsyncGenerator[bytes, None]:
        """Connect, and hand out each message until the line is lost.

        Raises:
            BrokerError: Whenever it is.
            InputError: A password or certificate cannot be read.
        """


@final
class BrokerSource(AbstractSignalSource):
    """A line that is opened again whenever it is lost.

    Args:
        line: Of the broker.
        positive: Which way a positive value points.
        clock: The service's clock.
        told: Told of messages that are refused, and of a line that is lost.
    """

    def __init__(
        self,
        line: AbstractLine,
        positive: Positive,
        clock: AbstractClock,
        *,
        told: TroubleReport | None = None,
    ) -> None:
        self._line, self._clock, self._told = line, clock, told
        self._positive: Positive = positive
        self.refused = 0
        """Messages that were no values."""
        self.losses = 0
        """How often the line was lost, or could not be had."""

    async def values(self) -> AsyncIterator[SignalValue]:
        """Values as they come; never ends by itself."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with aclosing(self._line.payloads()) as payloads:
                    async for payload in payloads:
                        wait_s = FIRST_WAIT_S
                        value = self._value(payload)
                        if value is not None:
                            yield value
            except (BrokerError, InputError) as error:
                self.losses += 1
                if wait_s == FIRST_WAIT_S:
                    self._tell("line lost", str(error))
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _value(self, payload: bytes) -> SignalValue | None:
        try:
            return read(payload, self._line.name, self._positive)
        except InputError as error:
            self.refused += 1
            if self.refused == 1:
                self._tell("message refused", str(error))
            return None

    def _tell(self, rule: str, text: str) -> None:
        if self._told is not None:
            self._told(rule, text)
