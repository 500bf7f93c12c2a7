"""Stations and drivers are who they show they are, and a driver can be forgotten."""

import hashlib
import hmac
from pathlib import Path

import pytest

from evergrid.core.errors import InputError, StoreError
from evergrid.live.devices.adapter import Device
from evergrid.live.store.accounts import audit, people
from evergrid.live.store.accounts.people import Role
from evergrid.live.store.key import STATION, Key
from evergrid.live.store.registry import drivers, stations
from evergrid.live.store.registry.drivers import Contract
from evergrid.live.store.registry.station_register import StationRegister
from evergrid.live.store.registry.stations import Registration
from evergrid.live.store.store import Store
from tests.live.store.cases import Place, contents, with_store

DEVICE = Device("cp-1", "depot", 11.0, 11.0, labels={"row": "7"})


def test_a_station_is_read_as_it_was_registered_and_its_password_is_shown_once(place: Place):
    async def work(store: Store):
        passwords = await stations.register(store, [Registration(DEVICE, 2, "SN-1")])
        found = await stations.find(store, "cp-1")
        assert found is not None
        assert found.device == DEVICE
        assert (found.security_profile, found.serial_number, found.blocked) == (2, "SN-1", False)
        assert len(passwords["cp-1"]) >= 20
        assert store.key.matches(STATION, "cp-1", passwords["cp-1"], found.secret_hmac)
        assert not store.key.matches(STATION, "cp-2", passwords["cp-1"], found.secret_hmac)
        assert not store.key.matches(STATION, "cp-1", passwords["cp-1"] + "x", found.secret_hmac)
        assert await stations.every(store) == (found,)
        assert await stations.find(store, "cp-2") is None
        return passwords["cp-1"]

    password = with_store(place, work)
    assert password.encode() not in contents(place)


def test_passwords_differ(place: Place):
    many = [Registration(Device(f"cp-{i}", "depot", 11.0, 0.0)) for i in range(50)]
    passwords = with_store(place, lambda store: stations.register(store, many))
    assert len(set(passwords.values())) == 50


def test_while_a_password_is_rotated_both_are_good_and_then_the_new_one_only(place: Place):
    async def good(store: Store, password: str):
        found = await stations.find(store, "cp-1")
        assert found is not None
        known = (found.secret_hmac, found.next_secret_hmac)
        return store.key.matches(STATION, "cp-1", password, *known)

    async def work(store: Store):
        old = (await stations.register(store, [Registration(DEVICE)]))["cp-1"]
        new = await stations.rotate(store, "cp-1")
        both = await good(store, old), await good(store, new)
        await stations.use_next_secret(store, "cp-1")
        with pytest.raises(InputError, match="being given a secret"):
            await stations.use_next_secret(store, "cp-1")
        return both, (await good(store, old), await good(store, new))

    assert with_store(place, work) == ((True, True), (False, True))


def test_a_certificate_that_is_used_is_the_only_one_and_can_be_forgotten(place: Place):
    async def work(store: Store):
        await stations.register(store, [Registration(DEVICE, 3, "SN-1")])
        register = await StationRegister.load(store)
        found = []

        def note() -> None:
            one = register.find("cp-1")
            assert one is not None
            found.append((one.certificate, one.next_certificate))

        note()
        await register.set_next_certificate("cp-1", "ab" * 32)
        note()
        await register.use_next_certificate("cp-1")
        note()
        with pytest.raises(InputError, match="was sent a certificate"):
            await register.use_next_certificate("cp-1")
        assert await stations.find(store, "cp-1") == register.find("cp-1")  # on the disk too
        await register.forget_certificates("cp-1")
        note()
        with pytest.raises(InputError, match="be registered"):
            await register.forget_certificates("cp-2")
        return found

    new = "ab" * 32
    assert with_store(place, work) == [("", ""), ("", new), (new, ""), ("", "")]


def test_a_station_is_blocked_raised_and_removed(place: Place):
    async def work(store: Store):
        await stations.register(store, [Registration(DEVICE, 1)])
        await stations.block(store, "cp-1")
        await stations.raise_profile(store, "cp-1", 2)
        found = await stations.find(store, "cp-1")
        assert found is not None
        assert (found.blocked, found.security_profile) == (True, 2)
        with pytest.raises(InputError, match="not be below 2"):
            await stations.raise_profile(store, "cp-1", 1)
        await stations.remove(store, "cp-1")
        for change in (stations.block, stations.rotate, stations.remove):
            with pytest.raises(InputError, match="be registered"):
                await change(store, "cp-1")

    with_store(place, work)


