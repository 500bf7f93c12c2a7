"""One server for the tests that change nothing in it."""

from collections.abc import Iterator

import pytest

from tests.live.fake_service import FakeService
from tests.live.serving import Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(FakeService(20, hostile=True)) as found:
        yield found
