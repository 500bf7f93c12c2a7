"""Pages of people, of the own account and of the configuration."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from evergrid.console.pages.settings import grouped
from evergrid.live.api.access.accounts import Person, Role
from evergrid.live.api.settings import ShownTable
from tests.live.fake_accounts import PASSWORD
from tests.live.fake_service import HOSTILE, FakeService
from tests.live.serving import Served, serving

TABLES = (
    ShownTable("", (("title", '"Depot"'),)),
    ShownTable("station 1", (("station", '"cp-1"'),)),
    ShownTable("station 2", (("station", '"cp-2"'),)),
    ShownTable("signal", ()),
    ShownTable("signal.mqtt", (("host", HOSTILE),)),
)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(FakeService(2), configuration=TABLES) as found:
        yield found


@contextmanager
def browser(served: Served, person: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
    with served.client(headers={"Origin": served.url}) as client:
        client.post("/login", data={"person": person, "password": password})
        yield client


def test_operators_alone_see_people_and_settings(served: Served):
    for person, expected in (("olga", 200), ("victor", 403), ("dora", 403)):
        with browser(served, person) as client:
            assert client.get("/people").status_code == expected
            assert client.get("/settings").status_code == expected
            assert client.get("/account").status_code == 200
    with served.client() as client:
        assert client.get("/people").status_code == 303


def test_somebody_new_logs_in_with_the_password_that_the_page_shows_once(served: Served):
    with browser(served, "olga") as client:
        form = {"person": "vera", "role": "viewer"}
        answer = client.post("/people", data=form)
        found = re.search(r'<code class="secret">([^<]+)<', answer.text)
        assert found is not None
        assert answer.headers["cache-control"] == "no-store"
        assert found[1] not in client.get("/people").text
    with browser(served, "vera", found[1]) as client:
        assert client.get("/").status_code == 200


def test_what_is_refused_is_told_and_the_form_keeps_what_was_written(served: Served):
    with browser(served, "olga") as client:
        answer = client.post("/people", data={"person": "victor", "role": "operator"})
        assert answer.status_code == 409
        assert "person must be new" in answer.text
        assert 'value="victor" maxlength' in answer.text
        assert '<option value="operator" selected>' in answer.text
        assert client.post("/people", data={"person": "v", "role": "king"}).status_code == 422


def test_disabling_is_at_once_and_nobody_can_disable_themselves(served: Served):
    with browser(served, "olga") as client, browser(served, "victor") as victor:
        assert victor.get("/").status_code == 200
        form = {"person": "victor", "disabled": "true"}
        assert client.post("/people/disable", data=form).status_code == 303
        assert victor.get("/").status_code == 303
        assert "disabled" in client.get("/people").text
        form = {"person": "olga", "disabled": "true"}
        assert client.post("/people/disable", data=form).status_code == 409


def test_a_page_of_another_site_changes_nothing(served: Served):
    with browser(served, "olga") as client:
        form = {"person": "eve", "role": "operator"}
        answer = client.post("/people", data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "eve" not in served.accounts.people


def test_a_hostile_name_is_text_on_the_page_of_people(served: Served):
    served.accounts.people[HOSTILE] = Person(HOSTILE, Role.VIEWER)
    with browser(served, "olga") as client:
        text = client.get("/people").text
        assert "<script>alert" not in text
        assert (
            client.post("/people/disable", data={"person": HOSTILE, "disabled": "true"}).status_code
            == 303
        )
    assert HOSTILE in served.accounts.disabled


def test_the_own_password_is_changed_and_asked_for_anew(served: Served):
    new = "another long password"
    with browser(served, "dora") as client:
        form = {"present": PASSWORD, "password": new, "again": "something else"}
        assert "twice the same" in client.post("/account", data=form).text
        form |= {"present": "wrong", "again": new}
        assert "wrong" in client.post("/account", data=form).text
        form |= {"present": PASSWORD}
        answer = client.post("/account", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert client.get("/driver").status_code == 303
    with browser(served, "dora", new) as client:
        assert client.get("/driver").status_code == 200


def test_settings_are_grouped_by_table_and_hostile_values_are_text(served: Served):
    groups = dict(grouped(TABLES))
    assert list(groups) == ["", "station", "signal"]
    assert len(groups["station"]) == 2
    with browser(served, "olga") as client:
        text = client.get("/settings").text
    assert "cp-2" in text
    assert "<script>alert" not in text
