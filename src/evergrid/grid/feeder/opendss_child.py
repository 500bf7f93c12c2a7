"""The process behind `isolation.process`: a server, and a fork of it for each reading.

Requests come and answers go by its pipes. Its start is waited for by who reads a first feeder, so
that nothing is imported here that reading does not need, Numba least of all.
"""

import gc
import importlib
import os
import select
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import IO, Any

from scipy.sparse import csgraph

from evergrid.core.errors import EvergridError, InputError
from evergrid.grid.feeder import opendss, opendss_shapes
from evergrid.grid.feeder.isolation import plain_data, process, sandbox
from evergrid.grid.feeder.isolation.process import ANSWER, FORKS, frame, functions, run_here, send
from evergrid.grid.feeder.reader import command_check, vocabulary

MOST_BYTES = 2_000_000_000  # of an answer
OUT_OF_MEMORY = 77  # exit code
READY, CRASH, TIME, MEMORY = b"R", b"C", b"T", b"M"
LOADED = (opendss_shapes, csgraph)  # before the first reading, once for all


def main() -> None:
    """Serve until the other side closes its pipe; where nothing is forked, serve once."""
    run_here()
    version = opendss.version()  # loads the engine: it writes where it was loaded, to scratch
    vocabulary.properties()
    gc.freeze()  # forks share what is not touched
    gc.enable()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what native code prints is no answer
    send(answers, READY, version.encode())
    while True:
        try:
            _, body = frame(requests)
        except EOFError:
            return
        request = plain_data.decoded(body)
        importlib.import_module(request["function"].split(":")[0])
        answer = _forked(request, requests) if FORKS else _alone(request)
        _empty(Path.cwd())
        send(answers, *answer)
        if not FORKS:
            return


def _alone(request: dict[str, Any]) -> tuple[bytes, bytes]:
    """Kind and body of the answer that this process gives itself."""
    try:
        return ANSWER, _served(request)
    except MemoryError:
        return MEMORY, b""


def _empty(scratch: Path) -> None:
    """Take out what a reading wrote."""
    for path in scratch.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _forked(request: dict[str, Any], requests: IO[bytes]) -> tuple[bytes, bytes]:
    """Kind and body of the answer that a fork of this process gives."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sandbox.end_with_parent()
            for standard in (0, 2):
                os.dup2(os.open(os.devnull, os.O_RDWR), standard)
            os.closerange(3, writing)
            os.closerange(writing + 1, sandbox.OPEN_FILES)
            with os.fdopen(writing, "wb") as pipe:
                send(pipe, ANSWER, _served(request))
            code = 0
        except MemoryError:
            code = OUT_OF_MEMORY
        finally:
            os._exit(code)
    os.close(writing)
    body = _collected(reading, requests, child)
    _, status = os.waitpid(child, 0)
    head = process.HEAD.size
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 and body[:1] == ANSWER:
        return ANSWER, body[head:]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return TIME, b""
    memory = os.WIFEXITED(status) and os.WEXITSTATUS(status) == OUT_OF_MEMORY
    return (MEMORY if memory else CRASH), b""


def _collected(reading: int, requests: IO[bytes], child: int) -> bytes:
    """What the child writes until it ends; it is stopped where nobody waits any more."""
    found, count = [], 0
    while True:
        ready, _, _ = select.select([reading, requests], [], [])
        if requests in ready or count > MOST_BYTES:  # nothing is asked before the answer is there
            os.kill(child, signal.SIGKILL)
        if requests in ready:
            os._exit(1)
        part = os.read(reading, 1 << 20)
        if not part:
            os.close(reading)
            return b"".join(found)
        found.append(part)
        count += len(part)


def _served(request: dict[str, Any]) -> bytes:
    """The answer to a request: error, its source, and value."""
    readable = command_check.readable(Path(request["folder"]))
    opendss.lacking = sandbox.enter(readable, Path.cwd(), limit_s=request["limit_s"])
    error, source, value = "", "", None
    try:
        value = functions[request["function"]](**request["given"])
        return plain_data.encoded((error, source, value))
    except InputError as fault:
        error, source, value = "InputError", fault.source, fault.faults
    except EvergridError as fault:
        error, value = type(fault).__name__, str(fault)
    except MemoryError:
        raise
    except Exception as fault:
        error, value = type(fault).__name__, traceback.format_exc()
    return plain_data.encoded((error, source, value))


if __name__ == "__main__":
    main()
