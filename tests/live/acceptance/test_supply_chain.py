"""Test 28 of the live service: what it is made of is locked, listed, and free to use.

A search for known weaknesses needs the network and is not done here, nor is a release signed.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
LOCKS = ("base.txt", "dev.txt")
PINNED = re.compile(r"^[a-zA-Z0-9._-]+(\[[^\]]*\])?==")
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software|MPL|Mozilla|Unlicense|Zlib|0BSD|CC0|Expat|HPND", re.I
)
STRICT = re.compile(r"(?<!L)\bA?GPL|SSPL|Commons Clause|proprietary", re.I)
# Says nothing in its metadata; the licence file that it ships is the one named here.
BY_FILE = {"pysqlite3": "Zlib"}


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("bill") / "made" / "sbom.json"
    script = REPOSITORY / "requirements" / "bill_of_materials.py"
    subprocess.run([sys.executable, str(script), str(place)], check=True, timeout=120)
    return json.loads(place.read_text())


def blocks(lock: str) -> list[str]:
    text = (REPOSITORY / "requirements" / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_28_every_package_is_locked_to_a_version_and_its_hashes(lock: str):
    found = blocks(lock)
    assert len(found) > 40
    for block in found:
        assert PINNED.match(block), block[:80]
        assert "--hash=sha256:" in block, block[:80]
        assert "://" not in block, block[:80]


def test_28_the_bill_of_materials_lists_what_is_installed(bill: dict[str, Any]):
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {one["name"]: one for one in bill["components"]}
    for name in ("websockets", "msgspec", "ocpp", "sqlalchemy", "numpy", "fastapi", "starlette"):
        assert found[name]["version"] == version(name)
        assert found[name]["purl"] == f"pkg:pypi/{name}@{version(name)}"
    assert len(found) == len(bill["components"]) > 60
    assert "pytest" not in found


def test_28_what_is_installed_is_what_is_locked(bill: dict[str, Any]):
    locked = {
        re.split(r"\[|==", block)[0].lower().replace("_", "-"): block.split("==")[1].split()[0]
        for block in blocks("dev.txt")
    }
    for one in bill["components"]:
        if one["name"] in locked:
            assert one["properties"], f"{one['name']} has no hash in the lock file"
    missing = [one["name"] for one in bill["components"] if one["name"] not in locked]
    assert len(missing) <= 3, missing


def test_28_every_licence_is_permissive(bill: dict[str, Any]):
    strict = {}
    for one in bill["components"]:
        told = one["licenses"][0]
        words = told.get("expression") or told["license"]["name"]
        words = BY_FILE.get(one["name"]) or words
        if STRICT.search(words) or not PERMISSIVE.search(words):
            strict[one["name"]] = words
    assert strict == {}
