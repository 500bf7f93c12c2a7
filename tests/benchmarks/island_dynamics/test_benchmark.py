import pytest

from benchmarks.island_dynamics import __main__ as benchmark


def test_the_benchmark_tells_times_of_one_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    monkeypatch.setattr(benchmark, "PEER_ROUNDS", 1)
    monkeypatch.setattr(benchmark, "SECONDS", 0.02)
    benchmark.main(["--inverters", "4"])
    lines = capsys.readouterr().out.splitlines()[2:]
    powers_w = [float(line.rsplit(" ", 2)[1]) for line in lines]
    assert len(powers_w) == 4
    assert powers_w[1:3] == pytest.approx([powers_w[0]] * 2, rel=1e-5)
    assert powers_w[3] == pytest.approx(powers_w[0], rel=2e-3)
