"""At which power does a fleet bring back, within an hour, what a signal took beside its plan?

What is new beside the plan since the last look is brought back at an even power until its own
deadline. A share of what is still missing, hour by hour, would never end: a quarter were left.
"""

from typing import NamedTuple

LEAST_KWH = 1e-9  # of a fleet, less than which is nothing


class Part(NamedTuple):
    """Energy that is on its way back.

    Attributes:
        end_s: Deadline.
        power_kw: Out of the cells, until then.
    """

    end_s: float
    power_kw: float


def renewed(
    parts: tuple[Part, ...], ahead_kwh: float, now_s: float, hours: float
) -> tuple[Part, ...]:
    """The parts from now on.

    Args:
        parts: Before.
        ahead_kwh: Energy in all cells above the plan, now; below 0 where it is missing.
        now_s: Now.
        hours: In which what is new is brought back.
    """
    kept = tuple(part for part in parts if part.end_s > now_s + 1.0)
    on_its_way_kwh = sum(part.power_kw * (part.end_s - now_s) / 3600.0 for part in kept)
    new_kwh = ahead_kwh - on_its_way_kwh
    return (*kept, Part(now_s + 3600.0 * hours, new_kwh / hours))


def hours_left(
    parts: tuple[Part, ...], ahead_kwh: float, *, shortest_h: float, longest_h: float
) -> float:
    """Hours in which all that is beside the plan would be back at the power of all parts."""
    power_kw = sum(part.power_kw for part in parts)
    if abs(ahead_kwh) < LEAST_KWH or power_kw * ahead_kwh <= 0.0:
        return longest_h
    return min(max(ahead_kwh / power_kw, shortest_h), longest_h)
