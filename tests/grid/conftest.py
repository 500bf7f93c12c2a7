"""Feeders that tests of the wires share."""

from pathlib import Path

import pytest

from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from tests.grid.cases import IEEE13


@pytest.fixture(scope="session")
def ieee13() -> Feeder:
    """The feeder that is built in."""
    return opendss.read(IEEE13)


@pytest.fixture(scope="session")
def feeders(data_folder: Path) -> Path:
    """The folder of published feeders."""
    return data_folder / "feeders"
