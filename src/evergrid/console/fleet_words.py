"""What goes on in the fleet, in words: the sentence, the figures, and what each figure means."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, final

from evergrid.console import words
from evergrid.core.units import KW_PER_MW
from evergrid.live.api.updates.moment import POWER_FIELDS, Moment
from evergrid.live.api.updates.stream import Ask
from evergrid.live.view import Overview

LATE_S = 15.0  # since the controller last decided; it does so every 2 to 4 s
STALE_SIGNAL_S = 12.0  # three ticks

FOLLOWING = POWER_FIELDS.index("following")

Words = dict[str, str]


@final
class Topic:
    """Tells words that changed, by the name of their place on the page.

    Args:
        make: The words of a moment.
        pulse: Whether to tell something each time, so that a page knows that it is live.
    """

    def __init__(self, make: Callable[[Moment], Words], *, pulse: bool = False) -> None:
        self._make, self._pulse = make, pulse
        self._moment: Moment | None = None
        self._old: Words = {}
        self._new: Words = {}

    def __call__(self, moment: Moment, _ask: Ask, first: bool) -> Any:
        """All words for one who begins, else those that changed."""
        if moment is not self._moment:
            self._new, self._old = self._make(moment), self._new
            self._moment = moment
        told = self._new if first else changed(self._old, self._new)
        return told if told or self._pulse else None


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> Words:
    """Words that are not as they were."""
    return {name: text for name, text in new.items() if old.get(name) != text}


def bar(overview: Overview, zone: tzinfo) -> Words:
    """What stands on every page."""
    late = overview.tick_age_s > LATE_S
    age = words.duration(overview.tick_age_s)
    return {
        "time": words.clock_time(overview.time_s, zone),
        "alarms": f"{overview.alarms:,}" if overview.alarms else "",
        "late": f"The controller last decided {age} ago: what you see is old." if late else "",
    }


def headline(overview: Overview, following: int) -> str:
    """The sentence that says what goes on.

    Args:
        overview: Of the fleet.
        following: Stations whose meter agrees with their orders.
    """
    if not overview.stations:
        return "No station is registered yet. Once one connects, it is shown here."
    if not overview.online:
        return f"None of {words.counted(overview.stations, 'station', 'stations')} is connected."
    there = f"{overview.online:,} of {words.counted(overview.stations, 'station', 'stations')}"
    vehicles = words.counted(overview.sessions, "vehicle", "vehicles")
    if not overview.sessions:
        return f"{there} are connected; no vehicle is plugged in."
    if overview.signal is None:
        return f"{there} are connected, with {vehicles}. They follow the plan: there is no signal."
    if (overview.signal_age_s or 0.0) > STALE_SIGNAL_S:
        age = words.duration(overview.signal_age_s)
        return f"The signal is {age} old; {vehicles} follow the plan instead."
    offer = f"{words.power(overview.offer_kw)} offered"
    if overview.award_kw <= 0:
        return f"{following:,} of {vehicles} follow the plan; nothing is awarded of {offer}."
    award = words.power(overview.award_kw)
    return f"{following:,} of {vehicles} follow the signal; {award} awarded of {offer}."


def figures(overview: Overview) -> Words:
    """The figures of the first page, and what each means."""
    power, stored = words.power(overview.power_kw), words.energy(overview.stored_kwh)
    offer, earned = words.power(overview.offer_kw), words.money(overview.earned, overview.currency)
    direction = "feeding the grid" if overview.power_kw > 0 else "drawing from the grid"
    return {
        "power": power.number,
        "power_unit": power.unit,
        "power_hint": f"{direction}; the plan is {words.power(overview.base_kw)}",
        "signal": words.number(overview.signal, 2, sign=True),
        "signal_hint": _signal_hint(overview),
        "offer": offer.number,
        "offer_unit": offer.unit,
        "offer_hint": f"{words.power(overview.award_kw)} awarded; {overview.offer_basis}",
        "room": _room(overview),
        "score": words.number(overview.score, 3),
        "stored": stored.number,
        "stored_unit": stored.unit,
        "stored_hint": f"in {words.counted(overview.sessions, 'vehicle', 'vehicles')}",
        "online": f"{overview.online:,}",
        "online_hint": f"of {words.counted(overview.stations, 'station', 'stations')}",
        "active_alarms": f"{overview.alarms:,}",
        "earned": earned.number,
        "earned_unit": earned.unit,
    }


def _room(overview: Overview) -> str:
    """How much more and how much less, in the unit of the greater."""
    mega = max(overview.up_kw, overview.down_kw) >= KW_PER_MW
    scale, decimals, unit = (KW_PER_MW, 2, "MW") if mega else (1.0, 1, "kW")
    up, down = (words.number(kw / scale, decimals) for kw in (overview.up_kw, overview.down_kw))
    return f"+{up} / {words.MINUS}{down} {unit}"


def _signal_hint(overview: Overview) -> str:
    if overview.signal is None:
        return "there is none; the fleet follows its plan"
    target = words.power(overview.target_kw, sign=True)
    response = words.power(overview.response_kw, sign=True)
    return f"asks for {target}, metered {response}"


def first_page(moment: Moment) -> Words:
    """All words of the first page."""
    following = sum(row.power[FOLLOWING] is True for row in moment.rows.values())
    return {"headline": headline(moment.overview, following)} | figures(moment.overview)
