"""The verbs for people: who may log in to a service that does not run."""

import asyncio
from pathlib import Path

import pytest

from evergrid.live.store.accounts import people
from evergrid.live.store.registry import drivers
from evergrid.live.store.store import Store
from tests.cli.cases import Command
from tests.cli.test_live import SERVICE
from tests.live.store.cases import with_store


@pytest.fixture
def service(tmp_path: Path) -> Path:
    file = tmp_path / "service.toml"
    file.write_text(f'store = "store.sqlite"\n{SERVICE}')
    return file


def test_somebody_who_was_added_may_log_in_until_they_are_disabled(
    service: Path, evergrid: Command
):
    made = evergrid("people", "add", service, "victor", "--role", "viewer")
    assert made.code == 0
    first = made.out.strip()
    assert len(first) >= 16
    again = evergrid("people", "password", service, "victor")
    second = again.out.strip()
    assert evergrid("people", "disable", service, "victor").code == 0
    assert "disabled" in evergrid("people", "list", service).out

    async def look(store: Store):
        assert await people.verify(store, "victor", first) is None
        assert await people.verify(store, "victor", second) is None
        await people.block(store, "victor", False)
        assert await people.verify(store, "victor", second) is not None

    with_store(service.with_name("store.sqlite"), look)


def test_a_driver_comes_with_a_card_that_may_then_charge(service: Path, evergrid: Command):
    words = ("add", service, "dora", "--role", "driver", "--card", "04AA", "--may-discharge")
    assert evergrid("people", *words).code == 0

    async def look(store: Store):
        found = await drivers.find(store, "04AA")
        assert found is not None
        assert found.may_discharge
        (dora,) = await people.every(store)
        assert dora.driver == found.driver

    with_store(service.with_name("store.sqlite"), look)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "victor", "--role", "viewer"), "be new"),
        (("add", "dora", "--role", "driver"), "token of the card"),
        (("add", "dora", "--role", "driver", "--driver", "nobody"), "be known"),
        (("add", " ", "--role", "viewer"), "characters"),
        (("disable", "eve"), "be known"),
        (("password", "eve"), "be known"),
    ],
)
def test_what_cannot_be_is_refused_by_field(
    service: Path, evergrid: Command, words: tuple[str, ...], told: str
):
    evergrid("people", "add", service, "victor", "--role", "viewer")
    ended = evergrid("people", words[0], service, *words[1:])
    assert ended.code == 1
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not ended.out


def test_a_service_that_runs_is_not_changed_behind_its_back(service: Path, evergrid: Command):
    async def run(store: Store):
        return await asyncio.to_thread(evergrid, "people", "list", service)

    ended = with_store(service.with_name("store.sqlite"), run)
    assert ended.code == 1
    assert "open elsewhere" in ended.err
