"""What blocks draw while they are cold, and warm up."""

import numpy as np

from evergrid.core.units import S_PER_H
from evergrid.model.microgrid import LoadBlock

TOLD = 5e-3  # of its power, by which what a block draws may move before it is brought up to date


class ColdLoads:
    """When each block was closed, and what it draws since, over its warm power.

    Args:
        blocks: All of them.

    Attributes:
        drawn: Power of each block that is or was closed, over its warm power.
    """

    def __init__(self, blocks: tuple[LoadBlock, ...]) -> None:
        self._blocks = {block.name: block for block in blocks}
        self._picked_s: dict[str, float] = {}
        self.drawn: dict[str, float] = {}

    def prepare(self, name: str) -> None:
        """A block that is to be closed would draw what it draws when it is cold."""
        self._picked_s.pop(name, None)
        self.drawn[name] = self.factor(name, 0.0)

    def closed(self, name: str, time_s: float) -> None:
        """From now on it warms up."""
        self._picked_s[name] = time_s

    def opened(self, name: str) -> None:
        """It is cold when it is closed again."""
        self._picked_s.pop(name, None)

    def factor(self, name: str, time_s: float) -> float:
        """Power that a block draws, or would draw right after closing, over its warm power."""
        block = self._blocks[name]
        if name not in self._picked_s:
            return block.cold_load_factor
        since_h = (time_s - self._picked_s[name]) / S_PER_H - block.cold_load_delay_h
        if since_h <= 0:
            return block.cold_load_factor
        if block.cold_load_decay_h <= 0:
            return 1.0
        return 1.0 + (block.cold_load_factor - 1.0) * float(
            np.exp(-since_h / block.cold_load_decay_h)
        )

    def warm_up(self, time_s: float) -> bool:
        """Bring what blocks draw up to date; whether any has moved."""
        moved = False
        for name, told in list(self.drawn.items()):
            if name not in self._picked_s:
                continue
            factor = self.factor(name, time_s)
            if abs(factor - told) > TOLD:
                self.drawn[name], moved = factor, True
        return moved
