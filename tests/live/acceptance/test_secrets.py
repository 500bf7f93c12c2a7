"""Test 18 of the live service: no secret is found where it does not belong."""

import asyncio
import json
import logging
import stat
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from evergrid.core.config import parse
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.service import Service
from evergrid.live.twin import day
from evergrid.live.twin.fleet import TwinConfig
from evergrid.live.twin.play import STORE, Play, begun, configuration
from evergrid.live.web import first_operator, serving
from tests.live.ocpp.station_client import StationClient

PAGES = ("/api/v1/stations", "/api/v1/fleet", "/api/v1/healthz", "/api/v1/readyz", "/metrics", "/")
MESSAGE = "canary-in-a-message"


async def scene(folder: Path, kept: dict[str, str]) -> list[str]:
    """Log in, show every secret at its door, right and wrong; what the interface said."""
    fleet = TwinConfig(
        stations=3, start_utc=day.START.isoformat(), hours=1.0, time_zone="America/New_York"
    )
    play = Play(fleet, day.made_up(folder / "day", 1), folder)
    config, told = parse(Config, configuration(play)), []
    async with AsyncExitStack() as stack:
        service, _, clock = await stack.enter_async_context(begun(play, config))
        assert isinstance(clock, VirtualClock)
        await clock.run(900.0)
        kept |= {f"password of {name}": word for name, word in service.passwords.items()}
        kept["key"] = service.store.key._secret.decode("latin-1")
        url = await stack.enter_async_context(serving(service))
        first = await first_operator(service)
        assert first is not None
        _, password = first
        kept["password of a person"] = password
        await stations(service, kept)
        async with httpx.AsyncClient(base_url=url) as client:
            wrong = {"person": "operator", "password": "canary-wrong-password"}
            kept["wrong password"] = wrong["password"]
            assert (await client.post("/api/v1/login", json=wrong)).status_code == 401
            for page in PAGES:
                answer = await client.get(page)
                assert answer.status_code in (200, 302, 303, 307, 401, 404), page
                assert "cp-" not in answer.text  # nobody reads a station's name without log-in
                told.append(answer.text)
            given = {"person": "operator", "password": password}
            token = (await client.post("/api/v1/login", json=given)).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            for page in PAGES:
                told.append((await client.get(page)).text)
            some = next(iter(service.controller.transactions), "cp-1")
            told.append((await client.get(f"/api/v1/stations/{some}")).text)
            kept["token"] = token
    return told


async def stations(service: Service, kept: dict[str, str]) -> None:
    """A station shows a wrong secret, and another sends words that nobody else should read."""
    port = int(service.ocpp_url.split(":")[2].split("/")[0])
    name = next(iter(service.passwords))
    wrong, right = StationClient(name), StationClient(name)
    kept["wrong secret of a station"] = "canary-wrong-secret"
    with pytest.raises(Exception, match="401"):
        await wrong.connect(port, secret=kept["wrong secret of a station"])
    await right.connect(port, secret=service.passwords[name])
    kept["token of a driver"] = MESSAGE
    await right.call("Authorize", {"idToken": {"idToken": MESSAGE, "type": "Central"}})
    await right.call("Authorize", {"idToken": {"idToken": MESSAGE, "type": 7}})
    await right.call("DataTransfer", {"vendorId": "v", "data": MESSAGE})
    await right.transaction("Started", "canary-transaction", token=MESSAGE)
    await right.close()


@pytest.mark.slow
def test_18_secrets_are_in_no_log_answer_or_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    kept: dict[str, str] = {}
    with structlog.testing.capture_logs() as lines:
        told = asyncio.run(scene(tmp_path, kept))
    out, err = capfd.readouterr()
    server_side = [
        record.getMessage() for record in caplog.records if record.name != "websockets.client"
    ]
    server_side = [text for text in server_side if "HTTP Request" not in text]
    places: dict[str, Any] = {
        "logs": "\n".join([*server_side, json.dumps(lines, default=str)]),
        "output": out + err,
        "interface": "\n".join(told),
    }
    places |= {
        file.name: file.read_bytes().decode("latin-1")
        for file in tmp_path.iterdir()
        if file.is_file() and not file.name.endswith(".key")
    }
    assert any(name.startswith(STORE) for name in places)
    found = [
        (what, where)
        for what, secret in kept.items()
        for where, text in places.items()
        if secret and secret in text
    ]
    assert found == []
    assert len([secret for secret in kept.values() if secret]) >= 8
    modes = {
        file.name: stat.S_IMODE(file.stat().st_mode)
        for file in tmp_path.iterdir()
        if file.name.startswith(STORE)
    }
    assert modes
    assert set(modes.values()) == {0o600}
