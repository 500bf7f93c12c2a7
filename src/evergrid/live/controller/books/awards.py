"""What is offered and awarded hour by hour, how well it was delivered, and what that is paid."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import KW_PER_MW, S_PER_H
from evergrid.inputs.regulation import Award, Market
from evergrid.live.controller.offers.firm_schedule import FirmPromise
from evergrid.markets.performance import pjm_score
from evergrid.markets.rules import pjm
from evergrid.markets.rules.pjm import PjmRegulation
from evergrid.markets.settlement.pjm_regulation import RegulationPrices, credits
from evergrid.markets.settlement.statement import rounded
from evergrid.model.time_series.signal import RegulationMarket

PJM_ZONE = ZoneInfo("America/New_York")
# A score compares with the signal of up to five minutes before, in windows of five minutes.
AFTER_S = 900.0
LEAST_SAMPLES = 120  # of ten seconds, from which a score can be made
TICK_ROUNDING_S = 1e-6
KEPT_BLOCKS = 1000  # of an hour: six weeks
KEPT_S = 4 * 3600.0  # for which points are kept: an hour is settled a quarter of an hour after it
COLD_START_SHARE = 0.5  # of what the fleet can hold now, offered until past days vouch for more
COLD_START, HISTORY = "cold start", "history"


@dataclass
class Block:
    """An hour of an award.

    Attributes:
        begin_s: UTC seconds since 1970.
        end_s: Likewise.
        offered_kw: Both ways.
        awarded_kw: By the market.
        basis: What the offer rests on, in words.
        rule: That made it: `HISTORY` where past days vouch for it, `COLD_START` where they do not.
        binding: What it could not exceed.
        confidence: Share of such promises that past days kept; None without them.
        history_days: Days of record.
        held_kwh: Power held times hours, by driver.
        score: 0 to 1; None before it is settled, and where it cannot be known.
        credit: In whole cents of the currency; None before it is settled.
    """

    begin_s: float
    end_s: float
    offered_kw: float
    awarded_kw: float
    basis: str
    rule: str = COLD_START
    binding: str = ""
    confidence: float | None = None
    history_days: int = 0
    held_kwh: dict[str, float] = field(default_factory=dict)
    score: float | None = None
    credit: float | None = None


def rules_on(wall_s: float) -> PjmRegulation:
    """The rules of a moment.

    Raises:
        InputError: There are none yet, or not any more.
    """
    return pjm.on(datetime.fromtimestamp(wall_s, UTC).astimezone(PJM_ZONE).date())


def _basis(binding: str, firm: FirmPromise | None, lacking: str) -> str:
    """What an offer rests on, in words."""
    if firm is None:
        return f"cold start, bound by {binding}" + (f": {lacking}" if lacking else "")
    vouched = f"{firm.confidence:g} firm by {firm.history_days} days of record"
    return f"{vouched}, bound by {binding}"


class Awards:
    """Every block of a run, and what the signal and the fleet did in it.

    Args:
        market: Rule book and expected score.
        award: Which share is offered, in which steps.
        prices: Of the market.
        tick_s: Between two points.
    """

    def __init__(
        self, market: Market, award: Award, prices: RegulationMarket, tick_s: float
    ) -> None:
        self._market, self._award, self._prices = market, award, prices
        self._tick_s = tick_s
        self.blocks: list[Block] = []
        # Time, share asked for and share delivered, of the last ticks.
        self._points = deque[tuple[float, float, float]](maxlen=round(KEPT_S / tick_s))
        self._settled = 0
        self._last_score: float | None = None

    @property
    def now(self) -> Block | None:
        """The block in force."""
        return self.blocks[-1] if self.blocks else None

    def begin(
        self,
        begin_s: float,
        end_s: float,
        planned_kw: float,
        available_kw: float,
        firm: FirmPromise | None = None,
        *,
        battery_kw: float = 0.0,
        lacking: str = "",
    ) -> Block:
        """A new block, of which no more is offered than past days vouch for and can be held now.

        Args:
            begin_s: Of the block.
            end_s: Of the block.
            planned_kw: By the plan, both ways.
            available_kw: What the fleet can hold, both ways.
            firm: What past days vouch for of vehicles; None where they do not.
            battery_kw: What batteries that never leave can hold, both ways.
            lacking: Why past days do not vouch for anything.
        """
        share = min(self._award.share, COLD_START_SHARE) if firm is None else self._award.share
        bounds = {
            f"{share:.0%} of what the fleet can hold now": share * available_kw,
            "the plan": planned_kw,
            "most_kw": np.inf if self._award.most_kw is None else self._award.most_kw,
        }
        if firm is not None:
            bounds["firm capacity"] = firm.power_kw + battery_kw
        binding = min(bounds, key=lambda name: bounds[name])
        offered = self._in_steps(bounds[binding])
        block = Block(begin_s, end_s, offered, offered, _basis(binding, firm, lacking))
        block.binding = binding
        if firm is not None:
            block.rule, block.confidence = HISTORY, firm.confidence
            block.history_days = firm.history_days
        self.blocks.append(block)
        return block

    def _in_steps(self, kw: float) -> float:
        step = self._award.step_kw
        kw = np.floor(kw / step + 1e-9) * step if step > 0 else kw
        return float(kw) if kw >= self._award.least_kw else 0.0

    def point(self, wall_s: float, share: float, response_kw: float) -> None:
        """What was asked for in a tick, in shares of the award, and what was delivered."""
        block = self.now
        awarded = 0.0 if block is None else block.awarded_kw
        # Where nothing is awarded nothing can be missed.
        self._points.append((wall_s, share, response_kw / awarded if awarded > 0 else share))

    @property
    def last_score(self) -> float | None:
        """Score of the last block that was settled with one; None before the first."""
        return self._last_score

    def score_so_far(self) -> float | None:
        """Mean score of settled blocks; None before the first."""
        scores = [one.score for one in self.blocks if one.score is not None]
        return float(np.mean(scores)) if scores else None

    def settle(self, wall_s: float, *, all_now: bool = False) -> list[Block]:
        """Score and pay blocks whose time has come.

        Args:
            wall_s: Now.
            all_now: Whether to settle what ended, or is under way, with what is known.
        """
        done = []
        while self._settled < len(self.blocks):
            block = self.blocks[self._settled]
            if not all_now and wall_s < block.end_s + AFTER_S:
                break
            self._pay(block)
            self._settled += 1
            self._last_score = self._last_score if block.score is None else block.score
            done.append(block)
        self._forget()
        return done

    def _forget(self) -> None:
        """Let the oldest settled blocks go; they stay in the log."""
        gone = min(max(len(self.blocks) - KEPT_BLOCKS, 0), self._settled)
        del self.blocks[:gone]
        self._settled -= gone

    def _between(
        self, begin_s: float, end_s: float
    ) -> tuple[Float[Array, " tick"], Float[Array, " tick"]]:
        """Shares asked for and delivered, at equal ticks; a tick that was missed has the last."""
        times, asked, delivered = np.array(self._points).T
        stop_s = min(end_s, float(times[-1]) + self._tick_s)
        ticks = np.arange(max(begin_s, float(times[0])), stop_s - TICK_ROUNDING_S, self._tick_s)
        at = np.searchsorted(times, ticks + self._tick_s / 2, side="right") - 1
        return asked[at], delivered[at]

    def _pay(self, block: Block) -> None:
        """Score of a block, from the points around it, and its credit."""
        block.credit = 0.0
        if not self._points or block.awarded_kw <= 0:
            return
        rules = rules_on(block.begin_s)
        asked, delivered = self._between(block.begin_s, block.end_s + AFTER_S)
        signal = pjm_score.sampled(asked, self._tick_s)
        given = pjm_score.sampled(delivered, self._tick_s)
        if len(signal) < LEAST_SAMPLES:
            return
        hours = (block.end_s - block.begin_s) / S_PER_H
        found = pjm_score.score(
            signal, given, rules, interval_h=hours, reading=self._market.reading
        )
        block.score = float(found.total[0])
        at = self._prices.at(np.array([np.datetime64(round(block.begin_s * 1e6), "us")]))
        prices = RegulationPrices(
            at.capability_per_mw, at.performance_per_mw, np.array([self._market.mileage_ratio])
        )
        award_mw = np.array([block.awarded_kw / KW_PER_MW])
        paid = credits(award_mw, np.array([block.score]), prices, rules)
        # What is paid is per interval of the rules; a block may be more of them.
        block.credit = rounded(float(paid.total.sum()) * hours / rules.payment_h)
