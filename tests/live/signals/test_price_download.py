"""Prices by HTTP: within time and size, from one address alone, and never worse than before."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.errors import InputError
from evergrid.data.tables.prices import read_prices
from evergrid.live.clock import VirtualClock
from evergrid.live.signals.price_download import PriceDownload
from evergrid.live.signals.price_entry import LivePriceSource

READ = partial(read_prices, currency="EUR")
HEAD = "time_utc,import_price_per_mwh,export_price_per_mwh\n"


def table(price: float, hours: int = 24) -> bytes:
    rows = (f"2026-07-0{1 + i // 24}T{i % 24:02d}:00Z,{price},{price}\n" for i in range(hours))
    return (HEAD + "".join(rows)).encode()


@dataclass
class PriceServer:
    """A server on this machine that answers what it is told to.

    Attributes:
        body: Of the next answers.
        status: Likewise.
        headers: Likewise.
        pause_s: Before each part of the body.
        asked: What came, path and headers.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/prices.csv"


@contextmanager
def price_server() -> Iterator[PriceServer]:
    told = PriceServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            told.asked.append((self.path, dict(self.headers)))
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            for first in range(0, len(told.body), 200_000):
                time.sleep(told.pause_s)
                try:
                    self.wfile.write(told.body[first : first + 200_000])
                except OSError:
                    return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def download(path: Path, url: str, clock: VirtualClock | None = None, **more: Any) -> PriceDownload:
    given: dict[str, Any] = {"timeout_s": 2.0} | more
    source = LivePriceSource(file=str(path), url=url, **given)
    return PriceDownload(source, path, READ, path.parent, clock or VirtualClock(1.0e9))


def fetched(one: PriceDownload) -> bool:
    async def fetch() -> bool:
        try:
            return await one.fetch()
        finally:
            await one.close()

    return asyncio.run(fetch())


def first_price(path: Path) -> float:
    return float(READ(path).import_price_per_mwh[0])


def test_good_prices_are_kept_in_the_file(tmp_path: Path):
    path = tmp_path / "kept" / "prices.csv"
    with price_server() as server:
        server.body = table(50.0)
        one = download(path, server.url + "?zone=NO1")
        assert fetched(one)
    assert first_price(path) == 50.0
    assert server.asked[0][0] == "/prices.csv?zone=NO1"
    assert (one.failure, one.stale) == ("", False)
    assert [found.name for found in path.parent.iterdir()] == ["prices.csv"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": 500}, "answers 500"),
        ({"status": 302, "headers": {"location": "http://127.0.0.1:1/"}}, "answers 302"),
        ({"body": b"<html>no prices</html>"}, "what came are no prices"),
        ({"body": b""}, "what came are no prices"),
        ({"body": table(9.0).replace(b"9.0", b"nan")}, "what came are no prices"),
        ({"body": b"x" * 1_200_000}, "more than most_mb, 1 MB"),
        ({"body": table(9.0), "pause_s": 3.0}, "within timeout_s, 1 s"),
        ({"headers": {"content-encoding": "gzip"}}, "packed"),
    ],
)
def test_what_fails_changes_nothing_and_is_told(
    tmp_path: Path, changed: dict[str, Any], reason: str
):
    path = tmp_path / "prices.csv"
    path.write_bytes(table(50.0))
    with price_server() as server:
        server.body = table(60.0)
        for name, value in changed.items():
            setattr(server, name, value)
        one = download(path, server.url, most_mb=1.0, timeout_s=1.0)
        assert not fetched(one)
    assert reason in one.failure
    assert first_price(path) == 50.0
    assert [found.name for found in tmp_path.iterdir()] == ["prices.csv"]


def test_a_server_that_is_not_there_is_told(tmp_path: Path):
    with price_server() as server:
        url = server.url
    one = download(tmp_path / "prices.csv", url)
    assert not fetched(one)
    assert one.failure.startswith("not reached")
    assert one.stale


def test_prices_are_stale_once_none_were_good_for_long_enough(tmp_path: Path):
    clock = VirtualClock(1.0e9)
    with price_server() as server:
        server.body = table(50.0)
        one = download(tmp_path / "prices.csv", server.url, clock, stale_h=1.0)

        async def scene() -> None:
            assert await one.fetch()
            await clock.run(3590.0)
            assert not one.stale
            server.status = 503
            assert not await one.fetch()
            await clock.run(3610.0)
            assert one.stale
            server.status = 200
            assert await one.fetch()
            assert not one.stale
            await one.close()

        asyncio.run(scene())


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path):
    with price_server() as server:
        server.body, server.headers = table(50.0), {"etag": '"7"'}
        one = download(tmp_path / "prices.csv", server.url)

        async def scene() -> None:
            assert await one.fetch()
            server.status, server.body = 304, b""
            assert await one.fetch()
            await one.close()

        asyncio.run(scene())
    assert server.asked[1][1]["if-none-match"] == '"7"'
    assert first_price(tmp_path / "prices.csv") == 50.0


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://prices.example/day.csv", "https"),
        ("ftp://prices.example/day.csv", "address"),
        ("https://user:secret@prices.example/day.csv", "password"),
        ("https://prices.example/day.csv#part", "fragment"),
    ],
)
def test_an_address_that_may_not_be_asked_is_refused(tmp_path: Path, url: str, rule: str):
    with pytest.raises(InputError, match=rule) as refused:
        download(tmp_path / "prices.csv", url)
    assert "secret" not in str(refused.value)


def test_a_private_network_is_asked_only_where_that_was_configured(tmp_path: Path):
    one = download(tmp_path / "prices.csv", "https://10.255.255.1/day.csv")
    assert not fetched(one)
    assert "may not be asked" in one.failure
