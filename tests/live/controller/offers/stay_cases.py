"""Made-up stays of cars that are there overnight, as the service writes them."""

from dataclasses import replace

import numpy as np

from evergrid.live.controller.offers.past_stays import PastStay, entry_of
from evergrid.live.store.entry import Entry
from tests.live.controller_cases import START_S

DAY_S = 86_400.0


def a_stay(station: str, arrival_s: float, stated_s: float) -> PastStay:
    """A car of 60 kWh that comes half full and is to leave with 45 kWh."""
    return PastStay(
        station, "depot", arrival_s, stated_s, stated_s, 60.0, 30.0, 45.0, 10.0, 11.04, 11.04
    )


def nights(
    days: int,
    stations: int = 12,
    *,
    early_share: float = 0.0,
    until_s: float = START_S,
    seed: int = 0,
) -> list[PastStay]:
    """Stays from about 22:00 to 12:00 UTC on most days; some leave at about 2:00 unforeseen."""
    draw, stays = np.random.default_rng(seed), []
    for day in range(days):
        midnight_s = until_s - until_s % DAY_S - (days - day) * DAY_S
        for station in range(stations):
            if draw.random() < 0.1:
                continue
            drawn_s = draw.normal([22 * 3600.0, 36 * 3600.0, 26 * 3600.0], 900.0)
            come_s, leave_s, gone_s = (float(one) for one in drawn_s)
            stay = a_stay(f"s{station}", midnight_s + come_s, midnight_s + leave_s)
            if draw.random() < early_share:
                stay = replace(stay, departure_s=midnight_s + gone_s)
            if stay.departure_s < until_s:
                stays.append(stay)
    return stays


def entries(stays: list[PastStay]) -> list[Entry]:
    """As they stand in the log."""
    return [entry_of(stay, f"past-{number}", stay.departure_s) for number, stay in enumerate(stays)]
