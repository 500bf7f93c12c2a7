"""What a battery says of itself and how it is told its power, whichever models it has.

There are two families of models: DER (701, 702, 704, 713), with a set-point in watts, and the older
inverter with storage (103 and 124), with a window of percent. Each turns registers into the records
below, and an order into registers; nothing here talks to a device.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import kw_from_w
from evergrid.live.sunspec.registers import Block, Write

Blocks = Mapping[int, Block]
"""What was read of a device, by number of the model."""

LARGEST_KW = 100_000.0  # a rating above is taken for a wrong scale factor
OVERLOAD = 1.5  # times the rating, above which a measured power is taken for a wrong scale factor


@dataclass(frozen=True)
class Nameplate:
    """What a battery is, as it says itself. Powers are at its AC terminals and 0 or more.

    Attributes:
        maker: Manufacturer.
        product: Model, in the manufacturer's words.
        serial: Serial number.
        capacity_kwh: Of the cells; None where it does not say.
        charge_kw: Greatest power that it draws.
        discharge_kw: Greatest power that it feeds.
        soc_least: 0 to 1, below which it does not discharge.
        soc_most: Above which it does not charge.
    """

    maker: str
    product: str
    serial: str
    capacity_kwh: float | None
    charge_kw: float
    discharge_kw: float
    soc_least: float = 0.0
    soc_most: float = 1.0

    @property
    def rating_kw(self) -> float:
        """The greater of both ratings."""
        return max(self.charge_kw, self.discharge_kw)


class StandingOrder(NamedTuple):
    """The order that stands in a battery's registers.

    Attributes:
        power_kw: Into the grid; None where it is not under orders.
        reversion_s: After which the order ends unless it is written again; 0 for never.
    """

    power_kw: float | None
    reversion_s: float


@dataclass(frozen=True)
class State:
    """What a battery says at a moment.

    Attributes:
        power_kw: Into the grid.
        told: The order in its registers.
        soc: 0 to 1; None where it does not say.
        reactive_kvar: Into the grid.
        voltage_v: Of a phase, mean.
        frequency_hz: Of the grid.
        drawn_kwh: Register of energy drawn; None where it has none.
        fed_kwh: Register of energy fed; None where it has none.
        available: Whether it runs, and takes orders from afar.
        alarms: In a few words each.
    """

    power_kw: float
    told: StandingOrder
    soc: float | None = None
    reactive_kvar: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None
    drawn_kwh: float | None = None
    fed_kwh: float | None = None
    available: bool = True
    alarms: tuple[str, ...] = ()


class AbstractControl(ABC):
    """A family of models."""

    models: tuple[int, ...]
    """Those it reads at each poll, where the device has them."""
    written: int
    """The one that takes orders."""

    @abstractmethod
    def nameplate(self, blocks: Blocks) -> Nameplate:
        """What the battery is.

        Raises:
            InputError: It does not say its ratings, or they cannot be.
        """

    @abstractmethod
    def state(self, blocks: Blocks) -> State:
        """What the battery does.

        Raises:
            InputError: It does not say its power.
        """

    @abstractmethod
    def told(self, blocks: Blocks) -> StandingOrder:
        """The order that stands in its registers."""

    @abstractmethod
    def order(self, blocks: Blocks, power_kw: float, reversion_s: int) -> Sequence[Write]:
        """What to write, in this order, for a power into the grid that ends after a while.

        Raises:
            InputError: The power cannot be written.
        """

    @abstractmethod
    def release(self, blocks: Blocks) -> Sequence[Write]:
        """What to write so that the battery is under its own control again."""


def rated(power_w: float | None, name: str) -> float:
    """A rating in kW.

    Raises:
        InputError: It is not there, or cannot be.
    """
    power_kw = math.nan if power_w is None else kw_from_w(power_w)
    if not 0 < power_kw <= LARGEST_KW:
        rule = f"be told, above 0 and at most {LARGEST_KW:g} kW"
        raise InputError("sunspec", [Fault(name, rule, (power_kw,))])
    return power_kw


def measured(power_w: float | None, name: str) -> float:
    """A measured power in kW.

    Raises:
        InputError: It is not there.
    """
    if power_w is None:
        raise InputError("sunspec", [Fault(name, "be implemented", (power_w,))])
    return kw_from_w(power_w)


def kilo(value: float | None) -> float | None:
    """W, Wh or var in thousands; None stays None."""
    return None if value is None else kw_from_w(value)


def share(percent: float | None) -> float | None:
    """A percentage as a share; None stays None, and so does what no percentage can be."""
    if percent is None or not 0 <= percent <= 100:
        return None
    return percent / 100.0


def named(bits: int | None, names: Mapping[int, str]) -> tuple[str, ...]:
    """The names of the bits that are set."""
    return tuple(name for bit, name in names.items() if bits and bits >> bit & 1)


def first(values: Iterable[float | None]) -> float | None:
    """The first that is there."""
    return next((value for value in values if value is not None), None)


def faults_of(state: State, plate: Nameplate) -> list[Fault]:
    """What of a state cannot be true."""
    faults = []
    if abs(state.power_kw) > OVERLOAD * plate.rating_kw:
        rule = f"be at most {OVERLOAD:g} times its rating of {plate.rating_kw:g} kW"
        faults.append(Fault("power_kw", rule, (state.power_kw,)))
    if state.frequency_hz is not None and not 40.0 <= state.frequency_hz <= 70.0:
        faults.append(Fault("frequency_hz", "lie in [40, 70]", (state.frequency_hz,)))
    return faults
