"""A long list, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

Line = TypeVar("Line")
PAGE_LINES = 50


@dataclass(frozen=True)
class ListPage(Generic[Line]):
    """A page of a list.

    Attributes:
        lines: On this page.
        total: Of the list.
        number: Of this page, from 1.
        pages: There are.
        path: Of every page.
        asked: What the list was narrowed by, which every page keeps.
    """

    lines: tuple[Line, ...]
    total: int
    number: int
    pages: int
    path: str
    asked: tuple[tuple[str, str], ...]

    @property
    def first(self) -> int:
        """Number of the first line."""
        return (self.number - 1) * PAGE_LINES + 1 if self.lines else 0

    @property
    def last(self) -> int:
        """Number of the last line."""
        return self.first + len(self.lines) - 1 if self.lines else 0

    def address(self, number: int) -> str:
        """Of another page."""
        asked = [(key, value) for key, value in self.asked if value]
        return f"{self.path}?{urlencode([*asked, ('page', number)])}"


def paged(lines: Sequence[Line], number: int, path: str, **asked: str) -> ListPage[Line]:
    """A page of a list; the last one where there are not so many."""
    pages = max(-(-len(lines) // PAGE_LINES), 1)
    number = min(number, pages)
    some = tuple(lines[(number - 1) * PAGE_LINES : number * PAGE_LINES])
    return ListPage(some, len(lines), number, pages, path, tuple(asked.items()))
