"""A progress bar on stderr, which stays silent where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from evergrid.core.text.printable import printable


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A bar that is moved by calling it with a label and the share that is done."""
    columns = (TextColumn("{task.description:<34}", markup=False), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    unwatched = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=unwatched) as bar:
        task = bar.add_task("starting", total=1.0)

        def move(label: str, share: float) -> None:
            bar.update(task, description=printable(label), completed=share)

        yield move
