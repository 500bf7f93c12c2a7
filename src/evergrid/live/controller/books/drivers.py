"""Whose vehicle is it, and what has the driver agreed to?"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

TICKET_BYTES = 24


@dataclass(frozen=True)
class Driver:
    """A driver, by pseudonym.

    Attributes:
        driver: Pseudonym; personal data stand in the store alone.
        may_discharge: Whether the driver agreed to discharging.
        opted_out: Whether the vehicle only charges, at once.
    """

    driver: str
    may_discharge: bool
    opted_out: bool = False


class Drivers:
    """Known drivers by their tokens.

    Args:
        known: Driver of each token, or of what is kept of it.
        kept: What is kept of a token, such as its keyed hash.
    """

    def __init__(
        self, known: dict[str, Driver], kept: Callable[[str], str] = lambda token: token
    ) -> None:
        self._known, self._kept = dict(known), kept
        self._by_pseudonym = {driver.driver: driver for driver in known.values()}

    def of(self, token: str | None) -> Driver | None:
        """Whose token it is; None where nobody is known."""
        return None if token is None else self._known.get(self._kept(token))

    def put(self, token: str, driver: Driver) -> None:
        """A token becomes known, or its driver has agreed to something else."""
        self._known[self._kept(token)] = driver
        self._by_pseudonym[driver.driver] = driver

    def ticket(self, driver: Driver) -> str:
        """A token of our own for a driver whose card is not at hand, such as after a restart.

        Nobody can guess it, and it is good until the service stops.
        """
        token = secrets.token_urlsafe(TICKET_BYTES)
        self._known[self._kept(token)] = driver
        return token

    def named(self, driver: str) -> Driver | None:
        """The driver of a pseudonym; None where nobody is known."""
        return self._by_pseudonym.get(driver)
