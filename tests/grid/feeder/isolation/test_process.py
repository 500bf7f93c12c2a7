"""The child that reads feeders is kept from all else, and its end is no end of ours."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from evergrid.core.errors import InputError, MissingFileError
from evergrid.core.faults import Fault
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import State
from evergrid.grid.feeder.isolation import plain_data, process
from tests.grid import confined
from tests.grid.cases import IEEE13, street

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux' own")


@linux
def test_the_child_reads_the_feeder_writes_scratch_and_does_nothing_else(tmp_path: Path):
    feeder, outside = tmp_path / "feeder", tmp_path / "secret.txt"
    feeder.mkdir()
    outside.write_text("secret")
    came = confined.attempts(street(feeder), outside)
    assert [name for name, error in came.items() if not error] == [
        "read the feeder",
        "write to scratch",
    ]
    assert outside.read_text() == "secret"
    assert {path.name for path in feeder.iterdir()} == {"street.dss"}


def test_the_child_is_not_told_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EVERGRID_SECRET", "secret")
    process.end_all()
    assert "EVERGRID_SECRET" not in confined.environment(street(tmp_path))


def test_the_child_loads_nothing_that_reading_does_not_need(tmp_path: Path):
    process.end_all()
    path = street(tmp_path)
    opendss.read(path)
    loaded = set(confined.packages(path))
    assert {"dss", "numpy", "scipy"} <= loaded
    assert not loaded & {"jax", "numba", "polars", "pydantic", "matplotlib", "highspy"}


def test_a_server_that_was_started_early_is_the_one_that_reads(tmp_path: Path):
    process.end_all()
    process.start()
    process.start()
    (started,) = process._idle
    opendss.read(street(tmp_path))
    assert process._idle == [started]
    assert started.process.poll() is None


def test_a_crash_of_the_child_is_an_error_and_the_next_reading_goes_on(tmp_path: Path):
    path = street(tmp_path)
    with pytest.raises(InputError, match="ended without an answer"):
        confined.crash(path)
    assert len(opendss.read(path).branches) == 6


@pytest.mark.parametrize("function", [confined.forever, confined.asleep])
def test_what_does_not_come_back_is_stopped(tmp_path: Path, function: Callable[[Path], None]):
    path = street(tmp_path)
    with pytest.raises(InputError, match="within 1 s; OpenDSS was stopped"):
        function(path)
    assert len(opendss.read(path).branches) == 6


@linux
def test_too_much_memory_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="4 GB of memory"):
        confined.too_large(street(tmp_path))


def test_where_nothing_is_forked_a_server_reads_one_feeder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    process.end_all()
    alone = "from evergrid.grid.feeder import opendss_child as c; c.FORKS = False; c.main()"
    monkeypatch.setattr(process, "SERVER", (sys.executable, "-P", "-s", "-c", alone))
    monkeypatch.setattr(process, "FORKS", False)
    path = street(tmp_path)
    for _ in range(2):
        assert len(opendss.read(path).branches) == 6
    with pytest.raises(InputError, match="within 1 s"):
        confined.asleep(path)
    with pytest.raises(InputError, match="ended without an answer"):
        confined.crash(path)


def test_the_environment_sets_the_limit_of_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(process.LIMIT, "1.5")
    path = street(tmp_path)
    path.write_text(path.read_text() + "\nSet mode=yearly number=2000000000\nSolve")
    with pytest.raises(InputError, match=r"within 1\.5 s; .*EVERGRID_FEEDER_LIMIT_S"):
        opendss.read(path)


def test_nothing_is_left_in_the_folder_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    process.end_all()
    opendss.read(IEEE13)
    (scratch,) = tmp_path.glob("evergrid-*")
    assert list(scratch.iterdir()) == []
    process.end_all()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_told_without_a_child(tmp_path: Path):
    with pytest.raises(MissingFileError, match=r"gone\.dss"):
        opendss.read(tmp_path / "gone.dss")


@dataclass(frozen=True)
class Elsewhere:
    """A record of another package."""

    value: int


def test_plain_data_come_back_as_they_were():
    matrix = sparse.csc_array(np.array([[0, 1.5 + 2j], [0, 0]]))
    given = {
        "state": State((3, -1), (True, False)),
        "fault": Fault("file", "be there", (1.5, "x", None)),
        "numbers": np.array([[np.nan, np.inf, 0.1]]),
        "names": np.array(["a", None, "\u00fc"], dtype=object),
        "texts": np.array(["a", "bc"]),
        "none": np.zeros((0, 3)),
        "scalar": np.float64(0.1),
        "complex": 1 + 2j,
        "nested": [(1, 2.5), {"path": Path("a/b")}],
    }
    found = plain_data.decoded(plain_data.encoded({**given, "matrix": matrix}))
    assert (found.pop("matrix") != matrix).nnz == 0
    for name in ("numbers", "names", "texts", "none"):
        assert found[name].dtype == given[name].dtype
        np.testing.assert_array_equal(found.pop(name), given.pop(name))
    assert found == given


@pytest.mark.parametrize("value", [Elsewhere(1), {1, 2}, print, np.array(["x", {1}], dtype=object)])
def test_what_is_no_plain_data_is_refused(value: object):
    with pytest.raises(TypeError, match="no plain data"):
        plain_data.encoded(value)


@pytest.mark.parametrize(
    "outline",
    [
        b'{"record": ["subprocess", "Popen", {"args": ["/bin/true"]}]}',
        b'{"record": ["evergrid.grid.feeder.isolation.process", "Path", {}]}',
        b'{"numbers": ["|O", [1], 0, 8, false]}',
        b'{"unknown": 1}',
        b"not json",
    ],
)
def test_bytes_that_are_no_plain_data_are_refused(outline: bytes):
    with pytest.raises(ValueError, match=r"no plain data|Expecting value"):
        plain_data.decoded(plain_data.LENGTH.pack(len(outline)) + outline + bytes(8))
