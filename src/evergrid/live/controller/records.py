"""What the controller writes to the log, and reads back after a restart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from evergrid.live.devices.adapter import (
    ChargingNeeds,
    MeterReading,
    PowerOrder,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.store.entry import Entry

_encode = msgspec.json.Encoder().encode


def _entry(kind: str, time_s: float, body: Mapping[str, Any], **named: Any) -> Entry:
    return Entry(kind, time_s, body=_encode(body), **named)


def of_transaction(event: TransactionEvent, driver: str) -> Entry:
    """An event of a transaction, which is written once whatever the station repeats.

    Args:
        event: As it came.
        driver: Pseudonym; "" where nobody is known. The driver's token is not written.
    """
    body = {
        "part": event.part,
        "trigger": event.trigger,
        "received_s": event.received_s,
        "evse": event.evse,
        "offline": event.offline,
        "driver": driver,
        "readings": event.readings,
    }
    return _entry(
        "transaction_event",
        event.time_s,
        body,
        station=event.station,
        transaction=event.transaction,
        sequence=event.sequence,
    )


def of_readings(station: str, evse: int, readings: tuple[MeterReading, ...], now_s: float) -> Entry:
    """Meter values outside a transaction."""
    body = {"evse": evse, "readings": readings}
    return _entry("readings", now_s, body, station=station)


def of_needs(needs: ChargingNeeds, transaction: str) -> Entry:
    """What a vehicle asked for."""
    named = {"station": needs.station, "transaction": transaction}
    return _entry("needs", needs.time_s, asdict(needs), **named)


def of_orders(orders: tuple[PowerOrder, ...], now_s: float) -> list[Entry]:
    """Orders of a tick, before they are sent."""
    return [
        _entry(
            "order",
            now_s,
            {"power_kw": order.power_kw, "evse": order.evse, "urgent": order.urgent},
            station=order.station,
            transaction=order.transaction,
        )
        for order in orders
    ]


def of_change(station: str, transaction: str, changed: Mapping[str, Any], now_s: float) -> Entry:
    """What a driver changes about a stay."""
    return _entry("driver_change", now_s, changed, station=station, transaction=transaction)


def of_what(kind: str, now_s: float, body: Mapping[str, Any], station: str = "") -> Entry:
    """Anything else: an offer, an alarm, a refusal, a session that began or ended."""
    return _entry(kind, now_s, body, station=station)


@dataclass(frozen=True)
class KeptTransaction:
    """An event of a transaction as it stands in the log.

    Attributes:
        part: Which part it is.
        received_s: When it came.
        evse: Outlet; None where not told.
        driver: Pseudonym; "" where nobody is known.
        readings: Meter values.
        trigger: Why it was sent.
        offline: Whether the station was not connected.
    """

    part: TransactionPart
    received_s: float
    evse: int | None
    driver: str
    readings: tuple[MeterReading, ...]
    trigger: str = ""
    offline: bool = False


_change = msgspec.json.Decoder(dict[str, float | bool])
_transaction = msgspec.json.Decoder(KeptTransaction)
_needs = msgspec.json.Decoder(ChargingNeeds)


def transaction_of(entry: Entry) -> KeptTransaction:
    """What `of_transaction` wrote."""
    return _transaction.decode(entry.body)


def is_over(
    ended: tuple[str, float] | None, transaction: str, part: TransactionPart, time_s: float
) -> bool:
    """Whether an event is a late one of the transaction that ended last at its station.

    A station that counts its transactions may begin one under a name that it used before.
    """
    if ended is None or ended[0] != transaction:
        return False
    return part is not TransactionPart.STARTED or time_s < ended[1]


def needs_of(entry: Entry) -> ChargingNeeds:
    """What `of_needs` wrote."""
    return _needs.decode(entry.body)


def change_of(entry: Entry) -> dict[str, float | bool]:
    """What `of_change` wrote."""
    return _change.decode(entry.body)
