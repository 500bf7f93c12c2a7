"""How old is the signal, what is missing of it, and what is followed when it does not come.

A value is refused where it is older than the last one, was sent before, comes too late, or is of a
time that has not come. What is followed at a tick is then read by the one rule of
`evergrid.dispatch.track.signal`: the last value holds for a few ticks, and fades to the plan.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.dispatch.track.signal import SignalRules, SignalState, read
from evergrid.live.signals.signal import SignalValue


@dataclass(frozen=True)
class FreshnessRules:
    """What counts as fresh.

    Attributes:
        tick_s: Between two values.
        stale_ticks: Without a value after which the signal is stale, and begins to fade.
        fade_s: In which a stale signal fades to the plan.
        longest_delay_s: Between the sender's stamp and our clock; a later value is refused, so
            that what piled up on a broken line is not followed when it comes at once.
        longest_lead_s: By which the sender's clock may be ahead of ours.

    Raises:
        InputError: A number that is not above 0 and finite.
    """

    tick_s: float = 2.0
    stale_ticks: int = 3
    fade_s: float = 60.0
    longest_delay_s: float = 6.0
    longest_lead_s: float = 2.0

    def __post_init__(self) -> None:
        names = ("tick_s", "stale_ticks", "fade_s", "longest_delay_s", "longest_lead_s")
        given = {name: getattr(self, name) for name in names}
        faults = [
            Fault(name, "be above 0 and finite", (value,))
            for name, value in given.items()
            if not 0 < value < math.inf
        ]
        raise_if_any("signal", faults)

    @property
    def stale_s(self) -> float:
        """Age beyond which the signal is stale."""
        return self.stale_ticks * self.tick_s

    @property
    def reading(self) -> SignalRules:
        """How a tick reads it."""
        return SignalRules(tick_s=self.tick_s, hold_s=self.stale_s, fade_s=self.fade_s)


class RefusalReason(StrEnum):
    """Why a value was not taken."""

    NOT_FINITE = "time is not finite"
    OLDER = "not newer than the last value"
    REPEATED = "sequence not above the last one"
    LATE = "came too late"
    EARLY = "of a time that has not come"


class Fallback(StrEnum):
    """What is followed instead of a fresh value."""

    NONE = "none"  # the signal is fresh
    HOLD = "hold"  # the last value, for a few ticks
    FADE = "fade"  # the last value, on its way to the plan
    PLAN = "plan"  # the plan alone


class Freshness(NamedTuple):
    """What is known of a signal so far.

    Attributes:
        last: Value that was taken last; None before the first.
        received_s: When, by our clock.
        unread: Whether no tick has followed it yet.
        missed: Values left out, by the gaps in their sequence.
        refused: Values that were not taken.
        restarts: How often the sender began to count anew.
        reading: What the ticks read so far.
    """

    last: SignalValue | None = None
    received_s: float = -math.inf
    unread: bool = False
    missed: int = 0
    refused: int = 0
    restarts: int = 0
    reading: SignalState = SignalState()


class FollowedSignal(NamedTuple):
    """What a tick follows.

    Attributes:
        share: Of the award, -1 to 1, positive into the grid.
        dt_s: Since the last tick, as far as the clock can be believed.
        age_s: Of the last value; infinite before the first.
        fallback: What is followed where that is too old.
    """

    share: float
    dt_s: float
    age_s: float
    fallback: Fallback

    @property
    def stale(self) -> bool:
        """Whether the signal is too old to be followed as it is."""
        return self.fallback in (Fallback.FADE, Fallback.PLAN)


def take(
    known: Freshness, value: SignalValue, now_s: float, rules: FreshnessRules
) -> tuple[Freshness, RefusalReason | None]:
    """Take a value that came, or refuse it.

    A sender that begins to count anew is believed where its last value is stale and the new one is
    of a later time: a replayed value never is.

    Args:
        known: So far.
        value: That came.
        now_s: When, by our clock.
        rules: What counts as fresh.
    """
    reason = _reason(known, value, now_s, rules)
    if reason is not None:
        return known._replace(refused=known.refused + 1), reason
    last, missed, restarts = known.last, known.missed, known.restarts
    if last is not None and value.sequence >= 0 and last.sequence >= 0:
        if value.sequence > last.sequence:
            missed += value.sequence - last.sequence - 1
        else:
            restarts += 1
    taken = known._replace(
        last=value, received_s=now_s, unread=True, missed=missed, restarts=restarts
    )
    return taken, None


def follow(
    known: Freshness, now_s: float, rules: FreshnessRules
) -> tuple[Freshness, FollowedSignal]:
    """What to follow at a tick.

    Args:
        known: So far.
        now_s: Of the tick, by our clock.
        rules: What counts as fresh.
    """
    value = known.last.value if known.last is not None and known.unread else math.nan
    after, reading = read(known.reading, value, now_s, rules.reading)
    age_s = now_s - known.last.time_s if known.last is not None else math.inf
    followed = FollowedSignal(reading.share, reading.dt_s, age_s, _fallback(known, after, rules))
    return known._replace(unread=False, reading=after), followed


def _fallback(known: Freshness, after: SignalState, rules: FreshnessRules) -> Fallback:
    if known.last is None or after.gap_s >= rules.stale_s + rules.fade_s:
        return Fallback.PLAN
    if after.gap_s > rules.stale_s:
        return Fallback.FADE
    return Fallback.HOLD if after.gap_s > rules.tick_s else Fallback.NONE


def _reason(
    known: Freshness, value: SignalValue, now_s: float, rules: FreshnessRules
) -> RefusalReason | None:
    """Why a value is not taken; None where it is."""
    if not math.isfinite(value.time_s):
        return RefusalReason.NOT_FINITE
    if now_s - value.time_s > rules.longest_delay_s:
        return RefusalReason.LATE
    if value.time_s - now_s > rules.longest_lead_s:
        return RefusalReason.EARLY
    last = known.last
    if last is None:
        return None
    if value.time_s <= last.time_s:
        return RefusalReason.OLDER
    counted = value.sequence >= 0 and last.sequence >= 0
    stale = now_s - known.received_s > rules.stale_s
    if counted and value.sequence <= last.sequence and not stale:
        return RefusalReason.REPEATED
    return None
