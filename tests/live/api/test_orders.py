"""What people ask for is written down before it is done, without secrets, and within limits."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from evergrid.live.api.access.accounts import AuditRow
from evergrid.live.api.orders import without_secrets
from tests.live.fake_accounts import FakeAccounts
from tests.live.fake_service import FakeService
from tests.live.serving import OPEN, serving

RESET = "/api/v1/stations/cp-03/ocpp/Reset"
CANARY = "hunter2-canary"


def test_an_order_is_written_down_before_and_after():
    with serving(FakeService(5)) as own:
        with own.as_("olga") as client:
            answer = client.post(RESET, json={"type": "OnIdle"})
            offline = client.post(RESET.replace("03", "02"), json={})
            nothing = client.post(RESET.replace("03", "99"), json={})
        assert (answer.status_code, answer.json()) == (200, {"status": "Accepted"})
        assert (offline.status_code, nothing.status_code) == (409, 404)
        assert "be connected" in offline.json()["error"]
        assert own.fake.asked == [("cp-03", "Reset", {"type": "OnIdle"})]
        rows = [(row.detail[:5], row.outcome) for row in own.accounts.trail[1:]]
        assert rows == [
            ("cp-03", "asked"),
            ("cp-03", "done"),
            ("cp-02", "asked"),
            ("cp-02", "refused"),
        ]
        assert {row.person for row in own.accounts.trail} == {"olga"}
        assert {row.address for row in own.accounts.trail} == {"127.0.0.1"}


def test_nothing_is_done_that_cannot_be_written_down():
    class Full(FakeAccounts):
        async def audit(self, row: AuditRow) -> None:
            if row.action.startswith("ocpp"):
                raise OSError("no space left")
            await super().audit(row)

    with serving(FakeService(5), accounts=Full()) as own:
        with own.as_("olga") as client:
            assert client.post(RESET, json={}).status_code == 500
        assert own.fake.asked == []


def test_a_command_without_an_answer_is_given_up():
    class Silent(FakeService):
        async def call_station(
            self, station: str, action: str, payload: dict[str, Any]
        ) -> dict[str, Any]:
            await asyncio.sleep(30)
            return {}

    with serving(Silent(5), replace(OPEN, command_s=0.2)) as own:
        with own.as_("olga") as client:
            answer = client.post(RESET, json={})
        assert answer.status_code == 504
        assert own.accounts.trail[-1].outcome == "failed"


def test_a_person_changes_something_so_often_at_most():
    with serving(FakeService(5), replace(OPEN, changes_burst=3)) as own, own.as_("olga") as client:
        found = [client.post(RESET, json={}).status_code for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        assert client.get("/api/v1/fleet").status_code == 200


def test_a_driver_is_written_down_by_the_pseudonym():
    with serving(FakeService(5)) as own, own.as_("dora") as client:
        path = "/api/v1/driver/sessions/tx-00000/priority"
        assert client.put(path, json={"active": True}).status_code == 204
        assert {row.person for row in own.accounts.trail} == {"driver-0"}


def test_secrets_are_not_written_down():
    payload = {
        "setVariableData": [
            {
                "attributeValue": CANARY,
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
            }
        ],
        "idToken": {"idToken": CANARY, "type": "Central"},
    }
    with serving(FakeService(5)) as own:
        with own.as_("olga") as client:
            answer = client.post(RESET.replace("Reset", "SetVariables"), json=payload)
        assert answer.status_code == 200
        assert own.fake.asked[0][2] == payload
        assert not any(CANARY in row.detail for row in own.accounts.trail)
        assert "BasicAuthPassword" in own.accounts.trail[1].detail


def test_what_is_left_out_is_only_what_may_be_secret():
    assert without_secrets([{"a": 1, "value": 2}, "b"]) == [{"a": 1, "value": "..."}, "b"]


@pytest.mark.parametrize("minutes", [0, -1, 1e9, "nan"])
def test_an_alarm_is_shelved_for_a_sensible_time_only(minutes: Any):
    with serving(FakeService(5)) as own, own.as_("olga") as client:
        body = f'{{"minutes": {minutes}}}'.replace('"nan"', "NaN").replace("nan", "NaN")
        headers = {"Content-Type": "application/json"}
        answer = client.post("/api/v1/alarms/4/shelve", content=body, headers=headers)
        assert answer.status_code == 422
        assert own.fake.alarm_list[0].shelved_until_s is None


def test_an_alarm_that_is_not_there_is_named_so():
    with serving(FakeService(5)) as own, own.as_("olga") as client:
        assert client.post("/api/v1/alarms/99/acknowledge").status_code == 404
        assert client.post("/api/v1/alarms/99/shelve", json={"minutes": 5}).status_code == 404
        assert own.accounts.trail[-1].action == "log in"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "\\ud800"}',
        b'{"a": [{"\\udfff": 1}]}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
    ],
)
def test_a_message_that_cannot_be_written_down_is_refused(body: bytes):
    with serving(FakeService(5)) as own, own.as_("olga") as client:
        for path in (RESET, "/api/v1/limits"):
            headers = {"Content-Type": "application/json"}
            assert client.post(path, content=body, headers=headers).status_code == 422
        assert own.fake.asked == []
        assert [row.action for row in own.accounts.trail] == ["log in"]
