"""Value stacking as people read it: lines of text, figures, and a page that needs no network."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from plotly.graph_objects import Figure

from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.study import Page, Result
from evergrid.studies.value_stacking import tables
from evergrid.studies.value_stacking.config import Config
from evergrid.studies.value_stacking.results import StackingResults

StudyResult = Result[Config, StackingResults]
READING = {
    "value_waterfall": "Each bar is what a service adds beside those above it; in another order "
    "the bars would be others, their sum the same.",
    "awards_over_time": "What is sold of each service. What could be called at the same time is "
    "held side by side: no kW and no kWh is sold twice.",
    "bid_curve": "How much is offered at which price. The price from which a block is offered is "
    "what holding it costs: energy bought or kept, and calls.",
}
HEADINGS = {
    "value_waterfall": "What each service adds",
    "awards_over_time": "What is sold when",
    "bid_curve": "What is offered at which price",
}
MOST_ROWS = 200


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    money = s["currency"]
    added = zip(s["services"], s["value_added_by_service"], s["award_mean_kw"], strict=True)
    rows = [
        ("answer", answer(s)),
        ("fleet", f"{s['sessions']:,} sessions of {s['assets']:,} assets"),
        ("net cost", f"{s['net_cost']:,.2f} {money}; energy alone {s['net_cost_energy']:,.2f}"),
        ("added", "; ".join(f"{name} {_money(value)} ({kw:,.0f} kW)" for name, value, kw in added)),
        ("calls", f"expected to cost {s['call_cost']:,.2f} {money} in wear and losses"),
        ("proof", f"{s['status']}, within {s['gap']:.2%} of the best that there could be"),
    ]
    if s["regret"] is not None:
        rows.append(("realised", _realised(s)))
    return console_summary.lines(rows)


def answer(s: Mapping[str, Any]) -> str:
    """What services are worth, as a sentence."""
    money, value = s["currency"], s["value_added"]
    text = f"Services are worth {value:,.2f} {money} on top of energy"
    if s["regret"] is not None:
        came = s["net_cost_energy_realised"] - s["net_cost_realised"]
        text = f"Services are worth {came:,.2f} {money} on top of energy at the prices that came"
        text += f", {value:,.2f} as planned"
    best = max(zip(s["value_added_by_service"], s["services"], strict=True))
    if value > 0 and len(s["services"]) > 1:
        text += f"; most is from {best[1]}"
    return text


def _money(value: float) -> str:
    """An amount, without the sign of what is nothing."""
    return f"{round(value, 2) + 0.0:,.2f}"


def _realised(s: Mapping[str, Any]) -> str:
    money = s["currency"]
    return (
        f"net cost {s['net_cost_realised']:,.2f} at the prices that came, "
        f"{s['net_cost_foresight']:,.2f} with foresight; not knowing costs {s['regret']:,.2f} "
        f"{money}"
    )


def notes(config: Config, found: StackingResults) -> list[str]:
    """What a reader must know."""
    told = [
        "Services are paid for capacity held; energy of calls is settled at the import price. "
        "Limits of batteries, chargers and sites hold with all called that could be called at "
        "once. A demand charge does not count calls.",
    ]
    if config.information.prices == "foresight":
        told.append(
            "Prices of the whole horizon are known to the plan, which no bidder knows: this is the "
            'most that could be earned. Set information.prices = "persistence" for what could be.'
        )
    else:
        gate, published = config.information.gate_h, config.information.published_h
        told.append(
            f"Offers are made {gate:g} h before the horizon on the latest day whose prices are "
            f"published by then, {published:g} h after an interval begins. Awards are taken to be "
            "accepted whatever price comes."
        )
    if found.shortfall_kwh > 0:
        told.append(
            f"{found.shortfall_kwh:,.2f} kWh that drivers are owed cannot be served, with services "
            "or without."
        )
    if found.overloads:
        told.append(
            f"{found.overloads:,} limits of sites are exceeded by load or generation alone; "
            "services exceed none by more."
        )
    if found.bid_curve is not None:
        told.append(
            "The bid curve changes one price at a time in all blocks alike, and never offers more "
            "at a lower price."
        )
        if found.bid_curve.tranches is not None:
            error = config.bid_curve.price_error_per_mw if config.bid_curve else None
            told.append(
                "Bids are paid their own price: each part is asked for at the price with the most "
                "expected margin, where the dearest price accepted is taken to be normal around "
                f"the price of the service, with a deviation of {error:g} per MW and hour. What a "
                "part costs is the tried price at which it is first offered, so at most that."
            )
    return told


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    makers = {
        "value_waterfall": partial(_waterfall, result),
        "awards_over_time": partial(_over_time, result),
    }
    if result.findings.bid_curve is not None:
        makers["bid_curve"] = partial(_bid_curve, result)
    return makers


def _waterfall(result: StudyResult) -> Figure:
    found = result.findings
    names = [service.name for service in found.plan.services]
    steps = [("Energy alone", found.alone.costs.net)]
    steps += [(name, -added) for name, added in zip(names, found.added, strict=True)]
    steps.append(("With all services", found.plan.net))
    return draw.value_waterfall(steps, currency=result.summary["currency"])


def _over_time(result: StudyResult) -> Figure:
    found = result.findings
    plan = found.plan
    awards = {
        service.name: tables.award_by_step(plan, number)
        for number, service in enumerate(plan.services)
    }
    return draw.awards_over_time(
        found.inputs.portfolio.grid, awards, time_zone=result.config.horizon.time_zone
    )


def _bid_curve(result: StudyResult) -> Figure:
    curve = result.findings.bid_curve
    assert curve is not None
    return draw.bid_curve(curve.price_per_mw, curve.award_kw, currency=result.summary["currency"])


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    money = s["currency"]
    cards = [
        Headline("Value added", f"{s['value_added']:,.2f}", money, "on top of energy"),
        Headline("Net cost", f"{s['net_cost']:,.2f}", money, "with all services"),
        Headline("Energy alone", f"{s['net_cost_energy']:,.2f}", money, "net cost"),
        Headline("Gap", f"{s['gap']:.2%}", "", "to the best there could be"),
    ]
    if s["regret"] is not None:
        hint = "of not knowing prices"
        cards.append(Headline("Regret", f"{s['regret']:,.2f}", money, hint))
    sections = drawn.sections(READING, HEADINGS)
    sections += [*_bids(result), _stack(result)]
    return Page(cards=cards, sections=sections, answer=f"{answer(s)}.")


def _bids(result: StudyResult) -> list[Section]:
    """What to ask for each part, where bids are paid their own price."""
    if "bids" not in result.tables:
        return []
    frame, money = result.tables["bids"], result.summary["currency"]
    rows = [
        (
            f"{row['time_utc']:%d %b %H:%M}",
            f"{1000 * row['award_mw']:,.1f}",
            f"{row['cost_per_mw']:,.2f}",
            f"{row['bid_price_per_mw']:,.2f}",
            f"{row['acceptance']:.0%}",
            f"{row['expected_margin']:,.2f}",
        )
        for row in frame.head(MOST_ROWS).to_dicts()
    ]
    columns = ("begins (UTC)", "part, kW", f"cost, {money}/MWh", f"bid, {money}/MWh")
    columns += ("accepted", f"expected margin, {money}")
    text = "Each part of an offer, what holding it costs at most, and the price that earns most."
    if len(frame) > MOST_ROWS:
        text += f" The first {MOST_ROWS} are shown."
    return [Section("What to bid", text, Table(columns, rows))]


def _stack(result: StudyResult) -> Section:
    money = result.summary["currency"]
    columns = ("added", f"net cost, {money}", f"value added, {money}", f"credit, {money}")
    rows = [
        (
            row["added"],
            f"{row['net_cost']:,.2f}",
            f"{row['value_added']:,.2f}",
            f"{row['credit']:,.2f}",
            f"{row['gap']:.2%}",
            row["status"],
        )
        for row in result.tables["stack"].to_dicts()
    ]
    text = "Each row has one service more than the one above it."
    return Section("The stack", text, Table((*columns, "gap", "status"), rows))
