"""How promises of a fleet fared on days that they had not seen, beside simpler rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.fleet.firm_capacity import scores
from evergrid.fleet.firm_capacity.baseline_offers import baseline_offers
from evergrid.fleet.firm_capacity.day_ahead import LEAD_DAYS, ComingOffers, Past

OURS = "calibrated"
SILENCE = "nothing"  # the rule that promises nothing and is always kept
Promises = Float[Array, "day step"]


@dataclass(frozen=True)
class Coverages:
    """How often the promises of one confidence were kept.

    Attributes:
        every: Of all promises, those of nothing among them.
        above_zero: Of the promises of more than nothing.
    """

    every: scores.Coverage
    above_zero: scores.Coverage

    def row(self) -> dict[str, Any]:
        """As numbers by name; a share of no promises is None."""
        return {**_plain(self.every), "above_zero": _plain(self.above_zero)}


@dataclass(frozen=True)
class Reliability:
    """What was asked against what was kept, one point per confidence.

    Attributes:
        asked: Confidence asked.
        every: Share of all promises kept.
        kept: Share of the promises above zero kept.
        low: Lower end of its 95 % interval, days as the unit.
        high: Upper end.
        rules: Share of the promises above zero that each simpler rule kept.
    """

    asked: Float[Array, " confidence"]
    every: Float[Array, " confidence"]
    kept: Float[Array, " confidence"]
    low: Float[Array, " confidence"]
    high: Float[Array, " confidence"]
    rules: Mapping[str, Float[Array, " confidence"]]


def kept(past: Past, promised_kw: Promises) -> Coverages:
    """How often promises were kept on the judged days."""
    came, made = past.power_kw[past.judged], promised_kw[past.judged]
    return Coverages(scores.coverage(came, made), scores.coverage(came, made, above_zero=True))


def reliability(
    past: Past, promised_kw: Float[Array, "confidence day step"], asked: Array
) -> Reliability:
    """Shares kept at many confidences, ours and those of simpler rules."""
    ours = [kept(past, made) for made in promised_kw]
    rules: dict[str, list[float]] = {}
    for level in asked.tolist():
        for name, made in _simple(past, level).items():
            rules.setdefault(name, []).append(kept(past, made).above_zero.share)
    return Reliability(
        asked,
        np.array([one.every.share for one in ours]),
        np.array([one.above_zero.share for one in ours]),
        np.array([one.above_zero.low for one in ours]),
        np.array([one.above_zero.high for one in ours]),
        {name: np.array(shares) for name, shares in rules.items()},
    )


def rules(past: Past, promised_kw: Promises, confidence: float) -> list[dict[str, Any]]:
    """How each rule fared on the judged days, and when scaled to keep the same share as ours.

    The last is silence: it promises nothing.
    """
    came = past.power_kw[past.judged]
    target = kept(past, promised_kw).above_zero.share
    rows = []
    for name, power in _all_rules(past, promised_kw, confidence).items():
        made = power[past.judged]
        scale = scores.scale_to_coverage(came, made, target) if isfinite(target) else 1.0
        found = kept(past, power)
        rows.append(
            {
                "rule": name,
                "confidence": confidence,
                "kept": found.every.share,
                "kept_above_zero": _or_none(found.above_zero.share),
                "above_zero": found.above_zero.judged / max(found.every.judged, 1),
                "days_kept": float(scores.days_kept(came, made).mean()),
                "mean_kw": float(made.mean()),
                "equal_kw": float(made.mean()) * scale,
                "pinball_kw": _loss_kw(came, made, confidence),
                "equal_pinball_kw": _loss_kw(came, scale * made, confidence),
                "came_kw": float(came.mean()),
            }
        )
    return rows


def quarters(
    past: Past, days: Shaped[Array, " day"], promised_kw: Promises, confidence: float
) -> list[dict[str, Any]]:
    """How ours fared in each quarter of a year, beside silence and the rule that did best in it.

    The best simple rule is chosen in hindsight, anew in each quarter; silence is one of them.
    """
    made = _all_rules(past, promised_kw, confidence)
    of = days.astype("datetime64[M]").astype(np.int64) // 3
    rows = []
    for quarter in np.unique(of[past.judged]):
        at = past.judged & (of == quarter)
        came = past.power_kw[at]
        losses = {name: _loss_kw(came, power[at], confidence) for name, power in made.items()}
        ours_kw = losses.pop(OURS)
        best = min(losses, key=losses.__getitem__)
        every, above = (
            scores.coverage(came, promised_kw[at], above_zero=zero) for zero in (False, True)
        )
        rows.append(
            {
                "quarter": f"{1970 + quarter // 4}-Q{1 + quarter % 4}",
                "confidence": confidence,
                "days": int(at.sum()),
                "kept": every.share,
                "kept_low": every.low,
                "kept_high": every.high,
                "made_above_zero": above.judged,
                "kept_above_zero": _or_none(above.share),
                "above_zero_low": above.low,
                "above_zero_high": above.high,
                "came_kw": float(came.mean()),
                "mean_kw": float(promised_kw[at].mean()),
                "pinball_kw": ours_kw,
                "silence_pinball_kw": losses[SILENCE],
                "best_rule": best,
                "best_pinball_kw": losses[best],
            }
        )
    return rows


def ahead(
    coming: ComingOffers, days: Shaped[Array, " coming"], confidence: tuple[float, ...]
) -> list[dict[str, Any]]:
    """How often promises above zero, made as far ahead as those of each coming day, were kept."""
    return [
        {
            "day": str(day),
            "lead_days": lead,
            "confidence": level,
            "made_above_zero": found.judged,
            "kept_above_zero": _or_none(found.share),
            "above_zero_low": found.low,
            "above_zero_high": found.high,
        }
        for level, of in zip(confidence, coming.kept, strict=False)
        for day, lead, found in zip(days, coming.lead_days, of, strict=True)
    ]


def _all_rules(past: Past, ours_kw: Promises, confidence: float) -> dict[str, Promises]:
    return {OURS: ours_kw, **_simple(past, confidence), SILENCE: np.zeros_like(ours_kw)}


def _simple(past: Past, confidence: float) -> dict[str, Promises]:
    return baseline_offers(
        past.power_kw,
        past.known,
        past.kinds,
        confidence=confidence,
        lead_days=LEAD_DAYS,
        fitted_days=past.fitted,
    )


def _loss_kw(came_kw: Array, promised_kw: Array, confidence: float) -> float:
    """Mean pinball loss."""
    return float(scores.pinball_kw(came_kw, promised_kw, 1 - confidence).mean())


def _plain(found: scores.Coverage) -> dict[str, Any]:
    return {**vars(found), "share": _or_none(found.share)}


def _or_none(share: float) -> float | None:
    return share if isfinite(share) else None
