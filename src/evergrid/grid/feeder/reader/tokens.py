"""How OpenDSS cuts a line into names and values, followed to the letter.

Anything else would leave a way around: what is judged here must be what OpenDSS reads later.

Source:
    DSS C-API 0.14.5, `TDSSParser.GetToken` and `NextParam` in Parser/ParserDel.pas.
"""

import re
from typing import NamedTuple

CLOSING = {"(": ")", '"': '"', "'": "'", "[": "]", "{": "}"}
_PLAIN = re.compile(r"(?:[^ \t,=!/]|/(?!/))*")
_SPACE = re.compile(r"[ \t]*")
# A parameter as nearly all are: plain or in marks, and no delimiter but one behind it.
_USUAL = re.compile(
    r"""(?:([^ \t,=!/("'\[{]++)[ \t]*+=[ \t]*+)?"""
    r"""([^ \t,=!/("'\[{]++|\([^)]*+\)|\[[^\]]*+\]|"[^"]*+")(?:[ \t]++(?![,=])|,[ \t]*+)"""
)
COMMENT, EQUALS, SPACE = "!", "=", " "


class Parameter(NamedTuple):
    """A value, and its name where it has one.

    Attributes:
        name: What stands before the equals sign, without quotation marks; empty where nothing does.
        value: The value without its marks.
        quoted: The value as it stands in the line, with its marks, the closing one always there.
    """

    name: str
    value: str
    quoted: str


def parameters(line: str) -> list[Parameter]:
    """The parameters of a line, up to its end or a comment; empty values among them."""
    text = line.strip(" \t") + " "
    found, at = [], 0
    while at < len(text) - 1:
        if usual := _USUAL.match(text, at):
            value, at = usual[2], usual.end()
            found.append(
                Parameter(usual[1] or "", value[1:-1] if value[0] in CLOSING else value, value)
            )
            continue
        value, quoted, at, stop = _token(text, at, SPACE)
        name = ""
        if stop == EQUALS:
            name = value
            value, quoted, at, stop = _token(text, at, EQUALS)
        found.append(Parameter(name, value, quoted))
    if found and not (found[-1].name or found[-1].quoted):
        found.pop()  # what a comment leaves
    return found


def _token(text: str, at: int, stop: str) -> tuple[str, str, int, str]:
    """Value, value with its marks, where to go on, and the delimiter that ended it."""
    last = len(text) - 1  # a space that every line is given
    if at > last:
        return "", "", at, stop
    if text[at] in CLOSING:
        closing = CLOSING[text[at]]
        end = text.find(closing, at + 1, last)
        end = last if end < 0 else end
        value = text[at + 1 : end]
        quoted = text[at] + value + closing
        at = min(end + 1, last)
    else:
        found = _PLAIN.match(text, at)
        end = min(found.end() if found else at, last)
        value = quoted = text[at:end]
        at = end
        if at < last:
            stop = COMMENT if text[at] in "!/" else SPACE if text[at] in " \t" else text[at]
    if stop == COMMENT:
        return value, quoted, len(text), stop
    if stop == SPACE:
        at = _past_space(text, at, last)
    if text[at] in ",=":
        stop, at = text[at], at + 1
    return value, quoted, _past_space(text, at, last), stop


def _past_space(text: str, at: int, last: int) -> int:
    found = _SPACE.match(text, at)
    return min(found.end() if found else at, last) if at < last else at
