"""What the controller and any kind of device say to each other, in the words and units of Evergrid.

OCPP stations are one kind of device, stationary batteries over Modbus another: each has an adapter
that turns its protocol into these records. Power is positive into the grid; a protocol's own sign
ends at its adapter. Times are UTC seconds since 1970. What comes by the thousand a second is a
Struct, which is made in a tenth of the time of a frozen dataclass.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec


class OrderResult(StrEnum):
    """What became of an order."""

    ACCEPTED = "accepted"  # the device says so; meter values show whether it does so
    REJECTED = "rejected"  # by the device
    TIMED_OUT = "timed_out"  # no answer in time
    OFFLINE = "offline"  # the device is not connected
    REFUSED = "refused"  # by our own checks: it was never sent
    REPLACED = "replaced"  # a newer order took its place before it was sent


@dataclass(frozen=True)
class Capabilities:
    """What a device can do, as it said itself before any order.

    Attributes:
        v2x: Whether it may be told to discharge.
        dynamic: Whether it takes set-points one by one (UpdateDynamicSchedule).
        operation_modes: Modes it names, in the words of OCPP 2.1.
        least_update_s: Time between two charging profiles that it takes; 0 for no limit.
        power_in_watts: Whether profiles may be given in watts.
        grid_functions: What it can do by itself for the grid, in the words of OCPP 2.1.
    """

    v2x: bool = False
    dynamic: bool = False
    operation_modes: frozenset[str] = frozenset()
    least_update_s: float = 0.0
    power_in_watts: bool = True
    grid_functions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ChargingNeeds:
    """What a vehicle asks for, in the middle of a transaction.

    Attributes:
        station: Identity of the device.
        evse: Number of the outlet, from 1.
        time_s: When it was said.
        v2x: Whether it asks for power both ways.
        departure_s: When it leaves; None where it does not say.
        max_charge_kw: Greatest power that it draws; None where it does not say.
        max_discharge_kw: Greatest power that it feeds, 0 or more.
        to_least_kwh: Into the cells, until the least energy the driver needs at once.
        to_target_kwh: Into the cells, until the energy owed at departure; below 0 beyond it.
        to_full_kwh: Into the cells, until no more may be charged.
        to_reserve_kwh: Into the cells, until discharging may begin; below 0 where it may now.
        capacity_kwh: Of the cells; None where it does not say.
        soc: 0 to 1; None where it does not say.
    """

    station: str
    evse: int
    time_s: float
    v2x: bool
    departure_s: float | None = None
    max_charge_kw: float | None = None
    max_discharge_kw: float = 0.0
    to_least_kwh: float | None = None
    to_target_kwh: float | None = None
    to_full_kwh: float | None = None
    to_reserve_kwh: float | None = None
    capacity_kwh: float | None = None
    soc: float | None = None


class MeterReading(msgspec.Struct, frozen=True):
    """What a meter says, at one moment.

    Attributes:
        time_s: Of the reading, by the device's clock.
        power_kw: Into the grid; None where not told, as below.
        reactive_kvar: Into the grid.
        soc: Of the vehicle, 0 to 1.
        drawn_kwh: Register of energy drawn from the grid.
        fed_kwh: Register of energy fed into the grid.
        voltage_v: Mean of the phases.
        frequency_hz: Of the grid.
        setpoint_kw: Power that the device means to have, into the grid.
    """

    time_s: float
    power_kw: float | None = None
    reactive_kvar: float | None = None
    soc: float | None = None
    drawn_kwh: float | None = None
    fed_kwh: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None
    setpoint_kw: float | None = None


class TransactionPart(StrEnum):
    """Which part of a transaction an event is."""

    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"


class TransactionEvent(msgspec.Struct, frozen=True):
    """What happened in a transaction. (station, transaction, sequence) names it.

    Attributes:
        station: Identity of the device.
        transaction: Identity of the transaction, which belongs to this device only.
        sequence: Counts from 0 in each transaction.
        part: Which part this is.
        trigger: Why it was sent, in the words of OCPP 2.1.
        time_s: When it happened, by the device's clock.
        received_s: When it came, by ours.
        evse: Number of the outlet; None where not told.
        offline: Whether it happened while the device was not connected.
        token: Of the driver, where told.
        charging_state: In the words of OCPP.
        readings: Meter values, oldest first.
    """

    station: str
    transaction: str
    sequence: int
    part: TransactionPart
    trigger: str
    time_s: float
    received_s: float
    evse: int | None = None
    offline: bool = False
    token: str | None = None
    charging_state: str | None = None
    readings: tuple[MeterReading, ...] = ()


@dataclass(frozen=True)
class PowerOrder:
    """The power that a device is told to have from now on.

    Attributes:
        station: Identity of the device.
        evse: Number of the outlet.
        transaction: For which it holds.
        power_kw: Into the grid.
        urgent: Whether it goes before all else, such as for a driver or a limit of the grid.
    """

    station: str
    evse: int
    transaction: str
    power_kw: float
    urgent: bool = False


@dataclass(frozen=True)
class Session:
    """What an order profile is made for: a transaction and its limits.

    Attributes:
        station: Identity of the device.
        evse: Number of the outlet.
        transaction: Of the vehicle that is plugged in.
        max_charge_kw: It may be told to draw at most.
        max_discharge_kw: It may be told to feed at most; 0 where it may not.
        power_kw: First order, into the grid.
        offline_s: For which the last order holds while the device is not connected.
    """

    station: str
    evse: int
    transaction: str
    max_charge_kw: float
    max_discharge_kw: float
    power_kw: float
    offline_s: int = 60


@dataclass(frozen=True)
class Refusal:
    """A message that broke a rule, and what was done.

    Attributes:
        station: Who sent it, or for whom it was.
        rule: In a few words, such as ``transaction of another station``.
        detail: What was found.
    """

    station: str
    rule: str
    detail: str = ""


class AbstractHandler(ABC):
    """What an adapter tells the controller. The device is answered once the call has returned."""

    @abstractmethod
    async def connected(self, station: str, protocol: str) -> None:
        """A device is there, under a protocol such as ``ocpp2.1``."""

    @abstractmethod
    async def disconnected(self, station: str) -> None:
        """A device is no longer there."""

    @abstractmethod
    async def described(self, station: str, found: Capabilities) -> None:
        """A device has told what it can do."""

    @abstractmethod
    async def authorized(self, station: str, token: str) -> bool:
        """Whether a driver's token may charge here; whether it may discharge is `may_discharge`."""

    @abstractmethod
    def may_discharge(self, token: str | None) -> bool:
        """Whether the driver has agreed to discharging."""

    @abstractmethod
    async def transaction(self, event: TransactionEvent) -> None:
        """Something happened in a transaction. Returns once it is on the disk."""

    @abstractmethod
    async def needs(self, needs: ChargingNeeds) -> bool:
        """A vehicle says what it asks for; whether a plan will follow."""

    @abstractmethod
    async def readings(self, station: str, evse: int, readings: Sequence[MeterReading]) -> None:
        """Meter values outside a transaction."""

    @abstractmethod
    async def priority(self, station: str, transaction: str, active: bool) -> None:
        """A driver wants to charge now, or no longer."""

    @abstractmethod
    async def alarm(self, station: str, kind: str, ended: bool, detail: str) -> None:
        """A device reports a fault of the grid or of itself, or that it is over."""

    @abstractmethod
    async def refused(self, refusal: Refusal) -> None:
        """A message broke a rule, or somebody was turned away."""


