"""A store opens for one, brings its tables along, and refuses what it does not know."""

import asyncio
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from evergrid.core.errors import InputError, StoreError
from evergrid.live.clock import WallClock
from evergrid.live.store import key, schema
from evergrid.live.store.database import engine
from evergrid.live.store.database.migrate import VERSIONS, newest
from evergrid.live.store.entry import Entry
from evergrid.live.store.registry import stations
from evergrid.live.store.store import Store, StoreRules, open_store
from tests.live.store.cases import Place, with_store

NEXT = '''
"""A third version, for tests."""
import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade():
    column = sa.Column("operator", sa.String(64), nullable=False, server_default="")
    op.add_column("stations", column)
    op.execute("UPDATE stations SET operator = 'of ' || site")
'''
BROKEN = NEXT + '    op.execute("UPDATE nowhere SET operator = 1")\n'
DEVICE = {
    "station": "cp-1",
    "site": "depot",
    "charge_kw": 11.0,
    "discharge_kw": 11.0,
    "voltage_v": 230.0,
    "phases": 3,
    "security_profile": 2,
    "secret_hmac": "ab" * 32,
    "next_secret_hmac": "",
    "serial_number": "",
    "blocked": False,
    "labels": "{}",
}


def versions_with(folder: Path, last: str):
    """A folder of migrations with another one."""
    folder.mkdir()
    for file in VERSIONS.glob("[a-z]*.py"):
        (folder / file.name).write_text(file.read_text())
    (folder / "last.py").write_text(last)
    return StoreRules(versions=folder)


def filled(place: Path | Place):
    """A store of this version with a station and an entry."""

    async def work(store: Store):
        await store.write(lambda c: c.execute(insert(schema.stations), [DEVICE]))
        await store.log.append([Entry("order", 1.0)])

    with_store(place, work)


def test_the_migrations_make_the_tables_of_the_schema(place: Place):
    def differences(connection: Connection):
        return compare_metadata(MigrationContext.configure(connection), schema.metadata)

    assert with_store(place, lambda store: store.read(differences)) == []


def test_a_migration_carries_the_data_along_and_keeps_a_copy(tmp_path: Path):
    filled(tmp_path / "a.db")
    rules = versions_with(tmp_path / "versions", NEXT)

    async def work(store: Store):
        row = await store.read(lambda c: c.execute(text("SELECT * FROM stations")).one())
        return row.station, row.operator, await store.log.count()

    for _ in range(2):
        assert with_store(tmp_path / "a.db", work, rules=rules) == ("cp-1", "of depot", 1)
    kept = tmp_path / "a.db.before-3"
    kept.rename(tmp_path / "old.db")
    (tmp_path / "a.db.key").rename(tmp_path / "old.db.key")
    assert len(with_store(tmp_path / "old.db", stations.every)) == 1


def test_a_migration_that_fails_changes_nothing(place: Place, tmp_path: Path):
    filled(place)
    with pytest.raises(StoreError, match=r"cannot be opened: .*nowhere"):
        with_store(place, stations.every, rules=versions_with(tmp_path / "v", BROKEN))
    assert len(with_store(place, stations.every)) == 1


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(place: Place, tmp_path: Path):
    rules = versions_with(tmp_path / "versions", NEXT)
    with_store(place, stations.every, rules=rules)
    with pytest.raises(StoreError, match=r"of version 3, this program knows versions up to 2\."):
        with_store(place, stations.every)
    assert with_store(place, lambda s: s.log.count(), rules=rules) == 0
    assert newest() == "2"


