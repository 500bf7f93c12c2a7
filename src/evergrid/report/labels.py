"""What words and numbers look like in figures: literal text, short names, amounts."""

import html

from evergrid.core.text.printable import printable

LONGEST_TEXT = 500  # characters of a text in a figure
MINUS = "\u2212"


def literal(text: str) -> str:
    """The text as Plotly shows it letter by letter, without reading tags or controls into it."""
    return html.escape(printable(text, LONGEST_TEXT), quote=False)


def shortened(text: str, most: int = 26) -> str:
    """The text, its middle left out where it is longer than ``most`` characters.

    Names of one fleet often differ at their ends only, so both ends stay.
    """
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}\u2026{text[len(text) - (most - 1 - head) :]}"


def wrapped(text: str, width: int = 16, lines: int = 2) -> str:
    """A literal label over a few lines, broken between words, shortened to fit."""
    rows = [""]
    for word in shortened(text, width * lines).split():
        joined = f"{rows[-1]} {word}".strip()
        if len(joined) <= width or not rows[-1] or len(rows) == lines:
            rows[-1] = joined
        else:
            rows.append(word)
    return "<br>".join(literal(row) for row in rows)


def amount(value: float, *, signed: bool = False, decimals: int = 0) -> str:
    """A number as a reader expects it: grouped thousands, a true minus sign."""
    text = f"{abs(value):,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def decimals_for(largest: float) -> int:
    """Decimals that give numbers up to ``largest`` about four figures."""
    return 0 if largest >= 1000 else 1 if largest >= 100 else 2


def price_title(currency: str, word: str = "Price") -> str:
    """Axis title of money per energy, on two lines to fit beside a low panel."""
    return f"{word}<br>({literal(currency)}/MWh)"


def joined(*notes: str) -> str:
    """The notes that say something, as sentences of one line."""
    return " ".join(f"{note.rstrip('.')}." for note in notes if note)
