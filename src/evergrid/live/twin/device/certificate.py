"""How a simulated station gets a new certificate (OCPP 2.0.1 and 2.1, A02 and A03).

It makes a new key for every request. One that was accepted and is not followed by a certificate is
repeated after CertSigningWaitMinimum, twice as long each time, CertSigningRepeatTimes at most.
"""

import datetime
from collections.abc import Callable
from typing import Any, final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from evergrid.live.twin.device.bay import Bay
from evergrid.live.twin.device.timers import Timers
from evergrid.live.twin.wire.variables import (
    CHAIN_SIZE,
    ORGANISATION,
    SIGNING_REPEATS,
    SIGNING_WAIT,
)

TRIGGER, KIND = "SignChargingStationCertificate", "ChargingStationCertificate"
INVALID = "InvalidChargingStationCertificate"  # of OCPP's security events
_TIMER = "certificate"

Switch = Callable[[str, bytes], None]
"""Shows another certificate from now on: its chain and its key, PEM."""


@final
class CertificateRenewal:
    """The certificate of one station, and the request that is under way.

    Args:
        bay: The first outlet, which sends for the station.
        serial: Of the station, which its certificate names.
        timers: For what is asked again.
        switch: Shows the new certificate.
    """

    def __init__(self, bay: Bay, serial: str, timers: Timers, switch: Switch) -> None:
        self._bay, self._serial, self._timers, self._switch = bay, serial, timers, switch
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._number = self._repeats = 0
        self.requests: list[str] = []
        """Those that were sent, PEM."""
        self.chain = ""
        """The certificate that it took last, PEM."""

    def trigger(self) -> dict[str, Any]:
        """The answer to a trigger; the request follows."""
        self._repeats = 0
        self._timers.later(_TIMER, 0.0, self.ask)
        return {"status": "Accepted"}

    def ask(self) -> None:
        """Ask for a certificate of a new key."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(
                    NameOID.ORGANIZATION_NAME, self._bay.variables.text(ORGANISATION)
                ),
                x509.NameAttribute(NameOID.COMMON_NAME, self._serial),
            ]
        )
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        made = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        self.requests.append(made)
        payload: dict[str, Any] = {"csr": made, "certificateType": KIND}
        if self._bay.spec.protocol == "ocpp2.1":
            self._number += 1
            payload["requestId"] = self._number
        self._bay.call("SignCertificate", payload, answered=self._answered)

    def _answered(self, answer: dict[str, Any]) -> None:
        if answer["status"] != "Accepted":
            self._key = None
            return
        variables = self._bay.variables
        if self._key is None or self._repeats >= int(variables.text(SIGNING_REPEATS)):
            return
        wait_s = float(variables.text(SIGNING_WAIT)) * 2**self._repeats
        self._timers.later(_TIMER, wait_s, self._again)

    def _again(self) -> None:
        self._repeats += 1
        self.ask()

    def signed(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to a certificate; a good one is shown from the next connection on."""
        rule = self._rule(payload)
        if rule:
            self._bay.record.break_rule("CertificateSigned", rule, str(payload)[:200])
            now = datetime.datetime.fromtimestamp(self._bay.power.now_s(), datetime.UTC)
            event = {"type": INVALID, "timestamp": now.isoformat(), "techInfo": rule}
            self._bay.call("SecurityEventNotification", event)
            info = {"reasonCode": "InvalidCertificate", "additionalInfo": rule}
            return {"status": "Rejected", "statusInfo": info}
        self._timers.cancel(_TIMER)
        key, self._key = self._key, None
        assert key is not None, "the rules ask for one"
        self.chain = payload["certificateChain"]
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._timers.later(_TIMER, 0.0, lambda: self._switch(self.chain, pem))
        return {"status": "Accepted"}

    def _rule(self, payload: dict[str, Any]) -> str:
        """Which rule a certificate breaks; "" for none."""
        if self._key is None:
            return "a certificate was asked for"
        if payload.get("certificateType", KIND) != KIND:
            return "the certificate is of the type that was asked for"
        if "requestId" in payload and payload["requestId"] != self._number:
            return "the certificate is for the newest request"
        text = payload["certificateChain"]
        if len(text) > int(self._bay.variables.text(CHAIN_SIZE)):
            return "the chain is no longer than MaxCertificateChainSize"
        try:
            own, *others = x509.load_pem_x509_certificates(text.encode())
            for lower, upper in zip((own, *others), others, strict=False):
                lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            return "each certificate of the chain is readable, and signed by the next"
        if own.public_key() != self._key.public_key():
            return "the certificate is for the key of the request"
        names = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [self._serial]:
            return "the certificate names the station's serial number"
        now = datetime.datetime.fromtimestamp(self._bay.power.now_s(), datetime.UTC)
        if not own.not_valid_before_utc <= now < own.not_valid_after_utc:
            return "the certificate is good now"
        return ""
