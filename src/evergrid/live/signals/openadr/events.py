"""An OpenADR event turned into spans of time with a value each, in the units of Evergrid.

Source:
    OpenADR Alliance, OpenADR 3.0.1 and 3.1.0 Definition, sections on event, interval,
    intervalPeriod and the table of event payload types; OpenADR 3 OpenAPI description.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import grid_power_from_consumption, kw_from_w, per_mwh_from_per_kwh
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.openadr.periods import drawn_share, duration_s, moment_s

MOST_SPANS = 10_000  # of one event
AHEAD_S = 2 * 86_400.0  # by which the server's clock may be ahead of ours
LOWEST_PRIORITY = 1_000_000  # of an event that tells none


class Kind(StrEnum):
    """What a span says."""

    IMPORT_PRICE = "PRICE"  # per MWh drawn
    EXPORT_PRICE = "EXPORT_PRICE"  # per MWh fed
    IMPORT_LIMIT = "IMPORT_CAPACITY_LIMIT"  # kW
    EXPORT_LIMIT = "EXPORT_CAPACITY_LIMIT"  # kW
    SETPOINT = "DISPATCH_SETPOINT"  # kW into the grid


PRICES = (Kind.IMPORT_PRICE, Kind.EXPORT_PRICE)
REPORT_UNITS = {"USAGE": "KWH", "DEMAND": "KW"}
LIMITS = (Kind.IMPORT_LIMIT, Kind.EXPORT_LIMIT)
KNOWN = frozenset(kind.value for kind in Kind)


class Period(msgspec.Struct, rename="camel"):
    """intervalPeriod."""

    start: str
    duration: str | None = None
    randomize_start: str | None = None


class Payload(msgspec.Struct):
    """What an interval says."""

    type: str
    values: list[float | int | str | bool | dict[str, float] | None]


class Interval(msgspec.Struct, rename="camel"):
    """One interval."""

    id: int
    payloads: list[Payload]
    interval_period: Period | None = None


class Descriptor(msgspec.Struct, rename="camel"):
    """Units of a type of payload."""

    payload_type: str = ""
    units: str | None = None
    currency: str | None = None


class ReportDescriptor(msgspec.Struct, rename="camel"):
    """A report that an event asks for."""

    payload_type: str = ""
    units: str | None = None
    frequency: int = -1


class Wire(msgspec.Struct, rename="camel"):
    """An event as it comes; what it holds besides is not looked at."""

    id: str
    program_id: str = msgspec.field(name="programID")
    intervals: list[Interval]
    modification_date_time: str | None = None
    created_date_time: str | None = None
    priority: int | None = None
    interval_period: Period | None = None
    duration: str | None = None
    payload_descriptors: list[Descriptor] | None = None
    report_descriptors: list[ReportDescriptor] | None = None


class ProgramWire(msgspec.Struct, rename="camel"):
    """A program as it comes."""

    id: str
    payload_descriptors: list[Descriptor] | None = None


@dataclass(frozen=True)
class Span:
    """A value that holds for a while.

    Attributes:
        kind: What it says.
        begin_s: UTC seconds since 1970.
        end_s: Likewise; infinite for one that does not end.
        value: In the unit of its kind.
        currency: Of a price; "" otherwise.
    """

    kind: Kind
    begin_s: float
    end_s: float
    value: float
    currency: str = ""


@dataclass(frozen=True)
class Event:
    """An event that is understood.

    Attributes:
        event: Its identity.
        modified_s: When it was last changed, by the server's clock.
        priority: The lower the more it counts.
        digest: Of its text, by which a change is found.
        spans: In their order.
        ignored: Types of payload that are not followed.
        reports: Types of report that it asks for, and that are made.
        report_frequency: Intervals from one report to the next; below 1 for one at the end.
    """

    event: str
    modified_s: float
    priority: int
    digest: bytes
    spans: tuple[Span, ...]
    ignored: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    report_frequency: int = -1


def read(
    raw: bytes | msgspec.Raw,
    entry: OpenAdrEntry,
    program: Mapping[str, Descriptor],
    *,
    now_s: float,
) -> Event:
    """An event from its JSON.

    Args:
        raw: As it came.
        entry: Of the server.
        program: Units by type of payload, as the program says.
        now_s: When it came.

    Raises:
        InputError: It breaks a rule; nothing of it is followed.
    """
    try:
        wire = msgspec.json.decode(raw, type=Wire)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _fault("event", f"be an event of OpenADR 3: {error}") from None
    if wire.program_id != entry.program_id:
        raise _fault("programID", f"be {entry.program_id}", wire.program_id, wire.id)
    try:
        modified = wire.modification_date_time or wire.created_date_time
        modified_s = moment_s(modified or "", now_s=now_s)
        if modified_s > now_s + AHEAD_S:
            raise ValueError("not be modified days from now")
        units = dict(program) | {one.payload_type: one for one in wire.payload_descriptors or []}
        ignored: set[str] = set()
        spans: list[Span] = []
        for begin_s, end_s, interval in _timed(wire, entry.ven_name, now_s):
            for payload in interval.payloads:
                if payload.type in KNOWN:
                    spans.append(_span(payload, begin_s, end_s, units, entry))
                else:
                    ignored.add(payload.type[:64])
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise _fault("intervals", str(error), None, wire.id) from None
    priority = LOWEST_PRIORITY if wire.priority is None else wire.priority
    digest = hashlib.sha256(raw).digest()
    asked = [one for one in wire.report_descriptors or [] if _is_made(one)]
    ignored |= {f"report {one.payload_type[:64]}" for one in wire.report_descriptors or []} - {
        f"report {one.payload_type}" for one in asked
    }
    return Event(
        wire.id,
        modified_s,
        priority,
        digest,
        tuple(spans),
        tuple(sorted(ignored)),
        tuple(sorted({one.payload_type for one in asked})),
        max((one.frequency for one in asked), default=-1),
    )


def _is_made(asked: ReportDescriptor) -> bool:
    """Whether a report that is asked for can be made, in the unit that is asked for."""
    unit = REPORT_UNITS.get(asked.payload_type)
    return unit is not None and asked.units in (None, unit)


class _NamedEvent(msgspec.Struct):
    id: str = ""


def identity(raw: bytes | msgspec.Raw) -> str:
    """Identity of an event that may break rules; "" where it tells none."""
    try:
        return msgspec.json.decode(raw, type=_NamedEvent).id
    except (msgspec.MsgspecError, RecursionError):
        return ""


def _timed(wire: Wire, ven_name: str, now_s: float) -> Iterator[tuple[float, float, Interval]]:
    """Begin, end and content of each interval, over and over where the event says how long.

    Raises:
        ValueError: No begin, no length, or too many.
    """
    if not wire.intervals:
        raise ValueError("be at least one")
    shared = wire.interval_period
    at_s = math.nan if shared is None else _start_s(shared, wire.id, ven_name, now_s)
    whole_s = None if wire.duration is None else duration_s(wire.duration)
    ends_s = at_s if whole_s is None else at_s + whole_s
    made = 0
    while True:
        first_s = at_s
        for interval in wire.intervals:
            own = interval.interval_period
            begin_s = at_s if own is None else _start_s(own, wire.id, ven_name, now_s)
            length = (own or shared or Period("")).duration
            length_s = math.inf if length is None else duration_s(length)
            if math.isnan(begin_s):
                raise ValueError("begin at a moment, of their own or of the event")
            if not length_s > 0:
                raise ValueError("last longer than nothing")
            made += 1
            if made > MOST_SPANS:
                raise ValueError(f"be at most {MOST_SPANS}")
            end_s = begin_s + length_s
            if whole_s is not None and own is None:
                end_s = min(end_s, ends_s)
            yield begin_s, end_s, interval
            at_s = end_s if own is None else at_s
            if whole_s is not None and not at_s < ends_s:
                return
        if whole_s is None or not at_s > first_s:
            return


def _start_s(period: Period, event: str, ven_name: str, now_s: float) -> float:
    """When a period begins for us, with our share of a random start."""
    begin_s = moment_s(period.start, now_s=now_s)
    if period.randomize_start is None:
        return begin_s
    most_s = duration_s(period.randomize_start)
    if not 0 <= most_s <= 86_400:
        raise ValueError("begin at random within a day at most")
    return begin_s + most_s * drawn_share(ven_name, event)


def _span(
    payload: Payload,
    begin_s: float,
    end_s: float,
    units: Mapping[str, Descriptor],
    entry: OpenAdrEntry,
) -> Span:
    """A payload in our units.

    Raises:
        ValueError: Not one finite number, or in a unit that is not known.
    """
    kind = Kind(payload.type)
    value = payload.values[0] if len(payload.values) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"have one finite number for {kind}")
    told = units.get(kind, Descriptor())
    if kind in PRICES:
        per_mwh = _per_mwh(float(value), told)
        return Span(kind, begin_s, end_s, per_mwh, told.currency or "")
    power_kw = _kw(float(value), told)
    if kind is Kind.SETPOINT:
        return Span(kind, begin_s, end_s, _into_grid_kw(power_kw, entry))
    if power_kw < 0:
        raise ValueError(f"have a limit of 0 or more for {kind}")
    return Span(kind, begin_s, end_s, power_kw)


def _per_mwh(value: float, told: Descriptor) -> float:
    """A price per MWh; a price whose unit or currency nobody tells is not guessed.

    Raises:
        ValueError: The unit is missing or another.
    """
    if told.units == "KWH" and told.currency:
        return per_mwh_from_per_kwh(value)
    if told.units == "MWH" and told.currency:
        return value
    raise ValueError("tell units KWH or MWH and a currency for a price, in event or program")


def _kw(value: float, told: Descriptor) -> float:
    """A power in kW, which is the unit where none is told.

    Raises:
        ValueError: Another unit.
    """
    if told.units in (None, "KW"):
        return value
    if told.units == "W":
        return kw_from_w(value)
    if told.units == "MW":
        return value * 1000.0
    raise ValueError(f"tell a power in W, KW or MW, not {told.units[:16]}")


def _into_grid_kw(power_kw: float, entry: OpenAdrEntry) -> float:
    """A set-point into the grid: the one place where its sign is read.

    Raises:
        ValueError: Nobody said which way a positive set-point points.
    """
    if entry.dispatch_sign is None:
        raise ValueError("not be DISPATCH_SETPOINT without dispatch_sign in the configuration")
    if entry.dispatch_sign == "from_grid":
        return grid_power_from_consumption(power_kw)
    return power_kw


def _fault(field: str, rule: str, got: object = None, event: str = "") -> InputError:
    return InputError(
        "openadr", [Fault(field, rule, () if got is None else (got,), (event,) if event else ())]
    )
