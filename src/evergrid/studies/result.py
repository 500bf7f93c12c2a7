"""What every study hands back: headline numbers and tables, told and written the same way."""

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import polars as pl
from plotly.graph_objects import Figure

from evergrid.core import config as config_file
from evergrid.core.config import Config
from evergrid.data.output import write_folder
from evergrid.report.drawing import Drawings, Drawn, drawn
from evergrid.studies import summary

Files = dict[str, str | pl.DataFrame]
ConfigT = TypeVar("ConfigT", bound=Config)


class AbstractTelling(Protocol):
    """The module that tells of a study's results; ``shown`` is its record of what to tell."""

    def drawings(self, shown: Any) -> Drawings:
        """What draws each figure of the report, by name in reading order."""
        ...

    def page(self, shown: Any, settings: str, drawn: Drawn) -> str:
        """The report as one HTML page.

        Args:
            shown: What to tell of.
            settings: The resolved configuration as text.
            drawn: The figures, and what stands in the place of those that cannot be drawn.
        """
        ...

    def lines(self, shown: Any) -> list[str]:
        """The summary in at most ten lines of text."""
        ...


class AbstractResult(ABC, Generic[ConfigT]):
    """What came out of a study.

    Attributes:
        config: As resolved.
        summary: Headline numbers.
        tables: Tidy tables by file name without ending.
        telling: The module that tells of it.
        outputs: Files that results of this study may hold, by relative name.
    """

    config: ConfigT
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    telling: ClassVar[AbstractTelling]
    outputs: ClassVar[tuple[str, ...]]

    @cached_property
    @abstractmethod
    def _shown(self) -> Any:
        """What `telling` tells of."""

    def _beside(self) -> Files:
        """Files of this study alone, texts and tables by relative name."""
        return {}

    @cached_property
    def drawn(self) -> Drawn:
        """The figures of the report; what fails takes its own place only."""
        return drawn(self.telling.drawings(self._shown))

    def figures(self) -> dict[str, Figure]:
        """Every figure of the report that can be drawn, by name."""
        return self.drawn.figures

    def report(self) -> str:
        """The report as one HTML page that needs no network."""
        return self.telling.page(self._shown, config_file.dump(self.config), self.drawn)

    def lines(self) -> list[str]:
        """The summary in at most ten lines."""
        return self.telling.lines(self._shown)

    def told(self) -> dict[str, Any]:
        """The summary as it is written: its notes also name figures that could not be drawn."""
        return self.summary | {"notes": [*self.summary["notes"], *self.drawn.notes]}

    def write(self, out: Path) -> None:
        """Write the whole result into a folder, at once or not at all.

        Raises:
            OutputError: The folder holds something else, or cannot be written.
        """
        files: Files = {
            "summary.json": summary.to_json(self.told()),
            "config.toml": config_file.dump(self.config),
            "report.html": self.report(),
        }
        files |= {f"{name}.parquet": table for name, table in self.tables.items()}
        files |= self._beside()
        unlisted = sorted(set(files) - set(self.outputs))
        # A result that holds more than its study lists could not be replaced by the next one.
        assert not unlisted, f"outputs of the study lack {unlisted}"
        write_folder(out, files, replaces=self.outputs)
