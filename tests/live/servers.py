"""Servers that Debian's packages bring, on a free port of this machine with data of their own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

OWNER = "postgres"  # PostgreSQL does not run as root
START_S = 20.0
SHARED_MEMORY = "/dev/shm"  # a file system in memory, where there is one
BESIDE_PATH = "/usr/sbin:/usr/local/sbin"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def needed(program: str, found: str | None) -> str:
    """The path of a server; without it the test is skipped, or fails where it must be there."""
    if found is None:
        reason = f"{program} is not installed; make services brings it"
        if os.environ.get("EVERGRID_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def wait_for(port: int) -> None:
    """Until a server takes connections."""
    end = time.monotonic() + START_S
    while not listens(port):
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.02)


class PostgresServer:
    """A PostgreSQL server with a password, which can be killed and started again."""

    def __init__(self) -> None:
        memory = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="evergrid-postgres-", dir=memory))
        self.port, self.password = free_port(), secrets.token_urlsafe(12)
        self._programs = Path(needed("postgresql", _postgres())).parent
        self._process: subprocess.Popen[bytes] | None = None
        word = self.folder / "password"
        word.write_text(self.password)
        if os.geteuid() == 0:
            for path in (self.folder, word):
                shutil.chown(path, OWNER, OWNER)
        self._run(
            "initdb",
            *("--pgdata", str(self.folder / "data"), "--username", "evergrid", "--no-sync"),
            *("--auth", "scram-sha-256", "--pwfile", str(word), "--encoding", "UTF8"),
        )

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def url(self, name: str) -> str:
        """Of a data base."""
        return f"postgresql://evergrid:{self.password}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Take connections."""
        settings = ("-c", f"unix_socket_directories={self.folder}", "-c", "max_connections=40")
        call = self._as_owner("postgres", "-D", str(self.folder / "data"), *settings)
        self._process = subprocess.Popen(
            [*call, "-h", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, without a word to its clients, as where its machine fails."""
        assert self._process is not None
        found = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        os.kill(int(found), signal.SIGQUIT)  # it ends its children, and writes nothing more
        self._process.wait(10)

    def empty(self) -> str:
        """A data base without tables; its URL. What was in it is gone."""
        environment = {**os.environ, "PGPASSWORD": self.password}
        where = ("-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "evergrid", "postgres")
        words = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        call = [str(self._programs / "psql"), *where, "-c", words]
        subprocess.run(call, env=environment, check=True, stderr=subprocess.DEVNULL)
        return self.url("postgres")

    def remove(self) -> None:
        """End it and delete its data."""
        if self.up:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        call = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(call, check=False).returncode == 0

    def _as_owner(self, program: str, *arguments: str) -> list[str]:
        call = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            who = ("--reuid", OWNER, "--regid", OWNER, "--clear-groups")
            return ["setpriv", *who, *call]
        return call

    def _run(self, program: str, *arguments: str) -> None:
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": self.folder}
        subprocess.run(self._as_owner(program, *arguments), check=True, **quiet)


class NatsServer:
    """A NATS server, which can be ended and started again on its port."""

    def __init__(self) -> None:
        self._program = needed("nats-server", shutil.which("nats-server", path=_path()))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Take connections."""
        call = [self._program, "-a", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{BESIDE_PATH}"


def _postgres() -> str | None:
    """The newest PostgreSQL of Debian's folders, or one on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return str(found[-1]) if found else shutil.which("postgres", path=_path())
