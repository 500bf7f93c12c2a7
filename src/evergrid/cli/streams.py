"""What goes to which stream: results to stdout, everything else that is said to stderr."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import typer

from evergrid.core.text.printable import printable_lines
from evergrid.report.drawing import FigureWarning

STANDARD = (0, 1, 2)  # stdin, stdout, stderr


def keep_stdout_for_results() -> None:
    """Send to stderr what libraries print by themselves, also from C, for the rest of the process.

    Python's stdout goes on where it went, through a descriptor of its own, while descriptor 1
    becomes stderr. It is never set back: C keeps what it prints until the process ends. Where
    stdout is not the process' own, as in a notebook, nothing is done.
    """
    for number in STANDARD:
        _open_if_closed(number)
    try:
        if sys.stdout.fileno() != 1:
            return
    except (AttributeError, OSError, ValueError):
        return
    sys.stdout.flush()
    results = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(
        results, "w", encoding=sys.stdout.encoding, errors="backslashreplace", buffering=1
    )


@contextmanager
def talk_to_stderr() -> Iterator[None]:
    """What is printed meanwhile goes to stderr."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Our own warnings come as a line on stderr, without the place in the code."""
    otherwise = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any) -> None:
        if issubclass(category, FigureWarning):
            say(f"warning: {message}", err=True)
        else:
            otherwise(message, category, *rest)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def say(text: str, *, err: bool = False) -> None:
    """Print lines without anything a terminal would obey.

    Args:
        text: One line or several, whatever they hold.
        err: To stderr, because it is talk and no result.
    """
    typer.echo(printable_lines(text), err=err)


def _open_if_closed(number: int) -> None:
    """So that no file of ours gets a number to which others print."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
