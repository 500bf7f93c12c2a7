"""What every test may use: the shared data folder, Ray, quick compiling, no deadline."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from tests import shape_checks

shape_checks.install()  # before Evergrid is imported

settings.register_profile("evergrid", deadline=None)  # the first example compiles
settings.load_profile("evergrid")

# So XLA compiles for the CPU in a quarter of the time; what it makes runs up to twice as long.
# With an empty XLA_FLAGS in the environment it compiles as it does for users.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)

CPUS = 2  # of the Ray below
REPOSITORY = Path(__file__).parents[1]


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
