"""Faults of numbers outside their range, for the records of this package."""

import math

from evergrid.core.faults import Fault

NOMINAL_HZ = (50.0, 60.0)


def faults_of(record: object, *rows: tuple[str, float, float, str]) -> list[Fault]:
    """Faults of numbers outside a closed range; NaN and infinity are never inside.

    Args:
        record: Whose fields are looked at.
        rows: Field, least, most, and the way out.
    """
    found = []
    for name, low, high, fix in rows:
        value = getattr(record, name)
        if not (math.isfinite(value) and low <= value <= high):
            found.append(Fault(name, f"be in [{low:g}, {high:g}]", (value,), fix=fix))
    return found


def frequency_faults(nominal_hz: float) -> list[Fault]:
    """The fault of a nominal frequency that no grid has."""
    if nominal_hz in NOMINAL_HZ:
        return []
    return [Fault("nominal_hz", "be 50 or 60", (nominal_hz,))]


def triple_faults(name: str, values: tuple[float, ...], low: float, high: float) -> list[Fault]:
    """Faults of three numbers, one for each phase."""
    rule = f"be three numbers in [{low:g}, {high:g}], one for each phase"
    good = len(values) == 3 and all(math.isfinite(v) and low <= v <= high for v in values)
    return [] if good else [Fault(name, rule, (str(tuple(values)),))]
