"""A service signs certificates by the authority that its configuration names, or says why not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.registers.certificate_issuer import KIND
from evergrid.live.service import Run, running
from evergrid.live.shown_configuration import tables
from evergrid.live.twin import day
from tests.live.ocpp.certificate_cases import CN, authority, csr
from tests.live.test_service import FAST, config_of

STATIONS = [
    {"station": f"cp-{n}", "site": "depot", "charge_kw": 11.0, "serial_number": f"SN{n}"}
    for n in (1, 2)
]


def configured(folder: Path, **changed: Any) -> Config:
    certificate, _ = authority(folder, before=3000.0)  # good on the day that is played too
    given = {
        "listen": {"ocpp_port": 0, "http_port": 0, "station_ca_file": str(certificate)},
        "certificate_authority": {"certificate_file": "ca.pem", "key_file": "ca.key"},
        "site": [{"site_id": "depot"}],
        "station": STATIONS,
    }
    return config_of(folder, **(given | changed))


def served(folder: Path, config: Config, work: Any) -> None:
    async def run() -> None:
        clock = VirtualClock(day.START.timestamp())
        async with running(config, Run(folder, clock, virtual=True, store=FAST)) as service:
            await work(service)

    asyncio.run(run())


def test_what_is_signed_is_in_the_log_and_good_over_a_restart(tmp_path: Path):
    config, issued = configured(tmp_path), list[str]()

    async def sign(service: Any) -> None:
        issuer = service.central.maintenance._certificates._issuer
        stolen = await issuer.issue("cp-2", csr((CN, "SN1")))
        assert "serial number" in stolen.rule
        both = await issuer.issue("cp-1", csr((CN, "SN1 SN2")))
        assert "no other station's" in both.rule
        good = await issuer.issue("cp-1", csr((CN, "SN1")))
        await issuer.answered("cp-1", good.fingerprint, OrderResult.ACCEPTED)
        issued.append(good.fingerprint)
        assert await service.store.log.count(KIND) == 2
        await service.commands.hold("cp-2", True)

    async def again(service: Any) -> None:
        found = service.central._credentials.find("cp-1")
        assert found.next_certificate == issued[0]
        await service.commands.forget_certificates("cp-1")
        assert not service.central._credentials.find("cp-1").next_certificate
        rows = {row.station: row.on_hold for row in service.view.stations()}
        assert rows == {"cp-1": False, "cp-2": True}
        state = service.central.stations.get("cp-2")
        assert state.on_hold
        await service.commands.hold("cp-2", False)
        assert not state.on_hold

    served(tmp_path, config, sign)
    served(tmp_path, config, again)


def test_an_authority_that_connections_do_not_trust_is_refused(tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    certificate, _ = authority(other)
    listen = {"ocpp_port": 0, "http_port": 0, "station_ca_file": str(certificate)}
    config = configured(tmp_path, listen=listen)
    with pytest.raises(InputError, match="hold the authority that signs"):
        served(tmp_path, config, None)


def test_signing_needs_an_authority_that_connections_ask_for():
    given = {
        "site": [{"site_id": "depot"}],
        "prices": {"file": "prices.csv"},
        "certificate_authority": {"certificate_file": "ca.pem", "key_file": "ca.key"},
    }
    with pytest.raises(ConfigError, match=r"listen\.station_ca_file"):
        parse(Config, given)


def test_where_the_authority_is_shows_in_the_settings(tmp_path: Path):
    shown = {one.title: dict(one.rows) for one in tables(configured(tmp_path))}
    assert shown["certificate_authority"]["key_file"] == '"ca.key"'
