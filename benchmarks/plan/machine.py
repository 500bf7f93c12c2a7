"""What the times were taken on: cores, processor, memory, versions."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("evergrid", "highspy", "numpy", "numba", "jax")
GPU_PACKAGES = ("cupdlpx", "cuopt-cu12", "cuopt-cu13")
GPU_NAMES = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


def description() -> str:
    """The machine in a few words."""
    cores = len(os.sched_getaffinity(0))
    memory_kb = _first(Path("/proc/meminfo"), r"^MemTotal:\s+(\d+) kB$")
    model = _first(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$")
    return f"{cores} cores, {model}, {int(memory_kb) / 1024**2:.0f} GB"


def versions() -> str:
    """Versions of everything that matters to a time."""
    packages = (*PACKAGES, *GPU_PACKAGES) if gpus() else PACKAGES
    known = [f"{name} {found}" for name in packages if (found := _version(name))]
    return ", ".join([f"Python {platform.python_version()}", *known])


def gpus() -> list[str]:
    """Names of the GPUs that the driver shows; none without a driver."""
    if shutil.which(GPU_NAMES[0]) is None:
        return []
    told = subprocess.run(GPU_NAMES, capture_output=True, text=True, check=False)
    return told.stdout.strip().splitlines() if told.returncode == 0 else []


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _first(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else "unknown"
