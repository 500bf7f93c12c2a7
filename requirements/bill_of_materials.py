"""Writes the software bill of materials of this environment, as CycloneDX 1.6 in JSON.

``python requirements/bill_of_materials.py results/sbom.json``: what Evergrid needs at run time, as
it is installed, with versions, licences and the hashes of the lock file. Nothing is asked of the
network.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.metadata import PackageNotFoundError as NotInstalledError
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).with_name("dev.txt")
EXTRAS = ("live", "signals", "cluster", "device", "postgresql")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
LICENCE = "License :: OSI Approved :: "


def locked() -> dict[str, list[str]]:
    """The hashes of each package of the lock file, by its name."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in LOCK.read_text().splitlines():
        if pinned := PINNED.match(line):
            name = canonicalize_name(pinned.group(1))
            found[name] = []
        if name:
            found[name] += HASH.findall(line)
    return found


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> Iterator[Distribution]:
    """A distribution and all that it needs here, each once."""
    try:
        found = distribution(name)
    except NotInstalledError:
        return  # of an extra that is not installed
    name = canonicalize_name(name)
    new = {extra for extra in ("", *extras) if (name, extra) not in seen}
    if not new:
        return
    if "" in new:
        yield found
    seen.update((name, extra) for extra in new)
    for text in found.requires or ():
        wish = Requirement(text)
        marker = wish.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in new):
            yield from needed(wish.name, frozenset(wish.extras), seen)


def licence(found: Distribution) -> str:
    """As an expression of SPDX where the package gives one, else in its own words."""
    told = found.metadata
    expression = told.get("License-Expression")
    if expression:
        return expression
    classes = [one for one in told.get_all("Classifier") or () if one.startswith(LICENCE)]
    if classes:
        return " AND ".join(one.removeprefix(LICENCE) for one in classes)
    words = (told.get("License") or "").strip().splitlines()
    return words[0] if words else ""


def component(found: Distribution, hashes: list[str]) -> dict[str, Any]:
    """One entry of the list."""
    name = canonicalize_name(found.metadata["Name"])
    told = licence(found)
    spdx = found.metadata.get("License-Expression") is not None
    return {
        "type": "library",
        "name": name,
        "version": found.version,
        "purl": f"pkg:pypi/{name}@{found.version}",
        "licenses": [{"expression": told}] if spdx else [{"license": {"name": told or "unknown"}}],
        "properties": [{"name": "locked:sha256", "value": one} for one in hashes],
    }


def bill() -> dict[str, Any]:
    """The bill of materials."""
    hashes = locked()
    every = list(needed("evergrid", frozenset(EXTRAS), set()))
    own, *others = every
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "evergrid", "version": own.version}
        },
        "components": sorted(
            (
                component(one, hashes.get(canonicalize_name(one.metadata["Name"]), []))
                for one in others
            ),
            key=lambda one: one["name"],
        ),
    }


def main() -> None:
    """Write it where the only argument says."""
    place = Path(sys.argv[1])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(bill(), indent=1) + "\n")


if __name__ == "__main__":
    main()
