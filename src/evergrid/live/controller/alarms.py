"""What an operator should know: alarms that begin, end, and are acknowledged or shelved."""

from collections import OrderedDict
from dataclasses import replace

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.view import Alarm

KEPT = 1000  # alarms; the oldest that have ended are forgotten, and stay in the log


class Alarms:
    """All alarms of a service, in the order in which they began."""

    def __init__(self) -> None:
        self._all: OrderedDict[int, Alarm] = OrderedDict()
        self._lasting: dict[tuple[str, str], int] = {}
        self._number = 0

    def begin(self, kind: str, source: str, text: str, now_s: float) -> Alarm | None:
        """An alarm begins; None where the same one lasts already."""
        if (kind, source) in self._lasting:
            return None
        self._number += 1
        alarm = Alarm(self._number, kind, source, text, now_s)
        self._all[alarm.number] = alarm
        self._lasting[kind, source] = alarm.number
        self._forget()
        return alarm

    def end(self, kind: str, source: str, now_s: float) -> Alarm | None:
        """It is over; None where there is none."""
        number = self._lasting.pop((kind, source), None)
        if number is None:
            return None
        self._all[number] = ended = replace(self._all[number], ended_s=now_s)
        return ended

    def note(self, kind: str, source: str, text: str, now_s: float) -> Alarm:
        """Something that happened and does not last."""
        self._number += 1
        alarm = Alarm(self._number, kind, source, text, now_s, ended_s=now_s)
        self._all[alarm.number] = alarm
        self._forget()
        return alarm

    def acknowledge(self, number: int, person: str) -> Alarm:
        """A person takes note.

        Raises:
            InputError: There is no such alarm.
        """
        self._all[number] = changed = replace(self._known(number), acknowledged_by=person)
        return changed

    def shelve(self, number: int, until_s: float, now_s: float) -> Alarm:
        """Keep an alarm quiet for a while.

        Raises:
            InputError: There is no such alarm, or the time has passed.
        """
        known = self._known(number)
        if not until_s > now_s:
            raise InputError("alarm", [Fault("until_s", "lie in the future", (until_s,))])
        self._all[number] = changed = replace(known, shelved_until_s=until_s)
        return changed

    def newest_first(self) -> tuple[Alarm, ...]:
        """All that are kept."""
        return tuple(reversed(self._all.values()))

    def open_count(self, now_s: float) -> int:
        """How many last, are not acknowledged and not shelved."""
        lasting = (self._all[number] for number in self._lasting.values())
        return sum(
            not alarm.acknowledged_by and (alarm.shelved_until_s or 0.0) <= now_s
            for alarm in lasting
        )

    def _known(self, number: int) -> Alarm:
        if number not in self._all:
            raise InputError("alarm", [Fault("number", "be that of an alarm", (number,))])
        return self._all[number]

    def _forget(self) -> None:
        """Drop the oldest that have ended, and where all last, the oldest."""
        while len(self._all) > KEPT:
            oldest = next(
                (one.number for one in self._all.values() if one.ended_s is not None),
                next(iter(self._all)),
            )
            gone = self._all.pop(oldest)
            if self._lasting.get((gone.kind, gone.source)) == oldest:
                del self._lasting[gone.kind, gone.source]
