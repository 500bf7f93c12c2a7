"""What every test may use: the shared data folder, and Hypothesis without a deadline."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("evergrid", deadline=None)  # the first example compiles
settings.load_profile("evergrid")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared measurements, which are never part of the repository."""
    folder = REPOSITORY / os.environ.get("EVERGRID_DATA", "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"no data folder {folder}; set EVERGRID_DATA to where it is")
    return folder
