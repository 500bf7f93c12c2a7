"""The `evergrid` command: its verbs, and how errors become messages and exit codes."""

import gc
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

import evergrid
from evergrid.cli import live, people
from evergrid.cli.progress import progress_bar
from evergrid.cli.streams import (
    keep_stdout_for_results,
    say,
    talk_to_stderr,
    warnings_as_lines,
)
from evergrid.core import config as config_file
from evergrid.core.errors import ConfigError, EvergridError, MissingFileError, OutputError
from evergrid.core.files import toml_tables
from evergrid.data import check as checks
from evergrid.inputs import fleet_memory
from evergrid.studies import registry, summary
from evergrid.studies.study import Study

WRONG_USE = (ConfigError, MissingFileError, OutputError)
GARBAGE_EVERY = 100_000  # new objects after which the interpreter looks for those nobody holds

app = typer.Typer(
    name="evergrid",
    help="Runs a fleet of parked electric vehicles as one power plant.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path | None, typer.Option(help="Folder for the results.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")]


def main() -> None:
    """Run the command; errors of ours become a message on stderr and an exit code."""
    keep_stdout_for_results()
    # Loading modules makes some hundred thousand objects, all of which stay: looking through them
    # again and again for garbage takes as long as reading a fleet.
    gc.set_threshold(GARBAGE_EVERY)
    try:
        app()
    except (EvergridError, OSError) as error:  # OSError: a folder or file the system refuses
        say(f"error: {error}", err=True)
        failed = isinstance(error, EvergridError) and not isinstance(error, WRONG_USE)
        sys.exit(1 if failed else 2)
    except MemoryError:  # what was not foreseen; nothing is written yet, or all is
        say(f"error: the memory is full. {fleet_memory.WAY_OUT}", err=True)
        sys.exit(1)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="A study's configuration, TOML.")],
    out: Out = None,
    as_json: Json = False,
    seed: Seed = 0,
    dry_run: Annotated[bool, typer.Option(help="Only check the configuration.")] = False,
) -> None:
    """Run the study of a configuration file and write its results."""
    raw = toml_tables.read(config)
    site = raw.get("microgrid", {})
    if ("feeder" in raw or (isinstance(site, dict) and "feeder" in site)) and not dry_run:
        _start_reader()
    study = registry.of_tables(raw, source=str(config))
    settings = config_file.parse(study.config, raw, source=str(config))
    if dry_run:
        say(f"{config}: a valid configuration of the study {settings.study}", err=True)
        return
    _run(study, settings, config.parent, out or Path("results") / config.stem, as_json, seed)


@app.command()
def demo(out: Out = None, as_json: Json = False, seed: Seed = 0) -> None:
    """Plan the built-in example: two days of a street, an office and a bus depot."""
    study = registry.named("plan")
    with resources.as_file(resources.files("evergrid.studies") / "demo") as folder:
        settings = config_file.read(study.config, folder / "plan.toml")
        _run(study, settings, folder, out or Path("results") / "demo", as_json, seed)


@app.command()
def new(study: Annotated[str, typer.Argument(help="Name of a study.")]) -> None:
    """Print a commented configuration with every key, its unit and its default."""
    found = registry.named(study)
    heading = f"{found.question} Run it with: evergrid run {study}.toml"
    typer.echo(config_file.template(found.config, heading=heading), nl=False)


@app.command()
def studies() -> None:
    """List the studies."""
    width = max(len(name) for name in registry.STUDIES) + 2
    for name in registry.STUDIES:
        typer.echo(f"{name:<{width}}{registry.named(name).question}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV.")],
    kind: Annotated[str, typer.Option("--as", help="What it is: " + ", ".join(checks.KINDS))],
) -> None:
    """Check a file of data: how many rows, what is wrong with which."""
    found = checks.check(file, kind)
    for line in found.lines():
        say(line)
    if found.faults:
        raise typer.Exit(1)


app.command()(live.serve)
app.command()(live.gateway)
app.command()(live.twin)
app.add_typer(people.app, name="people")


def _start_reader() -> None:
    """Have the process that reads feeders get ready while the study is loaded."""
    from evergrid.grid.feeder.isolation import (
        process,  # here, as it loads SciPy, which few verbs need
    )

    process.start()


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"evergrid {evergrid.__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the command itself."""


def _run(
    study: Study[Any, Any],
    settings: config_file.Config,
    folder: Path,
    out: Path,
    as_json: bool,
    seed: int,
) -> None:
    study.check_writable(out)
    with talk_to_stderr(), warnings_as_lines(), progress_bar() as progress:
        result = study.run(settings, seed=seed, folder=folder, progress=progress)
        progress("writing the results", 0.99)
        result.write(out)
    if as_json:
        typer.echo(summary.to_json(result.final_summary()), nl=False)
        return
    for line in result.console_lines():
        say(line)
    say(f"{'report':<10}{out / 'report.html'}")
