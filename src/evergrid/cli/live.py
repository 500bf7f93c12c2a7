"""The verbs of the live service: `evergrid serve`, and `evergrid twin` with simulated stations."""

import asyncio
import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from evergrid.cli.progress import progress_bar
from evergrid.cli.streams import say
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault

NEEDED = ("websockets", "fastapi", "sqlalchemy", "msgspec", "jsonschema_rs", "ocpp")
BROKER_NEEDED = ("nats",)
OnStart = Callable[..., Coroutine[Any, Any, None]]


def serve(
    config: Annotated[Path, typer.Argument(help="The service's configuration, TOML.")],
    dry_run: Annotated[
        bool, typer.Option(help="Only check the configuration, and the files that it names.")
    ] = False,
    gateways: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Processes that hold the stations' connections."),
    ] = None,
) -> None:
    """Run the live service: chargers over OCPP, plan, orders, ledger and console."""
    check_installed()
    from evergrid.core import config as config_file
    from evergrid.live.config import Config

    settings = config_file.read(Config, config)
    if gateways is not None:
        counted = settings.gateways.model_copy(update={"count": gateways})
        settings = settings.model_copy(update={"gateways": counted})
    if settings.gateways.used:
        check_installed(BROKER_NEEDED, extra="signals")
    if dry_run:
        from evergrid.live.deployment import named_files

        named_files.check(settings, config.parent, time.time())
        say(f"{config}: a valid configuration of the live service", err=True)
        return
    _run(_serve(settings, config))


def gateway(
    config: Annotated[Path, typer.Argument(help="The configuration of its service, TOML.")],
    name: Annotated[str, typer.Option(help="On the broker; a random one by default.")] = "",
    ocpp_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="For charging stations.")
    ] = None,
    broker: Annotated[
        Path | None, typer.Option(help="The broker, TOML, instead of the one named.")
    ] = None,
    site_log: Annotated[
        Path | None,
        typer.Option(help="Go on without the service, and keep here what it must know."),
    ] = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a gateway of a live service: it holds stations' connections, the service decides."""
    check_installed()
    check_installed(BROKER_NEEDED, extra="signals")
    from evergrid.core import config as config_file
    from evergrid.live.config import Config
    from evergrid.live.deployment import gateway_process
    from evergrid.live.gateway.entry import NatsServerEntry

    settings = config_file.read(Config, config)
    nats = None if broker is None else (config_file.read(NatsServerEntry, broker), broker.parent)
    held = gateway_process.run(
        settings,
        config.parent,
        nats,
        name=name,
        ocpp_port=ocpp_port,
        parent=parent,
        site_log=site_log,
    )
    _run(held)


def twin(
    stations: Annotated[int, typer.Option(min=1, max=20_000, help="How many.")] = 20,
    day: Annotated[Literal["regulation"], typer.Option(help="What the day brings.")] = "regulation",
    hours: Annotated[float, typer.Option(min=0.1, max=24.0, help="How long.")] = 24.0,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("results/twin"),
    real_time: Annotated[
        bool, typer.Option(help="A second takes a second, instead of as little as it can.")
    ] = False,
    keep: Annotated[
        bool, typer.Option(help="Keep service and console after the end, until Ctrl-C.")
    ] = False,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the console; 0 for any that is free.")
    ] = 0,
    faults: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of stations with each kind of fault.")
    ] = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON on stdout.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 1,
) -> None:
    """Run the live service with simulated stations that speak real OCPP 2.1."""
    check_installed()
    from evergrid.live.twin import day as days
    from evergrid.live.twin.faults import FaultShares
    from evergrid.live.twin.fleet import TwinConfig
    from evergrid.live.twin.play import Play

    del day  # there is one so far
    out.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ.get("EVERGRID_DATA", ""))
    real = bool(os.environ.get("EVERGRID_DATA")) and (data / days.REAL_SIGNAL).is_file()
    found = days.real(data.resolve()) if real else days.made_up((out / "day").resolve(), seed)
    kinds = ("offline", "half_open", "lying_meter", "refuses", "ignores", "unplugs_early")
    shares = FaultShares(**dict.fromkeys(kinds, faults))
    fleet = TwinConfig(
        stations=stations,
        start_utc=(days.START - days.LEAD).isoformat(),
        hours=hours + days.LEAD / timedelta(hours=1),
        seed=seed,
        time_zone="America/New_York",
        feeder="ieee13",
        pair_share=0.3,
        direct_current_share=0.25,
        faults=shares,
    )
    found = replace(found, start_s=found.start_s - days.LEAD.total_seconds())
    play = Play(fleet, found, out.resolve(), real_time, http_port=http_port)
    _run(_twin(play, out, as_json=as_json, keep=keep))


