"""The loads are what they say they are, and each is printed with its disk."""

import asyncio
from pathlib import Path

from benchmarks.live_store.__main__ import Restart, Row, events, line, restart, steady, together
from evergrid.live.store.writer import WriterRules


def test_events_are_of_stations_in_turns_and_each_is_new():
    names = [(one.station, one.transaction, one.sequence) for one in events(2500)]
    assert len(set(names)) == 2500
    assert len({station for station, *_ in names}) == 1000


def test_a_load_is_timed_with_its_disk(tmp_path: Path):
    at_once = asyncio.run(together(tmp_path, 10, 100))
    paced = asyncio.run(steady(tmp_path, 500, 0.2, WriterRules()))
    for row in (at_once, paced):
        assert isinstance(row, Row)
        assert row.entries == 100
        assert 0 < row.p50_ms <= row.p99_ms
        assert row.cpu_us > 0
        assert "fdatasync p50" in line(row)
    assert at_once.group > 1
    assert paced.per_s <= 500


def test_a_restart_reads_every_entry(tmp_path: Path):
    row = asyncio.run(restart(tmp_path, 3000))
    assert isinstance(row, Restart)
    assert 0 < row.open_s <= row.read_s
    assert "3,000 entries" in line(row)
