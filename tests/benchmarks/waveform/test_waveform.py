import re

import pytest

from benchmarks.waveform import __main__ as benchmark


def test_the_benchmark_tells_cost_and_what_came_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    benchmark.main(["--seconds", "0.6"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("first call: ")
    for line in lines[2:]:
        cost = re.search(r"([\d.]+) CPU s per s least", line)
        assert cost is not None
        assert 0 < float(cost[1]) < 5
    assert "peak 0.9" in lines[2]
    assert len(lines) == 5
    distortion = [float(line.rsplit(" ", 2)[1]) for line in lines[2:]]
    assert distortion[1] < 0.01 < distortion[2] < 0.5
