"""The register map of a simulated battery, written out offset by offset.

It is written from the specification once more, and not from `models`, so that one map finds a
mistake in the other.

Source:
    As of `evergrid.live.sunspec.models`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

from evergrid.core.units import W_PER_KW

BEGIN = 40_000  # register of the marker
NONE_UNSIGNED, NONE_SIGNED = 0xFFFF, 0x8000  # of points that are not implemented
VOLTAGE_V, FREQUENCY_HZ = 230.0, 50.0
LARGEST_16 = 30_000  # a value is scaled until it is below
Registers = MutableSequence[int]


@dataclass(frozen=True)
class BatterySize:
    """A battery as it is built.

    Attributes:
        capacity_kwh: Of the cells.
        charge_kw: Greatest power drawn, at the terminals.
        discharge_kw: Greatest power fed.
        efficiency: One way, between cells and terminals.
        ramp_kw_per_s: By which its power changes.
        family: Models that it speaks.
        serial: Its serial number.
    """

    capacity_kwh: float = 100.0
    charge_kw: float = 50.0
    discharge_kw: float = 50.0
    efficiency: float = 0.95
    ramp_kw_per_s: float = 50.0
    family: Literal["der", "storage"] = "der"
    serial: str = "1"

    @property
    def rating_kw(self) -> float:
        """The greater of both ratings."""
        return max(self.charge_kw, self.discharge_kw)


class MeasurementPoints(NamedTuple):
    """What a battery shows of itself.

    Attributes:
        power_kw: Into the grid.
        soc: 0 to 1.
        drawn_kwh: So far.
        fed_kwh: So far.
        alarm_bits: As of model 701.
        under_orders: Whether its order has not ended.
        remaining_s: Until the order ends; 0 for never.
    """

    power_kw: float
    soc: float
    drawn_kwh: float
    fed_kwh: float
    alarm_bits: int
    under_orders: bool
    remaining_s: float


class OrderPoints(NamedTuple):
    """The order that stands in the registers.

    Attributes:
        power_kw: Into the grid; None for its own control.
        reversion_s: After which it ends; 0 for never.
    """

    power_kw: float | None
    reversion_s: float


class AbstractMap(ABC):
    """Where a family of models has its registers; offsets are from the marker on."""

    writable: frozenset[int]
    """Offsets that may be written."""
    timer: frozenset[int]
    """Offsets that start the reversion timer anew when they are written."""

    def __init__(self, size: BatterySize) -> None:
        self.size = size
        self.power_exponent = exponent(1.5 * size.rating_kw * W_PER_KW)
        self.energy_exponent = exponent(size.capacity_kwh * W_PER_KW)

    @abstractmethod
    def image(self) -> list[int]:
        """All registers as they are at the begin."""

    @abstractmethod
    def order(self, registers: Sequence[int]) -> OrderPoints:
        """What stands there to be done."""

    @abstractmethod
    def show(self, registers: Registers, shown: MeasurementPoints) -> None:
        """Write what is measured."""


def exponent(largest: int | float) -> int:
    """Scale factor with which a value fits into 16 bits."""
    return max(math.ceil(math.log10(largest / LARGEST_16)), 0)


def put(
    registers: Registers, at: int, value: int | float, *, width: int = 1, scale: int = 0
) -> None:
    """Write a number, over one or more registers, as two's complement."""
    bits = round(value / 10.0**scale) & (1 << 16 * width) - 1
    for place in range(width):
        registers[at + place] = bits >> 16 * (width - 1 - place) & 0xFFFF


def got(registers: Sequence[int], at: int, *, width: int = 1, signed: bool = False) -> int:
    """Read a number."""
    bits = 0
    for register in registers[at : at + width]:
        bits = bits << 16 | register
    return bits - (1 << 16 * width) if signed and bits >> (16 * width - 1) else bits


def _text(registers: Registers, at: int, text: str, width: int) -> None:
    raw = text.encode("ascii").ljust(2 * width, b"\0")[: 2 * width]
    for place in range(width):
        registers[at + place] = int.from_bytes(raw[2 * place : 2 * place + 2], "big")


def _model(registers: list[int], model: int, length: int, signed: Iterable[int] = ()) -> int:
    """Add a model in which nothing is implemented yet.

    Args:
        registers: So far.
        model: Its number.
        length: Of its points, without number and length.
        signed: Offsets of points with a sign.

    Returns:
        Where it begins.
    """
    at = len(registers)
    registers.extend([model, length, *[NONE_UNSIGNED] * length])
    for offset in signed:
        registers[at + offset] = NONE_SIGNED
    return at


def _begin(size: BatterySize, product: str) -> list[int]:
    """Marker and common model."""
    registers = [0x5375, 0x6E53]
    at = _model(registers, 1, 66)
    for offset, width, text in (
        (2, 16, "Evergrid"),
        (18, 16, product),
        (34, 8, ""),
        (42, 8, "1"),
        (50, 16, size.serial),
    ):
        _text(registers, at + offset, text, width)
    registers[at + 66], registers[at + 67] = 1, NONE_SIGNED
    return registers


