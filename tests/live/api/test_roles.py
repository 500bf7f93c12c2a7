"""Every operation for every role, as the description of the interface lists them."""

from typing import Any

import jsonschema_rs
import pytest

from tests.live.serving import Served

ROLES = {"olga": "operator", "victor": "viewer", "dora": "driver", "": "nobody"}
SEES = {"operator": 200, "viewer": 200, "driver": 403, "nobody": 401}
OPERATES = {"operator": 204, "viewer": 403, "driver": 403, "nobody": 401}
DRIVES = {"operator": 403, "viewer": 403, "driver": 200, "nobody": 401}
ALL = dict.fromkeys(ROLES.values(), 200)
P = "/api/v1"
EXPECTED: dict[tuple[str, str], dict[str, int]] = {
    ("get", f"{P}/fleet"): SEES,
    ("get", f"{P}/stations"): SEES,
    ("get", f"{P}/stations/{{station}}"): SEES,
    ("get", f"{P}/sessions"): SEES,
    ("get", f"{P}/series"): SEES,
    ("get", f"{P}/plan"): SEES,
    ("get", f"{P}/offers"): SEES,
    ("get", f"{P}/alarms"): SEES,
    ("get", f"{P}/ledger"): SEES,
    ("get", f"{P}/events"): SEES,
    ("get", f"{P}/metrics"): SEES,
    ("post", f"{P}/stations/{{station}}/ocpp/{{action}}"): OPERATES | {"operator": 200},
    ("post", f"{P}/stations/{{station}}/hold"): OPERATES,
    ("post", f"{P}/stations/{{station}}/renew-password"): OPERATES,
    ("post", f"{P}/stations/{{station}}/renew-certificate"): OPERATES,
    ("post", f"{P}/stations/{{station}}/forget-certificates"): OPERATES,
    ("post", f"{P}/alarms/{{number}}/acknowledge"): OPERATES,
    ("post", f"{P}/alarms/{{number}}/shelve"): OPERATES,
    ("post", f"{P}/limits"): OPERATES | {"operator": 200},
    ("get", f"{P}/audit"): OPERATES | {"operator": 200},
    ("get", f"{P}/driver/sessions"): DRIVES,
    ("get", f"{P}/driver/earnings"): DRIVES,
    ("put", f"{P}/driver/sessions/{{session}}/needs"): DRIVES | {"driver": 204},
    ("put", f"{P}/driver/sessions/{{session}}/priority"): DRIVES | {"driver": 204},
    ("put", f"{P}/driver/sessions/{{session}}/opt-out"): DRIVES | {"driver": 204},
    ("get", f"{P}/people"): OPERATES | {"operator": 200},
    ("post", f"{P}/people"): OPERATES | {"operator": 409},  # the name is taken
    ("post", f"{P}/people/disable"): OPERATES | {"operator": 409},  # nobody of that name
    ("post", f"{P}/people/password"): OPERATES | {"operator": 409},
    ("get", f"{P}/configuration"): OPERATES | {"operator": 200},
    ("put", f"{P}/me/password"): dict.fromkeys(ROLES.values(), 409) | {"nobody": 401},
    ("post", f"{P}/login"): ALL,
    ("post", f"{P}/logout"): dict.fromkeys(ROLES.values(), 204) | {"nobody": 401},
    ("get", f"{P}/me"): ALL | {"nobody": 401},
    ("get", f"{P}/healthz"): ALL,
    ("get", f"{P}/readyz"): ALL,
}
NAMES = {"station": "cp-03", "action": "Reset", "number": "4", "session": "tx-00000"}
BODIES: dict[str, Any] = {
    "ocpp/{action}": {"type": "OnIdle"},
    "shelve": {"minutes": 5},
    "hold": {"on_hold": True},
    "limits": {"sites": [{"site_id": "depot"}]},
    "needs": {"owed_kwh": 20.0},
    "priority": {"active": True},
    "opt-out": {"active": True},
    "people/disable": {"person": "nobody", "disabled": True},
    "people/password": {"person": "nobody"},
    "people": {"person": "victor", "role": "viewer"},
    "me/password": {"present": "not the present one", "password": "a new long password"},
    "login": {"person": "victor", "password": "correct horse battery staple"},
}


@pytest.fixture(scope="module")
def description(served: Served) -> dict[str, Any]:
    with served.client() as client:
        return client.get(f"{P}/openapi.json").json()


def operations(description: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, found in description["paths"].items() for method in found}