@pytest.mark.parametrize(
    ("one", "field"),
    [
        (Registration(Device("", "depot", 1.0, 0.0)), "station"),
        (Registration(Device("s" * 49, "depot", 1.0, 0.0)), "station"),
        (Registration(DEVICE, 4), "security_profile"),
        (Registration(DEVICE, 3), "serial_number"),
        (Registration(DEVICE, 2, password="short"), "password"),
    ],
)
def test_a_registration_that_breaks_a_rule_registers_none(
    place: Place, one: Registration, field: str
):
    good = Registration(Device("good", "depot", 1.0, 0.0))

    async def work(store: Store):
        with pytest.raises(InputError) as caught:
            await stations.register(store, [good, one])
        return caught.value.field, str(caught.value), await stations.every(store)

    found, text, there = with_store(place, work)
    assert (found, there) == (field, ())
    assert "short" not in text


def test_a_station_is_registered_once(place: Place):
    async def work(store: Store):
        await stations.register(store, [Registration(DEVICE)])
        other = Registration(Device("cp-2", "depot", 1.0, 0.0))
        with pytest.raises(InputError, match="be new, got cp-1"):
            await stations.register(store, [other, Registration(DEVICE)])
        assert len(await stations.every(store)) == 1

    with_store(place, work)


def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path):
    path = tmp_path / "a.db"
    with_store(path, lambda store: stations.register(store, [Registration(DEVICE)]))
    key = tmp_path / "a.db.key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(StoreError, match="Put it back"):
        with_store(path, stations.every)
    assert not key.exists()
    key.write_bytes(kept)
    assert len(with_store(path, stations.every)) == 1
    key.write_bytes(kept[:10])
    with pytest.raises(StoreError, match="damaged"):
        with_store(path, stations.every)


def test_a_driver_is_found_by_the_token_under_the_same_pseudonym(place: Place):
    async def work(store: Store):
        names = await drivers.register(
            store, [Contract("card-1", True, "Ada", "ada@example.org"), Contract("card-2")]
        )
        found = await drivers.find(store, "card-1")
        assert found is not None
        assert (found.driver, found.name, found.may_discharge) == (names["card-1"], "Ada", True)
        assert await drivers.find(store, "card-3") is None
        assert await drivers.named(store, names["card-1"]) == found
        await drivers.change(store, names["card-2"], may_discharge=True, opted_out=True)
        changed = (await drivers.by_token_hmac(store))[drivers.token_hmac(store, "card-2")]
        assert (changed.may_discharge, changed.opted_out) == (True, True)
        with pytest.raises(InputError, match="token must be new"):
            await drivers.register(store, [Contract("card-1")])
        return names

    names = with_store(place, work)
    assert len(set(names.values())) == 2


def test_a_driver_who_is_erased_is_nowhere_in_the_files(tmp_path: Path):
    secret = [b"Ada Lovelace", b"ada@example.org", b"ada-logs-in"]

    async def work(store: Store):
        contract = Contract("card-1", True, "Ada Lovelace", "ada@example.org")
        driver = (await drivers.register(store, [contract]))["card-1"]
        await people.add(store, "ada-logs-in", "a long password", Role.DRIVER, driver=driver)
        await audit.append(store, "ada-logs-in", "192.0.2.1", "log in", "", "done")
        before = _files(tmp_path)
        assert all(word in before for word in secret)
        assert await drivers.erase(store, driver)
        there = await drivers.named(store, driver)
        assert there is not None
        assert (there.name, there.contact, there.may_discharge) == ("", "", False)
        assert await drivers.find(store, "card-1") is None
        assert await people.find(store, "ada-logs-in") is None
        assert [entry.person for entry in await audit.newest(store)] == [driver]
        assert not any(word in _files(tmp_path) for word in secret)
        with pytest.raises(InputError, match="be known"):
            await drivers.erase(store, "nobody")

    with_store(tmp_path / "a.db", work)


def _files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_the_register_in_memory_says_what_the_disk_says(place: Place):
    async def work(store: Store):
        register = await StationRegister.load(store)
        assert register.find("cp-1") is None
        await register.register([Registration(DEVICE, 1)])
        password = await register.rotate("cp-1")
        await register.use_next_secret("cp-1")
        await register.set_next_secret("cp-1", "ab" * 32)
        await register.block("cp-1")
        await register.raise_profile("cp-1", 2)
        again = await StationRegister.load(store)
        assert dict(again.known) == dict(register.known)
        found = register.find("cp-1")
        assert found is not None
        assert store.key.matches(STATION, "cp-1", password, found.secret_hmac)
        assert (found.next_secret_hmac, found.blocked, found.security_profile) == (
            "ab" * 32,
            True,
            2,
        )
        await register.remove("cp-1")
        assert register.find("cp-1") is None

    with_store(place, work)


def test_a_hash_is_that_of_the_key_of_its_purpose():
    key = Key(bytes(range(32)))
    text = b"cp-1\0a secret"
    expected = hmac.new(key.derived(STATION), text, hashlib.sha256).hexdigest()
    assert key.hashed(STATION, "cp-1", "a secret") == expected
    assert key.hashed("driver", "cp-1", "a secret") != expected
    assert repr(key) == "Key()"
