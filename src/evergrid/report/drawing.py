"""Draws each figure of a report for itself: one that fails leaves a sentence in its place.

A study may have computed for hours before its figures are drawn, and its tables and numbers do not
depend on them. So whatever a figure raises is caught here, once for every study, and told: in the
place of the figure, in the notes, and as a `FigureWarning`.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plotly.graph_objects import Figure

from evergrid.core.text.printable import printable
from evergrid.report.page import MissingFigure, Section

LONGEST_REASON = 300  # characters of what was raised

FigureMakers = dict[str, Callable[[], Figure]]


class FigureWarning(UserWarning):
    """A figure of a report could not be drawn.

    The tests turn warnings into errors, so that there no figure fails unnoticed.
    """


@dataclass(frozen=True)
class Figures:
    """The figures of a report.

    Attributes:
        contents: Each figure by name in reading order, or why it is missing.
    """

    contents: Mapping[str, Figure | MissingFigure]

    @property
    def figures(self) -> dict[str, Figure]:
        """Those that could be drawn."""
        return {name: made for name, made in self.contents.items() if isinstance(made, Figure)}

    @property
    def notes(self) -> list[str]:
        """A sentence for each figure that could not be drawn."""
        return [made.why for made in self.contents.values() if isinstance(made, MissingFigure)]

    def sections(
        self, readings: Mapping[str, str], headings: Mapping[str, str] | None = None
    ) -> list[Section]:
        """A section for each figure.

        Args:
            readings: How to read each figure, by name.
            headings: Of those whose name is no heading.
        """
        return [
            Section((headings or {}).get(name) or _heading(name), readings[name], made)
            for name, made in self.contents.items()
        ]


def draw_each(makers: FigureMakers) -> Figures:
    """Every figure, and a sentence in the place of each that cannot be drawn.

    Args:
        makers: What draws each figure, by name in reading order.
    """
    return Figures({name: _draw(name, draw) for name, draw in makers.items()})


def _draw(name: str, draw: Callable[[], Figure]) -> Figure | MissingFigure:
    try:
        return draw()
    except Exception as error:  # whatever it is, the study's numbers stand without this figure
        lines = str(error).strip().splitlines()
        said = printable(lines[0], LONGEST_REASON) if lines else "no reason given"
        why = f"The figure {name} could not be drawn: {type(error).__name__}: {said.rstrip('.')}."
        why += " Tables, summary and the other figures do not depend on it."
        warnings.warn(why, FigureWarning, stacklevel=3)
        return MissingFigure(why)


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()
