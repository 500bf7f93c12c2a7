"""Regulation as a configuration names it: the market, and what is offered there."""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from evergrid.core.config import Config
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import KW_PER_MW
from evergrid.data import signals
from evergrid.data.files.locate import locate
from evergrid.dispatch.services.service import Service
from evergrid.model.time_series.signal import RegulationMarket

BLOCK_H = 1.0  # for which an award holds, where no rule book says else


class Market(Config):
    """The market that regulation is sold to."""

    rules: Literal["pjm"] = "pjm"
    """Rule book; the era follows from the horizon."""
    file: str = Field(examples=["regulation_market.csv"])
    """Clearing prices of capability and performance, as PJM publishes them."""
    shift_weeks: int = Field(default=0, ge=-5200, le=5200)
    """Weeks added to every time stamp of the prices."""
    mileage_ratio: float = Field(default=1.0, ge=0, le=100)
    """By which performance is multiplied: how far this signal moves over the other one, or over its
    own mean."""
    expected_score: float = Field(default=0.95, ge=0, le=1)
    """Score that the plan counts with."""
    reading: Literal["unshifted", "shifted"] = "unshifted"
    """How precision is read: against the signal of the same moment, or of ten seconds before."""


class Award(Config):
    """What is offered of what the plan holds."""

    share: float = Field(default=0.8, gt=0, le=1)
    """Of what the plan holds ready in each block."""
    hold_h: float = Field(default=0.5, ge=0, le=4)
    """Time for which each vehicle holds energy to follow the signal one way."""
    most_kw: float | None = Field(default=None, ge=0, examples=[500.0])
    """Largest award, such as what a study of firm capacity promises both ways; no limit when
    absent."""
    fed_share: float = Field(default=0.22, ge=0, le=1)
    """Energy that the signal is expected to feed, in kWh for each kW awarded and hour, such as 0.21
    to 0.23 on two days of PJM's RegD; the plan counts its wear, and what is lost until it is
    back."""
    step_kw: float = Field(default=100.0, ge=0)
    """Awards are whole numbers of this."""
    least_kw: float = Field(default=100.0, ge=0)
    """Smaller awards are none."""


def market(config: Market, folder: Path) -> RegulationMarket:
    """The prices of the market, shifted by weeks.

    Raises:
        InputError: The file breaks rules.
        MissingFileError: It is not there.
    """
    read = signals.read_pjm_market(locate(config.file, folder))
    weeks = np.timedelta64(7 * config.shift_weeks, "D")
    return RegulationMarket(read.time_utc + weeks, read.capability_per_mw, read.performance_per_mw)


def service(
    config: Market,
    award: Award,
    grid: TimeGrid,
    prices: RegulationMarket,
    *,
    block_h: float = BLOCK_H,
) -> Service:
    """What is offered at prices that are known, with the score that is expected.

    Args:
        config: The market.
        award: What is offered of what the plan holds.
        grid: The steps of the plan.
        prices: That hold.
        block_h: For which an award is the same.

    Raises:
        InputError: There are no prices for some of the time.
    """
    at = prices.at(grid.times)
    paid = at.capability_per_mw + config.mileage_ratio * at.performance_per_mw
    return Service(
        name="regulation",
        credit_per_kw=config.expected_score * paid / KW_PER_MW,
        block_steps=round(block_h / grid.step_h),
        hold_h=award.hold_h,
        step_kw=award.step_kw,
        least_kw=award.least_kw,
        most_kw=np.inf if award.most_kw is None else award.most_kw,
        fed_share=award.fed_share,
    )
