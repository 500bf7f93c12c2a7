"""Every page for every role, in every state, with hostile names."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import httpx
import pytest

from evergrid.console import render
from evergrid.console.pages import alarms, driver, plan, sessions
from evergrid.live.api.access.guard import COOKIE
from evergrid.live.api.problem import RefusedError
from evergrid.live.clock import VirtualClock
from tests.live.fake_accounts import PASSWORD
from tests.live.fake_service import FakeService
from tests.live.serving import OPEN, Served, serving

SEERS = ("/", "/stations", "/stations/cp-03", "/sessions", "/signal", "/plan", "/alarms", "/ledger")
HOSTILE_PATH = "/stations/%3Cscript%3Ealert(1)%3C%2Fscript%3E"
MOST_BYTES = 300_000


@contextmanager
def browser(served: Served, person: str) -> Iterator[httpx.Client]:
    """Somebody logged in by the form."""
    with served.client(headers={"Origin": served.url}) as client:
        if person:
            client.post("/login", data={"person": person, "password": PASSWORD})
        yield client


@pytest.fixture
def operator(served: Served):
    with browser(served, "olga") as client:
        yield client


@pytest.mark.parametrize(
    ("person", "seen", "audit", "own"),
    [
        ("olga", 200, 200, 403),
        ("victor", 200, 403, 403),
        ("dora", 403, 403, 200),
        ("", 303, 303, 303),
    ],
)
def test_each_role_sees_its_pages(served: Served, person: str, seen: int, audit: int, own: int):
    with browser(served, person) as client:
        for path in SEERS:
            expected = 303 if (person, path) == ("dora", "/") else seen
            assert client.get(path).status_code == expected, path
        assert client.get("/audit").status_code == audit
        assert client.get("/driver").status_code == own


@pytest.mark.parametrize("path", [*SEERS, HOSTILE_PATH, "/audit"])
def test_a_page_is_small_and_holds_no_code_of_others(operator: httpx.Client, path: str):
    text = operator.get(path).text
    assert len(text) < MOST_BYTES / 2
    assert "<script>alert" not in text
    assert not re.search(r"\son\w+=", text)
    assert "style=" not in text
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)
    inline = re.findall(r"<script(?![^>]* src=)([^>]*)>", text)
    assert set(inline) <= {' type="application/json"'}


def test_a_hostile_name_is_shown_as_text(operator: httpx.Client):
    text = operator.get(HOSTILE_PATH).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "follows" in text


def test_data_for_a_script_cannot_end_its_element():
    text = str(render._data({"a": "</script><!-- & \u2028", "b": float("nan")}))
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"a": "</script><!-- & \u2028", "b": None}


def test_who_is_not_logged_in_comes_back_to_the_page(served: Served):
    with browser(served, "") as client:
        answer = client.get("/stations/cp-03")
    assert answer.headers["location"] == "/login?next=/stations/cp-03"


@pytest.mark.parametrize(
    "path", ["/", "/stations", "/sessions", "/signal", "/plan", "/alarms", "/ledger"]
)
def test_an_empty_fleet_has_pages_too(path: str):
    with serving(FakeService(0)) as own, browser(own, "olga") as client:
        answer = client.get(path)
        assert answer.status_code == 200
        assert ">nan<" not in answer.text.lower()
        assert "None" not in re.sub(r"None of", "", answer.text)


@pytest.mark.parametrize("broken", ["overview", "series", "alarms", "offers"])
def test_a_part_that_fails_spoils_no_other(broken: str):
    fake = FakeService(8)
    with serving(fake) as own, browser(own, "victor") as client:
        fake.broken = {broken}
        path = "/signal" if broken == "offers" else "/"
        answer = client.get(path)
    assert answer.status_code == 200
    assert answer.text.count("could not be read just now") == 1


def test_many_stations_come_page_by_page():
    with serving(FakeService(1000)) as own, browser(own, "victor") as client:
        first = client.get("/stations").text
        assert first.count("data-station=") == 50
        assert "1 to 50 of 1,000" in first
        last = client.get("/stations?page=999").text
        assert "951 to 1,000 of 1,000" in last
        found = client.get("/stations?text=cp-0042").text
        assert found.count("data-station=") == 1
        offline = client.get("/stations?kind=offline").text
        assert offline.count("data-station=") == 2
        assert "No station matches" in client.get("/stations?text=nowhere").text
        assert client.get("/stations?page=0").status_code == 422


def test_messages_go_to_the_stations_that_were_ticked(served: Served, operator: httpx.Client):
    served.fake.asked.clear()
    ticked = {"command": "restart", "station": ["cp-02", "cp-03", "cp-04"]}
    text = operator.post("/stations", data=ticked).text
    assert "2 of 3 stations accepted." in text
    assert "be connected" in text
    assert sorted(served.fake.asked) == [
        ("cp-03", "Reset", {"type": "OnIdle"}),
        ("cp-04", "Reset", {"type": "OnIdle"}),
    ]
    assert operator.post("/stations", data={"command": "restart"}).status_code == 422
    assert operator.post("/stations", data=ticked | {"command": "x"}).status_code == 422


def test_a_viewer_sends_nothing(served: Served):
    with browser(served, "victor") as client:
        assert "Message to the ticked" not in client.get("/stations").text
        assert (
            client.post("/stations", data={"command": "restart", "station": "cp-03"}).status_code
            == 403
        )
        assert client.post("/stations/cp-03", data={"command": "restart"}).status_code == 403
        assert client.post("/alarms/4/acknowledge").status_code == 403
        assert "Acknowledge</button>" not in client.get("/alarms").text


def test_an_operator_writes_a_message_and_reads_the_answer(operator: httpx.Client):
    answer = operator.post("/stations/cp-03", data={"action": "GetVariables", "payload": "{}"})
    assert "&#34;Accepted&#34;" in answer.text
    for wrong in ("{", "[]", "[" * 5000):
        refused = operator.post("/stations/cp-03", data={"action": "Reset", "payload": wrong})
        assert refused.status_code == 409
        assert "must be" in refused.text
    offline = operator.post("/stations/cp-02", data={"command": "restart"})
    assert offline.status_code == 409
    assert "Refused" in offline.text


def test_an_alarm_is_acknowledged_and_shelved():
    with serving(FakeService(8)) as own, browser(own, "olga") as client:
        answer = client.post("/alarms/4/acknowledge")
        assert answer.headers["location"] == "/alarms?done=acknowledged"
        page = client.get("/alarms?done=acknowledged").text
        assert "The alarm is acknowledged." in page
        assert "by olga" in page
        assert client.post("/alarms/3/shelve", data={"minutes": "60"}).status_code == 303
        assert "shelved until" in client.get("/alarms").text
        assert client.post("/alarms/3/shelve", data={"minutes": "0"}).status_code == 422
        assert client.post("/alarms/77/acknowledge").status_code == 404


def test_a_word_in_the_address_becomes_no_word_of_the_page(operator: httpx.Client):
    assert "You won" not in operator.get("/alarms?done=You+won").text


def test_the_audit_trail_shows_what_was_asked(operator: httpx.Client):
    operator.post("/stations/cp-03", data={"command": "restart"})
    text = operator.get("/audit").text
    assert "ocpp Reset" in text
    assert "cp-03" in text


def test_a_driver_changes_the_own_needs_only():
    fake = FakeService(8)
    zone = ZoneInfo("Europe/Berlin")
    with serving(fake, replace(OPEN, zone=zone)) as own, browser(own, "dora") as client:
        text = client.get("/driver").text
        assert "5.76" in text
        assert "Europe/Berlin" in text
        later = {"departure": "2099-07-01T07:30", "percent": "90"}
        assert client.post("/driver/tx-00000/needs", data=later).status_code == 303
        assert fake.needs["tx-00000"] == {"departure_s": 4086567000.0, "owed_kwh": 54.0}
        assert client.post("/driver/tx-00000/priority", data={"active": "true"}).status_code == 303
        assert client.post("/driver/tx-00000/opt-out", data={"out": "true"}).status_code == 303
        text = client.get("/driver").text
        assert "Charge by the plan again" in text
        assert "Take part again" in text
        early = client.post("/driver/tx-00000/needs", data={"departure": "2020-01-01T00:00"})
        assert early.status_code == 409
        assert "Choose a later time." in early.text
        theirs = client.post("/driver/tx-00005/needs", data=later)
        assert theirs.status_code == 409
        assert "You have no such session." in theirs.text
        assert "tx-00005" not in fake.needs


def test_a_driver_without_a_car_is_told_so():
    with serving(FakeService(0)) as own, browser(own, "dora") as client:
        assert "not plugged in" in client.get("/driver").text


def test_a_time_that_clocks_leave_out_is_refused():
    berlin = ZoneInfo("Europe/Berlin")
    assert driver.utc_seconds("2026-03-29T01:30", berlin) == 1774744200.0
    assert driver.utc_seconds("2026-10-25T02:30", berlin) == 1792888200.0  # the first of two
    for wrong in ("2026-03-29T02:30", "tomorrow", "2026-01-01T00:00+02:00", "99999-01-01"):
        with pytest.raises(RefusedError):
            driver.utc_seconds(wrong, berlin)


def test_sentences_tell_how_things_stand():
    fake = FakeService(8, VirtualClock(1_796_000_000.0))
    rows = list(fake.sessions())
    assert sessions.sentence(rows) == "6 vehicles are plugged in; 5 promises can be kept, 1 cannot."
    assert sessions.sentence([]) == "No vehicle is plugged in."
    kept = [row for row in rows if row.reachable]
    assert sessions.sentence(kept).endswith("every promise can be kept.")
    found = fake.alarm_list[:3]
    assert alarms.sentence(found) == "3 active alarms, not acknowledged yet."
    some = [replace(found[0], acknowledged_by="olga"), *found[1:]]
    assert alarms.sentence(some) == "3 active alarms, 2 not acknowledged yet."
    assert alarms.sentence([]) == "Nothing is wrong."
    assert plan.sentence(fake.plan(), UTC).startswith("The plan is optimal, at most 0.02 % off")


def test_a_cookie_that_is_none_leads_to_the_log_in(served: Served):
    with served.client(cookies={COOKIE: "no such token"}) as client:
        assert client.get("/").status_code == 303


def test_files_are_kept_and_others_are_not_found(served: Served, operator: httpx.Client):
    page = operator.get("/").text
    for path in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)):
        answer = operator.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert operator.get("/static/0/live.js").status_code == 404
    assert operator.get("/static/0/../site.py").status_code == 404


def test_a_station_shows_what_it_does_for_the_grid_and_its_alarms(operator: httpx.Client):
    text = operator.get("/stations/cp-03").text
    for words in (
        "Active power by frequency (FreqDroop)",
        "+100 % at 49.80 Hz, 0 % at 49.99 Hz",
        "its meter contradicts it",
        "given, not read back",
        "cp-03 accepted its orders and does not follow them.",
    ):
        assert words in text
    assert "verified by its meter" in operator.get("/stations/cp-04").text
    assert "Not known: it is connected to no gateway." in operator.get("/stations/cp-02").text


def test_an_operator_holds_a_station_and_renews_what_it_shows_itself_with():
    fake = FakeService(4)
    with serving(fake) as served, browser(served, "olga") as client:
        page = "/stations/cp-01"
        assert client.post(page, data={"care": "hold"}).status_code == 303
        assert fake.on_hold == {"cp-01"}
        text = client.get(f"{page}?done=upkeep").text
        assert "held when it next boots" in text
        assert "on hold at its boot" in client.get("/stations").text
        assert client.post(page, data={"care": "let-go"}).status_code == 303
        assert fake.on_hold == set()
        for care in ("password", "certificate", "forget"):
            assert client.post(page, data={"care": care}).status_code == 303
        assert [asked[1] for asked in fake.asked] == ["password", "certificate", "forget"]
        refused = client.post("/stations/cp-02", data={"care": "certificate"})
        assert refused.status_code == 409
        assert "Refused:" in refused.text
        assert client.post(page, data={"care": "nothing"}).status_code == 422
        noted = [(row.action, row.outcome) for row in served.accounts.trail]
        for action in ("hold", "let go", "renew password", "renew certificate"):
            assert {(action, "asked"), (action, "done")} <= set(noted)
        assert ("renew certificate", "refused") in noted
    with serving(fake) as served, browser(served, "victor") as client:
        assert client.post(page, data={"care": "hold"}).status_code == 403
        assert "Hold at its next boot" not in client.get(page).text
