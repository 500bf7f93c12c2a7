"""The method for accelerators over several devices and over two processes."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from evergrid.engine import device
from evergrid.engine.certificate import Dual, certify
from evergrid.engine.device.layout import lay_out
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess
from tests.engine.cases import EVERYTHING, Kind, random_program

pytestmark = pytest.mark.xdist_group("device")  # so that what is compiled serves many tests

REPOSITORY = Path(__file__).parents[3]
LIMIT_S = 240.0

ON_DEVICES = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", 5)
from tests.engine.device.test_device_sharding import save_twice
save_twice(sys.argv[1], jax.devices()[:4])
"""

IN_PROCESSES = """
import sys
import jax, numpy as np
folder, address, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(address, num_processes=2, process_id=rank)
from evergrid.engine import device
from tests.engine.device.test_device_sharding import forest, save
found = device.minimise(forest(), gap=1e-7, deadline=np.inf)
save(found, f"{folder}/process-{rank}.npz")
jax.distributed.shutdown()
"""


def forest() -> Program:
    """A tree of three levels with stores, meters, peaks and budgets on all of them."""
    return random_program(1, EVERYTHING)  # one device has it compiled for other tests


def dearer(program: Program) -> Program:
    """The same at prices that are a little higher."""
    return replace(program, draw_price_per_kwh=1.01 * program.draw_price_per_kwh)


def save_twice(folder: str, devices: Sequence[Any]) -> None:
    """Solve on these devices, and once more at other prices from what was found."""
    how = {"gap": 1e-7, "deadline": np.inf, "devices": devices}
    found = device.minimise(forest(), **how)
    guess = Guess(found.power_kw, found.dual, found.limit_price)
    save(found, f"{folder}/{len(devices)}.npz")
    again = device.minimise(dearer(forest()), guess=guess, **how)
    save(again, f"{folder}/{len(devices)}-again.npz")


def save(found: Iterate, path: str) -> None:
    """What was found, for another program to read."""
    np.savez(
        path,
        power=found.power_kw,
        solved=found.solved,
        value=found.dual.energy_value,
        price=found.dual.power_price,
        budget=found.dual.budget_price,
        iterations=found.iterations,
    )


def run(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment)


def wait(*processes: subprocess.Popen[bytes]) -> None:
    try:
        for process in processes:
            assert process.wait(LIMIT_S) == 0
    finally:
        for process in processes:
            process.kill()


def same(program: Program, one: np.lib.npyio.NpzFile, other: np.lib.npyio.NpzFile) -> None:
    assert one["solved"].all()
    assert other["solved"].all()
    proofs = [
        certify(program, made["power"], Dual(made["value"], made["price"], made["budget"]))
        for made in (one, other)
    ]
    for proof in proofs:
        assert max(proof.power_kw, proof.energy_kwh, proof.node_kw) <= 1e-6
        assert proof.gap <= 1e-5
    # Sums in another order may end an iteration earlier: the same to within what is proven.
    assert proofs[1].objective == pytest.approx(proofs[0].objective, rel=1e-5)


@pytest.mark.slow
def test_four_devices_give_the_answer_of_one(tmp_path: Path) -> None:
    save_twice(str(tmp_path), jax.devices()[:1])
    wait(run(ON_DEVICES, str(tmp_path)))
    cold, again = (
        [np.load(tmp_path / f"{count}{kind}.npz") for count in (1, 4)] for kind in ("", "-again")
    )
    same(forest(), *cold)
    same(dearer(forest()), *again)
    for first, then in zip(cold, again, strict=True):
        assert 0 < then["iterations"] <= first["iterations"]


@pytest.mark.slow
def test_two_processes_give_the_answer_of_one(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    wait(*(run(IN_PROCESSES, str(tmp_path), address, str(rank)) for rank in (0, 1)))
    program = forest()
    alone = device.minimise(program, gap=1e-7, deadline=np.inf)
    for rank in (0, 1):
        report = np.load(tmp_path / f"process-{rank}.npz")
        np.testing.assert_allclose(report["power"], alone.power_kw, atol=1e-6)
        assert report["solved"].all()


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_every_slot_and_node_has_a_place_of_its_own(devices: int) -> None:
    program = forest()
    layout = lay_out(program, devices)
    assert len(np.unique(layout.slot_at)) == program.slots
    assert len(np.unique(layout.row_at)) == program.nodes
    assert layout.slot_at.max() < layout.stores["share"].size
    np.testing.assert_array_equal(layout.stores["share"].ravel()[layout.slot_at], program.share)
    assert bool(layout.levels.shared) == (devices > 1)


def test_independent_trees_share_nothing() -> None:
    layout = lay_out(_alone(64), 4)
    assert not layout.levels.shared
    blocks = (layout.tree["block"] < layout.levels.rows).sum(axis=1)
    assert blocks.min() > 0


def _alone(nodes: int) -> Program:
    """Many trees of one node each."""
    base = random_program(1, Kind(stores=4 * nodes, steps=24, step_h=0.5, tight=False))

    def tiled(array: np.ndarray) -> np.ndarray:
        return np.repeat(array[:1], nodes, axis=0)

    names = (
        "net_low_kw",
        "net_high_kw",
        "load_kw",
        "surcharge_per_kwh",
        "peak_price_per_kw",
        "peak_before_kw",
    )
    return replace(
        base,
        node=np.arange(base.stores) % nodes,
        parent=np.full(nodes, -1),
        **{name: tiled(getattr(base, name)) for name in names},
    )