def asked(method: str, path: str) -> dict[str, Any]:
    body = next((body for end, body in BODIES.items() if path.endswith(end)), None)
    return {"method": method.upper(), "url": path.format(**NAMES), "json": body}


def test_the_table_names_every_operation(description: dict[str, Any]):
    assert operations(description) == set(EXPECTED)


@pytest.mark.parametrize(("method", "path"), EXPECTED)
@pytest.mark.parametrize("person", ROLES)
def test_20_each_role_may_do_what_it_should(served: Served, method: str, path: str, person: str):
    with served.as_(person) as client, client.stream(**asked(method, path)) as answer:
        assert answer.status_code == EXPECTED[method, path][ROLES[person]]
    if path.endswith("logout"):
        served.tokens.pop(person, None)


def test_every_refusal_is_described_and_keeps_its_form(served: Served, description: dict[str, Any]):
    for method, path in operations(description):
        for person in ROLES:
            with served.as_(person) as client, client.stream(**asked(method, path)) as answer:
                if answer.status_code < 400:
                    continue
                known = description["paths"][path][method]["responses"]
                assert str(answer.status_code) in known, (method, path)
                answer.read()
                assert set(answer.json()) == {"error", "faults"}
        if path.endswith("logout"):
            served.tokens.clear()


def test_20_every_answer_is_as_described(served: Served, description: dict[str, Any]):
    with served.as_("olga") as olga, served.as_("dora") as dora:
        for method, path in sorted(operations(description)):
            known = description["paths"][path][method]["responses"].get("200", {})
            schema = known.get("content", {}).get("application/json", {}).get("schema")
            if method != "get" or not schema:
                continue
            client = dora if "/driver/" in path else olga
            answer = client.get(path.format(**NAMES))
            assert answer.status_code == 200, path
            whole = {"components": description["components"], **schema}
            jsonschema_rs.validator_for(whole).validate(answer.json())


def test_a_driver_sees_and_changes_only_the_own_session(served: Served):
    with served.as_("dora") as client:
        (own,) = client.get(f"{P}/driver/sessions").json()
        assert own["driver"] == "driver-0"
        lines = client.get(f"{P}/driver/earnings").json()
        assert {line["party"] for line in lines} == {"driver-0"}
        for end, body in (("needs", {"owed_kwh": 1}), ("priority", {"active": True})):
            theirs = client.put(f"{P}/driver/sessions/tx-00005/{end}", json=body)
            missing = client.put(f"{P}/driver/sessions/nothing/{end}", json=body)
            assert theirs.status_code == missing.status_code == 404
            assert theirs.json() == missing.json()
    assert "tx-00005" not in served.fake.needs
    assert "tx-00005" not in served.fake.priority


@pytest.mark.parametrize(
    ("end", "body"),
    [
        ("priority", {"active": 0}),
        ("priority", {"active": "true"}),
        ("priority", {"active": True, "actve": False}),
        ("priority", {}),
        ("needs", {"owed_kwh": -1}),
        ("needs", {"owed_kwh": True}),
        ("needs", {"departure_s": 1e300}),
    ],
)
def test_nothing_is_guessed_of_what_a_driver_asks(served: Served, end: str, body: dict[str, Any]):
    before = set(served.fake.priority), dict(served.fake.needs)
    with served.as_("dora") as client:
        answer = client.put(f"{P}/driver/sessions/tx-00000/{end}", json=body)
        nothing = client.put(f"{P}/driver/sessions/tx-00000/needs", json={})
    assert (answer.status_code, nothing.status_code) == (422, 409)
    assert before == (served.fake.priority, served.fake.needs)


@pytest.mark.parametrize(
    "path",
    ["/stations?limit=0", "/stations?limit=100000", "/stations?kind=x", "/series?points=-1"],
)
def test_what_breaks_a_rule_is_named(served: Served, path: str):
    with served.as_("victor") as client:
        answer = client.get(P + path)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["field"].startswith("query.")


def test_a_search_narrows_the_stations(served: Served):
    with served.as_("victor") as client:
        offline = client.get(f"{P}/stations?kind=offline").json()
        one = client.get(f"{P}/stations?text=CP-07").json()
        second = client.get(f"{P}/stations?offset=10&limit=5").json()
    assert [row["station"] for row in offline["lines"]] == ["cp-02", "cp-05"]
    assert [row["station"] for row in one["lines"]] == ["cp-07"]
    assert second["total"] == 20
    assert [row["station"] for row in second["lines"]] == [f"cp-{n}" for n in range(11, 16)]
