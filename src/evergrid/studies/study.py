"""What a study is, and all that studies have in common: running, provenance, report and files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import polars as pl
from plotly.graph_objects import Figure

from evergrid.core import config as config_file
from evergrid.core.config import Config
from evergrid.core.progress import Progress, ignore_progress
from evergrid.data.meta import Meta
from evergrid.data.output import check_writable, write_folder
from evergrid.report.drawing import FigureMakers, Figures, draw_each
from evergrid.report.page import Headline, Section
from evergrid.report.page import page as html_page
from evergrid.studies import provenance_page, summary

COMMON_FILES = ("summary.json", "config.toml", "report.html")
INPUT_FILE = "inputs/{}.parquet"

ConfigT = TypeVar("ConfigT", bound=Config)
FindingsT = TypeVar("FindingsT")


@dataclass(frozen=True)
class Context:
    """What a study is run with besides its configuration.

    Attributes:
        seed: Of everything that is drawn at random.
        folder: What relative paths in the configuration start from.
        progress: Called with what is being done and the share of the run that is done.
    """

    seed: int
    folder: Path
    progress: Progress


@dataclass(frozen=True)
class Output(Generic[FindingsT]):
    """What the computation of a study returns.

    Attributes:
        findings: Everything found, as arrays and records; the report is made of it.
        headline: Headline numbers by their key in ``summary.json``, the status among them.
        tables: Tidy tables by file name without ending.
        inputs: Tables that were computed from, by name. All are hashed; those that the study
            lists among its files are written too.
        files: Further files, texts and tables by relative name.
        notes: What a reader must know.
        sources: Where data came from.
    """

    findings: FindingsT
    headline: Mapping[str, Any]
    tables: Mapping[str, pl.DataFrame]
    inputs: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    files: Mapping[str, str | pl.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sources: tuple[Meta, ...] = ()


@dataclass(frozen=True)
class Page:
    """What a study shows on its report, between the question above and the settings below.

    Attributes:
        cards: The numbers on cards.
        sections: Figures and tables, in reading order.
        notes: Notes beside those of the summary.
        answer: What stands right below the question.
    """

    cards: list[Headline]
    sections: list[Section]
    notes: list[str] = field(default_factory=list)
    answer: str = ""


@runtime_checkable
class AbstractReport(Protocol):
    """The module that presents the results of a study."""

    def console_lines(self, result: Any) -> list[str]:
        """The summary in at most ten lines of text."""
        ...

    def figures(self, result: Any) -> FigureMakers:
        """What draws each figure of the report, by name in reading order."""
        ...

    def page(self, result: Any, drawn: Figures) -> Page:
        """The content of the HTML report.

        Args:
            result: What to show.
            drawn: The figures, and what stands in the place of those that cannot be drawn.
        """
        ...


@dataclass(frozen=True)
class Study(Generic[ConfigT, FindingsT]):
    """A question that users ask, and how it is answered.

    Attributes:
        name: Its key ``study`` in a configuration, and the name of its folder.
        question: What it answers.
        config: The kind of its configuration.
        own_files: Files that its results may hold beside `COMMON_FILES`, by relative name.
        compute: Answers the question.
        report: The module that presents the results.
    """

    name: str
    question: str
    config: type[ConfigT]
    own_files: tuple[str, ...]
    compute: Callable[[ConfigT, Context], Output[FindingsT]]
    report: AbstractReport

    @property
    def outputs(self) -> tuple[str, ...]:
        """Files that a result may hold, by relative name."""
        return COMMON_FILES + self.own_files

    def check_writable(self, out: Path) -> None:
        """Refuse a folder for results before any work is done for it.

        Raises:
            OutputError: The folder holds something else, or cannot be written.
        """
        check_writable(out, self.outputs)

    def run(
        self,
        config: ConfigT,
        *,
        seed: int = 0,
        folder: Path | None = None,
        progress: Progress = ignore_progress,
    ) -> "Result[ConfigT, FindingsT]":
        """Answer the question of the study.

        Args:
            config: What is asked.
            seed: Of everything that is drawn at random.
            folder: What relative paths in the configuration start from; the current one by
                default.
            progress: Called with what is being done and the share of the run that is done.

        Raises:
            MissingFileError: A file that the configuration names is not there.
            InputError: Data or settings that break rules; all are listed.
            InfeasibleError, SolveError, WorkerError: As the ``compute`` of the study says.
        """
        output = self.compute(config, Context(seed, folder or Path.cwd(), progress))
        progress("summarising the results", 0.98)
        files = {INPUT_FILE.format(name): table for name, table in output.inputs.items()}
        files = {name: table for name, table in files.items() if name in self.own_files}
        return Result(
            self,
            config,
            output.findings,
            self._summary(config, output, seed),
            dict(output.tables),
            files | dict(output.files),
        )

    def _summary(self, config: ConfigT, output: Output[FindingsT], seed: int) -> dict[str, Any]:
        """The headline numbers with what lets anyone repeat the run."""
        hashes = {name: summary.table_hash(table) for name, table in output.inputs.items()}
        return {
            "study": self.name,
            "title": getattr(config, "title", self.name),
            **output.headline,
            "notes": list(output.notes),
            "sources": [meta.to_dict() for meta in output.sources],
            "seed": seed,
            "versions": summary.versions(),
            "config_sha256": summary.text_hash(config_file.dump(config)),
            "input_sha256": hashes,
        }


@dataclass(frozen=True)
class Result(Generic[ConfigT, FindingsT]):
    """What came out of a study.

    Attributes:
        study: The study.
        config: As resolved.
        findings: Everything found, as arrays and records.
        summary: Headline numbers, with what lets anyone repeat the run.
        tables: Tidy tables by file name without ending.
        files: Further files, texts and tables by relative name.
    """

    study: Study[ConfigT, FindingsT]
    config: ConfigT
    findings: FindingsT
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    files: dict[str, str | pl.DataFrame]

    @cached_property
    def drawn(self) -> Figures:
        """The figures of the report; one that fails leaves a sentence in its place."""
        return draw_each(self.study.report.figures(self))

    def figures(self) -> dict[str, Figure]:
        """Every figure of the report that can be drawn, by name."""
        return self.drawn.figures

    def report(self) -> str:
        """The report as one HTML page that needs no network."""
        page = self.study.report.page(self, self.drawn)
        settings = config_file.dump(self.config)
        return html_page(
            self.summary["title"],
            headline=page.cards,
            notes=[*self.summary["notes"], *page.notes, *self.drawn.notes],
            sections=page.sections,
            about=replace(
                provenance_page.about(self.study.question, settings, self.summary),
                answer=page.answer,
            ),
        )

    def console_lines(self) -> list[str]:
        """The summary in at most ten lines."""
        return self.study.report.console_lines(self)

    def final_summary(self) -> dict[str, Any]:
        """The summary as it is written: its notes also name figures that could not be drawn."""
        return self.summary | {"notes": [*self.summary["notes"], *self.drawn.notes]}

    def write(self, out: Path) -> None:
        """Write the whole result into a folder, at once or not at all.

        Raises:
            OutputError: The folder holds something else, or cannot be written.
        """
        files: dict[str, str | pl.DataFrame] = {
            "summary.json": summary.to_json(self.final_summary()),
            "config.toml": config_file.dump(self.config),
            "report.html": self.report(),
        }
        files |= {f"{name}.parquet": table for name, table in self.tables.items()}
        files |= self.files
        unlisted = sorted(set(files) - set(self.study.outputs))
        # A result that holds more than its study lists could not be replaced by the next one.
        assert not unlisted, f"the study {self.study.name} does not list {unlisted}"
        write_folder(out, files, replaces=self.study.outputs)
