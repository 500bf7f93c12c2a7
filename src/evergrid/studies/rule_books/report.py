"""Rule books as people read them: lines of text, figures, and a page that needs no network."""

from functools import partial

import numpy as np
from plotly.graph_objects import Figure

from evergrid.inputs import made_up_signals
from evergrid.markets.rules.constant import Mark, constants
from evergrid.markets.settlement.energy_ownership import OwnershipRules
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.rule_books.config import Config
from evergrid.studies.rule_books.offers import CAUSES
from evergrid.studies.rule_books.results import ProductResult, RuleComparison
from evergrid.studies.rule_books.tables import unsure_constants
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, RuleComparison]
CAUSE_WORDS = {
    "power": "power in hand",
    "energy": "energy that must last",
    "block": "block length",
    "size": "least size and steps",
    "": "nothing",
}
READING = {
    "award_bars": "Each bar is the mean power of the fleet in the directions of the product. Blue "
    "is sold. The rest is lost: to power that must be in hand beside the award, to energy that "
    "must last, to the least hour of a block, to the least size and its steps.",
    "award_by_hour": "What is in force in each step, by the product of each market of which most "
    "is sold. A long block has the power of its least step throughout.",
    "power_by_duration": "The longer an award must last, the sooner vehicles with little energy, "
    "or room, drop out.",
}
HEADINGS = {
    "award_bars": "What each rule book lets the fleet sell",
    "award_by_hour": "Hour by hour",
    "power_by_duration": "What longer durations cost",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    found, s = result.findings, result.summary
    rows = [
        ("answer", answer(found)),
        (
            "fleet",
            f"{s['sessions']:,} sessions of {s['assets']:,} assets, {s['vehicles_most']:,} at most "
            f"at once; on average {s['up_kw_mean']:,.0f} kW up, {s['down_kw_mean']:,.0f} kW down",
        ),
        *((one.offer.market.title, _line(one)) for one in found.by_market[:5]),
        ("tests", f"{s['tests_passed']} of {s['tests']} passed at the hour of most vehicles"),
    ]
    if s["not_in_force"]:
        rows.append(("left out", f"not in force or no whole block: {', '.join(s['not_in_force'])}"))
    width = max(len(name) for name, _ in rows) + 2
    return console_summary.lines(rows, width=width)


def answer(found: RuleComparison) -> str:
    """Which rule book lets the fleet sell most, and why the others less, as a sentence."""
    ranked = [one for one in found.by_market if one.offer.sold_mwh > 0]
    if not ranked:
        return "No rule book lets this fleet sell anything: its power is below every least size"
    first = ranked[0]
    text = (
        f"{first.offer.market.title} lets this fleet sell most, {first.offer.sold_mwh:,.2f} MWh of "
        f"{first.name}"
    )
    others = [one for one in found.by_market if one is not first]
    if not others:
        return text
    causes = {
        cause: [one.offer.market.title for one in others if one.offer.worst_cause() == cause]
        for cause in CAUSES
    }
    told = [
        f"{CAUSE_WORDS[cause]} ({', '.join(names)})" for cause, names in causes.items() if names
    ]
    return f"{text}; others lose most to {', '.join(told)}" if told else text


def _line(one: ProductResult) -> str:
    offer = one.offer
    whole = offer.power_mwh
    cause = offer.worst_cause()
    lost = f", most is lost to {CAUSE_WORDS[cause]}" if cause else ""
    share = 100 * offer.sold_mwh / whole if whole > 0 else 0.0
    return (
        f"{one.name}: {offer.sold_mwh:,.2f} MWh, {offer.mean_mw:,.3f} MW on average, {share:.0f} % "
        f"of its power{lost}"
    )


def notes(config: Config, found: RuleComparison) -> list[str]:
    """What a reader must know."""
    formulas = zip(made_up_signals.FORMULAS, found.made_up, strict=True)
    told = [text for text, used in formulas if used]
    told += [
        "Vehicles charge evenly through their stays, and arrivals and departures are known ahead; "
        "what can be promised without knowing them is the question of firm_capacity. One product "
        "is sold at a time, at any price.",
        "Signal and frequency say what an award asks for. They are not simulated through the "
        "horizon: energy that a product takes away and its recovery do not shrink later blocks.",
    ]
    doubtful = sum(one.offer.product.mark is Mark.UNVERIFIED for one in found.products)
    told.append(
        f"{doubtful} of {len(found.products)} products rest on a number that is not confirmed; "
        "constants.parquet names each with its source. Money by rules that are not confirmed "
        "stands apart. No test sequence is confirmed."
    )
    told += [f"{one.name}: {one.offer.refused}" for one in found.products if one.offer.refused]
    if any(one.income.priced for one in found.products):
        told.append(
            f"Income of regulation counts with a score, index or accuracy of "
            f"{config.expected_score:g}; German aFRR with capacity alone."
        )
    return told


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    return {
        "award_bars": partial(_bars, result),
        "award_by_hour": partial(_by_hour, result),
        "power_by_duration": partial(_by_duration, result),
    }


def _bars(result: StudyResult) -> Figure:
    shown = [one for one in result.findings.products if not one.offer.refused]

    def mean(values: list[float]) -> np.ndarray:
        hours = np.array([one.offer.hours.sum() for one in shown])
        return np.maximum(np.array(values), 0.0) / hours

    parts = {"sold": mean([one.offer.sold_mwh for one in shown])}
    for cause in CAUSES:
        parts[cause] = mean([one.offer.lost_mwh[cause] for one in shown])
    return draw.award_bars([one.name for one in shown], parts)


def _by_hour(result: StudyResult) -> Figure:
    found = result.findings
    grid = found.inputs.portfolio.grid
    awards = {}
    for one in found.by_market:
        values = np.full(grid.steps, np.nan)
        blocks = one.offer.blocks
        for first, count, award in zip(blocks.first, blocks.steps, one.offer.award_mw, strict=True):
            values[first : first + count] = award
        awards[f"{one.offer.market.title}: {one.name}"] = values
    return draw.award_by_hour(grid, awards, time_zone=result.config.horizon.time_zone)


def _by_duration(result: StudyResult) -> Figure:
    found = result.findings
    return draw.power_by_duration(found.durations_h, found.up_kw, found.down_kw)


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    found, s = result.findings, result.summary
    best = found.by_market[0].offer if found.by_market else None
    title = best.market.title if best is not None and best.sold_mwh > 0 else "none"
    cards = [
        Headline("Sells most", title, "", s["best_product"] or "nothing is sold"),
        Headline(
            "Sold there",
            f"{s['best_sold_mwh']:,.1f}",
            "MWh",
            f"{1000 * s['best_mean_award_mw']:,.0f} kW on average",
        ),
        Headline("Fleet, up", f"{s['up_kw_mean']:,.0f}", "kW", "mean, whatever lasts"),
        Headline("Fleet, down", f"{s['down_kw_mean']:,.0f}", "kW", "mean, whatever lasts"),
        Headline("Tests passed", f"{s['tests_passed']} of {s['tests']}", "", "most vehicles"),
    ]
    sections = drawn.sections(READING, HEADINGS)
    by_product = [_products(found), _income(found), _tests(found), _doubts(found)]
    if any(one.income.priced for one in found.products):
        by_product.insert(2, _ownership(result.config))
    return Page(cards, [*sections, *by_product], answer=f"{answer(found)}.")


def _products(found: RuleComparison) -> Section:
    columns = ("product", "blocks sold", "mean award, MW", "MWh")
    columns += ("lost to size", "to energy", "to block", "to power", "fed, MWh", "loss, MWh")
    rows = []
    for one in found.products:
        offer, lost = one.offer, one.offer.blocks_lost()
        if offer.refused:
            rows.append((one.name, "not in force", *("-" for _ in columns[2:])))
            continue
        fed = offer.sold_mwh * one.duty.fed_mwh_per_mwh
        count = max(len(offer.award_mw), 1)
        rows.append(
            (
                one.name,
                f"{int((offer.award_mw > 0).sum())} of {len(offer.award_mw)}",
                f"{offer.mean_mw:.3f}",
                f"{offer.sold_mwh:,.2f}",
                *(f"{100 * lost[cause] / count:.0f} %" for cause in ("size", "energy", "block")),
                f"{100 * lost['power'] / count:.0f} %",
                f"{fed:,.2f}" if one.duty.counted else "-",
                f"{one.losses_mwh:,.3f}" if one.duty.counted else "-",
            )
        )
    text = (
        "Blocks without an award, by the rule without which there would be one. Energy that calls "
        "feed, and what chargers lose by it, follow from the signal or the frequency; rare calls "
        "count none."
    )
    return Section("Product by product", text, Table(columns, rows))


def _income(found: RuleComparison) -> Section:
    columns = ("product", "income", "not confirmed", "unit", "numbers not confirmed")
    rows = [
        (
            one.name,
            f"{one.income.statement.sure:,.2f}",
            f"{one.income.statement.unverified:,.2f}" if one.income.priced else "-",
            one.income.unit,
            f"{len(unsure_constants(one))} of {len(constants(one.offer.product))}",
        )
        for one in found.products
        if not one.offer.refused
    ]
    text = (
        "In money where a price is configured. Elsewhere it is income per unit of price: what a "
        "price of 1 per MW and hour would bring. Money by rules that are not confirmed is apart."
    )
    return Section("Income", text, Table(columns, rows))


def _ownership(config: Config) -> Section:
    own = config.ownership
    rules = OwnershipRules(
        imbalance=own.imbalance, compensation=own.compensation, grid_fee=own.grid_fee
    )
    text = "Each question has a rule with a name, and a line in the statement where money moves."
    columns = ("question", "rule", "what it does")
    return Section("Whose the energy of a call is", text, Table(columns, rules.answers()))


def _tests(found: RuleComparison) -> Section:
    columns = ("product", "tested, MW", "asked", "there after", "due", "sustained")
    columns += ("energy, MWh", "result", "sequence")
    rows = []
    for test in found.tests:
        mark = str(test.test.mark)
        if test.score is not None:
            passed = "pass" if test.passed else "fail"
            score = f"score {test.score:.3f}"
            rows.append((test.product, f"{test.award_mw:.3f}", "40 min of the signal"))
            rows[-1] += ("-", "-", score, "-", passed, mark)
        for one in test.activations:
            passed = one.passes(test.test.full_s, test.test.tolerance)
            reached = np.isfinite(one.activation_s)
            rows.append(
                (
                    test.product,
                    f"{test.award_mw:.3f}",
                    f"{one.asked:+.0%} for {60 * test.test.plateau_h:g} min",
                    f"{one.activation_s:.1f} s" if reached else "never",
                    f"{test.test.full_s:g} s",
                    f"{100 * one.sustained:.1f} %",
                    f"{one.delivered_h * test.award_mw:.4f}",
                    "pass" if passed else "fail",
                    mark,
                )
            )
    text = (
        "Each test at the hour of most vehicles, with chargers as they are: whole amperes, 6 A at "
        "least, orders that take time. Where nothing is sold then, what the fleet can hold is "
        "tested, however small. 5 % of an award may be missing."
    )
    return Section("Prequalification", text, Table(columns, rows))


def _doubts(found: RuleComparison) -> Section:
    rows = [
        (one.name, ", ".join(unsure_constants(one)) or "none", str(one.offer.product.tariff_mark))
        for one in found.products
    ]
    text = "Numbers from memory or of one source that others contradict, by product."
    return Section("What is not confirmed", text, Table(("product", "numbers", "payment"), rows))
