"""Who may connect as which station, and how is a station's secret kept?

Station secrets are made by machines and long, so a keyed HMAC keeps them: it costs a microsecond,
where a slow hash would make a thousand stations wait for each other after an outage.
"""

import hmac
from abc import ABC, abstractmethod
from dataclasses import dataclass

LONGEST_SECRET = 64  # characters; OCPP 2.1, BasicAuthPassword


@dataclass(frozen=True)
class StationRecord:
    """A station as it is registered.

    Attributes:
        station: Its identity.
        profile: Least security profile: 0 without a secret, 1 with one, 2 with TLS too, 3 with a
            certificate of its own. A connection under a lower one is refused.
        secret_hmac: Of its secret; "" where a certificate is needed.
        next_secret_hmac: Of the one that takes its place while it is changed; else "".
        serial_number: That the name (CN) of its certificate must hold.
        blocked: Whether it is turned away.
        charge_kw: Its rating.
        discharge_kw: Its rating; 0 where it cannot.
        voltage_v: Of a phase.
        phases: 1 or 3.
        certificate: SHA-256 of the certificate that counts, hexadecimal; "" for any that the
            authority signed for the serial number.
        next_certificate: Of the one that takes its place once it is used; else "".
    """

    station: str
    profile: int
    secret_hmac: str = ""
    next_secret_hmac: str = ""
    serial_number: str = ""
    blocked: bool = False
    charge_kw: float = 22.0
    discharge_kw: float = 0.0
    voltage_v: float = 230.0
    phases: int = 3
    certificate: str = ""
    next_certificate: str = ""


class AbstractCredentials(ABC):
    """The register of stations. Looking one up never waits: it is in memory."""

    @abstractmethod
    def hashed(self, station: str, secret: str) -> str:
        """What is kept of a secret: a keyed HMAC, which for another station differs."""

    @abstractmethod
    def find(self, station: str) -> StationRecord | None:
        """The record of a station; None where it is not registered."""

    @abstractmethod
    async def set_next_secret(self, station: str, secret_hmac: str) -> None:
        """Accept a second secret from now on, until one of the two is used for good."""

    @abstractmethod
    async def use_next_secret(self, station: str) -> None:
        """The second secret takes the place of the first."""

    @abstractmethod
    async def use_next_certificate(self, station: str) -> None:
        """The second certificate was used: it takes the place of the first."""


def matches(
    credentials: AbstractCredentials, record: StationRecord | None, station: str, secret: str
) -> tuple[bool, bool]:
    """Whether a secret is the present one, and whether it is the next one.

    Takes the same work for an unknown station and a wrong secret as for the right one.
    """
    found = credentials.hashed(station, secret).encode()
    present = (record.secret_hmac if record else "").encode()
    following = (record.next_secret_hmac if record else "").encode()
    return hmac.compare_digest(found, present), hmac.compare_digest(found, following)
