"""What the fields of a record must be, read from its annotations; records asked for by name."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, get_args, get_origin

import numpy as np

from evergrid.core.arrays import Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.text.printable import shown

Record = TypeVar("Record")
TIMES = ("_utc", "day")  # how names of columns of times end; other columns without a unit are text
SCALARS = {float: (Real, "be a number"), int: (Integral, "be a whole number")}
KINDS: tuple[tuple[Any, str], ...] = ((Float, "f"), (Int, "i"), (Bool, "b"))
Field = tuple[str, Any, bool]  # name, kind, whether it may be None
ARRAYS = {"f": "numbers", "i": "whole numbers", "b": "flags", "M": "times", "O": "text"}


def check(record: Any, source: str, **lengths: Callable[[], int]) -> None:
    """Refuse a record whose fields are not what their annotations say.

    An array has the axes named there, and an axis is as long wherever it is named. Arrays of whole
    numbers stand for arrays of numbers, and are put in their place as ``float64``. Which values
    are in range is not looked at.

    Args:
        record: A dataclass; called first in its ``__post_init__``.
        source: What it is, for the message.
        **lengths: Axes whose length another field tells, which is asked once it is known to be one.

    Raises:
        InputError: Every field of another kind or length.
    """
    given = [field for field in _fields(type(record)) if not _left_out(record, field)]
    faults: list[Fault] = []
    for name, kind, _ in given:
        if not _is_array(kind):
            faults += _scalar_faults(name, getattr(record, name), kind)
    known = {} if faults else {axis: length() for axis, length in lengths.items()}
    for name, kind, _ in given:
        if _is_array(kind):
            value = _as_float(getattr(record, name), kind)
            object.__setattr__(record, name, value)
            faults += _array_faults(name, value, kind, known)
    if faults:
        raise InputError(source, faults)


def _left_out(record: Any, field: Field) -> bool:
    name, _, optional = field
    return optional and getattr(record, name) is None


def _is_array(kind: Any) -> bool:
    return hasattr(kind, "dim_str")


@cache
def _fields(record: type) -> tuple[Field, ...]:
    """Each field with its kind, and whether it may be None."""
    found = []
    for field in fields(record):
        kinds = [kind for kind in get_args(field.type) if kind is not type(None)]
        optional = len(kinds) == 1 and len(get_args(field.type)) == 2
        found.append((field.name, kinds[0] if optional else field.type, optional))
    return tuple(found)


def _as_float(value: Any, kind: Any) -> Any:
    """An array of numbers as ``float64`` where such are wanted; anything else as it is."""
    numbers = isinstance(value, np.ndarray) and value.dtype.kind in "fiu"
    return value.astype(np.float64, copy=False) if numbers and _wanted("", kind) == "f" else value


def _array_faults(name: str, value: Any, kind: Any, lengths: dict[str, int]) -> list[Fault]:
    """Faults of one array; axes that are met for the first time are added to the lengths."""
    what = _wanted(name, kind)
    if not isinstance(value, np.ndarray) or not _holds(value, what):
        got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else _type(value)
        return [Fault(name, f"be a NumPy array of {ARRAYS[what]}", (got,))]
    axes = kind.dim_str.split()
    if value.ndim != len(axes):
        return [Fault(name, f"have the axes ({', '.join(axes)})", (f"the shape {value.shape}",))]
    faults = []
    for axis, length in zip(axes, value.shape, strict=True):
        if lengths.setdefault(axis, length) != length:
            rule = f"have a value for every {axis}, {lengths[axis]:,} in all"
            faults.append(Fault(name, rule, (length,), fix="One value does not stand for others."))
    return faults


def _wanted(name: str, kind: Any) -> str:
    """Letter of the NumPy kind that an annotation, or a name where that is ``Shaped``, asks for."""
    numbers = [letter for of, letter in KINDS if kind.dtypes == of.dtypes]
    return numbers[0] if numbers else ("M" if name.endswith(TIMES) else "O")


def _holds(values: np.ndarray, what: str) -> bool:
    if what == "O":  # names are Python's text, in an array of objects or of text
        kinds = set(map(type, values.ravel().tolist())) if values.dtype.kind == "O" else {str}
        return values.dtype.kind in "OU" and all(issubclass(kind, str) for kind in kinds)
    return values.dtype.kind == what


def _scalar_faults(name: str, value: Any, kind: Any) -> list[Fault]:
    if get_origin(kind) is Literal:
        rule = f"be one of {', '.join(get_args(kind))}"
        good = isinstance(value, str) and value in get_args(kind)
    elif kind in SCALARS:
        wanted, rule = SCALARS[kind]
        good = isinstance(value, wanted) and not isinstance(value, bool) and _fits(value)
    elif isinstance(kind, type):
        rule = "be text" if kind is str else f"be a {kind.__name__}"
        good = isinstance(value, kind)
    else:
        return []  # containers of records, which check themselves
    named = isinstance(value, str) and get_origin(kind) is Literal
    return [] if good else [Fault(name, rule, (value if named else _type(value),))]


def _fits(value: Any) -> bool:
    """Whether a number is within the range of floating-point ones."""
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _type(value: Any) -> str:
    """A value of a wrong type, with its type."""
    kind = f"a {type(value).__name__}"
    if isinstance(value, str):
        return f"{value!r}, {kind}"
    return f"{shown(value)}, {kind}" if isinstance(value, int | float) else kind


def known(name: str, among: Mapping[str, Record], what: str) -> Record:
    """The record of that name.

    Args:
        name: Of the record.
        among: Records by name.
        what: A word for each of them, such as "product".

    Raises:
        InputError: There is none of that name; it lists all.
    """
    if name in among:
        return among[name]
    fix = f"{did_you_mean(name, among)} Known: {', '.join(among)}.".strip()
    raise InputError(what, [Fault("name", f"be a known {what}", (name,), fix=fix)])
