"""What came of a simulated day: the score by what really flowed, promises, orders, and money."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.live.controller.books.awards import LEAST_SAMPLES, rules_on
from evergrid.live.controller.books.ledger_lines import AGGREGATOR
from evergrid.live.service import Service
from evergrid.live.twin.day import Day
from evergrid.live.twin.feeder_voltage import VoltageRange
from evergrid.live.twin.fleet import TwinConfig
from evergrid.live.twin.truth import FleetTruth
from evergrid.markets.performance import pjm_score

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        summary: Headline numbers.
        tables: By name: ticks, offers, departures, ledger.
    """

    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]

    def lines(self) -> list[str]:
        """The summary in sentences."""
        s = self.summary
        score = "no award lasted long enough for a score"
        if s["score"] is not None:
            score = (
                f"score {s['score']:.4f} by what really flowed, worst hour {s['score_worst']:.4f}"
            )
        return [
            f"{s['stations']} stations with {s['outlets']} outlets, {s['hours']:g} h, "
            f"{s['departures']} vehicles left: {score}",
            f"{'awards':<10}{s['award_mean_kw']:.0f} kW on average, at most "
            f"{s['award_most_kw']:.0f} kW; credit {s['credit']:.2f} {s['currency']}, of it "
            f"{s['credit_drivers']:.2f} to drivers",
            f"{'drivers':<10}{s['departures_short']} of {s['departures']} left with less than was "
            f"promised; {s['reserve_crossings']} were discharged below their reserve",
            f"{'orders':<10}{s['orders']:,} taken, {s['orders_disobeyed']} not followed; "
            f"{s['rules_broken']} messages of ours broke a rule of OCPP",
            *self._voltage(),
            f"{'messages':<10}{s['events']:,} events of transactions, on the disk before they were "
            "answered",
            f"{'data':<10}{s['source']}",
        ]

    def _voltage(self) -> list[str]:
        """The voltages that stations had, where they share wires."""
        s = self.summary
        if s["voltage_lowest_pu"] is None:
            return []
        unsolved = s["voltage_unsolved"]
        lost = f"; the wires could not carry it {unsolved} times" if unsolved else ""
        return [
            f"{'voltage':<10}{s['voltage_lowest_pu']:.3f} to {s['voltage_highest_pu']:.3f} pu at "
            f"the stations, on {s['feeders']} IEEE 13-node feeder{'s' * (s['feeders'] > 1)}{lost}"
        ]


def outcome(config: TwinConfig, day: Day, service: Service, truth: FleetTruth) -> Outcome:
    """What came of a run of the service with these stations."""
    ticks = _ticks(service, truth)
    scores = _scores(service, ticks)
    counts, lines = truth.counts, service.controller.departures.lines
    blocks = [] if service.ticker.awards is None else service.ticker.awards.blocks
    awards = [block.awarded_kw for block in blocks]
    paid = [line for line in lines if line.item == "regulation"]
    summary = {
        "stations": config.stations,
        "hours": config.hours,
        "seed": config.seed,
        "source": day.note,
        "score": float(np.mean(scores)) if scores else None,
        "score_worst": min(scores, default=None),
        "score_by_meters": service.view.overview().score,
        "award_mean_kw": float(np.mean(awards)) if awards else 0.0,
        "award_most_kw": max(awards, default=0.0),
        "credit": sum((line.amount for line in paid), 0.0),
        "credit_drivers": sum((one.amount for one in paid if one.party != AGGREGATOR), 0.0),
        "currency": service.view.overview().currency,
        "departures": len(truth.departures),
        "departures_short": truth.short_departures,
        "reserve_crossings": truth.reserve_crossings,
        "orders": counts.orders,
        "orders_disobeyed": counts.disobeyed,
        "rules_broken": truth.violations,
        "rules_broken_examples": counts.examples[:5],
        "slowest_plan_s": truth.slowest_plan_s,
        "needs_without_plan": counts.no_plan,
        "events": counts.sent["TransactionEvent"],
        "outlets": len(service.controller.fleet.devices),
        "station_beyond_kw": truth.station_beyond_kw,
        **_voltages(truth.voltage),
        "refusals": dict(service.controller.refusals),
        "ticks_late": service.ticker.late,
    }
    return Outcome(summary, _tables(service, truth, ticks))


