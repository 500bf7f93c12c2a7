"""Our small server, and our reading of events, beside an independent OpenADR 3 library."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.openadr.events import read
from evergrid.live.signals.openadr.periods import duration_s
from tests.live.signals.openadr.vtn import SmallVtn, event, listening

toadr3: Any = pytest.importorskip("toadr3", reason="toadr3 is not installed")
NOW_S = datetime(2026, 11, 29, 11, tzinfo=UTC).timestamp()


def test_the_small_server_is_one_to_the_library() -> None:
    async def scene() -> None:
        vtn = SmallVtn(events=[event(f"e{n}", "PRICE", [0.1, 0.2]) for n in range(60)])
        async with listening(vtn), toadr3.ToadrClient(vtn.url, None) as client:
            found = await client.get_events(program_id="flex-1", skip=0, limit=50)
            assert [one.id for one in found] == [f"e{n}" for n in range(50)]

    asyncio.run(scene())


def test_an_event_of_the_library_is_read_as_it_was_meant() -> None:
    start = datetime(2026, 11, 29, 12, tzinfo=UTC)
    models = toadr3.models
    made = models.Event.model_validate(
        event("a", "IMPORT_CAPACITY_LIMIT", [10.0, 20.0], priority=3), context={}
    )
    text = made.model_dump_json(by_alias=True, exclude_none=True)
    entry = parse(OpenAdrEntry, {"url": "https://v.example", "program_id": "flex-1", "site": "d"})
    ours = read(text.encode(), entry, {}, now_s=NOW_S)
    assert [one.value for one in ours.spans] == [10.0, 20.0]
    assert ours.priority == made.priority
    assert ours.modified_s == made.modification_date_time.timestamp()
    assert [one.begin_s for one in ours.spans] == [
        (start + timedelta(hours=nth)).timestamp() for nth in range(2)
    ]
    assert json.loads(text)["programID"] == "flex-1"


@pytest.mark.parametrize("text", ["PT15M", "PT1H30M", "P1D", "P2DT3H4M5S", "PT0S", "PT90S", "P1W"])
def test_durations_are_as_long_as_to_the_library(text: str) -> None:
    from toadr3.models.isoduration import parse_iso8601_duration

    try:
        theirs = parse_iso8601_duration(text)
    except ValueError:
        pytest.skip(f"{text} is none to the library")
    assert duration_s(text) == theirs.total_seconds()
