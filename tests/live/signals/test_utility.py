"""A utility's limits are on the disk before they are in force, and are there after a restart."""

import asyncio
import json
from pathlib import Path

import pytest

from evergrid.core.errors import InputError, StoreError
from evergrid.live.clock import VirtualClock
from evergrid.live.signals.compliance import MeteredPower
from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.utility import KIND, REFUSED_KIND, UtilityLimits
from evergrid.live.store.store import Store
from tests.live.signals.test_envelope import T0, document
from tests.live.store.cases import with_store
from tests.live.store.disk import FULL, Disk, forgetful_disk

DEFAULTS = {"depot": Limit(10.0, 0.0), "yard": Limit(5.0, 5.0)}
HOUR = 3600.0


def both(issued_s: float, drawn: float):
    """A document of two sites."""
    first = json.loads(document(issued_s, (0, HOUR, drawn, 1.0)))
    second = json.loads(document(issued_s, (0, HOUR, drawn, 2.0), site="yard"))
    first["sites"] += second["sites"]
    return json.dumps(first).encode()


def test_limits_are_in_force_once_they_are_written_and_after_a_restart(tmp_path: Path):
    clock = VirtualClock(T0)

    async def first(store: Store):
        limits = UtilityLimits(DEFAULTS, store.log, clock)
        assert limits.limit("depot") == DEFAULTS["depot"]
        assert await limits.receive(both(-5, 80.0), "utility") == ("depot", "yard")
        await clock.run(60.0)
        await limits.receive(document(55, (60, HOUR, 40.0, 0.0)), "utility")
        assert limits.limit("depot") == Limit(40.0, 0.0, T0 + 55)
        assert limits.limit("yard") == Limit(80.0, 2.0, T0 - 5)
        return limits.known

    async def again(store: Store):
        limits = UtilityLimits(DEFAULTS, store.log, clock)
        entries = await store.log.entries(KIND)
        assert limits.restore(one.entry for one in entries) == 2
        drawn, _ = limits.strictest_on("depot", T0, HOUR, 2)
        assert drawn.tolist() == [40.0, 10.0]
        report = limits.report("depot", [MeteredPower(T0, T0 + 120, -60.0)])
        assert report.violated_s == 60.0
        fewer = UtilityLimits({"depot": DEFAULTS["depot"]}, store.log, clock)
        assert fewer.restore(one.entry for one in entries) == 2
        assert fewer.limit("depot") == limits.limit("depot")
        return limits.known

    known = with_store(tmp_path / "a.db", first, clock=clock)
    assert with_store(tmp_path / "a.db", again, clock=clock) == known


def test_a_document_with_one_bad_site_changes_nothing_and_the_refusal_is_written(tmp_path: Path):
    clock = VirtualClock(T0)

    async def work(store: Store):
        limits = UtilityLimits(DEFAULTS, store.log, clock)
        await limits.receive(both(-5, 80.0), "utility")
        before = limits.known
        late = json.loads(both(-4, 1.0))
        late["sites"][1]["site_id"] = "nowhere"
        with pytest.raises(InputError, match="name a site"):
            await limits.receive(json.dumps(late).encode(), "utility\x1b[31m")
        with pytest.raises(InputError, match="be later than"):
            await limits.receive(both(-5, 80.0), "utility")
        assert limits.known == before
        refused = await store.log.entries(REFUSED_KIND)
        assert await store.log.count(KIND) == 1
        return [json.loads(one.entry.body) for one in refused]

    bodies = with_store(tmp_path / "a.db", work, clock=clock)
    assert len(bodies) == 2
    assert bodies[0]["sender"] == r"utility\x1b[31m"


def test_limits_that_could_not_be_written_are_not_in_force(tmp_path: Path):
    clock = VirtualClock(T0)

    async def work(store: Store, disk: Disk):
        limits = UtilityLimits(DEFAULTS, store.log, clock)
        disk.write_code = FULL
        with pytest.raises(StoreError):
            await limits.receive(both(-5, 80.0), "utility")
        disk.write_code = 0
        return limits.limit("depot")

    with forgetful_disk() as disk:
        found = with_store(tmp_path / "a.db", lambda s: work(s, disk), clock=clock)
    assert found == DEFAULTS["depot"]


def test_of_two_that_come_at_once_the_newer_holds(tmp_path: Path):
    clock = VirtualClock(T0)

    async def work(store: Store):
        limits = UtilityLimits(DEFAULTS, store.log, clock)
        results = await asyncio.gather(
            limits.receive(both(-4, 80.0), "a"),
            limits.receive(both(-5, 500.0), "b"),
            return_exceptions=True,
        )
        assert isinstance(results[1], InputError)
        return limits.limit("depot")

    assert with_store(tmp_path / "a.db", work, clock=clock) == Limit(80.0, 1.0, T0 - 4)
