"""What goes wrong at a simulated station, by configuration: drawn once, the same for each seed."""

import random
from dataclasses import dataclass, replace

from pydantic import Field

from evergrid.core.config import Config
from evergrid.live.twin.driver import Stay

LEAST_STAY_S = 60.0  # of one that is cut short


@dataclass(frozen=True)
class Window:
    """A time, in UTC seconds since 1970.

    Attributes:
        begin_s: From when.
        end_s: Until when.
    """

    begin_s: float
    end_s: float


@dataclass(frozen=True)
class StationBehaviour:
    """How a station behaves; the default is well.

    Attributes:
        offline: When it has no connection, and knows.
        half_open: When its packets are lost in both directions, while the connection looks open.
        lies: Whether its meter shows what was ordered.
        refuses: Whether it rejects every order.
        ignores: Whether it accepts orders and does nothing.
        ignores_support: Whether it accepts functions for the grid and does nothing by them.
        skew_s: By which its clock is ahead.
        answer_delay_s: By which its answers are late.
    """

    offline: tuple[Window, ...] = ()
    half_open: tuple[Window, ...] = ()
    lies: bool = False
    refuses: bool = False
    ignores: bool = False
    ignores_support: bool = False
    skew_s: float = 0.0
    answer_delay_s: float = 0.0


class FaultShares(Config):
    """Shares of stations, or of stays, that something is wrong with."""

    offline: float = Field(default=0.0, ge=0, le=1)
    """Stations without a connection for a while."""
    half_open: float = Field(default=0.0, ge=0, le=1)
    """Stations whose packets are lost for a while, with the connection open."""
    lying_meter: float = Field(default=0.0, ge=0, le=1)
    """Stations whose meter shows what was ordered."""
    refuses: float = Field(default=0.0, ge=0, le=1)
    """Stations that reject every order."""
    ignores: float = Field(default=0.0, ge=0, le=1)
    """Stations that accept orders and do nothing."""
    ignores_support: float = Field(default=0.0, ge=0, le=1)
    """Stations that accept functions for the grid and do nothing by them."""
    clock_skew: float = Field(default=0.0, ge=0, le=1)
    """Stations with a wrong clock."""
    slow_answers: float = Field(default=0.0, ge=0, le=1)
    """Stations that answer late."""
    unplugs_early: float = Field(default=0.0, ge=0, le=1)
    """Stays that end before their time."""
    outage_min: float = Field(default=10.0, gt=0)
    """Mean length of a time without connection, minutes."""
    skew_s: float = Field(default=3600.0, ge=0)
    """Greatest error of a clock, s."""
    delay_s: float = Field(default=5.0, ge=0)
    """Greatest delay of an answer, s."""


def behaviour(shares: FaultShares, day: Window, rng: random.Random) -> StationBehaviour:
    """How one station behaves on a day. Every draw is made, so that shares do not mix.

    Args:
        shares: How often what goes wrong.
        day: That is simulated.
        rng: Of this station.
    """
    draws = [rng.random() for _ in range(7)]
    offline, half_open = (_window(shares, day, rng) for _ in range(2))
    skew_s = rng.choice((-1.0, 1.0)) * rng.uniform(0.1, 1.0) * shares.skew_s
    delay_s = rng.uniform(0.2, 1.0) * shares.delay_s
    no_support = rng.random()
    return StationBehaviour(
        offline=(offline,) if draws[0] < shares.offline else (),
        half_open=(half_open,) if draws[1] < shares.half_open else (),
        lies=draws[2] < shares.lying_meter,
        refuses=draws[3] < shares.refuses,
        ignores=draws[4] < shares.ignores,
        ignores_support=no_support < shares.ignores_support,
        skew_s=skew_s if draws[5] < shares.clock_skew else 0.0,
        answer_delay_s=delay_s if draws[6] < shares.slow_answers else 0.0,
    )


def _window(shares: FaultShares, day: Window, rng: random.Random) -> Window:
    begin_s = rng.uniform(day.begin_s, day.end_s)
    length_s = max(rng.expovariate(1.0 / max(shares.outage_min * 60.0, 1.0)), 1.0)
    return Window(begin_s, min(begin_s + length_s, day.end_s))


def cut_short(stay: Stay, shares: FaultShares, rng: random.Random) -> Stay:
    """The stay, or one that ends before its time."""
    early, share = rng.random() < shares.unplugs_early, rng.uniform(0.1, 0.9)
    length_s = stay.departure_s - stay.arrival_s
    if not early or length_s <= LEAST_STAY_S:
        return stay
    leaves_s = stay.arrival_s + max(share * length_s, LEAST_STAY_S)
    return replace(stay, leaves_s=min(leaves_s, stay.departure_s))
