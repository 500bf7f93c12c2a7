"""How large a Parquet file becomes once it is read, from its footer alone.

A column of one repeated value takes a few bytes for millions of rows, so the size of the file says
nothing. The footer is in Thrift's compact protocol.

Source:
    Apache Parquet format, parquet.thrift: FileMetaData (2: schema, 3: num_rows, 4: row_groups),
    RowGroup (2: total_byte_size, uncompressed), SchemaElement (5: num_children); Apache Thrift,
    compact protocol specification.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
TAIL_BYTES = 8  # length of the footer, and the magic
LARGEST_FOOTER = 64_000_000
DEEPEST = 16  # structures in each other; the format has fewer than 10
SCHEMA, ROWS, ROW_GROUPS = 2, 3, 4  # fields of FileMetaData
GROUP_BYTES = 2  # field of RowGroup
CHILDREN = 5  # field of SchemaElement


@dataclass(frozen=True)
class ParquetSize:
    """What reading a Parquet file makes.

    Attributes:
        rows: Rows.
        columns: Columns that hold values.
        page_bytes: Its pages without compression.
    """

    rows: int
    columns: int
    page_bytes: int

    @property
    def table_bytes(self) -> int:
        """At least so much memory, with eight bytes for each value."""
        return max(self.page_bytes, 8 * self.rows * self.columns)


def read(path: Path) -> ParquetSize:
    """The size of a file's table.

    Raises:
        ValueError: It is no Parquet file, or its footer is damaged.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - TAIL_BYTES, 0))
        tail = file.read(TAIL_BYTES)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or not 0 < length <= min(size - TAIL_BYTES, LARGEST_FOOTER):
            raise ValueError("its end is not that of a Parquet file")
        file.seek(size - TAIL_BYTES - length)
        footer = file.read(length)
    try:
        said = _Compact(footer).structure()
        leaves = [element for element in said[SCHEMA] if not element.get(CHILDREN)]
        page_bytes = sum(group[GROUP_BYTES] for group in said[ROW_GROUPS])
        return ParquetSize(int(said[ROWS]), len(leaves), int(page_bytes))
    except (IndexError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its footer is damaged") from None


class _Compact:
    """Values of Thrift's compact protocol, as dictionaries by field number and lists."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def structure(self, level: int = 0) -> dict[int, Any]:
        """The fields of a structure, up to its stop byte."""
        if level > DEEPEST:
            raise ValueError("its footer nests too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            fields[number] = self._value(kind, level, in_list=False)
        return fields

    def _value(self, kind: int, level: int, *, in_list: bool) -> Any:
        match kind:
            case 1 | 2:  # true and false are kinds of fields, but bytes in lists
                return self._byte() == 1 if in_list else kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._unsigned())
            case 9 | 10:
                return self._items(level)
            case 12:
                return self.structure(level + 1)
            case _:
                raise ValueError("its footer holds what no Parquet footer holds")

    def _items(self, level: int) -> list[Any]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        count = self._unsigned() if count == 15 else count
        if count > len(self.data):  # every item takes a byte at least
            raise ValueError("its footer is damaged")
        return [self._value(kind, level + 1, in_list=True) for _ in range(count)]

    def _bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 63:
                return value

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
