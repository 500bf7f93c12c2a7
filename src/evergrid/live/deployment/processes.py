"""The processes of a service on one machine: a NATS server, and gateways that are started again."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import final

import structlog

from evergrid.core.errors import WorkerError
from evergrid.live.gateway.entry import NatsServerEntry

log = structlog.get_logger()

PROGRAM, BESIDE_PATH = "nats-server", "/usr/sbin:/usr/local/sbin"
OWN_FILE = 0o600
START_S, END_S = 10.0, 5.0
LEAST_AGAIN_S, LONGEST_AGAIN_S = 0.5, 10.0  # before a process that ended is started again
LASTED_S = 30.0  # after which a process that ends is started again at once
LARGEST_MESSAGE = 2**20

_SERVER = """
listen: "127.0.0.1:{port}"
max_payload: {largest}
authorization {{ user: "{user}", password: "{password}" }}
"""


@final
class KeptProcess:
    """A process that is started again whenever it ends.

    Args:
        name: For the log.
        command: That starts it.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name, self._command = name, command
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that runs now; None where none does."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Start it, and keep it."""
        await self._start()
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End it for good."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self) -> None:
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the service, which then ends what it started
        )

    async def _keep(self) -> None:
        wait_s, loop = LEAST_AGAIN_S, asyncio.get_running_loop()
        while True:
            process, begin_s = self._process, loop.time()
            assert process is not None
            code = await process.wait()
            log.warning("process_ended", name=self.name, code=code)
            wait_s = LEAST_AGAIN_S if loop.time() - begin_s > LASTED_S else wait_s
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_AGAIN_S)
            await self._start()


@asynccontextmanager
async def nats_server() -> AsyncIterator[tuple[NatsServerEntry, Path]]:
    """A NATS server for this machine alone, with a password of its own.

    Yields:
        How to reach it, and the folder that its password file is in, for its owner alone.

    Raises:
        WorkerError: It is not installed, or does not start.
    """
    program = shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:{BESIDE_PATH}")
    if program is None:
        raise WorkerError(
            f"{PROGRAM} is not installed. Install it (apt-get install nats-server), or name a "
            "server that is there in [gateways.nats]."
        )
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evergrid-broker-")))
        port, password = free_port(), secrets.token_urlsafe(24)
        _write(folder / "password", password)
        settings = {"port": port, "largest": LARGEST_MESSAGE}
        _write(folder / "server", _SERVER.format(user="evergrid", password=password, **settings))
        command = [*_ends_with_us(), program, "-c", str(folder / "server"), "-l", os.devnull]
        server = KeptProcess(PROGRAM, command)
        await server.start()
        stack.push_async_callback(server.stop)
        await _listens(port)
        entry = NatsServerEntry(port=port, user="evergrid", password_file="password")
        yield entry, folder


@asynccontextmanager
async def gateways(commands: Sequence[Sequence[str]]) -> AsyncIterator[list[KeptProcess]]:
    """A gateway for each command, started again whenever it ends."""
    found = [KeptProcess(f"gateway {n}", command) for n, command in enumerate(commands)]
    try:
        for one in found:
            await one.start()
        yield found
    finally:
        await asyncio.gather(*(one.stop() for one in found))


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _ends_with_us() -> list[str]:
    """How a program is told to end where we do, also where we are killed."""
    program = shutil.which("setpriv")
    return [] if program is None else [program, "--pdeathsig", "TERM"]


def _write(file: Path, text: str) -> None:
    number = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWN_FILE)
    with os.fdopen(number, "w") as opened:
        opened.write(text)


async def _listens(port: int) -> None:
    """Until a server takes connections.

    Raises:
        WorkerError: It does not in time.
    """
    try:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                return
    except TimeoutError:
        raise WorkerError(f"{PROGRAM} does not start within {START_S:g} s.") from None
