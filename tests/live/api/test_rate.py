"""Buckets that fill again, for a bounded number of names."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from evergrid.live.api.access.rate import Gate, Rate

WAITS = st.lists(st.floats(0, 30), min_size=1, max_size=60)


@given(WAITS, st.floats(0.05, 5), st.integers(1, 5))
def test_no_more_pass_than_the_rate_allows(waits: list[float], per_s: float, burst: int):
    rate, now_s, passed = Rate(per_s, burst), 0.0, 0
    for wait_s in waits:
        now_s += wait_s
        passed += rate.wait_s("a", now_s) == 0
        assert passed <= burst + per_s * now_s + 1e-6


@given(WAITS, st.floats(0.05, 5))
def test_who_waits_as_told_passes(waits: list[float], per_s: float):
    rate, now_s = Rate(per_s, 1), 0.0
    for wait_s in waits:
        now_s += wait_s
        told_s = rate.wait_s("a", now_s)
        if told_s:
            now_s += told_s
            assert rate.wait_s("a", now_s) == 0


def test_names_do_not_share_and_are_not_kept_for_ever():
    rate = Rate(0.001, 1, most=100)
    assert rate.wait_s("a", 0.0) == 0
    assert rate.wait_s("b", 0.0) == 0
    assert rate.wait_s("a", 0.0) > 0
    for name in range(1000):
        rate.wait_s(str(name), 0.0)
    assert len(rate._left) == 100


def test_a_gate_lets_in_as_many_as_it_should():
    async def crowd() -> None:
        gate, inside, most = Gate(2, 3), 0, 0

        async def one() -> bool:
            nonlocal inside, most
            if gate.full:
                return False
            async with gate.enter():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1
            return True

        found = await asyncio.gather(*(one() for _ in range(9)))
        assert (most, found.count(True)) == (2, 5)
        assert not gate.full

    asyncio.run(crowd())
