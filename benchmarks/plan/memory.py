"""How much memory this process has held at most, as the Linux kernel counts it."""

import re
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): sets the peak of the resident set to what it is now


def reset_peak() -> None:
    """Count the peak from here on."""
    CLEAR.write_text(RESET_PEAK, encoding="ascii")


def peak_mb() -> float:
    """Greatest resident set since the start, or since the last reset."""
    return _mb("VmHWM")


def now_mb() -> float:
    """Resident set now."""
    return _mb("VmRSS")


def _mb(key: str) -> float:
    found = re.search(rf"^{key}:\s+(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise OSError(f"{STATUS} has no line {key}")
    return int(found[1]) / 1024
