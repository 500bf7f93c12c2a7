"""Test 27 of the live service: clients that others wrote find nothing wrong with what it says.

They are packages of npm (ocpp-ws-cli and ocpp-rpc, MIT), installed into a folder of the test.
"""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.stations.connection import StationConnection
from tests.live.ocpp.recorder import running
from tests.live.test_twin import outcome

PACKAGES = ("ocpp-ws-cli@1.1.12", "ocpp-rpc@2.2.1")
SUITES = {"transport": 7, "rpc": 8, "security": 4, "chaos": 2}
HERD = 60  # identities under which the last suite connects
# As published, its schemas of OCPP 2.1 are named otherwise than it looks them up.
STRICT = """
const {createValidator} = require('ocpp-rpc');
const schemas = require('ocpp-rpc/lib/schemas/ocpp2_1.json').map(one => ({...one, $id:
  one.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf')}));
const validator = createValidator('ocpp2.1', schemas);
const failures = [];
for (const [name, payload] of JSON.parse(require('fs').readFileSync(0))) {
  try { validator.validate('urn:' + name, payload); }
  catch (error) { failures.push([name, String(error.message), payload]); }
}
console.log(JSON.stringify(failures));
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        if os.environ.get("EVERGRID_REQUIRE_SERVICES"):
            pytest.fail("npm is not installed; make test-all installs it")
        pytest.skip("npm is not installed; make test-all installs it")
    folder = tmp_path_factory.mktemp("npm")
    call = ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES]
    subprocess.run(call, cwd=folder, check=True, timeout=300)
    return folder


async def suite(name: str, packages: Path) -> dict[str, Any]:
    """What the client reports of one of its suites."""
    stations = [StationRecord("cli", 0), *(StationRecord(f"cli-{n}", 0) for n in range(HERD))]
    async with running(*stations, reconnects_per_minute=10_000) as (_, _, port):
        place = packages / f"report-{name}"
        where = ["-e", f"ws://127.0.0.1:{port}/ocpp", "-i", "cli", "-p", "ocpp2.1"]
        process = await asyncio.create_subprocess_exec(
            packages / "node_modules" / ".bin" / "ocpp",
            *["test", *where, "--suite", name, "--report", "json", "--report-dir", str(place)],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await asyncio.wait_for(process.wait(), 120)
    (report,) = place.glob("*.json")
    return json.loads(report.read_text())


@pytest.mark.soak
@pytest.mark.parametrize("name", SUITES)
def test_27_a_client_of_others_passes_all_of_its_suite(name: str, packages: Path):
    report = asyncio.run(suite(name, packages))
    failed = [one for one in report["testResults"] if not one["passed"]]
    assert failed == []
    assert report["metrics"]["testsPassed"] == SUITES[name]


@pytest.mark.soak
def test_27_every_message_we_send_is_one_to_the_schemas_of_others(
    tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
):
    sent: list[tuple[str, Any]] = []
    asked, answered = StationConnection._note_sent, StationConnection._answer

    def note_sent(link: StationConnection, action: str, text: bytes) -> None:
        sent.append((f"{action}.req", json.loads(text)[3]))
        asked(link, action, text)

    def answer(link: StationConnection, text: bytes, action: str, code: str) -> None:
        if not code:
            sent.append((f"{action}.conf", json.loads(text)[2]))
        answered(link, text, action, code)

    monkeypatch.setattr(StationConnection, "_note_sent", note_sent)
    monkeypatch.setattr(StationConnection, "_answer", answer)
    outcome(tmp_path, 8, 1.2)
    assert len(sent) > 500
    assert len({name for name, _ in sent}) >= 10
    ended = subprocess.run(
        ["node", "-e", STRICT],
        cwd=packages,
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(ended.stdout) == []
