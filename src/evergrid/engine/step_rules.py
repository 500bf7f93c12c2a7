"""What stores may do whose power comes in whole steps, and how far a schedule breaks that."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.program import Program

ANY = 1_000_000  # starts of a store that may start as often as it likes
ON_KW = 1e-6  # above which a store is on
SEEN_KW = 1e-3  # least power of a slot below which it is left out
WHOLE = 1e-6  # steps by which a power may miss a whole number


@dataclass(frozen=True)
class PowerSteps:
    """Rules of power, store by store.

    In each slot a store is off, or draws or feeds a whole number of steps within its range. A step
    is ``step_kw`` at full share; what a slot shares less of, is the mean of what is drawn while it
    is there. To start is to be on after a slot off, or in the first slot of all.

    Attributes:
        step_kw: Power of one step; 0 for a store that may take any power.
        least: Fewest steps of a store that is on.
        most_draw: Most steps drawn.
        most_feed: Most steps fed.
        least_on: Slots that a store stays on after a start; the end of its stay cuts them short.
        least_off: Slots that it stays off after it was on.
        most_starts: Starts at most; `ANY` for no limit.
        on_before: Slots that it has been on when the program begins; 0 where it is off.
        off_before: Slots that it has been off when the program begins.
    """

    step_kw: Float[Array, " store"]
    least: Int[Array, " store"]
    most_draw: Int[Array, " store"]
    most_feed: Int[Array, " store"]
    least_on: Int[Array, " store"]
    least_off: Int[Array, " store"]
    most_starts: Int[Array, " store"]
    on_before: Int[Array, " store"]
    off_before: Int[Array, " store"]

    @property
    def stores(self) -> Int[Array, " some"]:
        """Stores that have steps."""
        return np.nonzero(self.step_kw > 0)[0]

    def slot_kw(self, program: Program) -> Float[Array, " slot"]:
        """Power of one step in each slot; 0 where any power may be taken."""
        return program.share * self.step_kw[program.store]

    def ranges(self, program: Program) -> tuple[Int[Array, " slot"], Int[Array, " slot"]]:
        """Most steps drawn and fed in each slot, within the program's own limits."""
        step = self.slot_kw(program)
        step = np.where(step > 0, step, np.inf)
        draw = np.floor(program.charge_limit_kw / step + WHOLE).astype(np.int64)
        feed = np.floor(program.discharge_limit_kw / step + WHOLE).astype(np.int64)
        most_draw = np.minimum(draw, self.most_draw[program.store])
        most_feed = np.minimum(feed, self.most_feed[program.store])
        least = self.least[program.store]
        seen = step * least > SEEN_KW  # else a slot is so short that on cannot be told from off
        return (
            np.where(seen & (most_draw >= least), most_draw, 0),
            np.where(seen & (most_feed >= least), most_feed, 0),
        )


@dataclass(frozen=True)
class StepAudit:
    """How far a schedule breaks the rules of power steps, recomputed from the powers alone.

    Attributes:
        starts: Of each store.
        below_least: Slots of each store in which it is on, but below its least.
        off_step_kw: Largest distance of a power from a whole number of steps.
        short_on: Runs of each store that end too early.
        short_off: Pauses of each store that end too early.
        extra_starts: Starts of each store beyond its most.
    """

    starts: Int[Array, " store"]
    below_least: Int[Array, " store"]
    off_step_kw: float
    short_on: Int[Array, " store"]
    short_off: Int[Array, " store"]
    extra_starts: Int[Array, " store"]

    @property
    def keeps_rules(self) -> bool:
        """Whether every rule is kept."""
        counts = (self.below_least, self.short_on, self.short_off, self.extra_starts)
        return self.off_step_kw <= ON_KW and not any(count.any() for count in counts)


def audit(program: Program, steps: PowerSteps, power_kw: Float[Array, " slot"]) -> StepAudit:
    """What a schedule breaks of these rules; stores of any power break none."""
    on = (np.abs(power_kw) > ON_KW) & (steps.slot_kw(program) > 0)
    step = np.where(on, steps.slot_kw(program), 1.0)
    amount = np.where(on, np.abs(power_kw) / step, 0.0)
    off_step = np.abs(amount - np.round(amount)) * step
    below = on & (np.round(amount) < steps.least[program.store])
    starts, short_on, short_off = _runs(program, steps, on)
    return StepAudit(
        starts=starts,
        below_least=np.bincount(program.store, below, program.stores).astype(np.int64),
        off_step_kw=float(off_step.max(initial=0.0)),
        short_on=short_on,
        short_off=short_off,
        extra_starts=np.maximum(starts - steps.most_starts, 0),
    )


def _runs(
    program: Program, steps: PowerSteps, on: Bool[Array, " slot"]
) -> tuple[Int[Array, " store"], Int[Array, " store"], Int[Array, " store"]]:
    """Starts, runs that end too early and pauses that end too early, of each store."""
    starts, short_on, short_off = np.zeros((3, program.stores), np.int64)
    for store in steps.stores:
        is_on = on[program.begin[store] : program.end[store] + 1]
        before = bool(steps.on_before[store] > 0)
        change = np.nonzero(np.diff(np.r_[before, is_on].astype(int)))[0]
        begun = np.r_[0, change]
        length = np.diff(np.r_[begun, len(is_on)])
        state = np.r_[before, is_on[change]]
        length[0] += steps.on_before[store] if before else steps.off_before[store]
        ended = np.arange(len(length)) < len(length) - 1
        starts[store] = int(is_on[change].sum())
        short_on[store] = int((ended & state & (length < steps.least_on[store])).sum())
        short_off[store] = int((ended & ~state & (length < steps.least_off[store])).sum())
    return starts, short_on, short_off
