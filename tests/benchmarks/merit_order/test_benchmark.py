from pathlib import Path

import pytest

from benchmarks.merit_order import __main__ as benchmark


@pytest.mark.data
def test_the_benchmark_tells_time_cost_and_difference(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("EVERGRID_DATA", str(data_folder))
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    benchmark.main(["--hours", "48"])
    lines = capsys.readouterr().out.splitlines()
    assert "cost 416.87 million, CO2 13.446 Mt" in lines[1]
    assert all("optimal" in line for line in lines[3:])
    apart = [float(line.rsplit(" ", 1)[1]) for line in lines if "costs differ" in line]
    assert len(apart) == 2
    assert max(apart) < 1e-9
