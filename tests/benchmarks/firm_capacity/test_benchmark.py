"""The benchmark runs, small, and says what it measured."""

import pytest

from benchmarks.firm_capacity import __main__ as benchmark


def test_every_row_has_a_time_and_offers_have_a_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "EXACT", (10,))
    monkeypatch.setattr(benchmark, "PARTS", 2)
    monkeypatch.setattr(benchmark, "PART", 500)
    monkeypatch.setattr(benchmark, "STEPS", 3)
    monkeypatch.setattr(benchmark, "DAYS", 130)
    rows = list(benchmark.rows())
    assert len(rows) == 5 + len(benchmark.FACTORS)
    assert all(row.seconds > 0 and row.peak_mb > 0 for row in rows)
    assert rows[1].what == "gather 1,000 vehicles x 3 steps"
    assert rows[-2].what == "risk control of 130 days x 24 h, one level"
    for row in rows[2:-3]:
        assert all(0 < width < 0.5 for width in row.width)


def test_the_table_names_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = benchmark.Row("exact sum of 10 vehicles", 0.0123, 145.2)
    monkeypatch.setattr(benchmark, "rows", lambda: iter([row]))
    benchmark.main()
    printed = capsys.readouterr().out
    assert "cores" in printed.splitlines()[0]
    assert "| exact sum of 10 vehicles | 0.012 | 145 | - |" in printed
