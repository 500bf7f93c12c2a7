"""One server for the tests that change nothing in it."""

from collections.abc import Iterator

import pytest

from evergrid.live.api.settings import ShownTable
from tests.live.fake_service import HOSTILE, FakeService
from tests.live.serving import Served, serving

TABLES = (
    ShownTable("", (("title", '"Depot North"'),)),
    *(ShownTable(f"station {n}", (("station", f'"cp-{n:02}"'),)) for n in range(1, 4)),
    ShownTable("signal.mqtt", (("host", HOSTILE * 4), ("port", "1883"))),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(FakeService(20, hostile=True), configuration=TABLES) as found:
        yield found
