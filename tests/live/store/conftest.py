"""Stores in a file and on a server: what holds for one holds for the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.servers import PostgresServer
from tests.live.store.cases import Place


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; tests with it are in the group "postgresql", so that one is started."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(
    params=["file", pytest.param("server", marks=pytest.mark.xdist_group("postgresql"))]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Of a new store: a file of SQLite, and a data base of PostgreSQL."""
    if request.param == "file":
        return Place(tmp_path / "a.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return Place(server.empty(), tmp_path / "a.key")
