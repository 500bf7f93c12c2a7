"""A service that is sold beside energy: capacity that a fleet holds ready to be called."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

ROUNDING = 1e-9  # of a step of the market, by which an award may miss a whole number of them


@dataclass(frozen=True)
class Service:
    """Capacity held ready, and the rules under which a market takes it.

    All services of a plan could be called at the same time, but for those of different windows: a
    market pays the same power for the first seconds after a fault, and again for the next minute.

    Attributes:
        name: What it is called.
        credit_per_kw: What a kW held through an hour is expected to earn, in each step.
        up: Whether it is capacity to feed more, or draw less.
        down: Whether it is capacity to draw more, or feed less. Both is a symmetric service.
        block_steps: Steps for which an award is the same.
        hold_h: Time for which each session could deliver one way at full power.
        at_end: Whether energy for that is still held at the end of each step, not only when it
            begins.
        step_kw: Awards are whole numbers of this; 0 for any.
        least_kw: Awards below this are none.
        most_kw: Largest award, such as what is surely there; infinite for no limit.
        fed_share: Energy that calls are expected to feed, in kWh for each kW held through an hour.
            It costs wear, and what is lost until it is back.
        window: Part of the time after a fault in which it is called; empty for all of it.

    Raises:
        InputError: Numbers out of range, a service in no direction.
    """

    name: str
    credit_per_kw: Float[Array, " step"]
    up: bool = True
    down: bool = True
    block_steps: int = 1
    hold_h: float = 0.5
    at_end: bool = True
    step_kw: float = 0.0
    least_kw: float = 0.0
    most_kw: float = np.inf
    fed_share: float = 0.0
    window: str = ""

    def __post_init__(self) -> None:
        finite = np.isfinite(self.credit_per_kw)
        faults = broken("credit_per_kw", finite, "be finite", values=self.credit_per_kw)
        if not (self.up or self.down):
            faults.append(Fault("up", "be true where down is false", (self.up,)))
        if self.block_steps < 1:
            faults.append(Fault("block_steps", "be at least 1", (self.block_steps,)))
        for name in ("hold_h", "step_kw", "least_kw"):
            if not 0 <= getattr(self, name) < np.inf:
                faults.append(Fault(name, "be at least 0 and finite", (getattr(self, name),)))
        if not self.most_kw >= 0:
            faults.append(Fault("most_kw", "be at least 0", (self.most_kw,)))
        if not 0 <= self.fed_share <= 1:
            faults.append(Fault("fed_share", "be from 0 to 1", (self.fed_share,)))
        raise_if_any(f"service {self.name}", faults)

    def rounded(self, held_kw: Float[Array, " block"]) -> Float[Array, " block"]:
        """Awards that the market takes, none above what is held."""
        award = held_kw
        if self.step_kw > 0:
            award = np.floor(held_kw / self.step_kw + ROUNDING) * self.step_kw
        return np.where(award < self.least_kw - ROUNDING, 0.0, award)

    def by_block(self, held_kw: Float[Array, " step"]) -> Float[Array, " block"]:
        """The least that is held in each block."""
        return np.minimum.reduceat(held_kw, np.arange(0, len(held_kw), self.block_steps))

    def by_step(self, award_kw: Float[Array, " block"], steps: int) -> Float[Array, " step"]:
        """The award of each step."""
        return np.repeat(award_kw, self.block_steps)[:steps]


def calls(services: Sequence[Service]) -> Bool[Array, "call service"]:
    """Which services could be called in full at the same time."""
    windows = sorted({one.window for one in services if one.window}) or [""]
    together = [[one.window in ("", window) for one in services] for window in windows]
    return np.array(together, bool)