class AbstractAdapter(ABC):
    """What the controller asks of the devices of one kind."""

    @abstractmethod
    async def begin(self, session: Session) -> OrderResult:
        """Put a session under orders; a lower plan that it falls back to is there before."""

    @abstractmethod
    async def order(self, order: PowerOrder) -> OrderResult:
        """Tell a device its power; a newer order for it replaces one that still waits."""

    @abstractmethod
    async def release(self, station: str, evse: int, transaction: str) -> OrderResult:
        """End our orders for a session; the device's default plan takes over."""

    @abstractmethod
    async def allow(self, station: str, transaction: str, discharge: bool) -> OrderResult:
        """Say whether a vehicle may discharge from now on."""

    @abstractmethod
    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a message of the protocol itself, for an operator.

        Raises:
            InputError: The message breaks the protocol, or the device is not connected.
        """


@dataclass(frozen=True)
class Device:
    """A device as it is registered.

    Attributes:
        station: Its identity.
        site: Where it is.
        charge_kw: Its rating.
        discharge_kw: Its rating; 0 where it cannot.
        voltage_v: Of a phase.
        phases: 1 or 3.
        labels: Free words of the operator.
        stationary: Whether it is a battery that stays, and no charging station.
        direct_current: Whether it takes any power, as no pilot of alternating current rules it.
    """

    station: str
    site: str
    charge_kw: float
    discharge_kw: float
    voltage_v: float = 230.0
    phases: int = 3
    labels: dict[str, str] = field(default_factory=dict)
    stationary: bool = False
    direct_current: bool = False
