"""Arrays, numbers, texts and records of the grid as bytes and back, without any code in them.

Pickled data may run anything when it is read; these bytes only ever become the kinds named here.
"""

import dataclasses
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from evergrid.core.files.given_file import TypedPath

RECORDS = ("evergrid.grid.", "evergrid.core.faults")  # modules whose dataclasses are understood
SPARSE = {"csc": sparse.csc_array, "csr": sparse.csr_array}
NUMBERS = "biufc"  # kinds of NumPy: truth values, whole numbers, floats, complex
LENGTH = struct.Struct(">Q")


def encoded(value: Any) -> bytes:
    """The value as bytes.

    Raises:
        TypeError: It holds something that is no plain data.
    """
    parts: list[bytes] = []
    outline = json.dumps(_outline(value, parts)).encode()
    return b"".join([LENGTH.pack(len(outline)), outline, *parts])


def decoded(content: bytes) -> Any:
    """The value that was encoded.

    Raises:
        ValueError: The bytes are not what `encoded` makes.
    """
    try:
        (length,) = LENGTH.unpack_from(content)
        outline = json.loads(content[LENGTH.size : LENGTH.size + length])
        return _value(outline, memoryview(content)[LENGTH.size + length :])
    except (struct.error, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"no plain data: {error}") from None


def _outline(value: Any, parts: list[bytes]) -> Any:
    """What JSON can hold of a value; arrays of numbers go to ``parts``, one after the other."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, Path):
        return {"path": [str(value), f"{value}"]}  # what it is, and as messages show it
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), isinstance(value, np.generic), parts)
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_outline(each, parts) for each in value]}
    if isinstance(value, dict):
        pairs = [[_outline(k, parts), _outline(v, parts)] for k, v in value.items()]
        return {"dict": pairs}
    if sparse.issparse(value) and value.format in SPARSE:
        arrays = [_outline(each, parts) for each in (value.data, value.indices, value.indptr)]
        return {"sparse": [value.format, list(value.shape), *arrays]}
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith(RECORDS):
        names = [each.name for each in dataclasses.fields(value) if each.init]
        fields = {name: _outline(getattr(value, name), parts) for name in names}
        return {"record": [type(value).__module__, type(value).__qualname__, fields]}
    raise TypeError(f"{type(value).__qualname__} is no plain data")


def _array(value: np.ndarray, scalar: bool, parts: list[bytes]) -> Any:
    shape = list(value.shape)
    if value.dtype.kind in NUMBERS:
        start = sum(map(len, parts))
        parts.append(np.ascontiguousarray(value).tobytes())
        return {"numbers": [value.dtype.str, shape, start, len(parts[-1]), scalar]}
    if value.dtype.kind in "OU":
        texts = [_outline(each, parts) for each in value.ravel().tolist()]
        return {"objects": [value.dtype.kind, shape, texts]}
    raise TypeError(f"an array of {value.dtype} is no plain data")


def _value(outline: Any, parts: memoryview) -> Any:
    if not isinstance(outline, dict):
        return outline
    ((kind, held),) = outline.items()
    if kind == "complex":
        return complex(*held)
    if kind == "path":
        path = TypedPath(held[0])
        path.written = held[1]
        return path
    if kind in ("list", "tuple"):
        values = [_value(each, parts) for each in held]
        return tuple(values) if kind == "tuple" else values
    if kind == "dict":
        return {_value(k, parts): _value(v, parts) for k, v in held}
    if kind == "numbers":
        dtype, shape, start, size, scalar = held
        return _numbers(dtype, shape, parts[start : start + size], scalar)
    if kind == "objects":
        letter, shape, texts = held
        found = np.empty(len(texts), dtype=object)
        found[:] = [_value(each, parts) for each in texts]
        return (found.astype(str) if letter == "U" else found).reshape(shape)
    if kind == "sparse":
        form, shape, *arrays = held
        return SPARSE[form](tuple(_value(each, parts) for each in arrays), shape=tuple(shape))
    if kind == "record":
        module, name, fields = held
        return _record(module, name, {key: _value(each, parts) for key, each in fields.items()})
    raise ValueError(f"no plain data: {kind}")


def _numbers(dtype: str, shape: list[int], content: memoryview, scalar: bool) -> Any:
    kind = np.dtype(dtype)
    if kind.kind not in NUMBERS:
        raise ValueError(f"no plain data: an array of {kind}")
    found = np.frombuffer(content, dtype=kind).reshape(shape).copy()
    return found[()] if scalar else found


def _record(module: str, name: str, fields: dict[str, Any]) -> Any:
    """A record of a module that is imported already; nothing is imported for an answer."""
    kind = getattr(sys.modules[module], name) if module.startswith(RECORDS) else None
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise ValueError(f"no plain data: {name}")
    return kind(**fields)
