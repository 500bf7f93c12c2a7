"""Is a set-point of an operator's line obeyed? Direct, or selected before it is executed.

Source:
    IEC 60870-5-5, 6.8 (command transmission: select and execute); IEC 60870-5-101, 7.3.2.
"""

import math
from typing import NamedTuple

from hat.drivers import iec104

from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.signals.iec104.values import into_grid_kw, tagged_s


class Selection(NamedTuple):
    """A set-point that waits to be executed.

    Attributes:
        line: Number of the connection that selected it.
        value: As it came.
        until_s: Monotonic seconds.
    """

    line: int
    value: float
    until_s: float


class Ruling(NamedTuple):
    """What a command comes to.

    Attributes:
        cause: Of the answer.
        negative: Whether it is refused.
        selection: That stands from now on.
        power_kw: To follow from now on, into the grid; None for no change.
        reason: Of a refusal, in a few words.
    """

    cause: iec104.CommandResCause
    negative: bool
    selection: Selection | None
    power_kw: float | None = None
    reason: str = ""


CONFIRMED = iec104.CommandResCause.ACTIVATION_CONFIRMATION


def rule(
    command: iec104.CommandMsg,
    entry: Iec104Entry,
    selection: Selection | None,
    *,
    line: int,
    now_s: float,
    monotonic_s: float,
) -> Ruling:
    """What a command comes to; nothing is followed that is not finite and within the award.

    Args:
        command: As it came.
        entry: How the line is set up.
        selection: That stands.
        line: Number of the connection.
        now_s: UTC seconds since 1970.
        monotonic_s: By which selections end.
    """
    standing = selection if selection is not None and monotonic_s < selection.until_s else None

    def refused(reason: str, cause: iec104.CommandResCause = CONFIRMED) -> Ruling:
        return Ruling(cause, True, standing, None, reason)

    asked, causes = command.command, iec104.CommandResCause
    if command.asdu_address != entry.common_address:
        return refused("another common address", causes.UNKNOWN_ASDU_ADDRESS)
    if not isinstance(asked, iec104.FloatingCommand):
        return refused("no set-point of short float", causes.UNKNOWN_TYPE)
    if command.io_address != entry.setpoint_address:
        return refused("another object", causes.UNKNOWN_IO_ADDRESS)
    if command.cause is iec104.CommandReqCause.DEACTIVATION:
        mine = standing is not None and standing.line == line
        return Ruling(causes.DEACTIVATION_CONFIRMATION, not mine, None if mine else standing)
    if command.cause is not iec104.CommandReqCause.ACTIVATION:
        return refused("another cause", causes.UNKNOWN_CAUSE)
    power_kw = into_grid_kw(asked.value.value, entry)
    if not abs(power_kw) <= entry.full_kw:  # what is not a number is refused too
        return refused(f"beyond {entry.full_kw:g} kW")
    if command.time is not None and not abs(tagged_s(command.time) - now_s) <= entry.tag_s:
        return refused("a time tag that is not of now")
    if standing is not None and standing.line != line:
        return refused("selected by another line")
    if asked.select:
        chosen = Selection(line, asked.value.value, monotonic_s + entry.select_s)
        return Ruling(CONFIRMED, False, standing if command.is_test else chosen)
    if entry.select_first and (standing is None or not _same(standing.value, asked.value.value)):
        return refused("not selected before")
    return Ruling(CONFIRMED, False, None, None if command.is_test else power_kw)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)  # both were short floats
