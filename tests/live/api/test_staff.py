"""Who may log in: operators let people in and out, and everybody keeps the own password."""

from collections.abc import Iterator

import pytest

from tests.live.fake_accounts import PASSWORD
from tests.live.fake_service import FakeService
from tests.live.serving import Served, serving

P = "/api/v1"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(FakeService(2)) as found:
        yield found


def log_in(served: Served, person: str, password: str) -> int:
    with served.client() as client:
        given = {"person": person, "password": password}
        return client.post(f"{P}/login", json=given).status_code


def test_somebody_new_logs_in_with_the_password_that_is_told_once(served: Served):
    with served.as_("olga") as client:
        new = {"person": "vera", "role": "viewer"}
        made = client.post(f"{P}/people", json=new).json()
        assert log_in(served, "vera", made["password"]) == 200
        assert log_in(served, "vera", PASSWORD) == 401
        rows = client.get(f"{P}/people").json()
        assert [row["person"] for row in rows] == ["dora", "olga", "vera", "victor"]
        assert made["password"] not in str(rows)
    assert made["password"] not in str(served.accounts.trail)


def test_a_password_that_is_reset_ends_the_one_before_and_all_log_ins(served: Served):
    with served.as_("victor") as victor, served.as_("olga") as client:
        assert victor.get(f"{P}/fleet").status_code == 200
        made = client.post(f"{P}/people/password", json={"person": "victor"}).json()
        assert victor.get(f"{P}/fleet").status_code == 401
    assert log_in(served, "victor", PASSWORD) == 401
    assert log_in(served, "victor", made["password"]) == 200


def test_somebody_who_is_disabled_is_turned_away_at_once(served: Served):
    with served.as_("victor") as victor, served.as_("olga") as client:
        assert victor.get(f"{P}/fleet").status_code == 200
        for disabled, expected in ((True, 401), (False, 200)):
            who = {"person": "victor", "disabled": disabled}
            assert client.post(f"{P}/people/disable", json=who).status_code == 204
            assert log_in(served, "victor", PASSWORD) == expected


def test_nobody_turns_away_themselves(served: Served):
    with served.as_("olga") as client:
        who = {"person": "olga", "disabled": True}
        answer = client.post(f"{P}/people/disable", json=who)
    assert answer.status_code == 409
    assert "yourself" in answer.json()["error"]


def test_a_vehicle_is_for_drivers_alone(served: Served):
    with served.as_("olga") as client:
        new = {"person": "vera", "role": "viewer", "card": "04AA"}
        assert client.post(f"{P}/people", json=new).status_code == 422
        new |= {"role": "driver"}
        assert client.post(f"{P}/people", json=new).status_code == 200
    assert "04AA" not in str(served.accounts.trail)


@pytest.mark.parametrize(
    "new",
    [
        {"person": "", "role": "viewer"},
        {"person": "v" * 65, "role": "viewer"},
        {"person": "vera", "role": "owner"},
        {"person": "vera", "role": "viewer", "password": "of my own choice"},
        {"person": "vera", "role": "viewer", "may_discharge": "yes"},
        {"person": ["vera"], "role": "viewer"},
    ],
)
def test_what_cannot_be_is_refused(served: Served, new: dict[str, object]):
    with served.as_("olga") as client:
        assert client.post(f"{P}/people", json=new).status_code == 422
    assert set(served.accounts.people) == {"olga", "victor", "dora"}


def test_the_own_password_is_changed_by_whoever_knows_it(served: Served):
    new = "another long password"
    with served.as_("victor") as client:
        wrong = {"present": "not this one", "password": new}
        assert client.put(f"{P}/me/password", json=wrong).status_code == 409
        short = {"present": PASSWORD, "password": "short"}
        assert client.put(f"{P}/me/password", json=short).status_code == 409
        right = {"present": PASSWORD, "password": new}
        assert client.put(f"{P}/me/password", json=right).status_code == 204
        assert client.get(f"{P}/me").status_code == 401
    assert log_in(served, "victor", new) == 200
    assert new not in str(served.accounts.trail)
