"""Nobody gets in who does not belong, and what everybody does is written down."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.store.accounts import access_tokens, audit, people
from evergrid.live.store.accounts.people import Role
from evergrid.live.store.store import Store
from tests.live.store.cases import Place, contents, with_store

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_argon2(monkeypatch: pytest.MonkeyPatch):
    """The least that argon2 takes; what it costs is not tested here."""
    monkeypatch.setattr(people, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_a_name_and_its_password_belong_together(place: Place):
    async def work(store: Store):
        made = await people.add(store, "ada", PASSWORD, Role.OPERATOR)
        assert await people.verify(store, "ada", PASSWORD) == made
        assert await people.verify(store, "ada", PASSWORD + "x") is None
        assert await people.verify(store, "eve", PASSWORD) is None
        assert await people.verify(store, "ada", "x" * 10_000) is None
        await people.block(store, "ada")
        assert await people.verify(store, "ada", PASSWORD) is None
        await people.block(store, "ada", blocked=False)
        await people.change_password(store, "ada", "another long password")
        assert await people.verify(store, "ada", PASSWORD) is None
        assert await people.verify(store, "ada", "another long password") == made

    with_store(place, work)
    assert PASSWORD.encode() not in contents(place)


def test_a_new_store_knows_nobody(place: Place):
    assert with_store(place, people.every) == ()


@pytest.mark.parametrize(
    ("person", "password", "role", "driver", "field"),
    [
        ("", PASSWORD, Role.VIEWER, "", "person"),
        ("a\nb", PASSWORD, Role.VIEWER, "", "person"),
        ("a" * 65, PASSWORD, Role.VIEWER, "", "person"),
        ("ada", "admin", Role.VIEWER, "", "password"),
        ("ada", "p" * 257, Role.VIEWER, "", "password"),
        ("ada", PASSWORD, Role.DRIVER, "", "driver"),
        ("ada", PASSWORD, Role.VIEWER, "d-1", "driver"),
    ],
)
def test_a_person_that_breaks_a_rule_is_not_added(
    place: Place, person: str, password: str, role: Role, driver: str, field: str
):
    async def work(store: Store):
        with pytest.raises(InputError) as caught:
            await people.add(store, person, password, role, driver=driver)
        assert await people.every(store) == ()
        return caught.value

    error = with_store(place, work)
    assert error.field == field
    assert "admin" not in str(error)


def test_a_name_is_given_once(place: Place):
    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.VIEWER)
        with pytest.raises(InputError, match="be new"):
            await people.add(store, "ada", PASSWORD, Role.OPERATOR)
        there = await people.find(store, "ada")
        assert there is not None
        assert there.role is Role.VIEWER

    with_store(place, work)


def test_hashing_does_not_hold_the_loop(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(people, "HASHER", PasswordHasher(time_cost=6, memory_cost=2**16))

    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.VIEWER)
        turns, trying = 0, asyncio.create_task(people.verify(store, "ada", PASSWORD))
        while not trying.done():
            turns += 1
            await asyncio.sleep(0.001)
        return turns

    assert with_store(place, work) > 5


def test_who_guesses_passwords_holds_up_no_reader(place: Place, monkeypatch: pytest.MonkeyPatch):
    at_once, most = 0, 0

    def slow(hashed: str, password: str):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.05)
        at_once -= 1
        return False

    monkeypatch.setattr(people, "_same", slow)

    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.VIEWER)
        guesses = [asyncio.create_task(people.verify(store, "ada", str(n))) for n in range(20)]
        await asyncio.sleep(0.01)
        await store.log.entries()
        left = sum(not guess.done() for guess in guesses)
        await asyncio.gather(*guesses)
        return left

    assert with_store(place, work) > 0
    assert most == 2


def test_a_token_stands_for_its_holder_until_it_ends(place: Place):
    clock = VirtualClock(1000.0)

    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.OPERATOR)
        token = await access_tokens.issue(store, "ada", "console", 1060.0)
        other = await access_tokens.issue(store, "ada", "console", 1060.0)
        held = await access_tokens.look_up(store, token, "console")
        assert held is not None
        assert (held.person, held.role, held.expires_s) == ("ada", Role.OPERATOR, 1060.0)
        assert await access_tokens.look_up(store, token, "interface") is None
        assert await access_tokens.look_up(store, token[:-1], "console") is None
        assert await access_tokens.revoke(store, other)
        assert not await access_tokens.revoke(store, other)
        assert await access_tokens.look_up(store, other, "console") is None
        await clock.run(59.0)
        assert await access_tokens.look_up(store, token, "console") == held
        await clock.run(60.0)
        assert await access_tokens.look_up(store, token, "console") is None
        assert await access_tokens.remove_expired(store) == 1
        return token

    token = with_store(place, work, clock=clock)
    assert token.encode() not in contents(place)


@pytest.mark.parametrize("change", ["block", "role", "password", "remove", "revoke_all"])
def test_tokens_end_with_what_they_stand_for(place: Place, change: str):
    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.OPERATOR)
        token = await access_tokens.issue(store, "ada", "console", store.clock.now_s() + 60)
        match change:
            case "block":
                await people.block(store, "ada")
                await people.block(store, "ada", blocked=False)
            case "role":
                await people.change_role(store, "ada", Role.VIEWER)
            case "password":
                await people.change_password(store, "ada", "another long password")
            case "remove":
                await people.remove(store, "ada")
            case _:
                assert await access_tokens.revoke_all(store, "ada") == 1
        return await access_tokens.look_up(store, token, "console")

    assert with_store(place, work) is None


def test_who_is_blocked_gets_in_by_no_token(place: Place):
    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.OPERATOR)
        await people.block(store, "ada")
        token = await access_tokens.issue(store, "ada", "console", store.clock.now_s() + 60)
        return await access_tokens.look_up(store, token, "console")

    assert with_store(place, work) is None


def test_who_takes_the_name_of_somebody_removed_has_none_of_the_tokens(place: Place):
    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.OPERATOR)
        token = await access_tokens.issue(store, "ada", "console", store.clock.now_s() + 60)
        await people.remove(store, "ada")
        await people.add(store, "ada", PASSWORD, Role.VIEWER)
        return await access_tokens.look_up(store, token, "console")

    assert with_store(place, work) is None


def test_a_token_is_refused_for_nobody_and_for_too_long(place: Place):
    async def work(store: Store):
        now_s = store.clock.now_s()
        with pytest.raises(InputError, match="person must be known"):
            await access_tokens.issue(store, "ada", "console", now_s + 60)
        await people.add(store, "ada", PASSWORD, Role.VIEWER)
        for expires_s in (now_s - 1, now_s + 400 * 86_400, float("nan"), float("inf")):
            with pytest.raises(InputError, match="expires_s must be later than now"):
                await access_tokens.issue(store, "ada", "console", expires_s)

    with_store(place, work)


def test_somebody_has_so_many_tokens_at_most(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(access_tokens, "MOST_PER_PERSON", 3)
    clock = VirtualClock(0.0)

    async def work(store: Store):
        await people.add(store, "ada", PASSWORD, Role.VIEWER)
        tokens = []
        for second in range(5):
            await clock.run(float(second))
            tokens.append(await access_tokens.issue(store, "ada", "console", 100.0))
        held = [await access_tokens.look_up(store, token, "console") for token in tokens]
        return [one is not None for one in held]

    held = with_store(place, work, clock=clock)
    assert held == [False, False, True, True, True]


def test_the_audit_log_is_read_newest_first(place: Place):
    async def work(store: Store):
        for number in range(5):
            await audit.append(store, f"p{number % 2}", "::1", f"act {number}", "x" * 9999, "done")
        entries = await audit.newest(store, limit=2, offset=1)
        mine = await audit.newest(store, person="p1")
        return entries, mine

    entries, mine = with_store(place, work, clock=VirtualClock(7.0))
    assert [entry.action for entry in entries] == ["act 3", "act 2"]
    assert [entry.action for entry in mine] == ["act 3", "act 1"]
    assert entries[0].time_s == 7.0
    assert len(entries[0].detail) == 4000
