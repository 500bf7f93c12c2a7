"""A service opens the store that its configuration names, with its key and password."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.live.clock import WallClock
from evergrid.live.config import Config
from evergrid.live.deployment import stores
from evergrid.live.service import Run, running
from evergrid.live.store.store import StoreRules
from tests.live.gateway.load import config_file
from tests.live.servers import PostgresServer

GIVEN = {"site": [{"site_id": "depot"}], "prices": {"file": "prices.csv"}}


def config(**changed: Any) -> Config:
    return parse(Config, GIVEN | changed)


def test_a_file_is_found_from_the_folder_of_the_configuration(tmp_path: Path):
    one = config(store="data/store.sqlite")
    assert stores.place(one, tmp_path) == tmp_path / "data" / "store.sqlite"
    assert stores.key_file(one, tmp_path) == tmp_path / "data" / "store.sqlite.key"


def test_a_password_file_completes_the_address(tmp_path: Path):
    (tmp_path / "password").write_text("p@ss/word\n")
    one = config(store="postgresql://me@db.example/evergrid", store_password_file="password")
    assert stores.place(one, tmp_path) == "postgresql://me:p%40ss%2Fword@db.example/evergrid"


def test_a_password_file_that_is_not_there_is_named(tmp_path: Path):
    one = config(store="postgresql://me@db.example/evergrid", store_password_file="nowhere")
    with pytest.raises(InputError, match=r"store_password_file .*nowhere"):
        stores.place(one, tmp_path)


def test_a_server_needs_a_key_file_of_its_own(tmp_path: Path):
    one = config(store="postgresql://me@db.example/evergrid")
    with pytest.raises(InputError, match="store_key_file"):
        stores.key_file(one, tmp_path)


def test_files_of_the_configuration_go_before_those_of_the_run(tmp_path: Path):
    one = config(store_key_file="a.key", store_ca_file="ca.pem")
    found = stores.rules(one, tmp_path, StoreRules(key_file=tmp_path / "b.key"))
    assert found.key_file == tmp_path / "a.key"
    assert found.authorities == str(tmp_path / "ca.pem")
    assert stores.rules(config(), tmp_path, StoreRules("off")).synchronous == "off"


@pytest.mark.xdist_group("postgresql")
def test_a_service_runs_on_a_postgresql_server_and_finds_its_stations_again(tmp_path: Path):
    server = PostgresServer()
    try:
        server.start()
        url = server.empty()
        (tmp_path / "password").write_text(server.password)
        changed = {
            "store": url.replace(f":{server.password}@", "@"),
            "store_key_file": "data.key",
            "store_password_file": "password",
            "gateways": {"count": 0},
        }
        given, file = config_file(tmp_path, 2, **changed)
        assert server.password not in file.read_text()

        async def passwords() -> dict[str, str]:
            async with running(given, Run(tmp_path, WallClock())) as service:
                assert "PostgreSQL" in service.store.notes[0]
                return service.passwords

        assert len(asyncio.run(passwords())) == 2
        assert asyncio.run(passwords()) == {}
    finally:
        server.remove()
