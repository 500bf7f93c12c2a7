"""A CSV file is measured piece by piece, and what no table looks like is refused by its line."""

from pathlib import Path

import pytest

from evergrid.data.files import csv_text
from evergrid.data.files.csv_text import BEGINNINGS, LONGEST_LINE_BYTES, MOST_COLUMNS, PIECE_BYTES

ROW = "1,2,\u00e4\u20ac\U0001f50c\n"  # characters of two, three and four bytes


@pytest.fixture
def path(tmp_path: Path):
    return tmp_path / "a.csv"


@pytest.mark.parametrize("shift", range(13))
def test_characters_cut_by_the_end_of_a_piece_are_whole(path: Path, shift: int):
    rows = 2 * PIECE_BYTES // len(ROW.encode()) + 1
    path.write_text("#" * shift + "\n" + ROW * rows, encoding="utf-8")
    size = csv_text.measure(path)
    assert size.bytes == path.stat().st_size
    assert size.cells == 3 * rows + 2


@pytest.mark.parametrize("rows", [0, 1, 300_000])
@pytest.mark.parametrize(
    ("dirt", "said"),
    [
        (b"gr\xfcn,1\n", "is no text in UTF-8. Save it as UTF-8"),
        (b"\xe2\x82", "is no text in UTF-8"),
        (b"a,\0\n", "holds zero bytes"),
        (b"x" * (LONGEST_LINE_BYTES + 1), "is longer than 1,000,000 bytes"),
        (b"x" * (3 * PIECE_BYTES) + b"\n1,2\n", "is longer than 1,000,000 bytes"),
        (b'"' + b"\0" * 10_000_000, "holds zero bytes"),
    ],
)
def test_what_is_no_text_is_named_by_its_line(path: Path, rows: int, dirt: bytes, said: str):
    path.write_bytes(b"a,b\n" + b"1,2\n" * rows + dirt)
    with pytest.raises(ValueError, match=rf"^line {rows + 2:,} {said}"):
        csv_text.measure(path)


@pytest.mark.parametrize("length", [LONGEST_LINE_BYTES, LONGEST_LINE_BYTES - 1])
def test_a_line_of_bearable_length_is_good(path: Path, length: int):
    path.write_text("a\n" * 100_000 + "x" * length + "\n" + "x" * length)
    assert csv_text.measure(path).bytes == 2 * 100_000 + 2 * length + 1


@pytest.mark.parametrize(("beginning", "said"), BEGINNINGS)
def test_a_file_of_another_kind_is_named_with_the_way_out(path: Path, beginning: bytes, said: str):
    path.write_bytes(beginning + b"\x00\x01\x02")
    with pytest.raises(ValueError, match=said):
        csv_text.measure(path)


def test_more_columns_than_any_table_has_are_counted(path: Path):
    path.write_text(",".join("a" * MOST_COLUMNS) + "\n")
    assert csv_text.measure(path).cells == MOST_COLUMNS + 1
    path.write_text(",".join("a" * (MOST_COLUMNS + 1)) + "\n")
    with pytest.raises(ValueError, match=r"it has 10,001 columns; 10,000 is the most"):
        csv_text.measure(path)
    path.write_text(",".join(f"column{i}" for i in range(1_000_000)))
    with pytest.raises(ValueError, match="and more columns"):
        csv_text.measure(path)
