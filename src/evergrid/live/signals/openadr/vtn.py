"""A utility's OpenADR server, asked within bounds: one answer is whole, small and in time, or lost.

Source:
    OpenADR 3.0.1 and 3.1.0 OpenAPI description: GET /programs/{programID}, GET /events with skip
    and limit, POST /auth/token with client credentials.
"""

import asyncio
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, final
from urllib.parse import quote, urlencode

import httpcore
import msgspec

from evergrid.core.errors import EvergridError
from evergrid.live.clock import AbstractClock
from evergrid.live.signals.address import AddressError, check_url, pool
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.openadr.events import Descriptor, ProgramWire

LARGEST_BYTES = 4 << 20  # of one answer
PAGE = 50  # events of one answer, the most that the interface allows
MOST_EVENTS = 2_000
LONGEST_WAIT_S = 600.0  # that a server may ask for
TOKEN_RENEWED = 0.8  # share of its life after which another token is asked for
TAKEN = (200, 201, 409)  # the last: it is there already
OK, UNAUTHORIZED, BUSY = 200, 401, (429, 503)


class VtnError(EvergridError, ConnectionError):
    """The server is not reached, answers with an error, or with what cannot be.

    Args:
        text: What happened.
        wait_s: How long it asks to be left alone.
    """

    def __init__(self, text: str, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Token(msgspec.Struct):
    """The answer to client credentials."""

    access_token: str
    expires_in: int = 3600


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        status: Of HTTP.
        headers: By name in small letters.
        body: As it came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@final
class Vtn:
    """The server's side of one registration.

    Args:
        entry: As it is registered.
        clock: The service's clock.
        folder: What relative paths start from.

    Raises:
        InputError: An address that may not be asked, or a certificate that cannot be read.
    """

    def __init__(self, entry: OpenAdrEntry, clock: AbstractClock, folder: Path) -> None:
        self._entry, self._clock, self._folder = entry, clock, folder
        self._url = entry.url.rstrip("/")
        self._token_url = entry.token_url or f"{self._url}/auth/token"
        check_url("url", self._url)
        check_url("token_url", self._token_url)
        ca_file = None if entry.ca_file is None else folder / entry.ca_file
        self._pool = pool(ca_file=ca_file, private_network=entry.private_network)
        self._token, self._renewed_s = "", -math.inf
        self.skew_s: float | None = None
        """The server's clock less ours, by its last answer."""

    async def close(self) -> None:
        """Hang up."""
        await self._pool.aclose()

    async def program(self) -> dict[str, Descriptor]:
        """Units by type of payload, as the program says.

        Raises:
            VtnError: No answer, or not of a program.
        """
        answer = await self._asked(f"/programs/{quote(self._entry.program_id, safe='')}")
        try:
            found = msgspec.json.decode(answer.body, type=ProgramWire)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise VtnError(f"no program of OpenADR 3: {error}") from None
        return {one.payload_type: one for one in found.payload_descriptors or []}

    async def events(self) -> list[msgspec.Raw]:
        """All events of the program, each as it came.

        Raises:
            VtnError: Not all pages came, or there are too many.
        """
        found: list[msgspec.Raw] = []
        while len(found) <= MOST_EVENTS:
            asked = {"programID": self._entry.program_id, "skip": len(found), "limit": PAGE}
            answer = await self._asked(f"/events?{urlencode(asked)}")
            try:
                page = msgspec.json.decode(answer.body, type=list[msgspec.Raw])
            except (msgspec.MsgspecError, RecursionError) as error:
                raise VtnError(f"no list of events: {error}") from None
            found.extend(page)
            if len(page) < PAGE:
                return found
        raise VtnError(f"more than {MOST_EVENTS} events")

    async def report(self, content: Mapping[str, Any]) -> None:
        """Hand in a report.

        Raises:
            VtnError: It was not taken.
        """
        headers = {**await self._headers(), "content-type": "application/json"}
        answer = await self._sent(
            "POST", f"{self._url}/reports", headers, msgspec.json.encode(content)
        )
        if answer.status == UNAUTHORIZED:
            self._token = ""  # another one is asked for at the next look
        if answer.status not in TAKEN:
            raise VtnError(f"report: status {answer.status}", _wait_s(answer))

    async def _asked(self, path: str) -> Answer:
        """An answer with status 200; a token that is no longer good is renewed once.

        Raises:
            VtnError: None.
        """
        for again in (True, False):
            headers = await self._headers()
            answer = await self._sent("GET", f"{self._url}{path}", headers)
            if answer.status == UNAUTHORIZED and self._token and again:
                self._token = ""
                continue
            if answer.status != OK:
                raise VtnError(f"{path.split('?')[0]}: status {answer.status}", _wait_s(answer))
            return answer
        raise VtnError(f"{path}: no token is good")

    async def _headers(self) -> dict[str, str]:
        if self._entry.client_id is None:
            return {}
        if not self._token or self._clock.monotonic_s() >= self._renewed_s:
            await self._renew()
        return {"authorization": f"Bearer {self._token}"}

    async def _renew(self) -> None:
        """A token by client credentials."""
        asked = {
            "grant_type": "client_credentials",
            "client_id": self._entry.client_id or "",
            "client_secret": self._secret(),
        }
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await self._sent("POST", self._token_url, form, urlencode(asked).encode())
        if answer.status != OK:
            raise VtnError(f"token: status {answer.status}", _wait_s(answer))
        try:
            token = msgspec.json.decode(answer.body, type=Token)
        except msgspec.MsgspecError:  # its text may hold the token, and is not told
            raise VtnError("token: no answer of OAuth 2") from None
        if not token.access_token.isascii() or not token.access_token.isprintable():
            raise VtnError("token: not of printable characters")
        life_s = min(max(token.expires_in, 1), 86_400)
        self._token = token.access_token
        self._renewed_s = self._clock.monotonic_s() + TOKEN_RENEWED * life_s

    def _secret(self) -> str:
        """The secret of the client, read each time that it is needed, as it may be renewed."""
        entry = self._entry
        if entry.secret_env is not None:
            secret = os.environ.get(entry.secret_env, "")
            if not secret:
                raise VtnError(f"the environment variable {entry.secret_env} is not set")
            return secret
        assert entry.secret_file is not None, "the entry has one of both"
        try:
            return (self._folder / entry.secret_file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise VtnError(f"secret_file cannot be read: {type(error).__name__}") from None

    async def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """A whole answer within the time and the size.

        Raises:
            VtnError: None.
        """
        given = [("accept", "application/json"), ("accept-encoding", "identity"), *headers.items()]
        try:
            async with (
                asyncio.timeout(self._entry.timeout_s),
                self._pool.stream(method, url, headers=given, content=body) as response,
            ):
                read = b""
                async for part in response.aiter_stream():
                    read += part
                    if len(read) > LARGEST_BYTES:
                        raise VtnError(f"an answer of more than {LARGEST_BYTES} bytes")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise VtnError(f"not reached: {type(error).__name__} {error}") from error
        except (OSError, TimeoutError) as error:
            if isinstance(error, VtnError):
                raise
            reason = str(error) if isinstance(error, AddressError) else type(error).__name__
            raise VtnError(f"not reached: {reason}") from error
        told = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
        if told.get("content-encoding", "identity") != "identity":
            raise VtnError("an answer that is packed although that was not asked for")
        self._note_clock(told.get("date", ""))
        return Answer(response.status, told, read)

    def _note_clock(self, date: str) -> None:
        try:
            self.skew_s = parsedate_to_datetime(date).timestamp() - self._clock.now_s()
        except (ValueError, OverflowError):
            self.skew_s = None


def _wait_s(answer: Answer) -> float:
    """How long a busy server asks to be left alone."""
    told = answer.headers.get("retry-after", "")
    if answer.status not in BUSY or not told.isascii() or not told.isdigit():
        return 0.0
    return min(float(told[:9]), LONGEST_WAIT_S)
