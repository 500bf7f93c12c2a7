"""The verbs for people who may log in: `evergrid people list`, `add`, `disable`, `password`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from evergrid.cli.live import check_installed
from evergrid.cli.streams import say

Answer = TypeVar("Answer")
Service = Annotated[Path, typer.Argument(help="The service's configuration, TOML.")]
Name = Annotated[str, typer.Argument(help="The name to log in with.")]

app = typer.Typer(
    help="Who may log in to a service. It must not run: while it does, use its page People.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def everybody(config: Service) -> None:
    """List who may log in, with role and state."""
    rows = _with_accounts(config, lambda accounts: accounts.everybody())
    for row in rows:
        state = "disabled" if row.disabled else "may log in"
        since = datetime.fromtimestamp(row.created_s, UTC).date()
        say(f"{row.person:<24} {row.role:<10} {state:<12} since {since}  {row.driver}".rstrip())
    if not rows:
        say("Nobody may log in yet: the first start of the service makes an operator.", err=True)


@app.command()
def add(
    config: Service,
    person: Name,
    role: Annotated[
        Literal["operator", "viewer", "driver"], typer.Option(help="What they may do.")
    ],
    card: Annotated[
        str, typer.Option(help="Of a driver: the token that the vehicle is charged with.")
    ] = "",
    driver: Annotated[
        str, typer.Option(help="Pseudonym of a driver who is registered, instead of a card.")
    ] = "",
    may_discharge: Annotated[
        bool, typer.Option(help="Whether the driver has agreed to discharging.")
    ] = False,
) -> None:
    """Let somebody log in; the password is made, and printed this once."""
    check_installed()
    from evergrid.live.api.access.accounts import NewPerson, Role
    from evergrid.live.api.staff import made_password

    password = made_password()
    new = NewPerson(person, Role(role), password, card, driver, may_discharge)
    _with_accounts(config, lambda accounts: accounts.add(new))
    say(f"{person} may log in as {role}. The password, shown this once:", err=True)
    typer.echo(password)


@app.command()
def disable(config: Service, person: Name) -> None:
    """Turn somebody away from now on; all their log-ins end."""
    _with_accounts(config, lambda accounts: accounts.disable(person, True))
    say(f"{person} can no longer log in.", err=True)


@app.command()
def enable(config: Service, person: Name) -> None:
    """Let somebody log in again who was disabled."""
    _with_accounts(config, lambda accounts: accounts.disable(person, False))
    say(f"{person} may log in again.", err=True)


@app.command()
def password(config: Service, person: Name) -> None:
    """Give somebody another password, which is made, and printed this once."""
    check_installed()
    from evergrid.live.api.staff import made_password

    made = made_password()
    _with_accounts(config, lambda accounts: accounts.change_password(person, made))
    say(f"The new password of {person}, shown this once:", err=True)
    typer.echo(made)


def _with_accounts(config: Path, work: Callable[[Any], Awaitable[Answer]]) -> Answer:
    """Do something with the people of a service that does not run.

    Raises:
        StoreError: The service runs, or its store cannot be opened.
    """
    check_installed()
    from evergrid.core import config as config_file
    from evergrid.data.files.locate import locate
    from evergrid.live.clock import WallClock
    from evergrid.live.config import Config
    from evergrid.live.registers.accounts import StoreAccounts
    from evergrid.live.store.store import open_store

    settings = config_file.read(Config, config)
    place = settings.store if "://" in settings.store else locate(settings.store, config.parent)

    async def run() -> Answer:
        async with open_store(place, clock=WallClock()) as store:
            return await work(StoreAccounts(store))

    return asyncio.run(run())
