"""A TOML file as nested tables, refused before it is parsed where it is too large or too deep.

The parser of the standard library takes time that grows with the square of a key's parts, descends
by recursion, and quotes the text it stumbles over; so what it gets is measured first, and of what
it says only the place is passed on.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evergrid.core.errors import ConfigError, UnreadableFileError
from evergrid.core.faults import Fault
from evergrid.core.files.given_file import MB, read_text

MOST_BYTES = MB  # about 5,000 [[site]] tables, which take a second to parse
MOST_LEVELS = 20  # of tables and lists in each other; ours need 4
MOST_MARKS = 30_000  # brackets, dots, commas and equals signs, each of which costs time
LONGEST_TEXT = 10_000  # characters of a key or a value
LONGEST_NUMBER = 100  # characters; more is no number of ours
INT_DIGITS = 60  # beyond the 64 bits that TOML promises, and small enough for a float

WAY_OUT = "Make one: evergrid new"
TABLES_OF_DATA = "Give long lists as a table in a file, such as sites_file."

# Every token in which a bracket or a dot would mean nothing is swallowed whole, finished or not,
# so that one pass over the text suffices.
TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:\\.|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|\#[^\n]*"
    rf"|[A-Za-z0-9_+-]{{{LONGEST_NUMBER + 1},}}"
    r"|[\[\]{}.,=\n]",
    re.DOTALL,
)
# How the parser's messages begin where a key or a table comes twice.
SAID_OF_TWICE = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Duplicate")
TWICE = "A key or table is given there for the second time; keep one."
POSITION = re.compile(r"\((at [^()]*)\)$")


def read(path: Path) -> dict[str, Any]:
    """The nested tables of a TOML file, as they stand.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file is no TOML, or larger, deeper or longer than a configuration may be.
    """
    try:
        text = read_text(
            path,
            most_bytes=MOST_BYTES,
            what="configuration file",
            way_out=WAY_OUT,
            shorter=TABLES_OF_DATA,
        )
    except UnreadableFileError as error:
        fault = Fault("file", f"be TOML in UTF-8: {str(error).removesuffix('.')}")
        raise ConfigError(str(path), [fault]) from None
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> dict[str, Any]:
    """The nested tables of a TOML text.

    Raises:
        ConfigError: It is no TOML, or larger, deeper or longer than a configuration may be.
    """
    faults = list(_text_faults(text))
    if faults:
        raise ConfigError(source, faults)
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = POSITION.search(str(error))
        place = said[1] if said else "somewhere in it"
        fix = TWICE if str(error).startswith(SAID_OF_TWICE) else "Mend that line."
        fault = Fault("file", f"be TOML in UTF-8; it is none {place}", fix=fix)
        raise ConfigError(source, [fault]) from None
    faults = list(_value_faults(found))
    if faults:
        raise ConfigError(source, faults)
    return found


def _text_faults(text: str) -> Iterator[Fault]:
    """The first place at which the text nests too deep or holds too long a number or word."""
    level = dots = marks = 0
    line = 1
    for match in TOKEN.finditer(text):
        token = match[0]
        marks += token in "[]{},=."
        if token == ".":
            dots += 1  # of one key; a number has one
        elif token in "[]{},=\n":
            level += (token in "[{") - (token in "]}")
            line += token == "\n"
            dots = 0
        elif token[0] in "\"'":
            line += token.count("\n")
        elif token[0] != "#":
            rule = f"hold keys and numbers of at most {LONGEST_NUMBER} characters"
            yield Fault("file", rule, (f"{len(token):,} in line {line:,}",), fix="Shorten it.")
            return
        if max(level, dots) > MOST_LEVELS:
            yield _too_deep(f"line {line:,}")
            return
        if marks > MOST_MARKS:
            rule = f"hold at most {MOST_MARKS:,} keys, values and brackets"
            yield Fault("file", rule, fix=TABLES_OF_DATA)
            return


def _too_deep(place: str) -> Fault:
    rule = f"nest tables and lists at most {MOST_LEVELS} deep"
    return Fault("file", rule, (f"more in {place}",), fix="`evergrid new` shows every key.")


def _value_faults(tables: dict[str, Any]) -> Iterator[Fault]:
    """The first key or value that is too deep or too long."""
    pending: list[tuple[str, Any, int]] = [("config", tables, 0)]
    while pending:
        name, value, level = pending.pop()
        if level > MOST_LEVELS:
            yield _too_deep(name)
            return
        if isinstance(value, dict):
            pending += [(key, item, level + 1) for key, item in value.items()]
        elif isinstance(value, list):
            pending += [(name, item, level + 1) for item in value]
        elif isinstance(value, int) and abs(value) >= 10**INT_DIGITS:
            yield Fault(name, f"be a whole number of at most {INT_DIGITS} digits", (value,))
            return
        if max(len(name), len(value) if isinstance(value, str) else 0) > LONGEST_TEXT:
            yield Fault(name, f"be text of at most {LONGEST_TEXT:,} characters", (value,))
            return
