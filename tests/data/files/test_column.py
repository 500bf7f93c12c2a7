"""Is a column of numbers read as it stands, and a broken one refused with its row?"""

from pathlib import Path

import pytest

from evergrid.core.errors import InputError, MissingFileError
from evergrid.data.files import column


def test_the_first_steps_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2.5,b\n-3e1,c\n")
    assert column.read(tmp_path / "a.csv", "x", 2).tolist() == [1.0, 2.5]
    assert column.read(tmp_path / "a.csv", "x", 3).tolist() == [1.0, 2.5, -30.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x\n1\n", "the first without is step 2"),
        ("x\n1\nhello\n", "the first without is step 2"),
        ("x\n1\nnan\n", "the first without is step 2"),
        ("x\n1\n\n", "the first without is step 2"),
        ("kw\n1\n2\n", "Its columns are kw"),
    ],
)
def test_a_broken_column_is_refused_with_its_row(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        column.read(tmp_path / "a.csv", "x", 2)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no file"):
        column.read(tmp_path / "a.csv", "x", 2)
