"""How a solver reports how far it has come while it works."""

from collections.abc import Callable

GapProgress = Callable[[int, float], None]
"""Called with the iteration reached and the gap there, relative to the cost."""


def ignore_gap(iteration: int, gap: float) -> None:
    """Nobody listens to how far an iteration has come."""
