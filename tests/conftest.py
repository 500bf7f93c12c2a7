"""What every test may use: the shared data folder, Ray, quick compiling, no deadline."""

import importlib.util
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from tests import shape_checks

shape_checks.install()  # before Evergrid is imported

# Without deadlines, as the first example compiles. `make test-all` asks for the second.
settings.register_profile("everyday", deadline=None, max_examples=30)
settings.register_profile("whole", deadline=None, max_examples=100)
settings.load_profile("everyday")

# So XLA compiles for the CPU in a quarter of the time; what it makes runs up to twice as long.
# With an empty XLA_FLAGS in the environment it compiles as it does for users.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)

CPUS = 2  # of the Ray below
TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each process run whole files, and two processes files that are far apart.

    What a file's tests share, fixtures of their module and what JAX and Numba compile, is made once
    then: neighbours would make it at the same time in both. Tests with another parameter of a
    fixture of their module are another group, and long files come first.
    """
    for item in items:
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            found = item._fixtureinfo.name2fixturedefs
            shared = [name for name, made in found.items() if made[-1].scope == "module"]
            given = item.callspec.indices if hasattr(item, "callspec") else {}
            which = "-".join(str(given[name]) for name in sorted(shared) if name in given)
            item.add_marker(pytest.mark.xdist_group(f"{item.path.relative_to(TESTS)}-{which}"))
    items[:] = _apart(items)


def _apart(items: list[pytest.Item]) -> list[pytest.Item]:
    """The files with slow tests, then the others; each time the two halves of them in turns."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = [any(item.get_closest_marker("slow") for item in each) for each in files.values()]
    made = []
    for wanted in (True, False):
        part = [
            each for each, is_slow in zip(files.values(), slow, strict=True) if is_slow is wanted
        ]
        half = -(-len(part) // 2)
        pairs = itertools.zip_longest(part[:half], part[half:], fillvalue=[])
        made += [item for pair in pairs for each in pair for item in each]
    return made


def evergrid_environment() -> dict[str, str]:
    """The variables of the environment that Evergrid reads."""
    return {name: value for name, value in os.environ.items() if name.startswith("EVERGRID_")}


GIVEN_ENVIRONMENT = evergrid_environment()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Let no file of tests change what Evergrid reads of the environment for those after it."""
    yield
    left = evergrid_environment()
    if left != GIVEN_ENVIRONMENT and (nextitem is None or nextitem.path != item.path):
        for name in left:
            del os.environ[name]
        os.environ.update(GIVEN_ENVIRONMENT)
        pytest.fail(f"{item.path.name} left the environment changed: {left}")


def pytest_runtest_setup() -> None:
    """Check shapes anew in every test."""
    shape_checks.forget()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared measurements, which are never part of the repository."""
    folder = (REPOSITORY / os.environ.get("EVERGRID_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no data folder {folder}; set EVERGRID_DATA to where it is")
    return folder


@pytest.fixture(scope="module")
def ray() -> Iterator[ModuleType]:
    """Ray on this machine only, with two CPUs.

    Tests with it are in the group "ray", as two that start together may take each other's ports.
    """
    if importlib.util.find_spec("ray") is None:
        pytest.skip('needs Ray: pip install "evergrid[cluster]"')
    from evergrid.engine.cluster import actors

    module = actors.started(CPUS)
    yield module
    module.shutdown()
