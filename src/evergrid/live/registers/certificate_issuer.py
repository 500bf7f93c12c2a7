"""Signs certificates of stations by the register, and remembers which are good."""

import asyncio
from collections.abc import Sequence
from typing import Protocol, final, runtime_checkable

import msgspec

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.ocpp.admission.authority import Authority, CsrError
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.certificates import AbstractIssuer, IssuedCertificate
from evergrid.live.store.entry import AbstractLog, Entry

KIND = "certificate"  # of entries of the log


@runtime_checkable
class AbstractCertificateRegister(Protocol):
    """Where is kept which certificate of a station is good."""

    def find(self, station: str) -> StationRecord | None:
        """The record of a station."""
        ...

    def named_by(self, common_name: str) -> Sequence[str]:
        """Stations whose serial number the name of a certificate holds."""
        ...

    async def set_next_certificate(self, station: str, fingerprint: str) -> None:
        """A second certificate is good beside the first; "" for none."""
        ...


@final
class CertificateIssuer(AbstractIssuer):
    """The issuer of a service.

    Args:
        authority: Signs.
        register: Of stations.
        log: Where is written what was signed, before it leaves.
        clock: Of the service.
    """

    def __init__(
        self,
        authority: Authority,
        register: AbstractCertificateRegister,
        log: AbstractLog,
        clock: AbstractClock,
    ) -> None:
        self._authority, self._register = authority, register
        self._log, self._clock = log, clock

    async def issue(self, station: str, csr: str) -> IssuedCertificate:
        """A certificate for a request that keeps every rule."""
        record, now_s = self._register.find(station), self._clock.now_s()
        number = "" if record is None else record.serial_number
        try:  # a signature with RSA takes milliseconds, in which others are answered
            made = await asyncio.to_thread(
                self._authority.sign, csr, number, self._register.named_by, now_s
            )
        except CsrError as error:
            return IssuedCertificate(rule=str(error))
        body = {
            "state": "signed",
            "fingerprint": made.fingerprint,
            "serial_number": made.serial_number,
            "common_name": made.common_name,
            "until_s": made.until_s,
        }
        await self._write(station, body)
        await self._register.set_next_certificate(station, made.fingerprint)
        return IssuedCertificate(made.chain, made.fingerprint)

    async def answered(self, station: str, fingerprint: str, result: OrderResult) -> None:
        """What the station said to its certificate; one that it refused is no longer good."""
        await self._write(station, {"state": str(result), "fingerprint": fingerprint})
        record = self._register.find(station)
        refused = result is OrderResult.REJECTED
        if refused and record is not None and record.next_certificate == fingerprint:
            await self._register.set_next_certificate(station, "")

    async def _write(self, station: str, body: dict[str, str | float]) -> None:
        entry = Entry(KIND, self._clock.now_s(), station, body=msgspec.json.encode(body))
        await self._log.append([entry])
