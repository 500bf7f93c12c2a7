"""A virtual clock stands still for a station that will answer, and not for one that cannot."""

import asyncio

from evergrid.live.clock import VirtualClock


def played(*, silent: str, peer: str) -> tuple[float, int, list[float]]:
    """Where a clock of ten seconds got to, its stalls, and when a sleeper woke by its time.

    Somebody waits for a peer, who answers when a sleeper of five seconds has woken.
    """

    async def run() -> tuple[float, int, list[float]]:
        clock = VirtualClock(0.0)
        answered, woken = asyncio.Event(), []

        async def ask() -> None:
            with clock.working(peer):
                await answered.wait()

        async def sleep() -> None:
            await clock.sleep(5.0)
            woken.append(clock.monotonic_s())
            answered.set()

        tasks = [asyncio.create_task(ask()), asyncio.create_task(sleep())]
        await asyncio.sleep(0)
        with clock.silent(silent):
            await clock.run(10.0)
        await asyncio.gather(*tasks)
        return clock.monotonic_s(), clock.stalls, woken

    return asyncio.run(run())


def test_waiting_for_a_silent_station_does_not_hold_time():
    assert played(silent="cp-1", peer="cp-1") == (10.0, 0, [5.0])


def test_waiting_for_any_other_station_does():
    now_s, stalls, woken = played(silent="cp-2", peer="cp-1")
    assert stalls == 1
    assert (now_s, woken) == (10.0, [5.0])


def test_silence_that_begins_or_ends_in_the_middle_of_a_wait_keeps_the_count():
    async def run() -> None:
        clock = VirtualClock(0.0)
        with clock.working("cp-1"):
            with clock.silent("cp-1"), clock.silent("cp-1"):
                await clock.run(1.0)
            assert clock.stalls == 0
            await clock.run(2.0)
            assert clock.stalls == 1
        with clock.silent("cp-1"):
            hold = clock.working("cp-1")
            hold.__enter__()
        hold.__exit__(None, None, None)
        await clock.run(3.0)
        assert clock.stalls == 1

    asyncio.run(run())
