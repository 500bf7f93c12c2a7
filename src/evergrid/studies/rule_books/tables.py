"""The summary and the tables of a study of rule books."""

from typing import Any

import numpy as np
import polars as pl

from evergrid.data import tables
from evergrid.markets.rules.constant import Mark, constants
from evergrid.studies.rule_books.offers import CAUSES
from evergrid.studies.rule_books.results import ProductResult, RuleComparison


def headline(found: RuleComparison) -> dict[str, Any]:
    """What is computed, by its key in ``summary.json``."""
    portfolio = found.inputs.portfolio
    priced = [one for one in found.products if one.income.priced and not one.offer.refused]
    best = found.by_market[0] if found.by_market else None
    return {
        "status": "done",
        "best_market": None if best is None else best.offer.market.name,
        "best_product": None if best is None else best.name,
        "best_sold_mwh": 0.0 if best is None else best.offer.sold_mwh,
        "best_mean_award_mw": 0.0 if best is None else best.offer.mean_mw,
        "by_market": [_market(one) for one in found.by_market],
        "income": {
            one.name: {
                "amount": one.income.statement.sure,
                "unverified": one.income.statement.unverified,
                "currency": one.income.statement.currency,
            }
            for one in priced
        },
        "not_in_force": [one.name for one in found.products if one.offer.refused],
        "products": len(found.products),
        "tests": len(found.tests),
        "tests_passed": found.passed,
        "vehicles_most": int(found.plugged.max()),
        "up_kw_mean": float(found.up_kw[0]),
        "down_kw_mean": float(found.down_kw[0]),
        "signal_made_up": found.made_up[0],
        "frequency_made_up": found.made_up[1],
        "assets": portfolio.assets,
        "sessions": len(portfolio.sessions),
        "start_utc": portfolio.grid.start_utc.isoformat(),
        "end_utc": portfolio.grid.end_utc.isoformat(),
    }


def _market(one: ProductResult) -> dict[str, Any]:
    return {
        "market": one.offer.market.name,
        "product": one.name,
        "sold_mwh": one.offer.sold_mwh,
        "worst_cause": one.offer.worst_cause(),
        "mark": str(one.offer.product.mark),
    }


def inputs(found: RuleComparison) -> dict[str, pl.DataFrame]:
    """The canonical tables that were used, by name."""
    signal, frequency = found.signal, found.frequency
    return {
        "sessions": tables.sessions_frame(found.inputs.portfolio.sessions),
        "signal": pl.DataFrame(
            {"second": np.arange(len(signal)) * signal.tick_s, "signal": signal.share}
        ),
        "frequency": pl.DataFrame(
            {
                "second": np.arange(len(frequency.deviation_hz)) * frequency.tick_s,
                "deviation_hz": frequency.deviation_hz,
            }
        ),
    }


def results(found: RuleComparison) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    return {
        "products": pl.DataFrame([_product(one) for one in found.products]),
        "blocks": _blocks(found),
        "statements": pl.DataFrame(
            [row for one in found.products for row in _lines(one)], schema=STATEMENT
        ),
        "tests": pl.DataFrame([row for one in found.products for row in _tests(one)], schema=TESTS),
        "constants": pl.DataFrame([row for one in found.products for row in _constants(one)]),
    }


