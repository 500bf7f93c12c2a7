"""What operators see of the configuration: every key, and no secret."""

from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.live import shown_configuration
from evergrid.live.config import Config
from evergrid.live.shown_configuration import HIDDEN

BASE: dict[str, Any] = {
    "site": [{"site_id": "depot"}],
    "prices": {"file": "prices.csv"},
    "battery": [
        {
            "station": "battery-1",
            "site": "depot",
            "host": "192.0.2.10",
            "charge_kw": 10.0,
            "discharge_kw": 10.0,
            "owner_token": "a secret card",
            "trusted_network": True,
        }
    ],
}


def shown(**changed: Any) -> dict[str, dict[str, str]]:
    tables = shown_configuration.tables(parse(Config, BASE | changed))
    return {table.title: dict(table.rows) for table in tables}


def test_every_key_is_shown_as_resolved():
    found = shown()
    assert found["control"]["tick_s"] == "2"
    assert found["site 1"]["site_id"] == '"depot"'
    assert found["prices"]["file"] == '"prices.csv"'


def test_a_secret_is_hidden_and_where_it_is_kept_is_shown():
    program = {
        "url": "https://vtn.example/3",
        "program_id": "flex",
        "site": "depot",
        "client_id": "us",
        "secret_file": "vtn.secret",
        "token_url": "https://vtn.example/token",
    }
    envelope = {"site": "depot", "import_limit_kw": 5.0}
    found = shown(openadr=[program], envelope=[envelope])
    assert "a secret card" not in str(found)
    assert found["battery 1"]["owner_token"] == HIDDEN
    assert found["openadr 1"]["secret_file"] == '"vtn.secret"'
    assert found["openadr 1"]["token_url"] == '"https://vtn.example/token"'


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("postgresql://ada:open@db:5432/x", f"postgresql://ada:{HIDDEN}@db:5432/x"),
        ("postgresql://ada:o@pe@n@db/x", f"postgresql://ada:{HIDDEN}@db/x"),
        ("postgresql://db/x", "postgresql://db/x"),
        ("C:/data/store.sqlite", "C:/data/store.sqlite"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_an_address_is_shown_without_its_password(store: str, expected: str):
    assert shown(store=store)[""]["store"] == f'"{expected}"'