def _voltages(found: VoltageRange | None) -> dict[str, Any]:
    return {
        "voltage_lowest_pu": None if found is None else found.lowest_pu,
        "voltage_highest_pu": None if found is None else found.highest_pu,
        "voltage_unsolved": 0 if found is None else found.unsolved,
        "feeders": 0 if found is None else found.feeders,
    }


def _ticks(service: Service, truth: FleetTruth) -> pl.DataFrame:
    """Tick by tick: what was asked for, what the service believed, and what really flowed."""
    points = list(service.ticker.points)
    time_s = np.array([point.time_s for point in points])
    at = np.round((time_s - truth.begin_s) / truth.tick_s).astype(int)
    power = np.array(truth.power_kw)
    inside = (at >= 0) & (at < len(power))
    kept = [point for point, good in zip(points, inside, strict=True) if good]
    base = np.array([point.base_kw for point in kept])
    return pl.DataFrame(
        {
            "time_utc": _utc(time_s[inside]),
            "signal": [point.signal for point in kept],
            "award_kw": [point.award_kw for point in kept],
            "target_kw": [point.target_kw for point in kept],
            "base_kw": base,
            "response_kw": [point.response_kw for point in kept],
            "true_response_kw": power[at[inside]] - base,
        }
    )


def _scores(service: Service, ticks: pl.DataFrame) -> list[float]:
    """Scores of the hours with an award, by what really flowed."""
    tick_s = service.ticker.tick_s
    award = ticks["award_kw"].to_numpy()
    if not len(award) or service.ticker.awards is None:
        return []
    asked = np.clip(ticks["signal"].to_numpy(), -1.0, 1.0)
    given = np.divide(
        ticks["true_response_kw"].to_numpy(), award, out=asked.copy(), where=award > 0
    )
    first_s = float(ticks["time_utc"][0].timestamp())
    skip = round((-first_s % 3600.0) / tick_s)  # to the first whole hour
    signal = pjm_score.sampled(asked[skip:], tick_s)
    response = pjm_score.sampled(given[skip:], tick_s)
    if len(signal) < LEAST_SAMPLES:
        return []
    found = pjm_score.score(
        signal,
        response,
        rules_on(first_s),
        reading=service.config.market.reading,  # pyright: ignore[reportOptionalMemberAccess]
    )
    per = round(3600.0 / tick_s)
    awarded = [
        bool((award[skip + hour * per : skip + (hour + 1) * per] > 0).all())
        for hour in range(len(found.total))
    ]
    return [float(score) for score, known in zip(found.total, awarded, strict=True) if known]


def _tables(service: Service, truth: FleetTruth, ticks: pl.DataFrame) -> dict[str, pl.DataFrame]:
    offers = service.view.offers()[::-1]
    lines = service.controller.departures.lines
    left = truth.departures
    return {
        "ticks": ticks,
        "offers": pl.DataFrame(
            {
                "time_utc": _utc(np.array([one.begin_s for one in offers])),
                "offered_kw": [one.offered_kw for one in offers],
                "awarded_kw": [one.awarded_kw for one in offers],
                "score": pl.Series([one.score for one in offers], dtype=pl.Float64),
                "credit": pl.Series([one.credit for one in offers], dtype=pl.Float64),
            }
        ),
        "departures": pl.DataFrame(
            {
                "time_utc": _utc(np.array([one.left_s for one in left])),
                "station": [one.station for one in left],
                "early_min": [one.early_s / 60.0 for one in left],
                "energy_kwh": [one.energy_kwh for one in left],
                "owed_kwh": [one.owed_kwh for one in left],
                "missing_kwh": [one.missing_kwh for one in left],
                "drawn_kwh": [one.drawn_kwh for one in left],
                "fed_kwh": [one.fed_kwh for one in left],
            }
        ),
        "ledger": pl.DataFrame(
            {
                "time_utc": _utc(np.array([one.time_s for one in lines])),
                "party": [one.party for one in lines],
                "item": [one.item for one in lines],
                "quantity": [one.quantity for one in lines],
                "unit": [one.unit for one in lines],
                "amount": [one.amount for one in lines],
            }
        ),
    }


def _utc(seconds: Float[Array, " row"]) -> pl.Series:
    stamps = np.round(seconds * SECOND_US).astype(np.int64).astype("datetime64[us]")
    return pl.Series(stamps).dt.replace_time_zone("UTC")