def test_files_are_for_their_owner_alone(tmp_path: Path):
    path = tmp_path / "made" / "a.db"

    async def modes(store: Store):
        await store.log.append([Entry("order", 1.0)])
        return {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    found = with_store(path, modes)
    assert set(found) == {"a.db", "a.db-wal", "a.db-shm", "a.db.key", "a.db.lock"}
    assert set(found.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_new_files_and_folders_are_on_the_disk_before_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced = []
    for module in (engine, key):
        monkeypatch.setattr(module, "sync", synced.append)
    with_store(tmp_path / "one" / "two" / "a.db", stations.every)
    one, two = tmp_path / "one", tmp_path / "one" / "two"
    assert synced == [two, one, tmp_path, two]
    with_store(two / "a.db", stations.every)
    assert len(synced) == 4


def test_a_file_that_others_could_read_is_mended_and_that_is_told(tmp_path: Path):
    filled(tmp_path / "a.db")
    (tmp_path / "a.db").chmod(0o644)

    async def notes(store: Store):
        return store.notes

    assert any("could be read by others" in note for note in with_store(tmp_path / "a.db", notes))
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600
    assert not any("could be read" in note for note in with_store(tmp_path / "a.db", notes))


def test_two_services_do_not_open_one_store(tmp_path: Path):
    async def again(store: Store):
        with pytest.raises(StoreError, match="open elsewhere"):
            async with open_store(tmp_path / "a.db", clock=WallClock()):
                pass
        return await store.log.append([Entry("order", 1.0)])

    assert with_store(tmp_path / "a.db", again) == 1
    assert with_store(tmp_path / "a.db", lambda store: store.log.count()) == 1


def test_a_store_that_was_not_opened_is_free_for_others(tmp_path: Path):
    (tmp_path / "a.db").write_text("this is no data base, and longer than a header of one" * 20)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            asyncio.run(opened(tmp_path / "a.db"))


@pytest.mark.parametrize("url", ["mysql://host/name", "http://host/name", "nothing://x"])
def test_a_url_of_another_kind_is_refused(url: str):
    with pytest.raises(InputError, match="begins with postgresql://"):
        asyncio.run(opened(url))


def test_a_server_needs_a_key_file_of_its_own():
    with pytest.raises(InputError, match="name the file of the key"):
        asyncio.run(opened("postgresql://nobody@127.0.0.1/evergrid"))


def test_a_url_never_shows_its_password(tmp_path: Path):
    rules = StoreRules(key_file=tmp_path / "key")
    with pytest.raises(StoreError) as caught:
        asyncio.run(opened("postgresql://me:canary-password@127.0.0.1:1/evergrid", rules))
    assert "canary" not in str(caught.value)
    assert "pg8000" in str(caught.value) or "cannot be opened" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"a\.db cannot be opened"):
        asyncio.run(opened(tmp_path / "file" / "a.db"))


async def opened(place: str | Path, rules: StoreRules | None = None):
    async with open_store(place, clock=WallClock(), rules=rules):
        pass


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((3, 53, 4), True),
    ],
)
def test_a_release_is_free_of_the_reset_bug_or_not(version: tuple[int, ...], fixed: bool):
    assert engine.is_fixed(version) is fixed


def test_without_the_fixed_library_the_store_works_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import sqlite3

    monkeypatch.setattr(engine, "sqlite_module", lambda: sqlite3)

    async def work(store: Store):
        return await store.log.append([Entry("order", 1.0)]), store.notes

    count, notes = with_store(tmp_path / "a.db", work)
    assert count == 1
    assert f"SQLite {sqlite3.sqlite_version}." in notes[0]
    assert any("WAL-reset" in note for note in notes) is not engine.is_fixed(
        sqlite3.sqlite_version_info
    )


def test_a_store_of_a_simulation_says_that_it_may_forget(tmp_path: Path):
    async def notes(store: Store):
        mode = await store.write(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar_one())
        return mode, store.notes

    mode, found = with_store(tmp_path / "a.db", notes, rules=StoreRules("off"))
    assert mode == 0
    assert any("power cut may lose" in note for note in found)
    mode, found = with_store(tmp_path / "b.db", notes)
    assert mode == 2  # FULL
    assert not any("power cut" in note for note in found)
