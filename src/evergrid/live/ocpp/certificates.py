"""How does a station get a new certificate without ever being locked out?

The station makes a key and a request for it (SignCertificate); what is signed goes back to it
(CertificateSigned). The new certificate is good beside the old one from the moment it is sent, and
alone once the station has connected with it. One that a station refuses is good for nothing.
Without an answer both stay good: a station that has not got its certificate asks again after
CertSigningWaitMinimum, twice as long each time, CertSigningRepeatTimes at most, and the newest
certificate takes the place of those that were not used.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import msgspec

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import AbstractHandler, OrderResult, Refusal
from evergrid.live.maintenance import Renewal
from evergrid.live.ocpp.admission.rates import RateLimit
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.wire.outbox import Priority

STATION = "ChargingStationCertificate"
TRIGGER = {"requestedMessage": "SignChargingStationCertificate"}
ALL_OF_IT_S = 15.0  # from the trigger on, before an operator is told that it takes longer
AT_ONCE, AGAIN_S = 5, 60.0  # requests of one station; each costs a signature
LONGEST_INFO = 500  # characters; 512 in OCPP 2.0.1
_KEY = "\0certificate"  # no transaction's name


class IssuedCertificate(msgspec.Struct, frozen=True):
    """What became of a request.

    Attributes:
        chain: PEM; "" where none was issued.
        fingerprint: Of the station's own, SHA-256.
        rule: That the request broke; "" for none.
    """

    chain: str = ""
    fingerprint: str = ""
    rule: str = ""


class AbstractIssuer(ABC):
    """Whoever has the authority's key, and remembers which certificates are good."""

    @abstractmethod
    async def issue(self, station: str, csr: str) -> IssuedCertificate:
        """A certificate that is good beside the present one, from when this returns."""

    @abstractmethod
    async def answered(self, station: str, fingerprint: str, result: OrderResult) -> None:
        """What the station said to its certificate; one that it refused is no longer good."""


@dataclass(frozen=True)
class _SigningRefusal:
    """Why nothing is signed.

    Attributes:
        code: Of OCPP's reason codes.
        rule: For the log.
        detail: What was found, and the way out.
    """

    code: str
    rule: str
    detail: str


