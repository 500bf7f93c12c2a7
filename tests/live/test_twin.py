"""The whole way, over real sockets: simulated stations that know OCPP alone, and the service."""

import asyncio
import json
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.live.config import Config
from evergrid.live.service import Service
from evergrid.live.twin import day
from evergrid.live.twin.faults import FaultShares
from evergrid.live.twin.fleet import TwinConfig
from evergrid.live.twin.outcome import Outcome
from evergrid.live.twin.play import Play, configuration, played

COMMAND = Path(sys.executable).with_name("evergrid")


def outcome(
    folder: Path, stations: int, hours: float, *, look: Any = None, **faults: Any
) -> Outcome:
    folder.mkdir(exist_ok=True)
    fleet = TwinConfig(
        stations=stations,
        start_utc=day.START.isoformat(),
        hours=hours,
        time_zone="America/New_York",
        faults=FaultShares(**faults),
    )
    # So few stations hold little: a real market would take nothing of it. At a price that is the
    # same all day nobody must charge in these hours.
    changed = {"award": {"step_kw": 1.0, "least_kw": 5.0}}
    made = day.made_up(folder / "day", 1)
    flat = pl.read_csv(made.prices).with_columns(
        import_price_per_mwh=pl.lit(50.0), export_price_per_mwh=pl.lit(50.0)
    )
    flat.write_csv(made.prices)
    play = Play(fleet, made, folder, changed=changed)
    config = parse(Config, configuration(play))

    async def started(service: Service, stack: AsyncExitStack) -> None:
        if look is not None:
            stack.callback(look, service)

    return asyncio.run(played(play, config, started=started))


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, list[Service]]:
    """Two hours and a bit of 24 stations without a fault."""
    seen: list[Service] = []
    found = outcome(tmp_path_factory.mktemp("twin"), 24, 2.3, look=seen.append)
    return found, seen


def test_the_signal_is_followed_by_what_really_flows(well: tuple[Outcome, list[Service]]):
    summary = well[0].summary
    assert summary["award_most_kw"] >= 10
    assert summary["score"] > 0.98
    assert abs(summary["score"] - summary["score_by_meters"]) < 0.01


def test_no_message_of_ours_breaks_a_rule_of_ocpp(well: tuple[Outcome, list[Service]]):
    summary = well[0].summary
    assert summary["rules_broken_examples"] == []
    assert summary["rules_broken"] == 0
    assert summary["refusals"] == {}
    assert summary["orders"] > 1000
    assert summary["orders_disobeyed"] == 0


def test_every_vehicle_has_its_plan_within_a_minute(well: tuple[Outcome, list[Service]]):
    summary = well[0].summary
    assert summary["needs_without_plan"] == 0
    assert summary["slowest_plan_s"] < 60


def test_no_limit_of_a_site_is_passed(well: tuple[Outcome, list[Service]]):
    service = well[1][0]
    assert all(limit < 200 for limit in service.controller.fleet.sites.import_limit_kw)
    kinds = {alarm.kind for alarm in service.view.alarms()}
    assert "site_limit" not in kinds


def test_the_ledger_adds_up_to_the_credit(well: tuple[Outcome, list[Service]]):
    found, _ = well
    lines = found.tables["ledger"].filter(pl.col("item") == "regulation")
    credit = found.tables["offers"]["credit"].sum()
    assert round(100 * lines["amount"].sum()) == round(100 * credit)
    assert credit > 0


def test_the_same_seed_gives_the_same_day(tmp_path: Path):
    one = outcome(tmp_path / "one", 6, 1.2)
    other = outcome(tmp_path / "other", 6, 1.2)
    assert one.summary == other.summary
    assert one.tables["ticks"].equals(other.tables["ticks"])


def test_faults_of_stations_cost_no_driver_and_break_no_rule(tmp_path: Path):
    found = outcome(
        tmp_path,
        16,
        2.3,
        offline=0.15,
        lying_meter=0.1,
        refuses=0.1,
        ignores=0.1,
        unplugs_early=0.1,
        clock_skew=0.1,
    )
    assert found.summary["rules_broken"] == 0
    assert found.summary["reserve_crossings"] == 0
    assert found.summary["ticks_late"] == 0


@pytest.mark.slow
def test_the_command_plays_a_day_from_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("EVERGRID_DATA", raising=False)
    call = [COMMAND, "twin", "--stations", "5", "--hours", "1.2", "--json"]
    ended = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["stations"] == 5
    assert "made up" in summary["source"]
    assert 0.9 < summary["voltage_lowest_pu"] < summary["voltage_highest_pu"] < 1.1
    assert (summary["feeders"], summary["voltage_unsolved"]) == (1, 0)
    assert "console" in ended.stderr
    out = tmp_path / "results/twin"
    names = {"summary.json", "ticks.parquet", "offers.parquet", "ledger.parquet", "service.toml"}
    assert names <= {path.name for path in out.iterdir()}
    checked = subprocess.run(
        [COMMAND, "serve", out / "service.toml", "--dry-run"], capture_output=True, check=False
    )
    assert checked.returncode == 0


def test_the_signal_begins_with_its_day_though_stations_connect_before(tmp_path: Path):
    made = day.made_up(tmp_path, 1)
    early = replace(made, start_s=made.start_s - day.LEAD.total_seconds())
    fleet = TwinConfig(stations=1, start_utc=(day.START - day.LEAD).isoformat(), hours=1.0)
    play = Play(fleet, early, tmp_path)
    assert play.clock.now_s() == day.START.timestamp() - day.LEAD.total_seconds()
    assert configuration(play)["signal"]["start"] == day.START.isoformat()
