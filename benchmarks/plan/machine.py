"""What the times were taken on: cores, processor, memory, versions."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("evergrid", "highspy", "numpy", "numba")


def description() -> str:
    """The machine in a few words."""
    cores = len(os.sched_getaffinity(0))
    memory_kb = _first(Path("/proc/meminfo"), r"^MemTotal:\s+(\d+) kB$")
    model = _first(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$")
    return f"{cores} cores, {model}, {int(memory_kb) / 1024**2:.0f} GB"


def versions() -> str:
    """Versions of everything that matters to a time."""
    known = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *known])


def _first(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else "unknown"
