"""Regulation as people read it: lines of text, figures, and a page that needs no network."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import S_PER_H
from evergrid.markets.rules.constant import unsure
from evergrid.markets.rules.pjm import PJM_TICK_S
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.regulation.config import Config
from evergrid.studies.regulation.results import RegulationResults
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, RegulationResults]
READING = {
    "signal_followed": "What the signal asked for and what the chargers delivered together, around "
    "the plan. Chargers give nothing below 6 A and move by 1 A; orders take time, and some are "
    "lost and told again.",
    "signal_through_the_day": "The same for all of the time. Drag over a part to zoom in, down to "
    "a minute; double-click to see all of it again.",
    "score_and_credit": "The score of each interval, the award that was in force, and what it is "
    "paid. Awards are cut at the begin of each block to what the fleet, as it stands then, could "
    "hold both ways.",
    "switches_by_charger": "Contactors wear out. The limit is hard: a charger that has reached it "
    "keeps its state.",
}
HEADINGS = {
    "signal_followed": "How the signal is followed",
    "signal_through_the_day": "From a day down to a minute",
    "score_and_credit": "Score and credit",
    "switches_by_charger": "What it asks of contactors",
}
MOST_ROWS = 200


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    money = s["currency"]
    rows = [
        ("answer", answer(s)),
        ("fleet", f"{s['sessions']:,} sessions of {s['assets']:,} assets"),
        ("rules", f"PJM, {s['rules']}, precision {s['reading']}"),
        (
            "award",
            f"{s['award_mean_kw']:,.0f} kW on average, {s['offered_mean_kw']:,.0f} offered"
            + ("; the rest was cut as blocks began" if s["award_cut_kw"] > 0 else ""),
        ),
        (
            "credit",
            f"{s['credit']:,.2f} {money}: capability {s['credit_capability']:,.2f}, performance "
            f"{s['credit_performance']:,.2f}; {s['credit_per_kw_year']:,.0f} {money} a kW and year",
        ),
        ("score", _score(s)),
        (
            "cost",
            f"plan {s['plan_cost']:,.2f}, following "
            f"{s['signal_energy_cost'] + s['energy_left_cost']:,.2f} of energy and "
            f"{s['following_wear_cost']:,.2f} of wear, net {s['net_cost']:,.2f} {money}; without "
            f"regulation {s['net_cost_without']:,.2f}{_regret(s)}",
        ),
        ("drivers", _drivers(s)),
        (
            "chargers",
            f"{s['switches_most']} contactor operations at most in a day, "
            f"{s['switches_mean']:.1f} on average",
        ),
    ]
    return console_summary.lines(rows)


def answer(s: Mapping[str, Any]) -> str:
    """What regulation is worth, as a sentence."""
    gain, money = s["net_cost_without"] - s["net_cost"], s["currency"]
    if s["award_mean_kw"] == 0:
        return "Nothing is awarded: the fleet cannot hold the least award"
    word = "better" if gain >= 0 else "worse"
    return f"With regulation the fleet is {abs(gain):,.2f} {money} {word} off"


def _regret(s: Mapping[str, Any]) -> str:
    """What knowing the prices would have changed, where they were not known."""
    if s["regret"] is None:
        return ""
    return f"; with all prices known {s['net_cost_foresight']:,.2f}"


def _score(s: Mapping[str, Any]) -> str:
    if s["score_mean"] is None:
        return "none, as nothing is awarded"
    lost = s["intervals_forfeited"]
    return (
        f"{s['score_mean']:.4f} on average, {s['score_worst']:.4f} in the worst of "
        f"{s['intervals']:,} intervals; {lost} forfeited"
    )


def _drivers(s: Mapping[str, Any]) -> str:
    if not s["sessions_short"]:
        return "all leave with what they were promised"
    return f"{s['sessions_short']} leave short, by {s['shortfall_kwh']:,.2f} kWh in all"


def notes(config: Config, found: RegulationResults) -> list[str]:
    """What a reader must know."""
    grid = found.inputs.portfolio.grid
    told = [
        "The signal is taken to begin with the horizon, whatever day it is from; prices are those "
        f"of {grid.start_utc:%d %B %Y}"
        + (f", moved by {config.market.shift_weeks} weeks" if config.market.shift_weeks else "")
        + ".",
        f"The mileage ratio is {config.market.mileage_ratio:g} in every interval, as configured.",
        _known(config, found),
        "Credits are dealt out to assets by the capacity that "
        "they held, in whole cents. Wear by following counts all that is delivered upwards as "
        "fed. Energy that is missing to the plan at the end of the horizon counts at the median "
        "price, as energy left does in the plan; what vehicles that left hold beside it does not.",
    ]
    awarded, offered = float(found.award_kw.mean()), float(found.offered_kw.mean())
    if awarded < offered - 1e-6:
        told.append(
            f"Of {offered:,.0f} kW offered, {awarded:,.0f} kW came into force on average: as each "
            "block begins the award is cut to what can be held both ways for "
            f"{config.award.hold_h:g} h by those who stay through the block, after what was "
            "followed before and what drivers are owed. A market may charge for what was sold and "
            "is not delivered; no such charge is counted."
        )
    if found.trials:
        told.append(
            f"{found.share:.0%} of what the plan holds is offered: of {len(found.trials)} shares "
            "tried on the signal of another day it earned most after wear and energy of "
            "following, with nothing for intervals below the least score, and nothing at all "
            "where the mean would disqualify."
        )
    if found.scored.any():
        mean, least = found.score.total[found.scored].mean(), found.rules.least_mean_score
        if mean < least.value:
            told.append(
                f"The mean score of {mean:.2f} is below {least.value:g}, at which the market "
                "disqualifies a fleet for later days; these are still counted as paid."
            )
    if abs(found.signal.tick_s - PJM_TICK_S) > 1e-9:
        told.append(
            f"The signal moves every {found.signal.tick_s:g} s; PJM sends one every "
            f"{PJM_TICK_S:g} s. Look whether its seconds are counted right."
        )
    beyond_kw = found.record.beyond_kw
    if (ticks := int((beyond_kw > 0).sum())) > 0:
        told.append(
            f"In {ticks:,} ticks a site was beyond its limit, by {beyond_kw.max():,.1f} kW at "
            "most: orders keep limits of sites in every tick, but load by itself, or what must be "
            "charged for drivers, left no other way."
        )
    if doubts := unsure(found.rules):
        told.append(f"Constants of the rule book that are not verified: {', '.join(doubts)}.")
    signal = found.record.signal
    if signal.gaps or signal.clipped or signal.jumps:
        told.append(
            f"The signal had {signal.gaps:,} gaps, {signal.clipped:,} values beyond its range and "
            f"{signal.jumps:,} jumps of its clock; it was held, then faded to the plan."
        )
    if signal.stuck:
        hours = signal.stuck * found.record.tick_s / S_PER_H
        told.append(
            "The signal stood still for longer than a quarter of an hour, and for another "
            f"{hours:.1f} h in all; it was followed nevertheless."
        )
    inverted = int((found.score.inverted & found.scored).sum())
    if inverted:
        told.append(
            f"In {inverted:,} intervals the response moved against the signal. Check the sign: the "
            "rules give an inverted response some 0.35, more than the least score that is paid."
        )
    return told


def _known(config: Config, found: RegulationResults) -> str:
    """What the plan knew, as a sentence or two."""
    score = (
        "Who comes, when and with how much energy is known to the plan, and it counts with a score "
        f"of {config.market.expected_score:g}."
    )
    known = config.information
    if found.foresight is None:
        return (
            "The plan knows all prices of the horizon, which no offer can: this is the most that "
            'could be earned. Set information.prices = "persistence" for what could be. ' + score
        )
    return (
        f"The offer is made {known.gate_h:g} h before the horizon, on the prices of energy and of "
        "regulation of the latest day that are published by then, each "
        f"{known.published_h:g} h after its interval begins. Settled at the prices that came; the "
        f"same with all prices known comes to {found.foresight:,.2f}. " + score
    )


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    return {
        "signal_followed": partial(_followed, result),
        "signal_through_the_day": partial(_through_the_day, result),
        "score_and_credit": partial(_scores, result),
        "switches_by_charger": partial(_switches, result),
    }


def _followed(result: StudyResult) -> Figure:
    """The half hour with the greatest award and, among these, the greatest moves."""
    found = result.findings
    record, grid = found.record, found.inputs.portfolio.grid
    ticks = TimeGrid(grid.start_utc, record.tick_s / S_PER_H, len(record.award_kw))
    per = round(draw.SHOWN_S / record.tick_s)
    whole = len(record.award_kw) // per * per
    moved = np.abs(np.diff(record.target_kw[:whole], prepend=0.0)).reshape(-1, per).sum(axis=1)
    first = int(moved.argmax()) * per if len(moved) else 0
    zone = result.config.horizon.time_zone
    return draw.signal_followed(
        ticks, record.target_kw, record.response_kw, first=first, time_zone=zone
    )


def _through_the_day(result: StudyResult) -> Figure:
    record, grid = result.findings.record, result.findings.inputs.portfolio.grid
    ticks = TimeGrid(grid.start_utc, record.tick_s / S_PER_H, len(record.award_kw))
    zone = result.config.horizon.time_zone
    return draw.signal_through_the_day(ticks, record.target_kw, record.response_kw, time_zone=zone)


def _scores(result: StudyResult) -> Figure:
    found = result.findings
    count = len(found.score.total)
    grid = TimeGrid(found.inputs.portfolio.grid.start_utc, found.rules.payment_h, count)
    return draw.score_and_credit(
        grid,
        found.score.total,
        found.credits.total,
        found.award_kw[:count],
        currency=result.summary["currency"],
        time_zone=result.config.horizon.time_zone,
    )


def _switches(result: StudyResult) -> Figure:
    record = result.findings.record
    return draw.switches_by_charger(record.switches, result.config.control.switch_limit)


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    money = s["currency"]
    score = "none" if s["score_mean"] is None else f"{s['score_mean']:.3f}"
    cards = [
        Headline("Credit", f"{s['credit']:,.2f}", money, "for regulation"),
        Headline("A kW and year", f"{s['credit_per_kw_year']:,.0f}", money, "at this pace"),
        Headline("Score", score, "", "mean of the intervals"),
        Headline("Award", f"{s['award_mean_kw']:,.0f}", "kW", "mean"),
        Headline("Net cost", f"{s['net_cost']:,.2f}", money, "with energy and wear of following"),
        Headline("Without", f"{s['net_cost_without']:,.2f}", money, "energy alone"),
        Headline("Short", f"{s['sessions_short']:,}", "sessions", "of what was promised"),
        Headline("Operations", f"{s['switches_most']}", "a day", "of the busiest contactor"),
    ]
    sections = drawn.sections(READING, HEADINGS)
    statements = [*_trials(result), *_kinds(result), _intervals(result), _assets(result)]
    return Page(cards=cards, sections=[*sections, *statements], answer=f"{answer(s)}.")


def _trials(result: StudyResult) -> list[Section]:
    """What each share that was tried came to on the trial signal."""
    frame, money = result.tables["trials"], result.summary["currency"]
    if not len(frame):
        return []
    rows = [
        (
            f"{100 * row['share']:.0f}",
            f"{row['award_mean_kw']:,.0f}",
            f"{row['credit']:,.2f}",
            f"{row['following_cost']:,.2f}",
            f"{row['net']:,.2f}",
            _part(row["score_mean"]),
            _part(row["score_worst"]),
            f"{row['forfeited']:,}",
            "offered" if row["offered"] else "disqualified" if row["disqualified"] else "",
        )
        for row in frame.to_dicts()
    ]
    columns = ("share, %", "award, kW", f"credit, {money}", f"following, {money}")
    columns += (f"net, {money}", "mean score", "worst score", "forfeited", "")
    text = "Each share of what the plan holds, followed on the signal of another day. Awards are "
    text += "cut at their begin to what the fleet can hold, so that large shares come to the same."
    return [Section("How much to offer", text, Table(columns, rows))]


def _kinds(result: StudyResult) -> list[Section]:
    """What each kind of asset holds and is credited, where there are several."""
    frame = result.tables["kinds"]
    if len(frame) < 2:
        return []
    money = result.summary["currency"]
    rows = [
        (
            row["kind"],
            f"{row['assets']:,}",
            f"{row['held_kwh']:,.1f}",
            f"{100 * row['held_share']:.1f}",
            f"{row['credit']:,.2f}",
        )
        for row in frame.to_dicts()
    ]
    columns = ("kind", "assets", "held, kWh", "part of the award, %", f"credit, {money}")
    text = "All of them hold one award together: what each kind held, in kW times hours, and its "
    return [Section("By kind of asset", text + "part of the credit.", Table(columns, rows))]


def _intervals(result: StudyResult) -> Section:
    frame = result.tables["intervals"].head(MOST_ROWS)
    money = result.summary["currency"]
    columns = ("begins (UTC)", "award, MW", "correlation", "delay", "precision", "score")
    columns += ("capability", "performance", "forfeited")
    rows = [
        (
            f"{row['time_utc']:%d %b %H:%M}",
            f"{row['award_mw']:.2f}",
            *(_part(row[key]) for key in ("correlation", "delay", "precision", "score")),
            f"{row['credit_capability']:,.2f}",
            f"{row['credit_performance']:,.2f}",
            "yes" if row["forfeited"] else "",
        )
        for row in frame.to_dicts()
    ]
    text = f"What each interval is scored and paid, in {money}; without an award there is no score."
    if len(result.tables["intervals"]) > MOST_ROWS:
        text += f" The first {MOST_ROWS} are shown."
    return Section("Statement by interval", text, Table(columns, rows))


def _part(score: float | None) -> str:
    """Part of a score; a dash where there is none."""
    return "-" if score is None else f"{score:.4f}"


def _assets(result: StudyResult) -> Section:
    frame = result.tables["statement"].sort("credit", descending=True).head(MOST_ROWS)
    money = result.summary["currency"]
    rows = [
        (row["asset_id"], f"{row['held_kwh']:,.1f}", f"{row['credit']:,.2f}")
        for row in frame.to_dicts()
    ]
    text = "What each held ready, in kW times hours, and its part of the credit in whole cents."
    if len(result.tables["statement"]) > MOST_ROWS:
        text += f" The {MOST_ROWS} with most are shown."
    columns = ("asset", "held, kWh", f"credit, {money}")
    return Section("Statement by vehicle", text, Table(columns, rows))
