"""How long work tells how far it is: a label, and the share of the whole that is done."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of the run that is done, from 0 to 1."""


def ignore_progress(label: str, share: float) -> None:
    """Tell nobody."""
