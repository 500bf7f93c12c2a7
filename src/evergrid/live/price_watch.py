"""Prices that the service plans and books with: looked at again and again, file or address."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.data.files.locate import locate
from evergrid.inputs.assembly import read_prices
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config
from evergrid.live.signals.price_download import PriceDownload
from evergrid.live.signals.price_entry import LivePriceSource
from evergrid.live.signals.prices import PriceFile
from evergrid.model.prices import Prices

STALE, UNREADABLE = "prices_stale", "prices_unreadable"
SOURCE = "prices"
AGAIN_S = 3600.0  # after which a file is read anew, as a format is read for some days only

Raise = Callable[[str, str, str], None]
End = Callable[[str, str], None]
Use = Callable[[Prices], None]


@final
class PriceWatch:
    """The source of prices of a service.

    Args:
        config: Of the service.
        folder: What relative paths start from.
        clock: Of the service.
        days: For which prices are read beyond the horizon of a plan.

    Raises:
        InputError: An address that may not be asked.
    """

    def __init__(self, config: Config, folder: Path, clock: AbstractClock, days: float) -> None:
        self._config, self._folder, self._clock, self._days = config, folder, clock, days
        source = config.prices
        self._path = locate(source.file, folder)
        self._file = PriceFile(self._path, self._read, clock)
        self._download: PriceDownload | None = None
        if source.url is not None:
            self._download = PriceDownload(source, self._path, self._read, folder, clock)
        self._read_s = clock.now_s()

    @property
    def _source(self) -> LivePriceSource:
        return self._config.prices

    def _read(self, path: Path) -> Prices:
        """Prices of a file from now on for as long as plans will look."""
        now = datetime.fromtimestamp(self._clock.now_s(), UTC)
        hours = round(self._config.planning.horizon_h + 24 * self._days)
        grid = TimeGrid(now.replace(minute=0, second=0, microsecond=0), 1.0, hours)
        source = self._source.model_copy(update={"file": str(path)})
        return read_prices(source, grid, self._folder)[0]

    async def first(self) -> Prices:
        """The prices to begin with: of the file, and of the address where there is no file yet.

        Raises:
            InputError: There are none that can be read.
            MissingFileError: There is no file, and no address.
        """
        if self._download is not None and not self._path.is_file():
            await self._download.fetch()
            if self._download.failure:
                fault = Fault("url", "bring prices at the first start", (self._download.failure,))
                raise InputError("prices", [fault])
        await self._file.look()
        if self._file.prices is not None:
            return self._file.prices
        with self._clock.working():
            return await asyncio.to_thread(self._read, self._path)  # which tells what is wrong

    async def close(self) -> None:
        """Hang up."""
        if self._download is not None:
            await self._download.close()

    async def watch(self, use: Use, begin: Raise, end: End) -> None:
        """Look again and again, until cancelled.

        Args:
            use: Told of new prices.
            begin: Raises an alarm.
            end: Ends one.
        """
        if self._download is not None:
            await self.look(use, begin, end)
        while True:
            await self._clock.sleep(self._source.poll_s)
            await self.look(use, begin, end)

    async def look(self, use: Use, begin: Raise, end: End) -> None:
        """Look once; what was last good stays where nothing better comes."""
        download, known = self._download, self._file.prices
        if download is not None:
            await download.fetch()
            if download.stale:
                text = f"prices were last good more than {self._source.stale_h:g} h ago"
                begin(STALE, SOURCE, f"{text}: {download.failure}")
            else:
                end(STALE, SOURCE)
        if self._clock.now_s() >= self._read_s + AGAIN_S:
            self._file.forget()
            self._read_s = self._clock.now_s()
        if await self._file.look():
            prices = self._file.prices
            assert prices is not None, "they were read just now"
            if known is not None and prices.currency != known.currency:
                self._file.failure = f"the currency is no longer {known.currency}"
                self._file.prices = known
            else:
                use(prices)
        failure = self._file.failure
        if download is not None and download.failure.startswith("what came"):
            failure = download.failure
        if failure:
            begin(UNREADABLE, SOURCE, failure)
        else:
            end(UNREADABLE, SOURCE)
