"""Serves a fake fleet in a process of its own, and tells what that costs when asked to.

Usage: ``python -m benchmarks.live_console.served STATIONS``. It prints its address and a token, and
its memory in MB and its CPU time in seconds for each line that it reads.
"""

import os
import sys
from pathlib import Path

from tests.live.fake_service import FakeService
from tests.live.serving import serving

BYTES_PER_MB = 1e6


def memory_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / BYTES_PER_MB


def main() -> None:
    """Serve until nothing more is asked."""
    with serving(FakeService(int(sys.argv[1]))) as served:
        with served.as_("olga"):
            print(served.url, served.tokens["olga"], flush=True)
        for _ in sys.stdin:
            used = os.times()
            print(memory_mb(), used.user + used.system, flush=True)


if __name__ == "__main__":
    main()
