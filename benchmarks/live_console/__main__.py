"""Prints bytes, CPU time and memory of pages and streams; the server runs in another process.

Usage: ``python -m benchmarks.live_console [--stations N] [--viewers N] [--seconds S]``
"""

import argparse
import asyncio
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).parents[2]
PAGES = ("/", "/stations", "/sessions", "/signal", "/plan", "/alarms", "/ledger", "/audit")
WARM_S = 2.0  # in which streams begin with all there is
PAGE_ROWS = 50


@dataclass
class Server:
    """A server in another process."""

    process: subprocess.Popen[str]
    url: str
    headers: dict[str, str]

    def cost(self) -> tuple[float, float]:
        """Memory in MB, CPU time in seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("cost\n")
        self.process.stdin.flush()
        memory_mb, cpu_s = map(float, self.process.stdout.readline().split())
        return memory_mb, cpu_s


def started(stations: int) -> Server:
    """A server of so many stations."""
    call = [sys.executable, "-m", "benchmarks.live_console.served", str(stations)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(call, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    url, token = process.stdout.readline().split()
    return Server(process, url, {"Authorization": f"Bearer {token}"})


def pages(server: Server) -> None:
    """Bytes of every page with what it loads, and how long the page takes."""
    how: dict[str, Any] = {"headers": server.headers, "trust_env": False}
    with httpx.Client(base_url=server.url, **how) as client:
        for path in PAGES:
            client.get(path)
            begin_s = time.monotonic()
            text = client.get(path).text
            took_ms = 1e3 * (time.monotonic() - begin_s)
            files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', text))
            total = len(text.encode()) + sum(len(client.get(file).content) for file in files)
            print(
                f"page {path:<10} {total / 1e3:6.1f} kB with {len(files)} files, {took_ms:.0f} ms"
            )


async def streams(server: Server, name: str, asked: dict[str, Any], count: int, s: float) -> None:
    """Bytes of an update, and what so many viewers cost."""
    sizes: list[int] = []
    (memory_mb, cpu_s), begin_s = server.cost(), time.monotonic()
    end_s = begin_s + WARM_S + s

    async def viewer(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/api/v1/events", params=asked) as answer:
            async for chunk in answer.aiter_raw():
                if time.monotonic() > begin_s + WARM_S:
                    sizes.append(len(chunk))
                if time.monotonic() > end_s:
                    return

    limits = httpx.Limits(max_connections=count)
    how: dict[str, Any] = {"headers": server.headers, "trust_env": False, "timeout": None}
    async with httpx.AsyncClient(base_url=server.url, limits=limits, **how) as client:
        await asyncio.gather(*(viewer(client) for _ in range(count)))
    after_mb, after_s = server.cost()
    share = (after_s - cpu_s) / (time.monotonic() - begin_s)
    print(
        f"{name}: update {sum(sizes) / len(sizes) / 1e3:.1f} kB, at most {max(sizes) / 1e3:.1f}; "
        f"{count} viewers take {after_mb - memory_mb:.1f} MB and {share:.1%} of a core"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=1000)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    server = started(given.stations)
    try:
        pages(server)
        names = [f"cp-{i:04d}" for i in range(1, PAGE_ROWS + 1)]
        for name, asked in (
            ("interface, all stations", {"topics": "overview,stations,series"}),
            ("overview page", {"topics": "bar,words,series"}),
            ("stations page", {"topics": "bar,cells", "station": names}),
        ):
            asyncio.run(streams(server, name, asked, given.viewers, given.seconds))
    finally:
        server.process.communicate()


if __name__ == "__main__":
    main()
