"""Is this CSV file text of bearable width? Looked at piece by piece, before it is parsed."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1_000_000
MOST_COLUMNS = 10_000
# What files begin with that are no text, though their name says so.
BEGINNINGS = (
    (b"\x1f\x8b", "it is packed by gzip. Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is packed by Zstandard. Unpack it first"),
    (b"BZh", "it is packed by bzip2. Unpack it first"),
    (b"\xfd7zXZ", "it is packed by xz. Unpack it first"),
    (b"PK\x03\x04", "it is a workbook or a ZIP archive. Export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "it is a workbook of an old kind. Export the table as CSV"),
    (b"PAR1", "it is a Parquet file. Let its name end in .parquet"),
    (b"\xff\xfe", "it is text in UTF-16. Save it as UTF-8"),
    (b"\xfe\xff", "it is text in UTF-16. Save it as UTF-8"),
)


@dataclass(frozen=True)
class CsvSize:
    """What was counted in a CSV file.

    Attributes:
        bytes: Its length.
        cells: Its cells, those in quotes counted as if they had no commas; at least so many.
    """

    bytes: int
    cells: int


def measure(path: Path) -> CsvSize:
    """Count the cells of a CSV file that is fit to be parsed.

    Raises:
        ValueError: It is no text in UTF-8, or has a line or a header that no table has.
        OSError: The system does not let us read it.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = size = commas = since = 0  # bytes since the last line ended
    for piece in _pieces(path):
        if size == 0:
            _check_beginning(piece)
        _check_text(piece, decoder, lines)
        since = _check_lines(piece, since, lines)
        lines += piece.count(b"\n")
        commas += piece.count(b",")
        size += len(piece)
    return CsvSize(size, commas + lines + 1)


def header(path: Path) -> list[str]:
    """Names of the columns, from the first line that is not empty; none where it is no UTF-8.

    Raises:
        ValueError: Two columns have one name, or the file begins as no text does.
        OSError: The system does not let us read it.
    """
    for piece in _pieces(path):
        _check_beginning(piece)
        first = piece.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n").split(b"\n", 1)[0]
        try:
            names = next(csv.reader([first.decode("utf-8").rstrip("\r")]), [])
        except (UnicodeDecodeError, csv.Error):
            return []  # `measure` says why, with the line
        twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
        if twice is not None:
            raise ValueError(f"it has two columns {twice!r}. Leave one of them")
        return names
    return []


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _check_beginning(piece: bytes) -> None:
    for beginning, said in BEGINNINGS:
        if piece.startswith(beginning):
            raise ValueError(said)
    header = piece[:LONGEST_LINE_BYTES].split(b"\n", 1)[0]
    columns = header.count(b",") + 1
    if columns > MOST_COLUMNS:
        more = " and more" if len(header) == LONGEST_LINE_BYTES else ""
        raise ValueError(f"it has {columns:,}{more} columns; {MOST_COLUMNS:,} is the most")


def _check_text(piece: bytes, decoder: codecs.IncrementalDecoder, lines: int) -> None:
    pending = len(decoder.getstate()[0])  # bytes of a character that the last piece cut
    try:
        decoder.decode(piece, final=len(piece) < PIECE_BYTES)
    except UnicodeDecodeError as error:
        line = lines + piece.count(b"\n", 0, max(error.start - pending, 0)) + 1
        raise ValueError(f"line {line:,} is no text in UTF-8. Save it as UTF-8") from None
    zero = piece.find(b"\0")
    if zero >= 0:
        line = lines + piece.count(b"\n", 0, zero) + 1
        raise ValueError(f"line {line:,} holds zero bytes, so it is no text")


def _check_lines(piece: bytes, since: int, lines: int) -> int:
    """Bytes after the last line end, when no line is too long.

    Only the two ends of a piece need a look, as a line within it is shorter than the piece.
    """
    first, last = piece.find(b"\n"), piece.rfind(b"\n")
    longest = since + (len(piece) if first < 0 else first)
    after = longest if last < 0 else len(piece) - last - 1
    if max(longest, after) > LONGEST_LINE_BYTES:
        line = lines + (0 if longest > LONGEST_LINE_BYTES else piece.count(b"\n")) + 1
        raise ValueError(f"line {line:,} is longer than {LONGEST_LINE_BYTES:,} bytes")
    return after
