"""Runs what reads a feeder's files in a process of its own, apart from everything else.

OpenDSS is a command interpreter and native code; a file that finds a fault in it must not find us.
A function marked with `apart` runs in a child of this process, which sees the feeder's folder
read-only, a scratch folder, no network and no other program (`sandbox`), and has limits of time
and memory. What it returns comes back as plain data (`plain_data`), never as code.

One server process, started at the first reading or before it by `start`, has everything imported;
on Linux it forks a child for each reading. On other systems it serves one reading itself and ends.
"""

import atexit
import contextlib
import inspect
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar, cast

from evergrid.core.errors import EvergridError, InputError
from evergrid.core.faults import Fault
from evergrid.core.files import given_file
from evergrid.grid.feeder.isolation import plain_data
from evergrid.grid.feeder.isolation.sandbox import MEMORY_GB

READ_S = 120.0  # for reading a feeder; one of 8,500 nodes takes five
RUN_S = 3600.0  # for a run over many steps
LIMIT = "EVERGRID_FEEDER_LIMIT_S"  # environment variable: seconds, in place of `READ_S`
FORKS = sys.platform == "linux"  # others serve one reading and end
# What it imports stays: to look for what could go meanwhile would take a tenth of its start.
SERVE = "import gc; gc.disable(); from evergrid.grid.feeder import opendss_child as c; c.main()"
SERVER = (sys.executable, "-P", "-s", "-c", SERVE)
PASSED_ON = ("SYSTEMROOT", "WINDIR", "LANG", "LC_ALL")  # what the server is told of our environment
CRASHED = "be a feeder that OpenDSS can read; it ended without an answer"
TOO_LONG = "be read within {:g} s; OpenDSS was stopped"
TOO_LARGE = "be read with {:g} GB of memory; OpenDSS was stopped"

GRACE_S = 2.0  # the child's own limit comes first
ANSWER, ENDINGS = b"A", {b"A": "answer", b"T": "time", b"M": "memory", b"C": "crash"}
HEAD = struct.Struct(">cQ")  # kind of a message and length of its body

P = ParamSpec("P")
R = TypeVar("R")

functions: dict[str, Callable[..., Any]] = {}  # those marked, by module and name
_engine: list[str] = []  # version of the engine, once a server has told it
_here = threading.Event()  # set in the child, where marked functions simply run
_idle: list["_Server"] = []
_lock = threading.Lock()