def _product(one: ProductResult) -> dict[str, Any]:
    offer, duty, statement = one.offer, one.duty, one.income.statement
    lost, blocks_lost = offer.lost_mwh, offer.blocks_lost()
    return {
        "market": offer.market.name,
        "product": one.name,
        "direction": offer.product.direction,
        "refused": offer.refused,
        "blocks": len(offer.award_mw),
        "blocks_sold": int((offer.award_mw > 0).sum()),
        "mean_award_mw": offer.mean_mw,
        "sold_mwh": offer.sold_mwh,
        **{f"lost_{cause}_mwh": lost[cause] for cause in CAUSES},
        **{f"blocks_lost_{cause}": 0 if offer.refused else blocks_lost[cause] for cause in CAUSES},
        "mean_abs": duty.mean_abs if duty.counted else None,
        "rms": duty.rms if duty.counted else None,
        "mileage_per_h": duty.mileage_per_h if duty.counted else None,
        "fed_mwh": offer.sold_mwh * duty.fed_mwh_per_mwh if duty.counted else None,
        "drawn_mwh": offer.sold_mwh * duty.drawn_mwh_per_mwh if duty.counted else None,
        "worst_mwh_per_mw": duty.worst_mwh if duty.counted else None,
        "losses_mwh": one.losses_mwh if duty.counted else None,
        "income": statement.sure,
        "income_unverified": statement.unverified,
        "income_unit": one.income.unit,
        "mark": str(offer.product.mark),
    }


def _blocks(found: RuleComparison) -> pl.DataFrame:
    times = found.inputs.portfolio.grid.times
    parts = []
    for one in found.products:
        offer = one.offer
        begins = times[offer.blocks.first].astype("datetime64[us]")
        parts.append(
            pl.DataFrame(
                {
                    "product": [one.name] * len(begins),
                    "time_utc": pl.Series(begins).dt.replace_time_zone("UTC"),
                    "hours": offer.hours,
                    "award_mw": offer.award_mw,
                    **{f"lost_{cause}_mw": offer.lost_mw[cause] for cause in CAUSES},
                }
            )
        )
    return pl.concat(parts)


STATEMENT = {
    "product": pl.String,
    "item": pl.String,
    "quantity": pl.Float64,
    "unit": pl.String,
    "amount": pl.Float64,
    "currency": pl.String,
    "rule": pl.String,
    "mark": pl.String,
}


def _lines(one: ProductResult) -> list[dict[str, Any]]:
    if one.offer.refused:
        return []
    return [
        {
            "product": one.name,
            "item": line.item,
            "quantity": line.quantity,
            "unit": line.unit,
            "amount": line.amount,
            "currency": one.income.unit,
            "rule": line.rule,
            "mark": str(line.mark),
        }
        for line in one.income.statement.lines
    ]


TESTS = {
    "product": pl.String,
    "test": pl.String,
    "award_mw": pl.Float64,
    "time_utc": pl.Datetime("us", "UTC"),
    "asked": pl.Float64,
    "activation_s": pl.Float64,
    "due_s": pl.Float64,
    "sustained": pl.Float64,
    "delivered_mwh": pl.Float64,
    "score": pl.Float64,
    "passed": pl.Boolean,
    "mark": pl.String,
}


def _tests(one: ProductResult) -> list[dict[str, Any]]:
    test = one.qualification
    if test is None:
        return []
    common = {
        "product": one.name,
        "test": test.test.name,
        "award_mw": test.award_mw,
        "time_utc": test.begins_utc,
        "due_s": test.test.full_s,
        "mark": str(test.test.mark),
    }
    if test.score is not None:
        return [common | {"score": test.score, "passed": test.passed}]
    return [
        common
        | {
            "asked": each.asked,
            "activation_s": each.activation_s if np.isfinite(each.activation_s) else None,
            "sustained": each.sustained,
            "delivered_mwh": each.delivered_h * test.award_mw,
            "passed": each.passes(test.test.full_s, test.test.tolerance),
        }
        for each in test.activations
    ]


def _constants(one: ProductResult) -> list[dict[str, Any]]:
    product = one.offer.product
    response = product.response
    curve = [] if response is None else [("response", None, response.mark, response.source)]
    return [
        {
            "product": product.name,
            "constant": name,
            "value": value,
            "mark": str(mark),
            "source": source,
        }
        for name, value, mark, source in [
            *((name, c.value, c.mark, c.source) for name, c in constants(product).items()),
            *curve,
        ]
    ]


def unsure_constants(one: ProductResult) -> list[str]:
    """Names of the product's constants that are not verified nor quoted by others."""
    found = constants(one.offer.product).items()
    return [name for name, constant in found if constant.mark is Mark.UNVERIFIED]
