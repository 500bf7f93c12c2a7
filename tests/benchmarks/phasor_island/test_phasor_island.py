"""The benchmark of islands in phasors runs and tells what it should."""

import re

import pytest

from benchmarks.phasor_island import __main__ as benchmark


def test_the_benchmark_tells_time_and_ending(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "SIZES", ((2, 2),))
    monkeypatch.setattr(benchmark, "STEPS_S", (0.005,))
    benchmark.main(["--duration", "40", "--rounds", "1"])
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("5 units, 3 buses, step 5 ms: ")
    found = re.search(r"([\d.]+) ms median of CPU for each simulated second; ([\d.]+) Hz", line)
    assert found
    assert 0 < float(found[1]) < 1000
    assert 59.0 < float(found[2]) < 60.0
