"""What the registers of a SunSpec model mean: kinds of points, scale factors, values left out.

A point that a device does not implement carries a value that its kind sets aside; it is read as
None, never as a number. A value with a scale factor is the register times ten to that power.

Source:
    SunSpec Alliance, SunSpec Device Information Model Specification 1.1, section 4 (types, scale
    factors, values of points that are not implemented).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

REGISTER_BITS = 16
LARGEST_EXPONENT = 10  # of a scale factor, either way


class Kind(NamedTuple):
    """A kind of point.

    Attributes:
        registers: How many it takes.
        signed: Whether it counts below 0.
        absent: The bits of a point that is not implemented.
    """

    registers: int
    signed: bool
    absent: int


UINT16 = Kind(1, False, 0xFFFF)
ENUM16 = BITS16 = UINT16
INT16 = Kind(1, True, 0x8000)
EXPONENT = INT16  # of a scale factor
UINT32 = Kind(2, False, 0xFFFF_FFFF)
BITS32 = UINT32
INT32 = Kind(2, True, 0x8000_0000)
UINT64 = Kind(4, False, 0xFFFF_FFFF_FFFF_FFFF)


class Point(NamedTuple):
    """Where a value stands in a model.

    Attributes:
        offset: Registers after the model's identity, which is at 0.
        kind: Of value.
        scale: Name of the point with its scale factor; "" for none.
    """

    offset: int
    kind: Kind
    scale: str = ""

    @property
    def end(self) -> int:
        """Offset after it."""
        return self.offset + self.kind.registers


class Text(NamedTuple):
    """Where a text stands in a model.

    Attributes:
        offset: Registers after the model's identity.
        registers: Two characters each.
    """

    offset: int
    registers: int

    @property
    def end(self) -> int:
        """Offset after it."""
        return self.offset + self.registers


class Write(NamedTuple):
    """Registers to write at once.

    Attributes:
        address: Of the first.
        registers: New contents.
    """

    address: int
    registers: tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """A model of a device, as it was read.

    Attributes:
        model: Number of the model.
        address: Of its identity.
        points: Those that are known, by name.
        registers: From its identity on, as many as were read.
    """

    model: int
    address: int
    points: Mapping[str, Point | Text]
    registers: Sequence[int]

    def whole(self, name: str) -> int | None:
        """A number as it stands there; None where the device does not implement it."""
        point = self.points[name]
        assert isinstance(point, Point), f"{name} is a text"
        if point.end > len(self.registers):
            return None
        bits = 0
        for register in self.registers[point.offset : point.end]:
            bits = bits << REGISTER_BITS | register
        if bits == point.kind.absent:
            return None
        width = point.kind.registers * REGISTER_BITS
        return bits - (1 << width) if point.kind.signed and bits >> (width - 1) else bits

    def scaled(self, name: str) -> float | None:
        """A number in the unit of its point; None where it or its scale is not implemented."""
        number, step = self.whole(name), self.step(name)
        return None if number is None or step is None else number * step

    def step(self, name: str) -> float | None:
        """What one unit of a register stands for; None where the scale is not usable."""
        point = self.points[name]
        assert isinstance(point, Point), f"{name} is a text"
        if not point.scale:
            return 1.0
        exponent = self.whole(point.scale)
        if exponent is None or abs(exponent) > LARGEST_EXPONENT:
            return None
        return 10.0**exponent

    def text(self, name: str) -> str:
        """A text without what pads it; characters outside ASCII are left out."""
        point = self.points[name]
        registers = self.registers[point.offset : point.end]
        raw = b"".join(register.to_bytes(2, "big") for register in registers)
        return raw.split(b"\0")[0].decode("ascii", "ignore").strip()

    def encode(self, name: str, value: int | float) -> tuple[int, ...]:
        """The registers of a value in the unit of its point, to the nearest step.

        Raises:
            InputError: Not finite, its scale is not implemented, or it does not fit.
        """
        point = self.points[name]
        assert isinstance(point, Point), f"{name} is a text"
        step = self.step(name)
        if step is None or not math.isfinite(value):
            rule = "be finite, and its scale factor be implemented"
            raise InputError("sunspec", [Fault(f"model {self.model} {name}", rule, (value,))])
        number, width = round(value / step), point.kind.registers * REGISTER_BITS
        least = -(1 << (width - 1)) if point.kind.signed else 0
        bits = number & (1 << width) - 1
        if not least <= number < least + (1 << width) or bits == point.kind.absent:
            rule = f"fit into {width} bits in steps of {step:g}"
            raise InputError("sunspec", [Fault(f"model {self.model} {name}", rule, (value,))])
        shifts = range(width - REGISTER_BITS, -1, -REGISTER_BITS)
        return tuple(bits >> shift & 0xFFFF for shift in shifts)

    def write(self, first: str, *values: tuple[str, int | float]) -> Write:
        """One write of points that stand one behind the other, from `first` on.

        Raises:
            InputError: As of `encode`.
        """
        registers: tuple[int, ...] = ()
        for name, value in values:
            offset = self.points[first].offset + len(registers)
            assert self.points[name].offset == offset, f"{name} does not follow"
            registers += self.encode(name, value)
        return Write(self.address + self.points[first].offset, registers)


def needed(points: Mapping[str, Point | Text]) -> int:
    """Registers to read, from the model's identity on, to have all these points."""
    return max(point.end for point in points.values())
