"""What gateways and controller say to each other: the contract of the adapter, encoded.

Each kind of question is named after the method that it calls; its body is the method's arguments.
"""

from typing import Any

import msgspec

from evergrid.live.devices.adapter import (
    Capabilities,
    ChargingNeeds,
    MeterReading,
    OrderResult,
    PowerOrder,
    Refusal,
    Session,
    TransactionEvent,
)
from evergrid.live.gateway.claims import Claim
from evergrid.live.maintenance import ConnectionDetail, Renewal
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.certificates import IssuedCertificate
from evergrid.live.ocpp.charging.profiles import Response
from evergrid.live.ocpp.grid_functions import GridFunction
from evergrid.live.store.entry import Entry

SUPERSEDED = "superseded by another gateway"
UNCLAIMED = "the station is not claimed"
ALIVE = "alive"  # notice of both ends: the controller's with its term, a gateway's with its name
DROP = "drop"  # notice to a gateway: the station is connected elsewhere
JOIN_AGAIN = "join_again"  # notice to a gateway that was taken for lost: claim your stations again
RECORD = "record"  # notice: a station is registered anew
SITE_PLAN = "site_plan"  # notice to the gateway of a site: what to go on by
JOIN, REGISTER, HAND_OVER = "join", "register", "hand_over"
OF_SITE = "site"  # a gateway's sign of life, where it goes on by itself
RECORDS_AT_ONCE = 500


class OpenTransactionMessage(msgspec.Struct, array_like=True, frozen=True):
    """A transaction that is live at a station, as the controller knows it.

    Attributes:
        transaction: Its identity.
        evse: Outlet.
        token: A token that stands for the driver; None where nobody is known.
        may_discharge: Whether that driver has agreed to discharging.
    """

    transaction: str
    evse: int
    token: str | None
    may_discharge: bool


class ClaimAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The answer to a gateway that claims a station.

    Attributes:
        claim: That counts from now on.
        open: Transactions that are live there.
        on_hold: Whether an operator lets it boot only later.
    """

    claim: Claim
    open: list[OpenTransactionMessage]
    on_hold: bool = False


class Permission(msgspec.Struct, array_like=True, frozen=True):
    """What a driver's token is good for.

    Attributes:
        known: Whether it may charge.
        may_discharge: Whether the driver has agreed to discharging.
    """

    known: bool
    may_discharge: bool


ResponseIfAny = Response | None
# Arguments of what a gateway asks; the claim stands before them where the kind needs one.
FROM_GATEWAY: dict[str, Any] = {
    "connected": tuple[str, str],
    "disconnected": tuple[str],
    "described": tuple[str, Capabilities],
    "authorized": tuple[str, str],
    "transaction": tuple[TransactionEvent],
    "needs": tuple[ChargingNeeds],
    "readings": tuple[str, int, tuple[MeterReading, ...]],
    "priority": tuple[str, str, bool],
    "alarm": tuple[str, str, bool, str],
    "refused": tuple[Refusal],
    JOIN: tuple[()],
    REGISTER: tuple[str],
    HAND_OVER: tuple[list[Entry]],
    "set_next_secret": tuple[str, str],
    "use_next_secret": tuple[str],
    "use_next_certificate": tuple[str],
    "issue_certificate": tuple[str, str],
    "certificate_answered": tuple[str, str, OrderResult],
}
UNDER_CLAIM = frozenset(
    {
        "disconnected",
        "described",
        "transaction",
        "needs",
        "readings",
        "priority",
        "alarm",
        "issue_certificate",
        "certificate_answered",
    }
)
# Arguments of what the controller asks, after the claim.
FROM_CONTROLLER: dict[str, Any] = {
    "begin": tuple[Session, ResponseIfAny],
    "signal": tuple[str, int],
    "order": tuple[PowerOrder],
    "release": tuple[str, int, str],
    "allow": tuple[str, str, bool],
    "call": tuple[str, str, dict[str, Any]],
    "set_function": tuple[str, GridFunction],
    "clear_function": tuple[str, str, bool],
    "hold": tuple[str, bool],
    "renew_password": tuple[str],
    "renew_certificate": tuple[str],
    "connection": tuple[str],
}


class SiteAlarm(msgspec.Struct, frozen=True):
    """An alarm that a site kept while it was on its own.

    Attributes:
        kind: What it is.
        ended: Whether it is over.
        detail: What was found.
    """

    kind: str
    ended: bool
    detail: str


PermissionIfAny = Permission | None
ANSWERS: dict[str, Any] = {
    "connected": ClaimAnswer,
    "authorized": Permission,
    "transaction": PermissionIfAny,
    "needs": bool,
    REGISTER: list[StationRecord],
    "begin": OrderResult,
    "signal": OrderResult,
    "order": OrderResult,
    "release": OrderResult,
    "allow": OrderResult,
    "call": dict[str, Any],
    "set_function": OrderResult,
    "clear_function": OrderResult,
    "renew_password": Renewal,
    "renew_certificate": Renewal,
    "connection": ConnectionDetail,
    "issue_certificate": IssuedCertificate,
}


def _with_claim(given: Any) -> Any:
    return tuple[Claim | None, given]  # pyright: ignore[reportInvalidTypeForm] # made of a table


_encoder = msgspec.msgpack.Encoder()
_arguments = {
    kind: msgspec.msgpack.Decoder(_with_claim(given))
    for kind, given in (FROM_GATEWAY | FROM_CONTROLLER).items()
}
_answers = {kind: msgspec.msgpack.Decoder(given) for kind, given in ANSWERS.items()}
_text = msgspec.msgpack.Decoder(str)
_records = msgspec.msgpack.Decoder(StationRecord)
_events = msgspec.json.Decoder(TransactionEvent)
_site_alarms = msgspec.json.Decoder(SiteAlarm)


def asked(claim: Claim | None, *arguments: Any) -> bytes:
    """The body of a question."""
    return _encoder.encode((claim, arguments))


def arguments_of(kind: str, body: bytes) -> tuple[Claim | None, tuple[Any, ...]]:
    """What `asked` encoded.

    Raises:
        KeyError: A kind that is not known.
        msgspec.DecodeError: It is not what the kind takes.
    """
    return _arguments[kind].decode(body)


def encoded(value: Any) -> bytes:
    """The body of an answer or a notice."""
    return _encoder.encode(value)


def answer_of(kind: str, body: bytes) -> Any:
    """The content of an answer."""
    return _answers[kind].decode(body) if kind in _answers else None


def text_of(body: bytes) -> str:
    """The content of a notice that is a word."""
    return _text.decode(body)


def record_of(body: bytes) -> StationRecord:
    """The content of a notice that a station is registered anew."""
    return _records.decode(body)


def event_of(entry: Entry) -> TransactionEvent:
    """The event of a transaction that a site kept."""
    return _events.decode(entry.body)


def alarm_of(entry: Entry) -> SiteAlarm:
    """The alarm that a site kept."""
    return _site_alarms.decode(entry.body)
