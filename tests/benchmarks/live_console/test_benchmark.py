"""The benchmark of the console runs, and the console keeps its targets for many viewers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
MOST_PAGE_KB, MOST_UPDATE_KB, MOST_MB = 300.0, 10.0, 100.0


@pytest.mark.slow
def test_fifty_viewers_of_a_thousand_stations_stay_within_the_targets():
    call = [sys.executable, "-m", "benchmarks.live_console", "--seconds", "4"]
    ended = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    pages = re.findall(r"^page \S+ +([\d.]+) kB", ended.stdout, re.MULTILINE)
    assert len(pages) == 8
    assert max(map(float, pages)) <= MOST_PAGE_KB
    streams = re.findall(r"at most ([\d.]+); 50 viewers take (-?[\d.]+) MB", ended.stdout)
    assert len(streams) == 3
    assert max(float(update) for update, _ in streams) <= MOST_UPDATE_KB
    assert sum(float(memory) for _, memory in streams) <= MOST_MB
