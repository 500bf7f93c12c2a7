"""What every request passes and every answer carries: size, rate, origin, and strict headers."""

import asyncio
import ipaddress
import math
from typing import final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evergrid.live.api.access.rate import Rate
from evergrid.live.api.problem import RefusedError, answer, too_often
from evergrid.live.api.settings import Settings
from evergrid.live.clock import AbstractClock

COOKIE = "evergrid"
TOO_LARGE = "The request is longer than {} bytes."
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CONTENT = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers send "Origin: null" with forms, and no origin could be checked.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


@final
class Guard:
    """The first thing that a request meets.

    Args:
        app: What comes after.
        settings: The limits.
        clock: Whose seconds the rates count.
    """

    def __init__(self, app: ASGIApp, settings: Settings, clock: AbstractClock) -> None:
        self._app, self._settings, self._clock = app, settings, clock
        self._rate = Rate(settings.requests_per_s, settings.requests_burst)
        self._headers = HEADERS | (TLS_ONLY if settings.secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = _Answer(send, self._headers)
        counted = _CountedBody(receive, self._settings.largest_body, self._settings.body_s)
        try:
            self._check(scope)
            await self._app(scope, counted, sent)
        except Exception as error:
            if sent.begun:  # too late for another answer: the connection is cut
                raise
            await answer(scope, error)(scope, receive, sent)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        wait_s = self._rate.wait_s(address(scope), self._clock.monotonic_s())
        if wait_s:
            raise too_often(wait_s)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._settings.largest_body:
            raise HTTPException(413, TOO_LARGE.format(self._settings.largest_body))
        if scope["method"] not in SAFE_METHODS and not _own_page(headers, self._settings.origins):
            raise RefusedError(403, "A page of another site asked for this. Use the console's own.")


@final
class _Answer:
    """Sends an answer with the headers that each carries."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send, self._headers, self.begun = send, headers, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers.setdefault("Cache-Control", "no-store")
            headers.update(self._headers)
        await self._send(message)


@final
class _CountedBody:
    """Hands a body on until it is too large or too slow, whatever length was announced."""

    def __init__(self, receive: Receive, most: int, body_s: float) -> None:
        self._receive, self._most, self._body_s = receive, most, body_s
        self._taken, self._whole = 0, False
        self._until_s: float | None = None

    async def __call__(self) -> Message:
        if self._whole:  # what still comes is the end of the connection, however late
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._until_s = self._until_s or loop.time() + self._body_s
        try:
            async with asyncio.timeout_at(self._until_s):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, f"The request took longer than {self._body_s:g} s.") from error
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._taken > self._most:
            raise HTTPException(413, TOO_LARGE.format(self._most))
        return message


def _own_page(headers: Headers, origins: tuple[str, ...]) -> bool:
    """Whether a change was asked for by a page of ours, or by a program with its own token.

    A browser adds the cookie by itself, whoever's page asks, but names that page.
    """
    if bearer(headers):
        return True
    origin = headers.get("origin")
    if origin is not None:
        return origin in origins if origins else urlsplit(origin).netloc == headers.get("host")
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return COOKIE + "=" not in headers.get("cookie", "")


def bearer(headers: Headers) -> str:
    """The token of a program; "" without one."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def address(scope: Scope) -> str:
    """Whence a request came; for IPv6 its network, as one house has many addresses."""
    host = str((scope.get("client") or ("unknown", 0))[0])
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return host


def whole_seconds(seconds: float) -> int:
    """Rounded up, as cookies count."""
    return math.ceil(seconds)
