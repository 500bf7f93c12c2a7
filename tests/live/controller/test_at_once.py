"""Who charges at once goes first, and within the limits of sites."""

import json
from typing import Any

import pytest

from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.utility import UtilityLimits
from tests.live.controller.test_controller import (
    HOUR_S,
    START_S,
    all_plug_in,
    plugged_in,
    stamp,
    wave,
)
from tests.live.controller_cases import Run

LIMITED = (HOUR_S + 600, HOUR_S + 1200)  # seconds in which the site may draw 15 kW


async def limited(run: Run, import_limit_kw: float) -> None:
    """A utility's limit on drawing, in that time."""
    begin, end = (START_S + at_s for at_s in LIMITED)
    log: Any = run.log
    limits = UtilityLimits({"depot": Limit(1000.0, 1000.0)}, log, run.clock)
    run.ticker.utility = limits
    step: dict[str, Any] = {"begin_utc": stamp(begin), "end_utc": stamp(end)}
    step |= {"import_limit_kw": import_limit_kw, "export_limit_kw": 100.0}
    sites = [{"site_id": "depot", "steps": [step]}]
    document = {"issued_utc": stamp(START_S), "sites": sites}
    await limits.receive(json.dumps(document).encode(), "utility")


def drawn_kw(run: Run, stations: range) -> float:
    return -sum(run.stations.power_kw[f"s{i}"] for i in stations)


@pytest.mark.parametrize("limit_kw", [15.0, 20.0])
def test_a_limit_holds_for_those_who_charge_at_once_and_ends_with_it(limit_kw: float):
    seen: dict[str, float] = {}

    async def scenario(run: Run) -> None:
        await limited(run, limit_kw)
        await all_plug_in(run)
        await run.until(HOUR_S + 300)
        for station in range(4):
            await run.controller.set_priority(f"s{station}", True)
        await run.until(LIMITED[0] - 10)
        seen["before"] = drawn_kw(run, range(4))
        for name, at_s in (("next tick", 4), ("later", 300), ("near the end", 590)):
            await run.until(LIMITED[0] + at_s)
            seen[name] = drawn_kw(run, range(8))
        await run.until(LIMITED[1] + 4)
        seen["after"] = drawn_kw(run, range(4))

    plugged = plugged_in(8, signal=wave)
    plugged.go(scenario)
    assert seen["before"] == pytest.approx(4 * 11.04)
    for name in ("next tick", "later", "near the end"):
        assert seen[name] <= limit_kw + 1e-6, name
    assert seen["later"] > 0.5 * limit_kw
    assert seen["after"] == pytest.approx(4 * 11.04)


def test_a_share_that_is_too_small_to_charge_with_is_none():
    seen: list[float] = []

    async def scenario(run: Run) -> None:
        await limited(run, 12.0)
        await all_plug_in(run)
        await run.until(60)
        for station in range(4):
            await run.controller.set_priority(f"s{station}", True)
        await run.until(LIMITED[0] + 60)
        seen.extend(run.stations.power_kw[f"s{i}"] for i in range(4))

    plugged_in(4, signal=wave).go(scenario)
    assert seen == [0.0] * 4  # 3 kW each is less than 6 A on three phases
