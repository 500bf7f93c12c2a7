"""What a signal says when it has gaps, leaves its range, stands still or its clock jumps.

One function reads one value, in the live service as in a simulation. A reading that cannot be used
never stops the fleet: the last value holds for a while and then fades to the plan.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

OFF_RATE = 0.5  # of a tick, by which a reading may come early or late


@dataclass(frozen=True)
class SignalRules:
    """How readings that cannot be used are met.

    Attributes:
        tick_s: Between two readings.
        hold_s: For which the last value holds in a gap.
        fade_s: In which it then fades to 0, the plan.
        stuck_s: After which a value that does not change is counted as stuck. It is followed
            nevertheless: a signal may stay at its end for long, and promises to drivers hold
            whatever it does.
        longest_tick_s: By which the clock moves at most in one reading; more is a jump.

    Raises:
        InputError: A time that is not above 0.
    """

    tick_s: float = 2.0
    hold_s: float = 10.0
    fade_s: float = 60.0
    stuck_s: float = 900.0
    longest_tick_s: float = 10.0

    def __post_init__(self) -> None:
        names = ("tick_s", "hold_s", "fade_s", "stuck_s", "longest_tick_s")
        given = {name: getattr(self, name) for name in names}
        faults = [
            Fault(name, "be above 0 and finite", (value,))
            for name, value in given.items()
            if not 0 < value < np.inf
        ]
        raise_if_any("signal", faults)


class SignalState(NamedTuple):
    """What is known of a signal so far.

    Attributes:
        time_s: Of the last reading; NaN before the first.
        value: Last value that could be used.
        gap_s: Since then.
        same_s: For which the value has not changed.
        gaps: Readings that were missing.
        clipped: Readings beyond -1 to 1.
        stuck: Readings of a signal that is stuck.
        jumps: Readings whose clock went back, stood, or moved too far.
        off_rate: Readings that came at another distance than the rules say, by more than half of
            it. They are followed by their stamps; many of them say that the rules are wrong.
    """

    time_s: float = float("nan")
    value: float = 0.0
    gap_s: float = 0.0
    same_s: float = 0.0
    gaps: int = 0
    clipped: int = 0
    stuck: int = 0
    jumps: int = 0
    off_rate: int = 0


class Reading(NamedTuple):
    """What to follow.

    Attributes:
        share: Of the award, -1 to 1, positive into the grid.
        dt_s: Since the last reading, as far as the clock can be believed; above 0.
    """

    share: float
    dt_s: float


def read(
    state: SignalState, value: float, time_s: float, rules: SignalRules
) -> tuple[SignalState, Reading]:
    """Read one value.

    Args:
        state: What is known so far.
        value: Share of the award; NaN where none came.
        time_s: When it came, by the clock.
        rules: How bad readings are met.
    """
    dt_s, jumped = _elapsed(state.time_s, time_s, rules)
    missing = not np.isfinite(value)
    clipped = not missing and abs(value) > 1.0
    usable = state.value if missing else min(max(value, -1.0), 1.0)
    gap_s = state.gap_s + dt_s if missing else 0.0
    same_s = state.same_s + dt_s if usable == state.value and usable != 0.0 else 0.0
    stuck = not missing and same_s >= rules.stuck_s
    after = SignalState(
        time_s if np.isfinite(time_s) else state.time_s,
        usable,
        gap_s,
        same_s,
        state.gaps + missing,
        state.clipped + clipped,
        state.stuck + stuck,
        state.jumps + jumped,
        state.off_rate + (abs(dt_s - rules.tick_s) >= OFF_RATE * rules.tick_s),
    )
    left = min(max(1.0 - (gap_s - rules.hold_s) / rules.fade_s, 0.0), 1.0)
    return after, Reading(usable * left, dt_s)


def _elapsed(before_s: float, time_s: float, rules: SignalRules) -> tuple[float, bool]:
    """Seconds since the last reading, and whether the clock jumped; then one tick is believed."""
    if np.isnan(before_s) and np.isfinite(time_s):
        return rules.tick_s, False
    dt_s = time_s - before_s
    if not 0 < dt_s <= rules.longest_tick_s:
        return rules.tick_s, True
    return dt_s, False


def read_all(
    values: Float[Array, " tick"], rules: SignalRules
) -> tuple[Float[Array, " tick"], SignalState]:
    """Shares to follow of a whole record in equal ticks, and what was met in it."""
    state, shares = SignalState(), np.empty(len(values))
    for tick, value in enumerate(values):
        state, reading = read(state, float(value), tick * rules.tick_s, rules)
        shares[tick] = reading.share
    return shares, state
