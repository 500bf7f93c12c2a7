"""Some names of many, as a sentence lists them."""

from collections.abc import Iterable


def name_list(names: Iterable[str], most: int) -> str:
    """At most that many names, and how many more there are: ``a, b and 3 more``."""
    names = list(names)
    shown, more = ", ".join(names[:most]), len(names) - most
    return f"{shown} and {more:,} more" if more > 0 else shown
