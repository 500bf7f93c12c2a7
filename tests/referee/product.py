"""The plan that the package makes of a case: the only place where the referee imports it."""

from pathlib import Path

from evergrid.core import config
from evergrid.core.errors import EvergridError
from evergrid.studies import plan


def make(case: Path, out: Path) -> str | None:
    """Plan a configuration and write the result.

    Returns:
        Why it was refused, as the package says; None where there is a result.
    """
    try:
        plan.run(config.read(plan.Config, case), folder=case.parent).write(out)
    except EvergridError as error:
        return f"{type(error).__name__}: {error}"
    return None
