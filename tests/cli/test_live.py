"""The verbs of the live service, given what they should refuse."""

import io
import sys
from pathlib import Path

import pytest
import structlog

from evergrid.cli import live
from evergrid.live.api.failure import note_failure
from tests.cli.cases import Command

SERVICE = """
[[site]]
site_id = "depot"

[[station]]
station = "depot-1"
site = "depot"
charge_kw = 11.0

[prices]
file = "prices.csv"
"""


def test_a_configuration_is_checked_without_a_start(tmp_path: Path, evergrid: Command):
    (tmp_path / "service.toml").write_text(SERVICE)
    (tmp_path / "prices.csv").touch()
    ended = evergrid("serve", tmp_path / "service.toml", "--dry-run")
    assert ended.code == 0
    assert "a valid configuration of the live service" in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prices.csv", "service.toml"]


def test_a_check_names_the_certificate_that_cannot_be_opened(tmp_path: Path, evergrid: Command):
    listen = "[listen]\ncertificate_file = 'server.pem'\nkey_file = 'server.key'\n[prices]"
    (tmp_path / "service.toml").write_text(SERVICE.replace("[prices]", listen))
    (tmp_path / "prices.csv").touch()
    ended = evergrid("serve", tmp_path / "service.toml", "--dry-run")
    assert ended.code == 2
    assert "listen.certificate_file" in ended.err
    assert "server.pem" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("charge_kw", "charge_kv", "charge_kw"),
        ('site = "depot"', 'site = "nowhere"', "site_id of a [[site]]"),
        ("charge_kw = 11.0", "charge_kw = -1", "charge_kw"),
        ("charge_kw = 11.0", "charge_kw = nan", "charge_kw"),
        ("[prices]", "[listen]\naddress = '0.0.0.0'\n[prices]", "certificate"),
        ("[prices]", "[signal]\n[prices]", "one source"),
        ("[prices]", "[gateways]\nelsewhere = true\n[prices]", "[gateways.nats]"),
        ("[prices]", "[gateways]\ncount = -1\n[prices]", "gateways.count"),
        ("[prices]", "[gateways.nats]\nhost = '192.0.2.1'\n[prices]", "tls"),
    ],
)
def test_a_wrong_configuration_is_told_by_key(
    tmp_path: Path, evergrid: Command, before: str, after: str, told: str
):
    (tmp_path / "service.toml").write_text(SERVICE.replace(before, after))
    ended = evergrid("serve", tmp_path / "service.toml")
    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["service.toml"]


def test_a_service_without_its_prices_leaves_no_store_behind(tmp_path: Path, evergrid: Command):
    (tmp_path / "service.toml").write_text(SERVICE)
    ended = evergrid("serve", tmp_path / "service.toml")
    assert ended.code == 2
    assert "prices.csv" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["service.toml"]


def test_a_gateway_without_a_broker_is_told_what_to_name(tmp_path: Path, evergrid: Command):
    (tmp_path / "service.toml").write_text(SERVICE)
    ended = evergrid("gateway", tmp_path / "service.toml")
    assert ended.code == 2
    assert "gateways.nats" in ended.err
    assert "Traceback" not in ended.err


def test_a_gateway_whose_broker_is_not_there_says_so(tmp_path: Path, evergrid: Command):
    broker = "[gateways]\nelsewhere = true\n[gateways.nats]\nport = 1\ntimeout_s = 0.5\n"
    (tmp_path / "service.toml").write_text(SERVICE + broker)
    (tmp_path / "evergrid-live").mkdir()
    (tmp_path / "evergrid-live" / "store.sqlite.key").write_bytes(bytes(32))
    ended = evergrid("gateway", tmp_path / "service.toml")
    assert ended.code == 1
    assert "nats://127.0.0.1:1" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "words", [["--stations", "0"], ["--hours", "25"], ["--day", "winter"], ["--faults", "2"]]
)
def test_a_day_that_cannot_be_played_is_refused(words: list[str], evergrid: Command):
    ended = evergrid("twin", *words)
    assert ended.code == 2
    assert words[0] in ended.err


def test_events_go_to_what_stderr_is_then_and_fail_nothing_where_it_is_closed(
    monkeypatch: pytest.MonkeyPatch,
):
    closed, later = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    live._log_as_lines()
    try:
        closed.close()
        note_failure("page_failed", ValueError("unseen"))
        monkeypatch.setattr(sys, "stderr", later)
        note_failure("page_failed", ValueError("seen"))
    finally:
        structlog.reset_defaults()
    assert '"event": "page_failed"' in later.getvalue()
