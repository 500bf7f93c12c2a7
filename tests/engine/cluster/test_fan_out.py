"""Parts come back in order, each once, also when a worker dies on the way."""

import os
import signal
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from evergrid.core.errors import WorkerError
from evergrid.engine.cluster import fan_out
from evergrid.engine.cluster.fan_out import Workers

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray")]


def scaled(shared: np.ndarray, part: np.ndarray) -> np.ndarray:
    shared *= part  # arrays are the worker's own
    return shared


def dying(mark: Path, part: int) -> int:
    """Kills its worker the first time that part 3 is worked on."""
    if part == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * part


def always_dying(shared: None, part: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def threads(shared: None, part: int) -> int:
    return numba.get_num_threads()


def test_parts_come_back_in_order_and_are_told_of(ray: ModuleType) -> None:
    report: list[int] = []
    shared, parts = np.arange(100_000.0), [np.full(1, k) for k in range(9)]
    found = Workers(ray, 2).each(scaled, shared, parts, progress=report.append)
    assert report == list(range(1, 10))
    for k, made in enumerate(found):
        np.testing.assert_array_equal(made, k * np.arange(100_000.0))


def test_only_a_few_parts_are_on_their_way_at_a_time(ray: ModuleType) -> None:
    taken, most = 0, []

    def parts():
        nonlocal taken
        for k in range(12):
            taken += 1
            yield k

    def progress(done: int) -> None:
        most.append(taken - done)

    assert Workers(ray, 2).each(threads, None, parts(), progress=progress) == [1] * 12
    assert max(most) <= fan_out.AHEAD * 2


def test_the_part_of_a_killed_worker_is_done_again(ray: ModuleType, tmp_path: Path) -> None:
    mark = tmp_path / "died"
    assert Workers(ray, 2).each(dying, mark, range(6)) == [0, 10, 20, 30, 40, 50]
    assert mark.exists()


def test_a_part_that_kills_every_worker_is_given_up(ray: ModuleType) -> None:
    with pytest.raises(WorkerError, match="lost"):
        Workers(ray, 2).each(always_dying, None, [0])


def test_no_parts_make_nothing(ray: ModuleType) -> None:
    assert fan_out.workers("sampling.workers").each(threads, None, []) == []
