"""What is compiled and kept is found again, and not where any file that it rests on has changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from evergrid.core.computing import kernels

RECORD = "from typing import NamedTuple\n\n\nclass {name}(NamedTuple):\n    value: float\n"
INNER = (
    "from evergrid.core.computing.kernels import kernel\n\n\n"
    "@kernel(forceinline=True)\ndef scaled(x):\n    return {factor} * x\n"
)
OUTER = (
    "from evergrid.core.computing.kernels import kernel\n"
    "from evergrid.shop.inner import scaled\n"
    "from evergrid.shop.record import {name}\n\n\n"
    "@kernel()\ndef total(given):\n    return scaled(given.value)\n\n\n"
    "def answer():\n    return total({name}(1.0)), sum(total.stats.cache_hits.values())\n"
)
RUN = "from evergrid.shop.outer import answer; print(*answer())"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A package of the same name with little in it but the kernels of a shop."""
    root = tmp_path / "evergrid"
    (root / "shop").mkdir(parents=True)
    (root / "core" / "computing").mkdir(parents=True)
    for name in ("", "shop/", "core/", "core/computing/"):
        (root / f"{name}__init__.py").write_text("")
    (root / "core" / "computing" / "kernels.py").write_text(Path(kernels.__file__).read_text())
    return root


def write(shop: Path, *, factor: float = 2.0, name: str = "Asked") -> None:
    texts = {"record": RECORD, "inner": INNER, "outer": OUTER}
    for file, text in texts.items():
        path = shop / "shop" / f"{file}.py"
        made = text.format(name=name, factor=factor)
        if (
            not path.exists() or path.read_text() != made
        ):  # as an upgrade does, no more than it must
            path.write_text(made)


def answer(shop: Path) -> tuple[float, int]:
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={"PYTHONPATH": str(shop.parent), "NUMBA_CACHE_DIR": str(shop.parent / "kept")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, hits = done.stdout.split()
    return float(value), int(hits)


def test_a_change_of_an_inlined_function_in_another_file_is_seen(shop: Path):
    write(shop)
    assert answer(shop) == (2.0, 0)
    assert answer(shop) == (2.0, 1)
    write(shop, factor=3.0)
    assert answer(shop) == (3.0, 0)


def test_a_record_may_have_another_name_in_the_next_version(shop: Path):
    write(shop)
    assert answer(shop) == (2.0, 0)
    write(shop, name="Request")
    assert answer(shop) == (2.0, 0)


def test_the_state_of_a_kernel_covers_what_it_inlines():
    outer = kernels.ROOT / "grid" / "devices" / "time_series_kernels.py"
    inner = kernels.ROOT / "grid" / "inverters" / "volt_var_kernels.py"
    assert inner in kernels._imported(outer)
    assert kernels.state_of(outer) != kernels.state_of(inner)
