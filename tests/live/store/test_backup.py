"""A backup is made while the store works, is whole or refused, and comes back as it was."""

import asyncio
import stat
from pathlib import Path

import pytest

from evergrid.core.errors import StoreError
from evergrid.live.devices.adapter import Device
from evergrid.live.store import backup
from evergrid.live.store.entry import Entry
from evergrid.live.store.registry import stations
from evergrid.live.store.registry.stations import Registration
from evergrid.live.store.store import Store
from tests.live.store.cases import with_store


def event(sequence: int):
    return Entry("transaction_event", 1.0, "cp-1", "tx", sequence, bytes(1000))


async def fill(store: Store):
    await store.log.append([event(number) for number in range(50)])
    return await stations.register(store, [Registration(Device("cp-1", "depot", 11.0, 11.0))])


def saved(folder: Path):
    """A store with a backup of it."""

    async def work(store: Store):
        passwords = await fill(store)
        return await backup.make(store, folder / "kept" / "b.db"), passwords

    return with_store(folder / "a.db", work)


def test_a_backup_is_made_while_others_write_and_holds_one_state(tmp_path: Path):
    async def work(store: Store):
        await fill(store)
        done = asyncio.create_task(backup.make(store, tmp_path / "b.db"))
        sequence = 50
        while not done.done():
            await store.log.append([event(sequence), event(sequence + 1)])
            sequence += 2
        return await done, sequence

    manifest, written = with_store(tmp_path / "a.db", work)
    assert 50 <= manifest.rows["log"] <= written
    assert manifest.rows["log"] % 2 == 0
    assert backup.verify(tmp_path / "b.db") == manifest
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("b.db*")} == {0o600}
    assert sorted(file.name for file in tmp_path.glob("b.db*")) == ["b.db", "b.db.json"]


def test_a_backup_comes_back_as_it_was(tmp_path: Path):
    manifest, passwords = saved(tmp_path)
    assert backup.restore(tmp_path / "kept" / "b.db", tmp_path / "new" / "c.db") == manifest
    key = (tmp_path / "a.db.key").read_bytes()
    (tmp_path / "new" / "c.db.key").write_bytes(key)

    async def work(store: Store):
        found = await stations.find(store, "cp-1")
        assert found is not None
        assert store.key.matches("station", "cp-1", passwords["cp-1"], found.secret_hmac)
        assert await store.log.append([event(49), event(50)]) == 1
        return await store.log.count()

    assert with_store(tmp_path / "new" / "c.db", work) == 51


def test_a_backup_holds_neither_the_key_nor_a_password(tmp_path: Path):
    _, passwords = saved(tmp_path)
    held = b"".join(file.read_bytes() for file in (tmp_path / "kept").iterdir())
    assert (tmp_path / "a.db.key").read_bytes() not in held
    assert passwords["cp-1"].encode() not in held


@pytest.mark.parametrize("place", [30, 9000, -1])
def test_a_backup_with_a_changed_byte_is_refused(tmp_path: Path, place: int):
    saved(tmp_path)
    file = tmp_path / "kept" / "b.db"
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        backup.verify(file)
    with pytest.raises(StoreError, match="damaged"):
        backup.restore(file, tmp_path / "c.db")
    assert not (tmp_path / "c.db").exists()


def test_a_backup_that_was_cut_off_or_has_no_manifest_is_refused(tmp_path: Path):
    saved(tmp_path)
    file = tmp_path / "kept" / "b.db"
    file.write_bytes(file.read_bytes()[:-4096])
    with pytest.raises(StoreError, match="damaged"):
        backup.verify(file)
    backup.manifest_of(file).unlink()
    with pytest.raises(StoreError, match="no manifest"):
        backup.verify(file)


def test_a_backup_with_a_manifest_that_says_otherwise_is_refused(tmp_path: Path):
    saved(tmp_path)
    file = backup.manifest_of(tmp_path / "kept" / "b.db")
    file.write_text(file.read_text().replace('"log": 50', '"log": 51'))
    with pytest.raises(StoreError, match="does not hold what its manifest says"):
        backup.verify(tmp_path / "kept" / "b.db")


def test_nothing_is_overwritten(tmp_path: Path):
    saved(tmp_path)
    with pytest.raises(StoreError, match="is there already"):
        backup.restore(tmp_path / "kept" / "b.db", tmp_path / "a.db")

    async def again(store: Store):
        with pytest.raises(StoreError, match="is there already"):
            await backup.make(store, tmp_path / "kept" / "b.db")

    with_store(tmp_path / "a.db", again)


def test_the_key_of_another_store_is_refused(tmp_path: Path):
    saved(tmp_path)
    (tmp_path / "c.db.key").write_bytes(bytes(32))
    with pytest.raises(StoreError, match="is not the key of this backup"):
        backup.restore(tmp_path / "kept" / "b.db", tmp_path / "c.db")