async def _serve(settings: Any, file: Path) -> None:
    """Run until somebody ends it."""
    folder = file.parent
    from evergrid.console import mount
    from evergrid.live.clock import WallClock
    from evergrid.live.service import Run, running
    from evergrid.live.web import first_operator, serving

    async with (
        running(settings, Run(folder, WallClock(), config_file=file)) as service,
        serving(service, mount) as url,
    ):
        say(f"{'console':<10}{url}", err=True)
        say(f"{'stations':<10}{service.ocpp_url}/<identity>", err=True)
        for note in service.store.notes:
            say(f"{'store':<10}{note}", err=True)
        made = await first_operator(service)
        if made is not None:
            say(f"{'log in':<10}{made[0]}, {made[1]} (shown this once)", err=True)
        if service.passwords:
            place = _kept_passwords(folder, service.passwords)
            say(f"{'passwords':<10}of {len(service.passwords)} new stations: {place}", err=True)
        await asyncio.Event().wait()


def _kept_passwords(folder: Path, passwords: dict[str, str]) -> Path:
    """Write passwords of new stations where only their owner may read them."""
    place = folder / "new-station-passwords.csv"
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a") as file:
        file.writelines(f"{station},{password}\n" for station, password in passwords.items())
    return place


async def _twin(play: Any, out: Path, *, as_json: bool, keep: bool) -> None:
    """Play a day, and print and write what came of it."""
    from evergrid.console import mount
    from evergrid.core import config as config_file
    from evergrid.live.config import Config
    from evergrid.live.twin.play import configuration, played
    from evergrid.live.web import first_operator, serving
    from evergrid.studies import summary

    config = config_file.parse(Config, configuration(play))
    (out / "service.toml").write_text(config_file.dump(config))

    async def started(service: Any, stack: AsyncExitStack) -> None:
        url = await stack.enter_async_context(serving(service, mount))
        made = await first_operator(service)
        assert made is not None, "the store is new"
        say(f"{'console':<10}{url}, log in as {made[0]} with {made[1]}", err=True)
        say(f"{'stations':<10}{service.ocpp_url}", err=True)
        if keep:
            stack.push_async_callback(_until_interrupted)

    with progress_bar() as progress:
        found = await played(play, config, started=started, progress=progress)
    for name, table in found.tables.items():
        table.write_parquet(out / f"{name}.parquet")
    (out / "summary.json").write_text(summary.to_json(found.summary))
    if as_json:
        typer.echo(summary.to_json(found.summary), nl=False)
        return
    for line in found.lines():
        say(line)
    say(f"{'results':<10}{out}")


async def _until_interrupted() -> None:
    say("The day is over; service and console go on until Ctrl-C.", err=True)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def check_installed(needed: tuple[str, ...] = NEEDED, *, extra: str = "live") -> None:
    """Say what is missing, before anything is loaded.

    Raises:
        ConfigError: The extra is not installed.
    """
    missing = tuple(name for name in needed if importlib.util.find_spec(name) is None)
    if missing:
        fix = f'Install them with: pip install "evergrid[{extra}]"'
        rule = "be installed for the live service"
        raise ConfigError("evergrid", [Fault("packages", rule, missing, fix=fix)])


def _log_as_lines() -> None:
    """Events go to stderr as JSON, one line each, with no values of variables among them."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: _StderrLogger(),
    )


class _StderrLogger:
    """Writes to what stderr is at the time; a line that cannot be written fails no request."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)

    debug = info = warning = error = critical = msg


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run on the fastest event loop there is; Ctrl-C ends it in order."""
    _log_as_lines()
    with contextlib.suppress(KeyboardInterrupt):
        if sys.platform != "win32" and importlib.util.find_spec("uvloop") is not None:
            import uvloop

            uvloop.run(work)
        else:
            asyncio.run(work)
