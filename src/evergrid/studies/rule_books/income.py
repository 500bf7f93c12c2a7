"""What awards earn by each market's statement, in money where there are prices."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import S_PER_H
from evergrid.data import signals
from evergrid.data.files.locate import locate
from evergrid.data.prices import aemo
from evergrid.markets.performance.afrr_channel import accepted
from evergrid.markets.performance.caiso_accuracy import CaisoPerformance
from evergrid.markets.rules import caiso, pjm
from evergrid.markets.rules.constant import Mark
from evergrid.markets.settlement import afrr, energy_ownership, us_regulation
from evergrid.markets.settlement.afrr import AfrrBids
from evergrid.markets.settlement.energy_ownership import EnergyPrices, OwnershipRules
from evergrid.markets.settlement.pjm_regulation import RegulationPrices, credits
from evergrid.markets.settlement.statement import Line, Statement, line
from evergrid.markets.settlement.us_regulation import MileagePrices
from evergrid.model.time_series.signal import RegulationMarket
from evergrid.studies.rule_books.config import Config, PriceFileEntry
from evergrid.studies.rule_books.duty import Duty
from evergrid.studies.rule_books.offers import Offer

FIVE_MIN_H = 5.0 / 60.0
ONE_PRICE = "a price of 1 per MW and hour"


@dataclass(frozen=True)
class Income:
    """What the awards of a product earn.

    Attributes:
        statement: Line by line; in units of price where no price is given.
        priced: Whether it is money.
    """

    statement: Statement
    priced: bool

    @property
    def unit(self) -> str:
        """Currency, or what stands in its place."""
        return self.statement.currency if self.priced else "per 1/MW/h"


def prices(
    entry: PriceFileEntry,
    folder: Path,
    times: Shaped[Array, " block"],
    hours: Float[Array, " block"],
) -> RegulationMarket:
    """Prices of a file in each block, as means over its five minutes.

    Raises:
        InputError: A file that breaks rules, or without prices at these times.
    """
    path, weeks = locate(entry.file, folder), np.timedelta64(7 * entry.shift_weeks, "D")
    match entry.format:
        case "pjm_regulation":
            read = signals.read_pjm_market(path)
        case "nyiso_regulation":
            read = signals.read_nyiso_regulation(path)
        case "aemo":
            last = times[-1] + np.timedelta64(round(S_PER_H * hours[-1]), "s")
            read = _fcas(entry, path, times[0] - weeks, last - weeks)
    moved = RegulationMarket(read.time_utc + weeks, read.capability_per_mw, read.performance_per_mw)
    counts = np.maximum(np.round(hours / FIVE_MIN_H), 1).astype(np.int64)
    block = np.repeat(np.arange(len(times)), counts)
    within = np.arange(len(block)) - np.repeat(np.cumsum(counts) - counts, counts)
    at = moved.at(times[block] + within * np.timedelta64(5, "m"))
    capability, performance = (
        np.bincount(block, weights=values, minlength=len(times)) / counts
        for values in (at.capability_per_mw, at.performance_per_mw)
    )
    return RegulationMarket(times, capability, performance)


def _fcas(
    entry: PriceFileEntry, path: Path, start: np.datetime64, end: np.datetime64
) -> RegulationMarket:
    """Prices of an FCAS market, which have no part for performance."""
    column = entry.product.removeprefix("fcas_").replace("regulation", "reg") + "_aud_mwh"
    found, _ = aemo.read(path, region=entry.region, price=column, start=start, end=end)
    price = found.import_price_per_mwh
    return RegulationMarket(found.time_utc, price, np.zeros(len(price)))


def of(offer: Offer, duty: Duty, config: Config, grid: TimeGrid, folder: Path) -> Income:
    """What the awards of a product earn, with the lines of energy where there are prices."""
    times, one = grid.times[offer.blocks.first], np.ones(len(offer.award_mw))
    fixed = {entry.product: entry for entry in config.price}.get(offer.product.name)
    by_time = {entry.product: entry for entry in config.price_file}.get(offer.product.name)
    if offer.refused or (fixed is None and by_time is None):
        return Income(_capacity(offer, one, "", ONE_PRICE, Mark.SECONDARY), priced=False)
    if by_time is not None:
        paid, ratio = prices(by_time, folder, times, offer.hours), by_time.mileage_ratio
    else:
        assert fixed is not None
        capacity, mileage = fixed.capacity_per_mw_h * one, fixed.mileage_per_mw * one
        paid, ratio = RegulationMarket(times, capacity, mileage), fixed.mileage_ratio
    made = _statement(offer, paid, duty, config.expected_score, ratio)
    lines = (*made.lines, *_energy(offer, duty, config))
    return Income(Statement(made.currency, lines), priced=True)


def _statement(
    offer: Offer, paid: RegulationMarket, duty: Duty, score: float, mileage_ratio: float
) -> Statement:
    """The statement of a market, with the configured score where it scores."""
    name, count = offer.product.name, len(offer.award_mw)
    capacity, mileage = paid.capability_per_mw, paid.performance_per_mw
    index = np.full(count, score)
    if name.startswith("pjm_regulation"):
        return _pjm(offer, paid, index, mileage_ratio)
    if name.startswith("caiso"):
        award = np.repeat(offer.award_mw, 4)
        moved = award * duty.mileage_per_h / 4
        accuracy = np.full(len(award), score)
        performance = CaisoPerformance(accuracy, moved, moved * accuracy)
        four = MileagePrices(np.repeat(capacity, 4), np.repeat(mileage, 4))
        return us_regulation.caiso_statement(
            award, performance, four, caiso.on(offer.blocks.days[0])
        )
    if name.startswith("nyiso"):
        moved = offer.award_mw * duty.mileage_per_h * offer.hours
        both = MileagePrices(capacity, mileage)
        return us_regulation.nyiso_statement(offer.award_mw, moved, index, both, interval_h=1.0)
    if name.startswith("afrr"):
        nothing = accepted(np.zeros(0), np.zeros(0))
        bids = AfrrBids(capacity, np.zeros(0), np.zeros(0), np.zeros(0))
        return afrr.statement(offer.award_mw, np.ones(count), nothing, bids)
    rule = f"clearing price of {offer.product.title}"
    return _capacity(offer, capacity, offer.market.currency, rule, offer.product.tariff_mark)


def _pjm(
    offer: Offer, paid: RegulationMarket, score: Float[Array, " block"], mileage_ratio: float
) -> Statement:
    """PJM's credits, block by block."""
    rules = pjm.on(offer.blocks.days[0])
    ratios = np.full(len(score), mileage_ratio)
    per = RegulationPrices(paid.capability_per_mw, paid.performance_per_mw, ratios)
    lost = credits(offer.award_mw, score, per, rules).forfeited
    followed = np.where(lost, 0.0, offer.award_mw * score) * offer.hours
    given = {"unit": "MW h", "rule": pjm.MANUAL_28, "mark": offer.product.tariff_mark}
    return Statement(
        "USD",
        (
            line("capability", followed, per.capability_per_mw, **given),
            line("performance", followed, per.performance_per_mw * ratios, **given),
        ),
    )


def _capacity(
    offer: Offer, price: Float[Array, " block"], currency: str, rule: str, mark: Mark
) -> Statement:
    mwh = offer.award_mw * offer.hours
    return Statement(currency, (line("capacity", mwh, price, unit="MW h", rule=rule, mark=mark),))


def _energy(offer: Offer, duty: Duty, config: Config) -> tuple[Line, ...]:
    """The lines that the energy of calls makes, by the rules of ownership."""
    own, mwh = config.ownership, offer.award_mw * offer.hours
    rules = OwnershipRules(
        imbalance=own.imbalance, compensation=own.compensation, grid_fee=own.grid_fee
    )
    one = np.ones(len(mwh))
    per = EnergyPrices(
        own.imbalance_per_mwh * one, own.reference_per_mwh * one, own.grid_fee_per_mwh * one
    )
    fed, drawn = mwh * duty.fed_mwh_per_mwh, mwh * duty.drawn_mwh_per_mwh
    return energy_ownership.lines(fed - drawn, drawn, fed, per, rules)
