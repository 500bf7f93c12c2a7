"""What an operator may ask of a station beside its messages, and how it stands with its boot."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from evergrid.live.api import orders
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Service, Visitor
from evergrid.live.view import StationDetail

PASSWORDS, CERTIFICATE = (1, 2), 3  # security profiles, by what a station shows


@dataclass(frozen=True)
class Care:
    """Something to ask for, by a name that says what it does.

    Attributes:
        text: What it does.
        ask: Does it, for a service, an operator and a station.
    """

    text: str
    ask: Callable[[Service, Visitor, str], Awaitable[None]]


async def _hold(service: Service, operator: Visitor, station: str, *, on_hold: bool) -> None:
    await orders.hold(service, operator, station, on_hold)


CARES = {
    "hold": Care("Hold at its next boot", partial(_hold, on_hold=True)),
    "let-go": Care("Let it boot", partial(_hold, on_hold=False)),
    "password": Care("New password", orders.renew_password),
    "certificate": Care("New certificate", orders.renew_certificate),
    "forget": Care("Accept its older certificates again", orders.forget_certificates),
}


def of(detail: StationDetail) -> dict[str, str]:
    """What may be asked of a station as it stands: texts by name."""
    names = ["let-go" if detail.row.on_hold else "hold"]
    if detail.security_profile in PASSWORDS:
        names.append("password")
    if detail.security_profile:
        names.append("certificate")
    if detail.security_profile in (None, CERTIFICATE):
        names.append("forget")
    return {name: CARES[name].text for name in names}


def boot(detail: StationDetail) -> str:
    """How it stands with a station's boot."""
    if detail.pending:
        return "held: it waits until it is let go" if detail.row.on_hold else "waits to boot again"
    if detail.row.on_hold:
        return "held when it next boots"
    return "accepted" if detail.row.state == "online" else ""


async def carry_out(service: Service, operator: Visitor, station: str, name: str) -> None:
    """Do one of `CARES`.

    Raises:
        RefusedError: There is no such thing, or it is refused.
    """
    if name not in CARES:
        raise RefusedError(422, "Choose one of the buttons.")
    await CARES[name].ask(service, operator, station)