def apart(*, limit_s: float = READ_S) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function whose first argument is a feeder's master file to run in the child.

    Its arguments and what it returns are plain data, arrays and records of the grid. Its errors
    come back as they are.

    Args:
        limit_s: Seconds after which it is stopped.

    Raises:
        InputError: From the function: OpenDSS crashed, took too long or too much memory.
    """

    def marked(function: Callable[P, R]) -> Callable[P, R]:
        name = f"{function.__module__}:{function.__qualname__}"
        functions[name] = function

        @wraps(function)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            if _here.is_set():
                return function(*args, **kwargs)
            given = inspect.signature(function).bind(*args, **kwargs).arguments
            path = next(iter(given.values()))
            given_file.size_bytes(path, way_out="Name the feeder's master .dss file.")
            return cast(R, _asked(name, path, given, _limit(limit_s)))

        return asked

    return marked


def start() -> None:
    """Start the server now, beside what this process does until the first reading.

    It takes half a second and more to import what it needs; a command that is going to read a
    feeder need not wait for that.
    """
    with _lock:
        if not _here.is_set() and all(server.owner != os.getpid() for server in _idle):
            _idle.append(_Server())


def run_here() -> None:
    """Let marked functions run in this process from now on: it is the child."""
    _here.set()


def engine_version() -> str:
    """Version of OpenDSS that read a feeder for this process; empty where none was read."""
    return _engine[-1] if _engine else ""


def _limit(limit_s: float) -> float:
    """The limit, or the one that the environment states for reading."""
    try:
        return float(os.environ[LIMIT]) if limit_s == READ_S else limit_s
    except (KeyError, ValueError):
        return limit_s


def _asked(name: str, path: Path, given: dict[str, Any], limit_s: float) -> Any:
    """The answer of a server; what is left of it is used again only after a whole answer."""
    whole = given_file.TypedPath(path.absolute())  # the child stands elsewhere
    whole.written = f"{path}"
    request = {
        "function": name,
        "given": {**given, next(iter(given)): whole},
        "folder": str(path.resolve().parent),
        "limit_s": limit_s,
    }
    server = _taken() or _Server()
    try:
        answer = server.answer(plain_data.encoded(request), limit_s)
    except BaseException:
        server.end()
        raise
    if server.serves_on:
        with _lock:
            _idle.append(server)
    else:
        server.end()
    return _returned(answer, path, limit_s)


def _returned(answer: bytes | str, path: Path, limit_s: float) -> Any:
    """What the function returned, or its error raised; a text says how the child ended."""
    ended, error, source = answer, "", ""
    value: Any = None
    if isinstance(answer, bytes):
        try:
            error, source, value = plain_data.decoded(answer)
        except (ValueError, TypeError):  # nothing that our own code sends
            ended = "crash"
    if isinstance(ended, str):
        rule = {"time": TOO_LONG.format(limit_s), "memory": TOO_LARGE.format(MEMORY_GB)}
        fix = f"Set the variable {LIMIT} where it needs longer." if ended == "time" else ""
        fault = Fault("file", rule.get(ended, CRASHED), fix=fix)
        raise InputError(given_file.name(path), [fault])
    if not error:
        return value
    if error == "InputError":
        raise InputError(source, value)
    for kind in EvergridError.__subclasses__():
        if kind.__name__ == error:
            raise kind(value)
    raise RuntimeError(f"{error} in the process that reads feeders: {value}")


def send(pipe: IO[bytes] | None, kind: bytes, body: bytes) -> None:
    """Write a message to a pipe."""
    assert pipe is not None
    pipe.write(HEAD.pack(kind, len(body)))
    pipe.write(body)
    pipe.flush()


def frame(pipe: IO[bytes] | None) -> tuple[bytes, bytes]:
    """Kind and body of the next message.

    Raises:
        EOFError: The other side closed the pipe.
    """
    assert pipe is not None
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        raise EOFError
    kind, length = HEAD.unpack(head)
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return kind, body


class _Server:
    """The server process, the pipes to it, and the scratch folder where it stands."""

    def __init__(self) -> None:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in sys.path)
        environment["OPENBLAS_NUM_THREADS"] = "1"  # threads would not live on in a fork
        # Where OpenDSS writes what some modes of solution need: the folder in which it was loaded.
        self.scratch = tempfile.TemporaryDirectory(prefix="evergrid-", ignore_cleanup_errors=True)
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            SERVER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            env=environment,
            cwd=self.scratch.name,
            start_new_session=True,  # its group is ended as a whole
        )
        self.owner = os.getpid()
        self.ready, self.late, self.serves_on = False, False, True

    def answer(self, request: bytes, limit_s: float) -> bytes | str:
        """The bytes of an answer, or how the child ended: time, memory or crash."""
        self._wait_until_ready()
        timer = threading.Timer(limit_s + GRACE_S, self._stop)
        timer.daemon = True
        timer.start()
        try:
            send(self.process.stdin, b"Q", request)
            kind, body = frame(self.process.stdout)
        except (OSError, EOFError):
            self.serves_on = False
            return "time" if self.late else "crash"
        finally:
            timer.cancel()
        self.serves_on = FORKS and kind in ENDINGS and not self.late
        return body if kind == ANSWER else ENDINGS.get(kind, "crash")

    def _wait_until_ready(self) -> None:
        if self.ready:
            return
        try:
            _, version = frame(self.process.stdout)
        except (OSError, EOFError):
            self.said.seek(0)
            *_, last = self.said.read().decode(errors="replace").strip().splitlines() or [""]
            raise RuntimeError(f"the process that reads feeders did not start: {last}") from None
        _engine[:] = [version.decode()]
        self.ready = True

    def _stop(self) -> None:
        self.late = True
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):  # it may have ended by itself
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def end(self) -> None:
        """Stop it and what it forked, and close the pipes."""
        if self.owner != os.getpid():
            return
        self._kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.said):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        self.scratch.cleanup()


@atexit.register
def end_all() -> None:
    """Stop the servers of this process; the next reading starts one anew."""
    while (server := _taken()) is not None:
        server.end()


def _taken() -> _Server | None:
    """An idle server of this process and not of the one that it was forked from."""
    with _lock:
        for server in _idle:
            if server.owner == os.getpid():
                _idle.remove(server)
                return server
    return None
