"""The summary that a command prints: rows of a name and a text, ten lines with the report's own."""

from collections.abc import Sequence

MOST_ROWS = 9  # the command adds a line of its own, with the place of the report
NAME_WIDTH = 10

Row = tuple[str, str]


def lines(
    rows: Sequence[Row], joins: Sequence[tuple[str, str]] = (), *, width: int = NAME_WIDTH
) -> list[str]:
    """The rows as lines; where they are too many, some are joined to others.

    Args:
        rows: A name and a text each.
        joins: Names of two rows: the second is put behind the first. Done one after the other,
            until there are few enough rows.
        width: Room for names.
    """
    joined = list(rows)
    for into, behind in joins:
        names = [name for name, _ in joined]
        if len(joined) <= MOST_ROWS or into not in names or behind not in names:
            continue
        name, text = joined.pop(names.index(behind))
        at = [name for name, _ in joined].index(into)
        joined[at] = (into, f"{joined[at][1]}; {name}: {text}")
    return [f"{name:<{width}}{text}" for name, text in joined]
