"""What a fleet could have delivered on each past day, hour by hour on the local clock."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.local_time import day_steps, local_from_utc
from evergrid.core.timegrid import zone
from evergrid.fleet.history.day_kind import WORKING, day_kinds
from evergrid.fleet.history.energy_envelope import US_PER_H, sustained
from evergrid.fleet.history.site_holes import Hole, site_holes
from evergrid.model.session import Sessions

Direction = Literal["up", "down", "both", "around_plan"]
Gaps = Literal["refuse", "missing", "idle"]
GAP_DAYS = 7  # without a single vehicle: more likely a broken record than an idle fleet
DAY = np.timedelta64(1, "D")
LONGEST_STAYS = 0.999  # share of the stays that end within the days left out at the end
LEAST_OPEN_DAYS = 3  # left out at the end at least
LEAST_STAY_H = 1e-3
NO_HOLIDAYS = np.array([], dtype="datetime64[D]")
LEAST_NOISE = 0.05  # of the greatest power of a vehicle, also where all always came


@dataclass(frozen=True)
class Product:
    """What is to be delivered when called.

    Attributes:
        direction: "up" for power above what the vehicle would have done, "down" for below, "both"
            for as much either way, whatever a signal asks for in between.
        duration_h: How long a call holds.
        step_h: Time between the instants at which a call may come; divides a day.
    """

    direction: Direction
    duration_h: float
    step_h: float


@dataclass(frozen=True)
class Behaviour:
    """What drivers do that the record does not show; all rates are 0 to 1.

    Attributes:
        participation: Share of the vehicles that take part at all.
        forgotten_plug: Share of stays in which the driver forgets to plug in.
        opt_out: Share of stays for which the driver says no.
        early_departure_per_h: Chance per hour of an unforeseen departure.
    """

    participation: float = 1.0
    forgotten_plug: float = 0.0
    opt_out: float = 0.0
    early_departure_per_h: float = 0.0


@dataclass(frozen=True)
class History:
    """A record of what could have been delivered. One row per vehicle, day and step with any.

    Attributes:
        product: What is delivered.
        days: Local days, ``datetime64[D]``, one after the other.
        known: Days whose record is whole.
        steps: Steps of a day.
        asset_id: The vehicles, by name.
        first_day: Day on which each was first seen.
        asset: Vehicle of each row.
        day: Day of each row.
        step: Step of each row.
        row_kw: Power that could have been delivered.
        row_energy_kwh: Energy in the cells at that instant.
        left_early: Share of the stays with a stated departure that ended before it.
        holes: Days on which a site's record is broken; they are not known.
        open_days: Last days, which lack stays that had not ended when the record was made; they
            are not known either.
    """

    product: Product
    days: Shaped[Array, " day"]
    known: Bool[Array, " day"]
    steps: int
    asset_id: Shaped[Array, " asset"]
    first_day: Int[Array, " asset"]
    asset: Int[Array, " row"]
    day: Int[Array, " row"]
    step: Int[Array, " row"]
    row_kw: Float[Array, " row"]
    row_energy_kwh: Float[Array, " row"]
    left_early: float
    holes: tuple[Hole, ...] = ()
    open_days: int = 0

    @property
    def car_kw(self) -> float:
        """Power of one vehicle, the middle of all that could have been delivered."""
        return float(np.median(self.row_kw)) if len(self.row_kw) else 1.0

    @property
    def power_kw(self) -> Float[Array, "day step"]:
        """What the fleet could have delivered."""
        shape = (len(self.days), self.steps)
        at = self.day * self.steps + self.step
        return np.bincount(at, self.row_kw, shape[0] * shape[1]).reshape(shape)

    def noise_kw(self, days: Bool[Array, " day"]) -> Float[Array, " step"]:
        """Power by which independent vehicles make noise: its variance is this times the mean.

        From each vehicle's own share of these days on which it could be called.
        """
        some, count = days[self.day], max(int(days.sum()), 1)
        at = (self.asset * self.steps + self.step)[some]
        size = len(self.asset_id) * self.steps
        able = np.bincount(at, minlength=size)
        power = np.bincount(at, self.row_kw[some], size) / np.maximum(able, 1)
        share = able / count
        variance = (share * (1 - share) * power**2).reshape(-1, self.steps).sum(axis=0)
        mean = (share * power).reshape(-1, self.steps).sum(axis=0)
        least = LEAST_NOISE * float(self.row_kw.max(initial=1.0))
        return np.maximum(variance / np.maximum(mean, 1e-9), least)


def history(
    sessions: Sessions,
    time_zone: str,
    product: Product,
    *,
    stated_utc: Shaped[Array, " session"] | None = None,
    behaviour: Behaviour | None = None,
    gaps: Gaps = "refuse",
    holidays: Shaped[Array, " holiday"] = NO_HOLIDAYS,
    seed: int = 0,
) -> History:
    """The record of a set of past sessions.

    A vehicle counts at an instant when it was plugged in for the whole call that would have
    begun there, with the power it could have held without breaking its driver's promise
    (see `envelope.sustained`). The first and the last day are left out, since sessions may lie
    beyond the edge of the record. Of an hour that the clock shows twice the first pass counts.

    Days on which the record is broken are not known: holes of one site (see `site_holes`), and
    the last days. A session is usually recorded when it ends, so that the last days lack stays
    still open: as many are left out as the `LONGEST_STAYS` share of the stays last.

    Args:
        sessions: What happened.
        time_zone: Of the local clock.
        product: What is delivered.
        stated_utc: Departures that drivers stated beforehand, NaT where none was.
        behaviour: What drivers do beyond the record; nothing by default.
        gaps: Runs of `GAP_DAYS` or more days without a vehicle are refused, taken as
            "missing" from the record, or as an "idle" fleet. Holes of one site are left out,
            unless "idle" says that no vehicle was there.
        holidays: Days off beside weekends, on which sites are empty.
        seed: Of the draws of `behaviour`.

    Raises:
        InputError: Fewer than two whole days, an unknown zone, a gap that is refused, or a
            behaviour that leaves no session.
    """
    keep, departure = _lived(sessions, behaviour or Behaviour(), seed)
    lived = replace(sessions, departure_utc=departure).select(keep)
    names, asset = np.unique(lived.asset_id.astype(str), return_inverse=True)
    stated = sessions.departure_utc if stated_utc is None else stated_utc
    stated = np.where(np.isnat(stated), sessions.departure_utc, stated)[keep]
    days = _days(sessions, time_zone)
    steps = round(24 / product.step_h)
    instants = day_steps(days, steps, zone(time_zone))
    held = sustained(lived, instants.ravel(), product.duration_h, stated_utc=stated)
    power, energy = held.up_kw, held.energy_kwh
    if product.direction == "around_plan":
        power, energy = held.around_plan_kw, held.planned_energy_kwh
    elif product.direction != "up":
        power = held.down_kw if product.direction == "down" else held.both_kw
    some = power > 0
    known = _known(sessions, days, instants, gaps)
    holes = _holes(sessions, days, time_zone, holidays) if gaps != "idle" else ()
    for hole in holes:
        known[(days >= hole.first) & (days <= hole.last)] = False
    open_days = _open_days(sessions)
    known[-open_days:] = False
    return History(
        product=product,
        days=days,
        known=known,
        steps=steps,
        asset_id=names,
        first_day=_first_day(lived, asset, len(names), days, time_zone),
        asset=asset[held.session[some]],
        day=held.instant[some] // steps,
        step=held.instant[some] % steps,
        row_kw=power[some],
        row_energy_kwh=energy[some],
        left_early=_left_early(sessions, stated_utc),
        holes=holes,
        open_days=open_days,
    )


def _lived(
    sessions: Sessions, behaviour: Behaviour, seed: int
) -> tuple[Bool[Array, " session"], Shaped[Array, " session"]]:
    """Which sessions take place when drivers also behave like that, and when they end."""
    names, asset = np.unique(sessions.asset_id.astype(str), return_inverse=True)
    draw = np.random.default_rng(seed)
    takes_part = draw.random(len(names)) < behaviour.participation
    plugs_in, says_yes = draw.random((2, len(sessions)))
    keep = takes_part[asset] & (plugs_in >= behaviour.forgotten_plug)
    keep &= says_yes >= behaviour.opt_out
    if not keep.any():
        fix = "Let more drivers take part, or take another seed."
        raise InputError("history", [Fault("drivers", "leave at least one session", fix=fix)])
    if behaviour.early_departure_per_h == 0:
        return keep, sessions.departure_utc
    leaves_h = draw.exponential(1 / behaviour.early_departure_per_h, len(sessions))
    stay_h = np.maximum(np.minimum(sessions.stay_h, leaves_h), LEAST_STAY_H)
    gone = sessions.arrival_utc + (stay_h * US_PER_H).astype("timedelta64[us]")
    return keep, np.minimum(gone, sessions.departure_utc)


def _days(sessions: Sessions, time_zone: str) -> Shaped[Array, " day"]:
    """The whole local days of the record."""
    local = local_from_utc(sessions.arrival_utc, zone(time_zone))
    first, last = (edge.astype("datetime64[D]") for edge in (local.min(), local.max()))
    days = np.arange(first + DAY, last)
    if len(days) < 2:
        got = (int((last - first) / DAY) + 1,)
        fix = "Give sessions of more days."
        raise InputError("history", [Fault("days", "be at least 4", got, fix=fix)])
    return days


def _known(
    sessions: Sessions,
    days: Shaped[Array, " day"],
    instants: Shaped[Array, "day step"],
    gaps: Gaps,
) -> Bool[Array, " day"]:
    """Days whose record is whole; long runs of days without any vehicle are judged by `gaps`."""
    starts = np.append(instants[:, 0], instants[-1, 0] + 24 * np.timedelta64(1, "h"))
    first = np.searchsorted(starts, sessions.arrival_utc, side="right") - 1
    last = np.searchsorted(starts, sessions.departure_utc, side="left") - 1
    edges = np.zeros(len(days) + 2, dtype=np.int64)
    np.add.at(edges, np.clip(first, 0, len(days)), 1)
    np.add.at(edges, np.clip(last + 1, 0, len(days) + 1), -1)
    empty = np.cumsum(edges)[: len(days)] == 0
    turns = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    runs = [(a, b) for a, b in zip(turns[::2], turns[1::2], strict=True) if b - a >= GAP_DAYS]
    if runs and gaps == "refuse":
        got = tuple(f"none from {days[a]} to {days[b - 1]}" for a, b in runs)
        fix = 'Set gaps = "missing" if the record is broken, "idle" if no vehicle was there.'
        raise InputError("history", [Fault("days", "hold at least one session", got, fix=fix)])
    known = np.ones(len(days), dtype=bool)
    for start, stop in runs if gaps == "missing" else []:
        known[start:stop] = False
    return known


def _holes(
    sessions: Sessions,
    days: Shaped[Array, " day"],
    time_zone: str,
    holidays: Shaped[Array, " holiday"],
) -> tuple[Hole, ...]:
    """Days on which the record of one site is broken."""
    arrival = local_from_utc(sessions.arrival_utc, zone(time_zone))
    date = arrival.astype("datetime64[D]")
    row, hour = (date - days[0]).astype(np.int64), (arrival - date) // np.timedelta64(1, "h")
    working = day_kinds(days, holidays).group == WORKING
    return site_holes(sessions.site_id, row, hour.astype(np.int64), days, working)


def _open_days(sessions: Sessions) -> int:
    """How many days at the end may lack stays that are still open."""
    longest_h = float(np.quantile(sessions.stay_h, LONGEST_STAYS))
    return max(LEAST_OPEN_DAYS, int(np.ceil(longest_h / 24)))


def _first_day(
    sessions: Sessions,
    asset: Int[Array, " session"],
    assets: int,
    days: Shaped[Array, " day"],
    time_zone: str,
) -> Int[Array, " asset"]:
    """Day of each vehicle's first session, as a row of `days`."""
    local = local_from_utc(sessions.arrival_utc, zone(time_zone)).astype("datetime64[D]")
    first = np.full(assets, np.iinfo(np.int64).max)
    np.minimum.at(first, asset, (local - days[0]).astype(np.int64))
    return np.clip(first, 0, len(days) - 1)


def _left_early(sessions: Sessions, stated_utc: Shaped[Array, " session"] | None) -> float:
    """Share of the stays with a stated departure that ended before it."""
    if stated_utc is None or np.isnat(stated_utc).all():
        return 0.0
    told = ~np.isnat(stated_utc)
    return float((sessions.departure_utc < stated_utc)[told].mean())
