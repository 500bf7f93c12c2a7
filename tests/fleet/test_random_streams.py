"""Streams of random numbers: what may change them, and what may not."""

import pytest

from evergrid.core.errors import InputError
from evergrid.fleet.random_streams import stream


def test_the_seed_and_the_label_alone_change_a_stream() -> None:
    first = stream(1, "home").random(4).tolist()
    assert stream(1, "home").random(4).tolist() == first
    assert stream(2, "home").random(4).tolist() != first
    assert stream(1, "depot").random(4).tolist() != first


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed must be at least 0, got -1"):
        stream(-1, "home")
