from dataclasses import replace

import pytest

from benchmarks.plan import machine, results
from benchmarks.plan.results import Results
from tests.benchmarks.plan.rows import REPLAN, solved

HERE = Results("2 cores", "numpy 2", rows=(solved("simplex", 3.0),))


def test_runs_on_one_machine_become_one_in_the_order_of_the_tables():
    small = solved("evergrid_1e-4", 0.1, sessions=100)
    other = replace(HERE, rows=(solved("evergrid_1e-4", 0.5), small), replans=(REPLAN,))
    whole = results.merged([other, HERE])
    assert [(row.sessions, row.solver) for row in whole.rows] == [
        (100, "evergrid_1e-4"),
        (1000, "simplex"),
        (1000, "evergrid_1e-4"),
    ]
    assert whole.replans == (REPLAN,)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(HERE, machine="64 cores"), "different machines"),
        (replace(HERE, versions="numpy 3"), "different machines"),
        (replace(HERE, rows=(replace(solved("ipm", 1.0), seed=7),)), "seeds"),
        (HERE, "more than once: home 1000 simplex"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(other: Results, words: str):
    with pytest.raises(ValueError, match=words):
        results.merged([HERE, other])


def test_a_machine_without_a_driver_has_no_gpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "GPU_NAMES", ("no-such-command",))
    assert machine.gpus() == []


def test_gpus_are_named_as_their_driver_names_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "GPU_NAMES", ("echo", "one\ntwo"))
    assert machine.gpus() == ["one", "two"]


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no-such-package"))
    assert "numpy" in machine.versions()
    assert "no-such-package" not in machine.versions()