@final
class Certificates:
    """Gives stations new certificates.

    Args:
        registry: Of connections.
        issuer: Signs; None where no authority is configured.
        handler: Told what is refused.
        clock: Of the service.
        settings: Time-outs.
    """

    def __init__(
        self,
        registry: Registry[StationConnection],
        issuer: AbstractIssuer | None,
        handler: AbstractHandler,
        clock: AbstractClock,
        settings: Settings,
    ) -> None:
        self._registry, self._issuer, self._handler = registry, issuer, handler
        self._clock, self._settings = clock, settings
        self._asked = RateLimit(clock, burst=AT_ONCE, refill_s=AGAIN_S)
        self._triggered: dict[str, asyncio.Future[Renewal]] = {}
        self._unanswered: set[str] = set()  # stations that were sent a certificate

    async def requested(self, link: StationConnection, payload: dict[str, Any]) -> dict[str, Any]:
        """A station asks for a certificate; what it is answered. The certificate follows."""
        station, kind = link.state.identity, payload.get("certificateType", STATION)
        refused = self._refused(link, kind)
        issued = IssuedCertificate()
        if refused is None and self._issuer is not None:
            self._asked.count(station)
            issued = await self._issuer.issue(station, payload["csr"])
            if issued.rule:
                refused = _SigningRefusal("InvalidCSR", "certificate request", issued.rule)
        if refused is not None:
            await self._handler.refused(Refusal(station, refused.rule, refused.detail))
            self._settle(station, Renewal(OrderResult.REFUSED, refused.detail))
            info = {"reasonCode": refused.code, "additionalInfo": refused.detail[:LONGEST_INFO]}
            return {"status": "Rejected", "statusInfo": info}
        told = {"certificateChain": issued.chain, "certificateType": kind}
        if "requestId" in payload:  # OCPP 2.1
            told["requestId"] = payload["requestId"]
        link.spawn(self._send(link, told, issued.fingerprint))
        return {"status": "Accepted"}

    def _refused(self, link: StationConnection, kind: str) -> _SigningRefusal | None:
        """Why a request of this kind is turned down on this connection; None where it is not."""
        if kind != STATION:
            detail = f"{kind}: only certificates of stations are signed here"
            return _SigningRefusal("UnsupportedParam", "certificate of another kind", detail)
        if self._issuer is None:
            detail = "no authority is configured: give [certificate_authority]"
            return _SigningRefusal("NotEnabled", "certificate without an authority", detail)
        if link.profile == 0:
            detail = "security profile 0: anybody could ask in the station's name"
            return _SigningRefusal("NotEnabled", "certificate for nobody", detail)
        if not self._asked.allows(link.state.identity):
            detail = f"more than {AT_ONCE} requests at once: ask again after {AGAIN_S:.0f} s"
            return _SigningRefusal("Unspecified", "certificate requests too often", detail)
        return None

    async def _send(self, link: StationConnection, told: dict[str, Any], fingerprint: str) -> None:
        """Send a certificate, and look at what the station says to it."""
        station, renewal = link.state.identity, Renewal(OrderResult.OFFLINE, "the link was lost")
        self._unanswered.add(station)
        try:
            answer = await link.request(
                "CertificateSigned",
                told,
                Priority.HOUSEKEEPING,
                timeout_s=self._settings.call_timeout_s,
                key=_KEY,
            )
            result = answer.order_result
            info = answer.payload.get("statusInfo", {})
            words = (answer.error, answer.description, info.get("reasonCode", ""))
            renewal = Renewal(result, " ".join(word for word in words if word))
            if result is OrderResult.REPLACED:
                return  # by a newer certificate, which this one has made place for
            assert self._issuer is not None
            with self._clock.working():
                await self._issuer.answered(station, fingerprint, result)
                if result is not OrderResult.ACCEPTED:
                    detail = f"{result}: {renewal.reason}".rstrip(": ")
                    await self._handler.refused(Refusal(station, "certificate not taken", detail))
        finally:
            if renewal.result is not OrderResult.REPLACED:
                self._unanswered.discard(station)
                self._settle(station, renewal)

    async def renew(self, station: str) -> Renewal:
        """Let a station ask for a certificate; what became of it.

        ACCEPTED means that the station has it. It is used when the station next connects, and the
        one before is good until then.
        """
        link = self._registry.get(station)
        if link is None:
            return Renewal(OrderResult.OFFLINE, "it is not connected")
        refused = self._refused(link, STATION)
        if refused is not None:
            return Renewal(OrderResult.REFUSED, refused.detail)
        waiting = asyncio.get_running_loop().create_future()
        self._triggered[station] = waiting
        timer = asyncio.ensure_future(self._clock.sleep(ALL_OF_IT_S))
        try:
            answer = await link.request(
                "TriggerMessage", TRIGGER, timeout_s=self._settings.order_timeout_s
            )
            if not answer.accepted:
                status = str(answer.payload.get("status", answer.error))
                return Renewal(answer.order_result, f"it does not ask for one: {status}")
            await asyncio.wait((waiting, timer), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            reason = "it said that it would ask for one, and has not"
            if station in self._unanswered:
                reason = "it has not answered to its certificate; the old one is good too"
            return Renewal(OrderResult.TIMED_OUT, reason)
        finally:
            timer.cancel()
            if self._triggered.get(station) is waiting:
                del self._triggered[station]

    def _settle(self, station: str, renewal: Renewal) -> None:
        """Tell whoever has triggered it."""
        waiting = self._triggered.get(station)
        if waiting is not None and not waiting.done():
            waiting.set_result(renewal)
