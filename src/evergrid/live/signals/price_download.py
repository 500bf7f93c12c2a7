"""Prices from an address: fetched again and again, kept in a file only where they can be read.

The file holds what was last good, also over a restart; a server that fails, or sends what are no
prices, changes nothing and is told. Only the address of the configuration is asked.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import final

import httpcore

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.signals.address import AddressError, check_url, pool
from evergrid.live.signals.price_entry import LivePriceSource
from evergrid.model.prices import Prices

OK, NOT_MODIFIED = 200, 304
BYTES_PER_MB = 1_000_000
LONGEST_TAG = 200


class PriceDownloadError(EvergridError, ConnectionError):
    """Prices could not be fetched, or what came are none."""


@final
class PriceDownload:
    """Prices of one address.

    Args:
        source: What is fetched, within which time and size.
        path: Where the last good prices are kept.
        read: Reads a file of prices.
        folder: What relative paths of the configuration start from.
        clock: Of the service.

    Raises:
        InputError: An address that may not be asked, or a certificate that cannot be read.
    """

    def __init__(
        self,
        source: LivePriceSource,
        path: Path,
        read: Callable[[Path], Prices],
        folder: Path,
        clock: AbstractClock,
    ) -> None:
        assert source.url is not None, "prices without an address are not fetched"
        self._source, self._path, self._read, self._clock = source, path, read, clock
        self._url = source.url
        base, _, fragment = self._url.partition("#")
        check_url("prices.url", base.partition("?")[0])
        if fragment:
            raise InputError("config", [Fault("prices.url", "hold no fragment", (fragment,))])
        ca_file = None if source.ca_file is None else folder / source.ca_file
        self._pool = pool(ca_file=ca_file, private_network=source.private_network)
        self._tag = ""
        self.failure = ""
        """Why the last fetch brought nothing; "" where it did."""
        self.good_s: float | None = None
        """When prices were last good, UTC seconds since 1970; None before the first."""
        if path.is_file():
            self.good_s = path.stat().st_mtime

    @property
    def stale(self) -> bool:
        """Whether the last good prices are older than they may be."""
        good_s = self.good_s
        return good_s is None or self._clock.now_s() - good_s > self._source.stale_h * 3600.0

    async def close(self) -> None:
        """Hang up."""
        await self._pool.aclose()

    async def fetch(self) -> bool:
        """Ask once; whether there are prices that are good now."""
        with self._clock.working():
            try:
                body = await self._asked()
                if body is not None:
                    await asyncio.to_thread(self._keep, body)
            except PriceDownloadError as error:
                self.failure = str(error)
                return False
        self.failure, self.good_s = "", self._clock.now_s()
        return True

    async def _asked(self) -> bytes | None:
        """The answer's body within the time and the size; None where nothing has changed.

        Raises:
            PriceDownloadError: None came.
        """
        headers = [("accept-encoding", "identity"), ("user-agent", "evergrid")]
        headers += [("if-none-match", self._tag)] if self._tag and self._path.is_file() else []
        most, body = round(self._source.most_mb * BYTES_PER_MB), bytearray()
        try:
            async with (
                asyncio.timeout(self._source.timeout_s),
                self._pool.stream("GET", self._url, headers=headers) as response,
            ):
                if response.status == NOT_MODIFIED and self._tag:
                    return None
                if response.status != OK:
                    raise PriceDownloadError(f"the server of prices answers {response.status}")
                async for part in response.aiter_stream():
                    body += part
                    if len(body) > most:
                        limit = f"{self._source.most_mb:g} MB"
                        raise PriceDownloadError(f"prices of more than most_mb, {limit}")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise PriceDownloadError(f"not reached: {type(error).__name__}") from error
        except TimeoutError as error:
            within = f"{self._source.timeout_s:g} s"
            raise PriceDownloadError(f"no whole answer within timeout_s, {within}") from error
        except OSError as error:
            if isinstance(error, PriceDownloadError):
                raise
            reason = str(error) if isinstance(error, AddressError) else type(error).__name__
            raise PriceDownloadError(f"not reached: {reason}") from error
        told = {name.lower(): value for name, value in response.headers}
        if told.get(b"content-encoding", b"identity") != b"identity":
            raise PriceDownloadError("an answer that is packed although that was not asked for")
        tag = told.get(b"etag", b"").decode("latin-1")
        self._tag = tag if tag.isascii() and len(tag) <= LONGEST_TAG else ""
        return bytes(body)

    def _keep(self, body: bytes) -> None:
        """Put prices in place of the last good ones, in one step, where they can be read.

        Raises:
            PriceDownloadError: They cannot, or the disk takes them not.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(suffix=self._path.suffix, dir=self._path.parent)
        except OSError as error:
            raise PriceDownloadError(f"{self._path.name}: {error.strerror}") from error
        new = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(body)
            self._read(new)
            new.replace(self._path)
        except EvergridError as error:
            self._tag = ""
            raise PriceDownloadError(f"what came are no prices: {error}") from error
        except OSError as error:
            raise PriceDownloadError(f"{self._path.name}: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