@final
class DerMap(AbstractMap):
    """Models 1, 701, 702, 704, one of the maker's own, and 713."""

    _AC, _RATES, _CONTROL, _MAKER, _CELLS, _END = 70, 225, 277, 344, 349, 358

    writable = frozenset(range(_CONTROL + 22, _CONTROL + 33))
    timer = writable

    def image(self) -> list[int]:
        """All registers."""
        size, registers = self.size, _begin(self.size, "simulated battery")
        signed = (11, 13, 14, *range(35, 46), *range(64, 69), *range(87, 92))
        ac = _model(registers, 701, 153, (*signed, 113, 117, 118, 121, 122))
        assert ac == self._AC
        registers[ac + 2 : ac + 6] = [2, 1, 3, 1]  # three phases, on, running, connected
        put(registers, ac + 8, 1, width=2)  # grid following
        put(registers, ac + 16, VOLTAGE_V, scale=-1)
        put(registers, ac + 17, FREQUENCY_HZ, width=2, scale=-3)
        put(registers, ac + 12, 0)
        for offset, scale in ((114, -1), (115, -3), (116, self.power_exponent), (119, 0), (120, 0)):
            put(registers, ac + offset, scale)
        _text(registers, ac + 123, "", 32)
        self._rates(size, registers)
        control = _model(registers, 704, 65, (28, 29, 53, 54, 56, 57, 58))
        assert control == self._CONTROL
        registers[control + 22 : control + 24] = [0, 1]  # no set-point; in watts
        for offset in (24, 26, 31, 33):
            put(registers, control + offset, 0, width=2)
        registers[control + 30], registers[control + 55] = 0, 0
        _model(registers, 64_001, 3)
        cells = _model(registers, 713, 7)
        assert cells == self._CELLS
        put(registers, cells + 2, size.capacity_kwh * W_PER_KW, scale=self.energy_exponent)
        put(registers, cells + 5, 100, scale=-2)
        registers[cells + 6] = 0
        put(registers, cells + 7, self.energy_exponent)
        put(registers, cells + 8, -2)
        return [*registers, 0xFFFF, 0]

    def _rates(self, size: BatterySize, registers: list[int]) -> None:
        at = _model(registers, 702, 50, range(46, 52))
        assert at == self._RATES
        for offset, power_kw in (
            (2, size.rating_kw),
            (10, size.charge_kw),
            (11, size.discharge_kw),
            (26, size.rating_kw),
            (34, size.charge_kw),
            (35, size.discharge_kw),
        ):
            put(registers, at + offset, power_kw * W_PER_KW, scale=self.power_exponent)
        put(registers, at + 23, 0b10, width=2)  # takes set-points of active power
        put(registers, at + 45, self.power_exponent)

    def order(self, registers: Sequence[int]) -> OrderPoints:
        """In watts, or in percent of the rating."""
        at = self._CONTROL
        reversion_s = got(registers, at + 31, width=2)
        if registers[at + 22] != 1:
            return OrderPoints(None, reversion_s)
        if registers[at + 23] == 1:
            return OrderPoints(
                got(registers, at + 24, width=2, signed=True) / W_PER_KW, reversion_s
            )
        percent = got(registers, at + 28, signed=True)
        return OrderPoints(percent / 100.0 * self.size.rating_kw, reversion_s)

    def show(self, registers: Registers, shown: MeasurementPoints) -> None:
        """What is measured, and how long the order holds."""
        ac, cells, control = self._AC, self._CELLS, self._CONTROL
        put(registers, ac + 6, shown.alarm_bits, width=2)
        registers[ac + 4] = 6 if shown.alarm_bits else 3
        put(registers, ac + 10, shown.power_kw * W_PER_KW, scale=self.power_exponent)
        put(registers, ac + 19, shown.fed_kwh * W_PER_KW, width=4)
        put(registers, ac + 23, shown.drawn_kwh * W_PER_KW, width=4)
        stored_wh = shown.soc * self.size.capacity_kwh * W_PER_KW
        put(registers, cells + 3, stored_wh, scale=self.energy_exponent)
        put(registers, cells + 4, 100 * shown.soc, scale=-2)
        put(registers, control + 33, math.ceil(shown.remaining_s), width=2)
        if not shown.under_orders:
            registers[control + 22] = 0


