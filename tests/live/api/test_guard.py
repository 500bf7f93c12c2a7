"""What every request passes: origin, size and rate; and what every answer carries."""

import http.client
from collections.abc import Iterator
from dataclasses import replace

import pytest

from evergrid.live.api.access.guard import COOKIE, HEADERS
from tests.live.fake_accounts import PASSWORD
from tests.live.fake_service import FakeService
from tests.live.serving import OPEN, Served, serving

P = "/api/v1"
LOGIN = {"person": "olga", "password": PASSWORD}


@pytest.fixture
def cookie(served: Served) -> str:
    with served.client() as client:
        answer = client.post("/login", data=LOGIN, headers={"Origin": served.url})
        assert answer.status_code == 303
        return answer.cookies[COOKIE]


def statuses(served: Served, cookie: str, **headers: str) -> int:
    with served.client(cookies={COOKIE: cookie}, headers=headers) as client:
        return client.post(f"{P}/alarms/4/acknowledge").status_code


def test_20_a_page_of_another_site_changes_nothing(served: Served, cookie: str):
    own = served.url
    assert statuses(served, cookie, Origin=own) == 204
    assert statuses(served, cookie, **{"Sec-Fetch-Site": "same-origin"}) == 204
    for origin in ("https://evil.example", "null", own + ".evil.example", "http://127.0.0.1:1"):
        assert statuses(served, cookie, Origin=origin) == 403
    assert statuses(served, cookie, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert statuses(served, cookie) == 403


def test_nobody_is_logged_in_by_a_page_of_another_site(served: Served):
    with served.client(headers={"Origin": "https://evil.example"}) as client:
        assert client.post("/login", data=LOGIN).status_code == 403
        assert client.post(f"{P}/login", json=LOGIN).status_code == 403


def test_the_cookie_stays_with_the_pages(served: Served):
    with served.client() as client:
        answer = client.post("/login", data=LOGIN)
    said = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(said.split("; "))
    assert "Domain" not in said


@pytest.mark.parametrize("path", ["/login", "/", "/nothing", f"{P}/fleet", f"{P}/healthz"])
def test_every_answer_carries_strict_headers(served: Served, path: str):
    with served.client() as client:
        headers = client.get(path).headers
    for name, value in HEADERS.items():
        assert headers[name] == value
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "server" not in headers


def test_with_tls_the_cookie_and_the_browser_stay_there():
    with serving(FakeService(1), replace(OPEN, secure=True)) as own, own.client() as client:
        answer = client.post("/login", data=LOGIN)
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


def test_a_large_request_is_refused_whatever_it_announces(served: Served):
    large = b"x" * (OPEN.largest_body + 1)

    def chunks() -> Iterator[bytes]:
        for begin in range(0, len(large), 4096):
            yield large[begin : begin + 4096]

    with served.as_("olga") as client:
        path = f"{P}/stations/cp-03/ocpp/Reset"
        assert client.post(path, content=large).status_code == 413
        assert client.post(path, content=chunks()).status_code == 413
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post("/login", content=chunks(), headers=form).status_code == 413
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", "9" * 12)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_20_who_asks_too_often_waits():
    slow = replace(OPEN, requests_per_s=0.5, requests_burst=5)
    with serving(FakeService(1), slow) as own, own.client() as client:
        found = [client.get(f"{P}/healthz") for _ in range(8)]
    assert [answer.status_code for answer in found][-3:] == [429, 429, 429]
    assert 1 <= int(found[-1].headers["Retry-After"]) <= 2
    assert found[-1].headers["X-Content-Type-Options"] == "nosniff"


def test_passwords_cannot_be_guessed_and_nobody_is_locked_out_from_elsewhere():
    few = replace(OPEN, logins_burst=5)
    with serving(FakeService(1), few) as own:
        with own.client() as client:
            wrong = LOGIN | {"password": "guess"}
            found = [client.post(f"{P}/login", json=wrong).status_code for _ in range(9)]
            assert found == [401] * 5 + [429] * 4
            assert client.post(f"{P}/login", json=LOGIN).status_code == 429
            page = client.post("/login", data=LOGIN)
            assert page.status_code == 429
            assert int(page.headers["Retry-After"]) >= 1
        from_elsewhere = own.elsewhere("127.0.0.2")
        with from_elsewhere as client:
            assert client.post(f"{P}/login", json=LOGIN).status_code == 200
        assert [row.outcome for row in own.accounts.trail] == ["refused"] * 5 + ["done"]


def test_a_failure_is_answered_without_its_cause(served: Served):
    served.fake.broken = {"plan"}
    try:
        with served.as_("olga") as client:
            answer, page = client.get(f"{P}/plan"), client.get("/plan")
    finally:
        served.fake.broken = set()
    for found in (answer, page):
        assert found.status_code == 500
        assert "broken" not in found.text
        assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["error"].startswith("The service failed")


def test_the_host_of_a_request_is_no_origin_of_settings():
    named = replace(OPEN, origins=("https://fleet.example",))
    with serving(FakeService(4), named) as own, own.client() as client:
        assert client.post("/login", data=LOGIN, headers={"Origin": own.url}).status_code == 403
        headers = {"Origin": "https://fleet.example"}
        assert client.post("/login", data=LOGIN, headers=headers).status_code == 303
