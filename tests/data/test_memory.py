"""What does not fit into memory is refused before the work, in a container by its limit."""

import math
from pathlib import Path

import pytest

from evergrid.core.errors import InputError
from evergrid.data import memory

MEMINFO = "MemTotal: 16000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Files of a system with 8.192 GB free and no container."""
    (tmp_path / "meminfo").write_text(MEMINFO)
    monkeypatch.setattr(memory, "FREE", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CONTAINERS", ((tmp_path / "max", tmp_path / "current"),))
    return tmp_path


def test_free_memory_is_what_the_machine_has_available(machine: Path):
    assert memory.free_bytes() == 8_192_000_000


@pytest.mark.parametrize(("most", "free"), [("3000000000", 2e9), ("max", 8.192e9)])
def test_a_container_with_a_limit_has_what_is_left_of_it(machine: Path, most: str, free: float):
    (machine / "max").write_text(most)
    (machine / "current").write_text("1000000000\n")
    assert memory.free_bytes() == free


def test_nothing_is_refused_where_the_system_does_not_tell(
    machine: Path, monkeypatch: pytest.MonkeyPatch
):
    for text in ("", "MemFree: 1 kB\n"):
        (machine / "meminfo").write_text(text)
        assert memory.free_bytes() == math.inf
    monkeypatch.setattr(memory, "FREE", machine / "gone")
    memory.must_hold(10**18, source="x", field="file", what="all", fix="")


@pytest.mark.usefixtures("machine")
def test_the_refusal_names_what_is_needed_and_what_is_free():
    memory.must_hold(6_553_000_000, source="x", field="file", what="rows", fix="Give less.")
    with pytest.raises(InputError, match=r"file must fit into memory.* 8\.2 GB.*about 6\.6 GB"):
        memory.must_hold(6_554_000_000, source="x", field="file", what="rows", fix="Give less.")
