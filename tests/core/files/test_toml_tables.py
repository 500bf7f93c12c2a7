"""A TOML file of bearable size and depth is parsed; any other is refused and never quoted."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.config import toml_value
from evergrid.core.errors import ConfigError, MissingFileError
from evergrid.core.files import toml_tables
from evergrid.core.files.toml_tables import (
    INT_DIGITS,
    LONGEST_TEXT,
    MOST_BYTES,
    MOST_LEVELS,
    MOST_MARKS,
)

GOOD = [
    'a = 1.5 # [[[[ "',
    "a = [" + "1.25, " * 1000 + "] # 1.2.3.4",
    "a = '''\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n''' # \"\"\"",
    'a = """\n\\"""\n' + "[" * 99 + '"""\n[b]\nc = "\\"[" # ' + "{" * 99,
    "[[a]]\n[a.b.c.d]\n'e.f'.\"g\" = {h = [[1]], i.j = 2}",
    "a = " + "[" * MOST_LEVELS + "]" * MOST_LEVELS,
    f"a = {10 ** (INT_DIGITS - 1)}",
    "name = '" + "x" * LONGEST_TEXT + "'",
]
BAD = [
    ("a = " + "[" * 400_000, "nest tables and lists at most"),
    ("a = " + "{b=" * 30 + "1" + "}" * 30, "nest tables and lists at most"),
    (".".join("a" * 400_000) + " = 1", "nest tables and lists at most"),
    ('"a".' * 200_000 + "a = 1", "nest tables and lists at most"),
    ("[" + " . ".join("a" * 30) + "]", "nest tables and lists at most"),
    ("[" + ".".join("a" * 12) + "]\n" + ".".join("b" * 12) + " = 1", "nest tables and lists"),
    ("a = " + "1" * 100_000, "numbers of at most 100 characters, got 100,000 in line 1"),
    ("a = 0x" + "f" * 100_000, "numbers of at most 100 characters"),
    ("\n" * 7 + "a" * 100_000 + " = 1", "got 100,000 in line 8"),
    ("a = 0x" + "f" * 90, "a must be a whole number of at most 60 digits"),
    ("a = [" + "1," * MOST_MARKS + "]", "hold at most 30,000 keys"),
    ("".join(f"k{i} = 1\n" for i in range(MOST_MARKS + 1)), "hold at most 30,000 keys"),
    ("b = '" + "x" * (LONGEST_TEXT + 1) + "'", "b must be text of at most 10,000 characters"),
    ("'" + "x" * (LONGEST_TEXT + 1) + "' = 1", "must be text of at most 10,000 characters"),
]


@pytest.mark.parametrize("text", GOOD)
def test_brackets_and_dots_count_only_where_they_mean_something(text: str):
    assert toml_tables.parse(text, source="x") == tomllib.loads(text)


@pytest.mark.parametrize(("text", "rule"), BAD, ids=range(len(BAD)))
def test_what_is_too_deep_or_too_long_is_refused_with_its_rule(text: str, rule: str):
    with pytest.raises(ConfigError) as caught:
        toml_tables.parse(text, source="x")
    assert rule in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2",
        "hunter2 = 1\nhunter2 = 2",
        "hunter2.a = 1\nhunter2 = 2",
        "a = hunter2",
        'a = "hunter2',
        "a = 'hunter2\x00'",
        "[hunter2]\n[hunter2]",
    ],
)
def test_what_is_no_toml_is_named_by_its_place_and_never_quoted(text: str):
    with pytest.raises(ConfigError, match=r"TOML in UTF-8; it is none at (line|end)") as caught:
        toml_tables.parse(text, source="x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["a = 1\na = 2", "[a]\n[a]", "a = {b = 1, b = 2}"])
def test_a_key_or_table_that_comes_twice_is_called_so(text: str):
    with pytest.raises(ConfigError, match="given there for the second time; keep one"):
        toml_tables.parse(text, source="x")


def test_the_mark_that_some_editors_begin_a_file_with_is_passed_over(tmp_path: Path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert toml_tables.read(path) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a = 1".encode("utf-16"), "must be text in UTF-8; it is in UTF-16. Save it as UTF-8."),
        (b"a = 1\nb = '\xe9'", "must be text in UTF-8; line 2 is not. Save it as UTF-8."),
        (b"#" * (MOST_BYTES + 1), "Give long lists as a table in a file, such as sites_file."),
    ],
    ids=["utf16", "latin1", "long"],
)
def test_a_file_of_other_text_is_refused_with_its_way_out_alone(
    tmp_path: Path, content: bytes, said: str
):
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        toml_tables.read(path)
    assert str(caught.value).endswith(said)


@given(st.recursive(st.floats(-9, 9) | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_any_small_value_is_read_as_the_standard_library_reads_it(value: object):
    text = f"a = {toml_value(value)}\n[b]\nc = {toml_value(value)}"
    assert toml_tables.parse(text, source="x") == tomllib.loads(text)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path):
    path = tmp_path / "sparse.toml"
    path.touch()
    os.truncate(path, 100 * 10**9)
    with pytest.raises(ConfigError, match=r"at most 1 MB, got 100,000\.0 MB"):
        toml_tables.read(path)
    path.write_text("#" * MOST_BYTES)
    assert toml_tables.read(path) == {}


def test_a_file_that_is_no_text_is_named_by_its_line(tmp_path: Path):
    path = tmp_path / "latin1.toml"
    path.write_bytes("# gr\u00fc\u00df\n".encode() + b'a = "gr\xfc\xdf"\n')
    with pytest.raises(ConfigError, match="line 2 is not"):
        toml_tables.read(path)


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "loop", "device", "long"])
def test_what_is_no_file_is_missing(tmp_path: Path, kind: str):
    path = tmp_path / "plan.toml"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "long":
            path = tmp_path / ("x" * 100_000)
        case _:
            pass
    with pytest.raises(MissingFileError, match="there is no configuration file"):
        toml_tables.read(path)
