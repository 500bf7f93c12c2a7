"""Welfare as people read it: lines of text, figures, and a page that needs no network."""

from functools import partial

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.status import Status
from evergrid.impact.welfare.party import Party
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.labels import amount, decimals_for
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.study import Page, Result
from evergrid.studies.welfare import tables, wording
from evergrid.studies.welfare.commitment import MERIT_ORDER, RELAXED, WHOLE
from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.results import WelfareResults
from evergrid.studies.welfare.wording import COST_LABELS, POLICY_LABELS

NOTHING = 1e-6  # share of the largest gain below which a party is not shown
StudyResult = Result[Config, WelfareResults]
READING = {
    "party_waterfall": "Payments between parties cancel, so that what is left is what is real: "
    "fuel, wear, effort, load that is served or lost, climate and health. A gain of one party "
    "that is a loss of another is no gain of all.",
    "rate_sweep": "One rate for all days, from what pays nobody to what pays everybody. The best "
    "for all is where the first line is highest; a market that does not see climate and health "
    "stops where the second one is.",
    "policy_welfare": "Rates of each policy are set at the social cost of the study and stay as "
    "they are; the marks say what they are worth at others. No V2G is at 0.",
    "sign_of_total": "Every combination of wear, effort of owners, round trip and baseline, under "
    "each social cost.",
    "group_gains": "What reaches households as owners, as consumers and as people who breathe. "
    "Gains of companies, of the government and of the climate have no address here.",
    "feeding_day": "The mean of all days with their weights.",
}
COMMITMENT_LABELS = {
    MERIT_ORDER: "merit order",
    RELAXED: "may run in part",
    WHOLE: "run or stand",
}
HEADINGS = {
    "party_waterfall": "Who gains, who loses",
    "rate_sweep": "Which rate is best",
    "policy_welfare": "Which policy is best",
    "sign_of_total": "How sure is the sign",
    "group_gains": "Which households gain",
    "feeding_day": "What vehicles do",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    money = s["currency"]
    least = NOTHING * max(abs(gain) for gain in s["by_party"].values())
    gains = ", ".join(
        f"{name.replace('_', ' ')} {gain:+,.0f}"
        for name, gain in s["by_party"].items()
        if abs(gain) > least
    )
    rows = [
        ("answer", wording.answer(s)),
        ("total", f"{s['welfare_change']:+,.0f} {money} of {s['dollar_year']} {wording.period(s)}"),
        (
            "band",
            f"{s['welfare_low']:+,.0f} to {s['welfare_high']:+,.0f} over assumptions; "
            f"{s['positive_share']:.0%} of them above 0",
        ),
        ("parties", gains or "nobody gains or loses"),
        ("rate", f"{s['rate_per_mwh']:,.2f} {money}/MWh on average, {s['fed_mwh']:,.0f} MWh fed"),
        (
            "best",
            f"{POLICY_LABELS[s['best_policy']]}: {s['best_rate_per_mwh']:,.2f} "
            f"{money}/MWh, {s['best_welfare_change']:+,.0f}",
        ),
        ("carbon", f"{s['co2_t']:+,.0f} t at {s['social_cost_per_t']:,.2f} {money}/t"),
        (
            "accounts",
            f"payments cancel; real costs and gains differ by {s['identity_residual']:.1e}",
        ),
    ]
    return console_summary.lines(rows)


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    return {
        "party_waterfall": partial(_parties, result),
        "rate_sweep": partial(_sweep, result),
        "policy_welfare": partial(_policies, result),
        "sign_of_total": partial(_signs, result),
        "group_gains": partial(_groups, result),
        "feeding_day": partial(_day, result),
    }


def _unit(result: StudyResult, amounts: list[float]) -> tuple[float, str]:
    """What amounts are divided by, and the unit that they are then in."""
    scale, word = wording.scale_of(amounts)
    return scale, f"{word}{result.summary['currency']} {wording.period(result.summary)}"


def _parties(result: StudyResult) -> Figure:
    found = result.findings
    gains = tables.party_rows(found)
    least = NOTHING * max(abs(gain) for _, gain in gains)
    rows = [(party, gain) for party, gain in gains if abs(gain) > least]
    scale, unit = _unit(result, [gain for _, gain in rows])
    shown = [(party.label, gain / scale) for party, gain in rows]
    if found.case.change.energy_left:
        shown.append(("Energy left", found.case.change.energy_left / scale))
    return draw.party_waterfall(shown, found.case.change.total / scale, unit=unit)


def _sweep(result: StudyResult) -> Figure:
    found, s = result.findings, result.summary
    sweep = found.sweep
    scale, unit = _unit(result, [*sweep.social.tolist(), *sweep.private.tolist()])
    lines = {
        "all together": sweep.social / scale,
        "without climate and health": sweep.private / scale,
        "owners": sweep.owner_surplus / scale,
    }
    best = {
        "best for all": found.flat.rate_per_mwh,
        "best for the market": found.flat.private_rate_per_mwh,
    }
    least = float(sweep.rate_per_mwh[sweep.quantity_mwh > 0].min())
    marks = {  # below the rate of the readiest owner nobody feeds, whatever the rate
        name if rate >= least else f"{name}: none, or less than": max(rate, least)
        for name, rate in best.items()
    }
    return draw.rate_sweep(sweep.rate_per_mwh, lines, marks, currency=s["currency"], unit=unit)


def _policies(result: StudyResult) -> Figure:
    ranking = result.findings.ranking
    scale, unit = _unit(result, ranking.welfare.ravel().tolist())
    return draw.policy_welfare(
        [one.label for one in ranking.policies],
        [COST_LABELS[cost] for cost in ranking.costs],
        ranking.welfare / scale,
        unit=unit,
    )


def _signs(result: StudyResult) -> Figure:
    found = result.findings.assumptions
    costs = list(dict.fromkeys(one.social_cost for one in found))
    scale, unit = _unit(result, [one.total for one in found])
    totals = [
        np.array([one.total for one in found if one.social_cost == cost]) / scale for cost in costs
    ]
    return draw.sign_of_total([COST_LABELS[one] for one in costs], totals, unit=unit)


def _groups(result: StudyResult) -> Figure:
    people, gains = result.findings.groups, result.findings.gains
    parts = {name: getattr(gains, name) for name in ("as_owners", "as_consumers", "in_health")}
    scale, unit = _unit(result, [float(np.abs(one).max()) for one in parts.values()])
    names = [f"{name}, {region}" for name, region in zip(people.name, people.region, strict=True)]
    return draw.group_gains(names, {key: one / scale for key, one in parts.items()}, unit=unit)


def _day(result: StudyResult) -> Figure:
    found = result.findings
    case, weight = found.case, found.inputs.weight
    days, steps = found.inputs.consumption_mwh.shape

    def mean(values: np.ndarray) -> np.ndarray:
        return weight @ values.reshape(days, steps) / weight.sum()

    power = {
        "feeding": mean(case.with_it.discharge_mwh),
        "charging to feed": -mean(case.with_it.charge_mwh),
        "charging for driving": -mean(case.with_it.driving_mwh),
    }
    prices = {
        "price with V2G": mean(case.with_it.price_per_mwh),
        "price without": mean(case.without.price_per_mwh),
    }
    return draw.feeding_day(
        np.arange(float(steps)), power, prices, currency=result.summary["currency"]
    )


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    money = s["currency"]
    scale, unit = _unit(result, [s["welfare_change"], s["welfare_low"], s["welfare_high"]])
    decimals = decimals_for(abs(s["welfare_change"]) / scale)

    def shown(value: float) -> str:
        return amount(value / scale, signed=True, decimals=decimals)

    period = wording.period(s)
    band = f"{period}; {shown(s['welfare_low'])} to {shown(s['welfare_high'])} over assumptions"
    unit = unit.removesuffix(f" {period}")
    without = f"{period}; climate and health left out"
    cards = [
        Headline("All together", shown(s["welfare_change"]), unit, band),
        Headline("Those who trade", shown(s["private_gain"]), unit, without),
        Headline("Rate", f"{s['rate_per_mwh']:,.2f}", f"{money}/MWh", "paid to owners, on average"),
        Headline(
            "Best rate",
            f"{s['best_rate_per_mwh']:,.2f}",
            f"{money}/MWh",
            POLICY_LABELS[s["best_policy"]].lower(),
        ),
        Headline("Carbon dioxide", amount(s["co2_t"], signed=True), "t", period),
    ]
    sections = drawn.sections(READING, HEADINGS)
    closing = [_policy_table(result), *_two_part(result), _transfers(result), _effects(result)]
    closing += _commitment(result)
    return Page(cards=cards, sections=[*sections, *closing], answer=wording.answer(s))


def _transfers(result: StudyResult) -> Section:
    """Every payment that changes, with both its sides."""
    rows = [
        (one.what, one.payer.label, one.receiver.label, amount(one.amount, signed=True))
        for one in result.findings.case.change.transfers
        if one.amount
    ]
    text = (
        "By how much each payment changes. Each is booked with its payer and its receiver, and so "
        "is nothing to all together; a payment below 0 flows less, or the other way."
    )
    columns = ("what is paid for", "payer", "receiver", f"change, {result.summary['currency']}")
    return Section("Who pays whom", text, Table(columns, rows))


def _effects(result: StudyResult) -> Section:
    """Every real cost and benefit that changes."""
    change = result.findings.case.change
    rows = [
        (one.what, one.party.label, amount(one.amount, signed=True))
        for one in change.effects
        if one.amount
    ]
    rows.append(("all together", "", amount(change.total, signed=True)))
    text = "What is real: nobody else pays or receives it, and its sum is the change of welfare."
    columns = ("what", "party", f"change, {result.summary['currency']}")
    return Section("What is real", text, Table(columns, rows))


def _two_part(result: StudyResult) -> list[Section]:
    """A fixed part for being there beside the rate for energy."""
    s = result.summary
    money = s["currency"]
    rows = [
        ("for being there", f"{s['two_part_fixed_per_kw_year']:,.2f} {money} a kW and year"),
        ("for energy", f"{s['two_part_rate_per_mwh']:,.2f} {money}/MWh"),
        ("vehicles that join", f"{s['two_part_joined_share']:.0%}"),
        ("gain of all", amount(s["two_part_welfare_change"], signed=True)),
        ("paid for being there", f"{amount(s['two_part_fixed_payment'], signed=True)} {money}"),
    ]
    text = (
        "One rate cannot meet two margins: whether owners join for a year, and how deep they then "
        "feed. The first is paid what surely available power is worth, the second what energy is. "
        "Owners differ here in the effort of a year, not of a MWh, and days are the mean day."
    )
    gains = [
        (Party(name).label, amount(gain, signed=True))
        for name, gain in s["two_part_by_party"].items()
    ]
    whom = "Payments for being there are the aggregator's, which the utility pays for that power."
    return [
        Section("A tariff of two parts", text, Table(("part", "best"), rows)),
        Section("Who gains by two parts", whom, Table(("party", f"gain, {money}"), gains)),
    ]


def _commitment(result: StudyResult) -> list[Section]:
    """Days with units that run or stand, beside the merit order."""
    made = result.findings.commitment
    if made is None:
        return []
    money = result.summary["currency"]
    rows = []
    for name, (before, after) in made.pairs.items():
        unsure = sum(max(one.absolute_gap, 0.0) for one in (before, after))
        rows.append(
            (
                COMMITMENT_LABELS[name],
                amount(before.cost),
                amount(made.saving[name], signed=True),
                amount(unsure) if name == WHOLE else "",
                amount(made.co2_t[name], signed=True),
                "not counted" if before.starts is None else f"{before.starts:,.0f}",
                f"{before.curtailed_mwh:,.0f}",
                str(before.status if before.status is not Status.OPTIMAL else after.status),
            )
        )
    columns = (
        *(
            "units",
            f"cost without V2G, {money}",
            f"saved by V2G, {money}",
            f"more or less, {money}",
        ),
        *("CO2 by V2G, t", "starts without V2G", "curtailed, MWh", "status"),
    )
    text = (
        f"{made.days} days from {made.first_day}, the same load and the same feeding. Whole units "
        "run or stand, cost a start and give their least output; branch and bound stops at a gap, "
        "by which costs may be too high. What is left out by the merit order is what starts, ramps "
        "and least outputs cost."
    )
    return [Section("With units that run or stand", text, Table(columns, rows))]


def _policy_table(result: StudyResult) -> Section:
    """Policies side by side at the social cost of the study."""
    found, s = result.findings, result.summary
    best = found.best.change.total
    rows = [
        (
            case.outcome.policy.label,
            f"{case.mean_rate_per_mwh:,.2f}",
            f"{case.fed_mwh:,.0f}",
            amount(case.emitted_t["co2"], signed=True),
            amount(case.change.by_party[Party.EV_OWNERS], signed=True),
            amount(case.change.total, signed=True),
            amount(best - case.change.total),
        )
        for case in found.cases
    ]
    money = s["currency"]
    columns = ("policy", f"rate, {money}/MWh", "fed, MWh", "CO2, t", f"owners, {money}")
    text = (
        "What is lost beside the best policy is the price of rates that do not follow the days, or "
        "that do not see climate and health."
    )
    last = (f"all together, {money}", f"lost, {money}")
    return Section("Policies side by side", text, Table((*columns, *last), rows))
