"""Does it fit into the memory of this machine? Asked before the work that would fill it."""

import math
from pathlib import Path

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

GB = 1e9
SHARE = 0.8  # of the free memory that one piece of work may take
FREE = Path("/proc/meminfo")
# What a container may use at most and what it uses, in cgroup version 2 and 1.
CONTAINERS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def free_bytes() -> float:
    """Memory that this process may still take; infinite where the system does not tell."""
    found = [_free_on_the_machine()]
    found += [_number(most) - _number(used) for most, used in CONTAINERS]
    return min((value for value in found if not math.isnan(value)), default=math.inf)


def must_hold(need_bytes: int, *, source: str, field: str, what: str, fix: str) -> None:
    """Refuse what needs more memory than there is.

    Args:
        need_bytes: Memory that the work takes at its peak, as estimated.
        source: What is being read or made, as in `InputError`.
        field: Column, key or file that is too large.
        what: What is held, such as "80,000,000 sessions".
        fix: The way out, a full sentence.

    Raises:
        InputError: There is less memory.
    """
    free = free_bytes()
    if need_bytes <= SHARE * free:
        return
    rule = f"fit into memory, of which {free / GB:,.1f} GB are free"
    got = f"{what}, about {need_bytes / GB:,.1f} GB"
    raise InputError(source, [Fault(field, rule, got=(got,), fix=fix)])


def _free_on_the_machine() -> float:
    """Memory that can be had without swapping; NaN where the system does not tell."""
    try:
        lines = FREE.read_text().splitlines()
    except OSError:
        return math.nan
    found = [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else math.nan


def _number(path: Path) -> float:
    """The number in a file of the system; NaN where there is no such file, or no limit."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return math.nan
