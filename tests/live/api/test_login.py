"""Tokens: for one purpose, for a while, unguessable, and gone after a log-out."""

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import structlog

from evergrid.live.api.access.accounts import Person, Purpose, Role
from evergrid.live.api.access.guard import COOKIE
from tests.live.fake_accounts import PASSWORD, FakeAccounts
from tests.live.fake_service import FakeService
from tests.live.serving import OPEN, Served, serving

ME = "/api/v1/me"
LOGIN = {"person": "olga", "password": PASSWORD}


def token_of(served: Served) -> str:
    with served.client() as client:
        return client.post("/api/v1/login", json=LOGIN).json()["token"]


def status_of(served: Served, token: str, *, cookie: bool = False) -> int:
    headers = {} if cookie else {"Authorization": f"Bearer {token}"}
    with served.client(headers=headers, cookies={COOKIE: token} if cookie else {}) as client:
        return client.get(ME).status_code


def test_a_changed_token_is_none(served: Served):
    token = token_of(served)
    assert status_of(served, token) == 200
    flipped = ("A" if token[5] != "A" else "B").join([token[:5], token[6:]])
    for wrong in (flipped, token[:-1], token + "A", token.swapcase(), "null"):
        assert status_of(served, wrong) == 401


def test_a_token_serves_one_purpose(served: Served):
    token = token_of(served)
    assert status_of(served, token, cookie=True) == 401
    with served.client() as client:
        cookie = client.post("/login", data=LOGIN).cookies[COOKIE]
    assert status_of(served, cookie, cookie=True) == 200
    assert status_of(served, cookie) == 401


def test_a_token_ends_with_its_time_and_with_the_log_out():
    with serving(FakeService(1), replace(OPEN, session_s=0.3)) as own:
        token = token_of(own)
        assert status_of(own, token) == 200
        asyncio.run(asyncio.sleep(0.4))
        assert status_of(own, token) == 401
    with serving(FakeService(1)) as own:
        with own.client() as client:
            cookie = client.post("/login", data=LOGIN).cookies[COOKIE]
            answer = client.post("/logout", headers={"Origin": own.url})
            assert answer.headers["location"] == "/login"
        assert status_of(own, cookie, cookie=True) == 401
        actions = [(row.action, row.outcome) for row in own.accounts.trail]
        assert actions == [("log in", "done"), ("log out", "done")]


def test_a_long_name_or_password_is_not_even_hashed(served: Served):
    asked: list[str] = []
    verify = served.accounts.verify

    async def counted(person: str, password: str) -> Person | None:
        asked.append(person)
        return await verify(person, password)

    served.accounts.verify = counted  # type: ignore[method-assign]
    try:
        with served.client() as client:
            assert client.post("/login", data=LOGIN | {"person": "o" * 65}).status_code == 401
            assert client.post("/login", data=LOGIN | {"password": "p" * 257}).status_code == 401
            assert client.post("/login", data={"person": "olga"}).status_code == 401
            assert client.post("/login", data=LOGIN).status_code == 303
    finally:
        served.accounts.verify = verify  # type: ignore[method-assign]
    assert asked == ["olga", "olga"]


def test_few_passwords_are_checked_at_once_and_few_wait():
    refused, statuses = threading.Event(), list[int]()

    class Slow(FakeAccounts):
        inside = most = 0

        async def verify(self, person: str, password: str) -> Person | None:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.to_thread(refused.wait, 20)
            self.inside -= 1
            return await super().verify(person, password)

    people = Slow()
    few = replace(OPEN, logins_at_once=2, logins_waiting=3)
    with serving(FakeService(1), few, accounts=people) as own:

        def one() -> None:
            with own.client() as client:
                statuses.append(client.post("/api/v1/login", json=LOGIN).status_code)
            if statuses.count(429) == 3:
                refused.set()

        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(one)
    assert people.most == 2
    assert sorted(statuses) == [200] * 5 + [429] * 3


def test_a_failure_at_a_log_in_shows_no_password_in_the_log():
    class Broken(FakeAccounts):
        async def verify(self, person: str, password: str) -> Person | None:
            raise RuntimeError("the disk is full")

    written = io.StringIO()
    with serving(FakeService(1), accounts=Broken()) as own, own.client() as client:
        renderer = structlog.dev.ConsoleRenderer()  # as it comes
        structlog.configure([renderer], logger_factory=structlog.PrintLoggerFactory(written))
        try:
            answers = [client.post("/login", data=LOGIN), client.post("/api/v1/login", json=LOGIN)]
        finally:
            structlog.reset_defaults()
    assert [answer.status_code for answer in answers] == [500, 500]
    assert written.getvalue().count("RuntimeError: the disk is full") == 2
    assert PASSWORD not in written.getvalue()
    assert PASSWORD.split()[0] not in written.getvalue()


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/stations", "/stations"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("", "/"),
        ("/a\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_a_log_in_leads_to_pages_of_ours_only(served: Served, wanted: str, location: str):
    with served.client() as client:
        answer = client.post("/login", data=LOGIN | {"next": wanted})
    assert answer.headers["location"] == location


def test_a_driver_comes_to_the_own_page(served: Served):
    with served.client() as client:
        answer = client.post("/login", data=LOGIN | {"person": "dora", "next": "/audit"})
    assert answer.headers["location"] == "/driver"


def test_no_record_of_a_visitor_shows_the_token():
    from evergrid.live.api.service import Visitor

    visitor = Visitor(Person("olga", Role.OPERATOR), "127.0.0.1", "a-token", Purpose.CONSOLE)
    assert "a-token" not in repr(visitor)
