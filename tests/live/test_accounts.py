"""People of the store as the interface adds them: a driver's card may charge at once."""

from pathlib import Path

import pytest

from evergrid.core.errors import InputError
from evergrid.live.api.access.accounts import NewPerson, Role
from evergrid.live.registers.accounts import StoreAccounts
from evergrid.live.store.registry.drivers import Driver
from evergrid.live.store.store import Store
from tests.live.store.cases import with_store

PASSWORD = "correct horse battery"


def test_a_card_becomes_known_with_its_driver_and_once_only(tmp_path: Path):
    told: list[tuple[str, Driver]] = []

    async def work(store: Store):
        accounts = StoreAccounts(store, lambda card, driver: told.append((card, driver)))
        await accounts.add(NewPerson("dora", Role.DRIVER, PASSWORD, card="04AA"))
        await accounts.add(
            NewPerson("her son", Role.DRIVER, PASSWORD, card="04AA", may_discharge=True)
        )
        dora, son = await accounts.everybody()
        assert dora.driver == son.driver
        assert [card for card, _ in told] == ["04AA", "04AA"]
        assert [driver.may_discharge for _, driver in told] == [False, True]
        found = await accounts.verify("dora", PASSWORD)
        assert found is not None
        assert found.driver == dora.driver

    with_store(tmp_path / "a.db", work)


def test_nothing_is_written_for_somebody_who_cannot_be_added(tmp_path: Path):
    told: list[str] = []

    async def work(store: Store):
        accounts = StoreAccounts(store, lambda card, driver: told.append(card))
        for new in (
            NewPerson("dora", Role.DRIVER, "short", card="04AA"),
            NewPerson(" ", Role.DRIVER, PASSWORD, card="04AA"),
            NewPerson("dora", Role.DRIVER, PASSWORD),
            NewPerson("dora", Role.DRIVER, PASSWORD, card="04AA", driver="somebody"),
            NewPerson("dora", Role.DRIVER, PASSWORD, driver="nobody"),
            NewPerson("dora", Role.DRIVER, PASSWORD, card="x" * 256),
        ):
            with pytest.raises(InputError):
                await accounts.add(new)
        assert await accounts.everybody() == ()
        assert told == []

    with_store(tmp_path / "a.db", work)
