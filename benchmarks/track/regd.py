"""The real RegD signal, followed for a day by cars that come and go, against a plain hold of it."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from benchmarks.track.fleets import one_phase
from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.connections import Connections
from evergrid.dispatch.track.fleet_state import Rules
from evergrid.dispatch.track.signal import SignalRules
from evergrid.dispatch.track.simulation import Record, Stays, World, share_of_firm, simulate
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.markets.performance import pjm_score
from evergrid.markets.performance.pjm_score import Reading
from evergrid.markets.rules.pjm import FIRST_ERA
from evergrid.model.session import joined

START_UTC = datetime(2024, 1, 16, 4, tzinfo=UTC)  # a Tuesday, five in the morning in the zone below
TIME_ZONE = "Europe/Amsterdam"
SIGNAL_S = 2.0  # between values of the signal
LATENCY_S, LOSS = 0.2, 0.02
PLACES = {"home": 0.6, "workplace": 0.4}  # shares of the cars


@dataclass(frozen=True)
class Row:
    """What came of one day.

    Attributes:
        cars: That plug in during the day.
        least_award_kw: In any hour.
        mean_award_kw: Over the day.
        composite: Mean of the hourly scores, unshifted, sampled as a value of the signal arrives.
        worst_hour: Least of them.
        held: Composite of a plain hold of the signal, with as many messages lost.
        held_worst: Its worst hour.
        in_the_mean: Composite where each sample is the mean of its tick.
        switches: Contactor operations of the busiest charger.
        short_kwh: Missing to drivers, in all.
        seconds: Taken.
    """

    cars: int
    least_award_kw: float
    mean_award_kw: float
    composite: float
    worst_hour: float
    held: float
    held_worst: float
    in_the_mean: float
    switches: int
    short_kwh: float
    seconds: float


def stays(cars: int, seed: int, hours: float) -> tuple[Stays, int]:
    """Generated sessions of cars at home and at work, and how many chargers they have."""
    grid = TimeGrid(START_UTC, 0.25, round(4 * hours))
    groups = [
        FleetGroup(
            place=place,  # pyright: ignore[reportArgumentType]
            vehicles=round(share * cars),
            sites=("plug",),
            time_zone=TIME_ZONE,
            max_charge_kw=7.36,
            max_discharge_kw=7.36,
        )
        for place, share in PLACES.items()
    ]
    drawn = joined([mobility.sessions(grid, [group], seed=seed) for group in groups])
    second = np.timedelta64(1, "s")
    arrival_s = np.maximum((drawn.arrival_utc - grid.times[0]) / second, 0.0)
    departure_s = (drawn.departure_utc - grid.times[0]) / second
    energy, owed = drawn.energy_arrival_kwh, drawn.energy_departure_kwh
    base_kw = -np.maximum(owed - energy, 0.0) / ((departure_s - arrival_s) / 3600.0) / 0.96
    assets, charger = np.unique(drawn.asset_id.astype(str), return_inverse=True)
    reserve = np.minimum(drawn.energy_reserve_kwh, energy)
    there = Connections(
        np.zeros(len(drawn), np.int64),
        energy,
        reserve,
        owed,
        drawn.capacity_kwh,
        departure_s,
        base_kw,
    )
    return Stays(charger, arrival_s, there, departure_s), len(assets)


def row(
    signal: Float[Array, " tick"], cars: int, *, loop_s: float, rules: Rules | None = None
) -> Row:
    """One signal of two seconds, followed by orders every ``loop_s``."""
    every = round(loop_s / SIGNAL_S)
    came, chargers = stays(cars, 0, len(signal) * SIGNAL_S / 3600.0)
    rules = replace(rules or Rules(), latency_s=LATENCY_S)
    empty = fleet_state.empty(chargers, [one_phase()], rules)
    began = time.perf_counter()
    record = simulate(
        empty,
        came,
        signal[::every],
        share_of_firm(0.8),
        world=World(message_loss=LOSS, block_h=1.0, recovery_h=1.0),
        rules=SignalRules(tick_s=loop_s),
    )
    instant, mean = (scores(signal, record, each, loop_s) for each in ("at_begin", "response"))
    hold = composite(signal, held(signal, LOSS))
    return Row(
        cars=chargers,
        least_award_kw=float(record.award_kw.min()),
        mean_award_kw=float(record.award_kw.mean()),
        composite=float(instant.mean()),
        worst_hour=float(instant.min()),
        held=float(hold.mean()),
        held_worst=float(hold.min()),
        in_the_mean=float(mean.mean()),
        switches=int(record.switches.max()),
        short_kwh=float(record.shortfall_kwh.sum()),
        seconds=time.perf_counter() - began,
    )


def scores(
    signal: Float[Array, " tick"],
    record: Record,
    moment: str,
    loop_s: float,
    reading: Reading = "unshifted",
) -> Float[Array, " hour"]:
    """Hourly scores of what was delivered, over the award.

    Args:
        signal: By two seconds.
        record: What happened.
        moment: ``at_begin``, a sample as a value arrives, or ``response``, the mean of a tick.
        loop_s: Between orders. Between these, power is what the last ones made it.
        reading: Of precision.
    """
    every = round(loop_s / SIGNAL_S)
    response_kw = np.repeat(record.response_kw, every)
    if moment == "at_begin":
        response_kw[::every] = record.at_begin_kw
    award_kw = np.repeat(record.award_kw, every)
    given = np.divide(response_kw, award_kw, out=np.zeros_like(award_kw), where=award_kw > 0)
    return composite(signal, given[: len(signal)], reading)


def score_seconds(signal: Float[Array, " tick"], units: int) -> float:
    """Wall time of the scores of as many units, each with an error of its own, on all cores."""
    asked, random = pjm_score.sampled(signal, SIGNAL_S), np.random.default_rng(0)
    given = [asked + random.normal(0.0, random.uniform(0, 0.2), len(asked)) for _ in range(units)]
    pjm_score.score(asked, asked, FIRST_ERA)  # compiles
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda each: pjm_score.score(asked, each, FIRST_ERA), given))
    return time.perf_counter() - began


def composite(
    signal: Float[Array, " tick"], response: Float[Array, " tick"], reading: Reading = "unshifted"
) -> Float[Array, " hour"]:
    """Hourly PJM scores of a response every two seconds."""
    asked, given = (pjm_score.sampled(each, SIGNAL_S) for each in (signal, response))
    return pjm_score.score(asked, given, FIRST_ERA, reading=reading).total


def held(signal: Float[Array, " tick"], loss: float) -> Float[Array, " tick"]:
    """A plain hold: the value before, of which so much of each move does not arrive."""
    response, now = np.empty(len(signal)), float(signal[0])
    for tick, value in enumerate(signal):
        response[tick] = now
        now += (1.0 - loss) * (float(value) - now)
    return response


def table(rows: dict[str, Row]) -> list[str]:
    """The rows as a table of Markdown."""
    columns = (
        "day, loop",
        "cars",
        "award, kW: mean (least)",
        "composite",
        "worst hour",
        "plain hold",
        "its worst hour",
        "mean of ticks",
        "contactor",
        "short, kWh",
        "s",
    )
    lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for name, one in rows.items():
        award = f"{one.mean_award_kw:,.0f} ({one.least_award_kw:,.0f})"
        scored = (one.composite, one.worst_hour, one.held, one.held_worst, one.in_the_mean)
        cells = [name, f"{one.cars:,}", award, *(f"{x:.4f}" for x in scored)]
        cells += [f"{one.switches}", f"{one.short_kwh:.3f}", f"{one.seconds:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
