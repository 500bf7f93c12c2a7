"""The benchmark runs, small, and says what it measured."""

import numpy as np
import pytest

from benchmarks.battery_ageing import __main__ as benchmark
from benchmarks.battery_ageing.profiles import years


def test_every_way_has_a_time_and_the_table_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "PART", 4)
    monkeypatch.setattr(benchmark, "COMPARED", 2)
    table, compiled, formulas, error = benchmark.rows("large_lfp", 8, None)
    assert table.startswith("| large_lfp | table | 8 |")
    assert compiled.startswith("| large_lfp | formulas, compiled | 4 |")
    assert formulas.startswith("| large_lfp | formulas, of whole arrays | 2 |")
    assert 0 < float(error.split("|")[4]) < 1e-3


def test_the_years_are_of_batteries_that_move_and_come_back() -> None:
    soc, celsius = years(5)
    assert soc.shape == celsius.shape == (5, 8761)
    assert (soc[:, 0] == soc[:, -1]).all()
    assert np.ptp(soc, axis=1).min() > 0.04
    assert 0.0 < soc.min() < soc.max() < 1.0
