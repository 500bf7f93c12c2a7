"""Functions that run in the child that reads feeders, and try what they may not do."""

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from evergrid.grid.feeder.isolation.process import apart


@apart()
def attempts(master: Path, outside: Path) -> dict[str, str]:
    """What came of each attempt: the name of the error, or nothing where it went through."""
    tried: dict[str, Callable[[], object]] = {
        "read the feeder": master.read_bytes,
        "write to scratch": lambda: Path("scratch").write_text("x"),
        "read outside": outside.read_bytes,
        "list outside": lambda: list(outside.parent.iterdir()),
        "write outside": lambda: outside.write_text("x"),
        "write beside the feeder": lambda: (master.parent / "new").write_text("x"),
        "remove the feeder": master.unlink,
        "open a socket": socket.socket,
        "run a program": lambda: subprocess.run(["/bin/true"], check=True),
        "fork": os.fork,
        "signal the server": lambda: os.kill(os.getppid(), 0),
        "use more memory": lambda: bytearray(6_000_000_000),
    }
    return {name: _came(attempt) for name, attempt in tried.items()}


def _came(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return ""


@apart()
def environment(master: Path) -> list[str]:
    """Names of the variables that the child is told."""
    assert master.is_file()
    return sorted(os.environ)


@apart()
def packages(master: Path) -> list[str]:
    """Names of the packages that the child has imported."""
    assert master.is_file()
    return sorted({name.split(".")[0] for name in sys.modules})


@apart()
def crash(master: Path) -> None:
    """What native code does that has a fault."""
    assert master.is_file()
    ctypes.string_at(0)


@apart(limit_s=1.0)
def forever(master: Path) -> None:
    """Never comes back."""
    while master.is_file():
        pass


@apart(limit_s=1.0)
def asleep(master: Path) -> None:
    """Never comes back, and takes no processor time."""
    assert master.is_file()
    os.read(os.pipe()[0], 1)


@apart()
def too_large(master: Path) -> int:
    """Needs more memory than it is given."""
    return len(bytearray(6_000_000_000)) + len(master.name)
