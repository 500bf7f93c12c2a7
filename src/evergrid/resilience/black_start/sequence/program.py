"""Programs of sections that go on at the same time: each does something, then asks to wait."""

from collections.abc import Generator, Sequence

from evergrid.resilience.black_start.results.outcome import StartStatus
from evergrid.resilience.black_start.state.island import STRETCH_S, Island, IslandLostError

Steps = Generator[float, None, None]


class StopSequenceError(Exception):
    """A sequence ends early, while its island goes on; never seen outside of it."""

    def __init__(self, status: StartStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class _Waiting:
    """A program and how long it still waits."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.left_s = 0.0
        self.ended = False
        self.lost = False

    def resume(self, error: IslandLostError | None = None) -> None:
        """Let it go on until it waits again, ended or not."""
        try:
            wait_s = next(self.steps) if error is None else self.steps.throw(error)
            self.left_s = max(wait_s, 0.0)
        except StopIteration:
            self.ended = True


def run(island: Island, programs: Sequence[Steps]) -> None:
    """Let all programs act on one island, in the order of their times, to their ends.

    Whoever waits least is next; programs that are due within half a stretch of each other go on in
    the order in which they are given. Each program belongs to the section of its place, and is told
    when that has no unit left.

    Args:
        island: With all sections.
        programs: By section; each yields the seconds that it waits, and ends by itself.
    """
    waiting = [_Waiting(steps) for steps in programs]
    while going := [one for one in waiting if not one.ended]:
        due = [one for one in going if one.left_s <= 0.0]
        for one in due:
            one.resume()
        going = [one for one in going if not one.ended]
        if due or not going:
            continue
        least_s = min(one.left_s for one in going)
        from_s = island.time_s
        try:
            island.advance(least_s)
        except IslandLostError as error:
            _pass_on(island.time_s - from_s, going)
            for place in error.sections:
                if not waiting[place].ended and not waiting[place].lost:
                    waiting[place].lost = True
                    waiting[place].resume(error)
            continue
        first = [one for one in going if one.left_s == least_s]
        _pass_on(island.time_s - from_s, going)
        over = island.time_s >= island.duration_s - STRETCH_S / 2
        for one in going:
            if one in first or one.left_s <= STRETCH_S / 2 or over:
                one.left_s = 0.0


def _pass_on(seconds: float, going: Sequence[_Waiting]) -> None:
    for one in going:
        one.left_s -= seconds
