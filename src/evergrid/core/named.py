"""Records that are asked for by name."""

from collections.abc import Mapping
from typing import TypeVar

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean

Record = TypeVar("Record")


def known(name: str, among: Mapping[str, Record], what: str) -> Record:
    """The record of that name.

    Args:
        name: Of the record.
        among: Records by name.
        what: A word for each of them, such as "product".

    Raises:
        InputError: There is none of that name; it lists all.
    """
    if name in among:
        return among[name]
    fix = f"{did_you_mean(name, among)} Known: {', '.join(among)}.".strip()
    raise InputError(what, [Fault("name", f"be a known {what}", (name,), fix=fix)])
