"""Every error Evergrid raises, each also the builtin it resembles.

::

    EvergridError
    ├── InputError (ValueError)         data or a record breaks a rule; lists every fault
    │   └── ConfigError                 a configuration file or key
    ├── MissingFileError (FileNotFoundError)
    ├── UnreadableFileError (OSError)   there, but truncated or of another format
    ├── OutputError (OSError)           a result cannot be written where it should go
    ├── StoreError (OSError)            the live service cannot open, read or write its store
    ├── WorkerError (ConnectionError)   a worker of a cluster is lost, again and again
    └── SolveError (RuntimeError)       a solve ended without a usable plan
        └── InfeasibleError             no schedule keeps every limit
"""

from collections.abc import Sequence
from typing import Any

from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.text.printable import printable

LISTED = 50  # faults a message spells out before it only counts
LONGEST_SOURCE = 300  # characters of a path or name in front of the faults


class EvergridError(Exception):
    """The root of the tree: catch this to catch everything Evergrid raises itself."""


class InputError(EvergridError, ValueError):
    """Given data breaks rules; the message lists every fault found.

    Args:
        source: What was being read or made, such as ``sessions`` or a file name.
        faults: At least one fault.
        more: How many were found beside those.
    """

    def __init__(self, source: str, faults: Sequence[Fault], *, more: int = 0) -> None:
        self.source = source
        self.faults = tuple(faults)
        self.more = more
        count = len(self.faults) + more
        head = (
            f"{printable(source, LONGEST_SOURCE)}: {count} fault{'s' if count != 1 else ''} found"
        )
        super().__init__(head + listed(self.faults, more=more))

    @property
    def field(self) -> str:
        """Field of the first fault."""
        return self.faults[0].field

    @property
    def rule(self) -> str:
        """Rule of the first fault."""
        return self.faults[0].rule

    @property
    def got(self) -> tuple[Any, ...]:
        """Values of the first fault."""
        return self.faults[0].got

    @property
    def ids(self) -> tuple[str, ...]:
        """Records of the first fault."""
        return self.faults[0].ids


class ConfigError(InputError):
    """A configuration file is not TOML, or a key of it is unknown or out of range."""


class MissingFileError(EvergridError, FileNotFoundError):
    """A file that was named is not there."""


class UnreadableFileError(EvergridError, OSError):
    """A file is there but truncated, or not of the format its name says."""


class OutputError(EvergridError, OSError):
    """A result cannot be written where it should go; nothing was changed there."""


class StoreError(EvergridError, OSError):
    """The live service cannot write, read or open what it remembers; nothing was acknowledged."""


class WorkerError(EvergridError, ConnectionError):
    """A worker of a cluster is lost, again and again, or none can be had."""


class SolveError(EvergridError, RuntimeError):
    """A solve ended without a usable plan.

    Args:
        status: How it ended.
        detail: What is known beyond the status, a full sentence.
        faults: The limits that cannot be kept together, if they are known.
    """

    def __init__(self, status: Status, detail: str = "", faults: Sequence[Fault] = ()) -> None:
        self.status = status
        self.faults = tuple(faults)
        named = "The faults name the limits." if self.faults else ""
        said = " ".join(part for part in (status.message, detail, named) if part)
        super().__init__(said + listed(self.faults))


class InfeasibleError(SolveError):
    """No schedule keeps every limit; the faults name sessions, sites and amounts."""

    def __init__(self, detail: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(Status.INFEASIBLE, detail, faults)


def listed(faults: Sequence[Fault], *, more: int = 0) -> str:
    """The faults as lines below a message; beyond `LISTED` they are counted only."""
    lines = [f"\n  - {fault}" for fault in faults[:LISTED]]
    more += len(faults) - len(lines)
    return "".join(lines) + (f"\n  - and {more:,} more" if more else "")


def raise_if_any(source: str, faults: Sequence[Fault]) -> None:
    """Raise one `InputError` that lists the faults, or do nothing when there are none."""
    if faults:
        raise InputError(source, faults)