@final
class StorageMap(AbstractMap):
    """Models 1, 103, 120, 124 and 802."""

    _INVERTER, _PLATE, _STORAGE, _BATTERY = 70, 122, 150, 176

    writable = frozenset({_STORAGE + 5, *range(_STORAGE + 12, _STORAGE + 17)})
    timer = frozenset({_STORAGE + 12, _STORAGE + 13, _STORAGE + 15})

    def image(self) -> list[int]:
        """All registers."""
        size, registers = self.size, _begin(self.size, "simulated storage")
        ac = _model(registers, 103, 50, (18, 19, 20, 21, 22, 23, 28, 30, 31, 32, *range(34, 37)))
        assert ac == self._INVERTER
        registers[ac + 2 : ac + 7] = [0, 0, 0, 0, 0]
        for phase in range(3):
            put(registers, ac + 10 + phase, VOLTAGE_V, scale=-1)
        put(registers, ac + 13, -1)
        put(registers, ac + 15, self.power_exponent)
        put(registers, ac + 16, FREQUENCY_HZ, scale=-2)
        put(registers, ac + 17, -2)
        put(registers, ac + 24, 0, width=2)
        registers[ac + 26], registers[ac + 33], registers[ac + 37] = 0, 25, 0
        self._ratings(size, registers)
        at = _model(registers, 124, 24)
        assert at == self._STORAGE
        put(registers, at + 2, size.charge_kw * W_PER_KW, scale=self.power_exponent)
        registers[at + 3 : at + 6] = [100, 100, 0]
        registers[at + 12 : at + 18] = [10_000, 10_000, 0, 0, 0, 1]
        for offset, scale in ((18, self.power_exponent), (19, 0), (20, 0), (21, 0), (22, -2)):
            put(registers, at + offset, scale)
        registers[at + 23] = registers[at + 24] = 0
        put(registers, at + 25, -2)
        self._cells(size, registers)
        return [*registers, 0xFFFF, 0]

    def _ratings(self, size: BatterySize, registers: list[int]) -> None:
        at = _model(registers, 120, 26)
        assert at == self._PLATE
        registers[at + 2] = 82  # a battery behind an inverter
        registers[at + 4 : at + 19] = [0] * 15
        put(registers, at + 3, size.rating_kw * W_PER_KW, scale=self.power_exponent)
        put(registers, at + 4, self.power_exponent)
        put(registers, at + 19, size.capacity_kwh * W_PER_KW, scale=self.energy_exponent)
        put(registers, at + 20, self.energy_exponent)
        registers[at + 22] = 0
        for offset, power_kw in ((23, size.charge_kw), (25, size.discharge_kw)):
            put(registers, at + offset, power_kw * W_PER_KW, scale=self.power_exponent)
            put(registers, at + offset + 1, self.power_exponent)

    def _cells(self, size: BatterySize, registers: list[int]) -> None:
        at = _model(registers, 802, 62, (44, 47, 49))
        assert at == self._BATTERY
        put(registers, at + 3, size.capacity_kwh * W_PER_KW, scale=self.energy_exponent)
        for offset, power_kw in ((4, size.charge_kw), (5, size.discharge_kw)):
            put(registers, at + offset, power_kw * W_PER_KW, scale=self.power_exponent)
        for offset, percent in ((7, 100), (8, 0)):
            put(registers, at + offset, percent, scale=-2)
        registers[at + 17], registers[at + 22] = 0, 3  # remote, connected
        for offset in range(26, 34):
            registers[at + offset] = 0
        registers[at + 52 : at + 64] = [0] * 12
        put(registers, at + 53, self.energy_exponent)
        put(registers, at + 54, self.power_exponent)
        put(registers, at + 56, -2)

    def order(self, registers: Sequence[int]) -> OrderPoints:
        """Idle, but inside the window that the two rates leave."""
        at = self._STORAGE
        mode, reversion_s = registers[at + 5], registers[at + 15]
        if not mode & 0b11:
            return OrderPoints(None, reversion_s)
        out = got(registers, at + 12, signed=True) / 10_000 * self.size.discharge_kw
        into = got(registers, at + 13, signed=True) / 10_000 * self.size.charge_kw
        most = out if mode & 0b10 else self.size.discharge_kw
        least = -into if mode & 0b01 else -self.size.charge_kw
        return OrderPoints(min(max(0.0, least), most), reversion_s)

    def show(self, registers: Registers, shown: MeasurementPoints) -> None:
        """What is measured; an order that has ended is no longer there."""
        ac, at, cells = self._INVERTER, self._STORAGE, self._BATTERY
        put(registers, ac + 14, shown.power_kw * W_PER_KW, scale=self.power_exponent)
        put(registers, ac + 40, shown.alarm_bits, width=2)
        registers[ac + 38] = 7 if shown.alarm_bits else 4
        put(registers, at + 8, 100 * shown.soc, scale=-2)
        registers[at + 11] = 3 if shown.power_kw > 0 else 4 if shown.power_kw < 0 else 6
        put(registers, cells + 11, 100 * shown.soc, scale=-2)
        registers[cells + 16] = registers[at + 11]
        if not shown.under_orders:
            registers[at + 5] = 0


def map_of(size: BatterySize) -> AbstractMap:
    """The map of its family."""
    return DerMap(size) if size.family == "der" else StorageMap(size)
