"""A record is played at its ticks on the service's clock, from the service's start."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.errors import MissingFileError
from evergrid.live.clock import VirtualClock
from evergrid.live.signals.feed import Feed
from evergrid.live.signals.freshness import Fallback, FreshnessRules, RefusalReason
from evergrid.live.signals.replay import Replay, replay_file
from evergrid.live.signals.signal import AbstractSignalSource, SignalValue
from evergrid.model.time_series.signal import Signal

START_S = 1_800_000_000.0
RECORD = Signal(2.0, np.array([0.1, 0.2, np.nan, 0.4]))


def heard(begin_s: float, until_s: float, start_s: float | None = None):
    """What somebody hears who begins to listen after so long, by when."""

    async def run():
        clock, found = VirtualClock(START_S), []
        replay = Replay(RECORD, clock, start_s=start_s)

        async def listen():
            await clock.sleep(begin_s)
            async for value in replay.values():
                found.append(
                    (clock.monotonic_s(), value.time_s - START_S, value.sequence, value.value)
                )

        task = asyncio.create_task(listen())
        await clock.run(until_s)
        task.cancel()
        return found, task

    return asyncio.run(run())[0]


def test_values_come_at_their_ticks_and_a_missing_one_does_not_come():
    assert heard(0.0, 100.0) == [(0.0, 0.0, 0, 0.1), (2.0, 2.0, 1, 0.2), (6.0, 6.0, 3, 0.4)]


def test_who_comes_later_hears_the_rest_at_the_same_times():
    assert heard(1.0, 100.0) == [(2.0, 2.0, 1, 0.2), (6.0, 6.0, 3, 0.4)]


def test_a_record_may_begin_later_or_have_begun_before():
    assert heard(0.0, 100.0, start_s=START_S + 3)[0] == (3.0, 3.0, 0, 0.1)
    assert heard(0.0, 100.0, start_s=START_S - 4)[0] == (2.0, 2.0, 3, 0.4)


def test_a_file_is_played_as_the_reader_reads_it(tmp_path: Path):
    (tmp_path / "regd.csv").write_text("second,signal\n0,0.5\n2,-0.5\n")

    async def run():
        clock = VirtualClock(START_S)
        feed = Feed(replay_file(tmp_path / "regd.csv", clock), clock, FreshnessRules())
        task = asyncio.create_task(feed.run())
        seen = []
        for tick in range(8):
            await clock.run(2.0 * tick + 0.5)
            followed = feed.follow()
            seen.append((followed.share, followed.fallback))
        await task
        return seen, feed

    seen, feed = asyncio.run(run())
    assert seen[:3] == [(0.5, Fallback.NONE), (-0.5, Fallback.NONE), (-0.5, Fallback.NONE)]
    assert seen[7][1] is Fallback.FADE
    assert feed.ended
    assert feed.known.last is not None
    assert feed.known.last.source == "regd.csv"


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(MissingFileError):
        replay_file(tmp_path / "none.csv", VirtualClock(0.0))


class Twice(AbstractSignalSource):
    """Sends one value two times."""

    async def values(self):
        for _ in range(2):
            yield SignalValue(START_S, 0, 0.5, "twice")


def test_who_runs_the_service_is_told_of_a_value_that_was_refused():
    async def run():
        told = []
        clock = VirtualClock(START_S)
        feed = Feed(Twice(), clock, FreshnessRules(), refused=lambda *what: told.append(what))
        await feed.run()
        return told

    told = asyncio.run(run())
    assert told == [(SignalValue(START_S, 0, 0.5, "twice"), RefusalReason.OLDER)]


class Broken(AbstractSignalSource):
    """Sends one value and breaks."""

    async def values(self):
        yield SignalValue(START_S, 0, 0.5, "broken")
        raise ConnectionResetError("by the operator")


def test_a_source_that_breaks_is_told_and_its_value_fades():
    async def run():
        clock = VirtualClock(START_S)
        feed = Feed(Broken(), clock, FreshnessRules())
        with pytest.raises(ConnectionResetError):
            await feed.run()
        shares = []
        for tick in range(40):
            await clock.run(2.0 * tick)
            shares.append(feed.follow().share)
        return feed, shares

    feed, shares = asyncio.run(run())
    assert feed.ended
    assert feed.failure == "ConnectionResetError: by the operator"
    assert (shares[0], shares[-1]) == (0.5, 0.0)
