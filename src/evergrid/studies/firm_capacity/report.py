"""How firm capacity is reported: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from math import floor  # a promise is never rounded up
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.firm_capacity.config import Config
from evergrid.studies.firm_capacity.model import LEVELS
from evergrid.studies.firm_capacity.offers import FirmCapacityResults
from evergrid.studies.firm_capacity.scores import OURS
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, FirmCapacityResults]
MOST_KEPT = 3  # confidences with a line of their own; of more, the lowest and the highest have one
READING = {
    "offer_fan": "The line is what is expected, the bands are what can be promised: the surer, the "
    "lower. Days around holidays get no promise.",
    "offer_curve": "What each further nine of confidence costs on the first coming day, by the "
    "model of vehicles that share a common factor.",
    "promises_kept": "Days that had not been seen when their promise was made. Red days broke it.",
    "promises_by_quarter": "A mean over years hides bad quarters. The best simple rule is chosen "
    "in hindsight, anew in each quarter.",
    "reliability_diagram": "What each method was asked to keep, and what it kept of its promises "
    "above zero. On the diagonal it kept its word; below it promised too much.",
    "sharpness_bars": "Methods are compared at equal coverage: how much each could have promised, "
    "in hindsight, to keep as many of its promises above zero as ours.",
    "diversity_curve": "Many vehicles are surer than one, until what moves all of them at once is "
    "all that is left.",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s, found = result.summary, result.findings
    firm = ", ".join(
        f"{floor(power):,} kW at {100 * level:g} %"
        for level, power in zip(s["confidence"], s["busiest_firm_kw"], strict=True)
    )
    rows = [
        (
            "history",
            f"{s['sessions']:,} sessions of {s['assets']:,} assets, {s['first_day']} to "
            f"{s['last_day']}, {s['days_known']:,} whole days",
        ),
        (
            "product",
            f"{s['direction']} for {s['duration_h']:g} h, called every {60 * s['step_h']:g} min",
        ),
        (
            "busiest",
            f"{_local(result, s['busiest_utc'])}: {s['busiest_expected_kw']:,.0f} kW expected",
        ),
        ("firm", firm),
        ("alone", f"{s['independence_kw']:,.0f} kW at 99 % if vehicles were independent"),
        (
            "common",
            f"correlation {s['correlation']:.3f}: worth {s['effective_vehicles']:,.0f} independent "
            "vehicles",
        ),
    ]
    judged = list(zip(s["confidence"], s["coverage"], strict=False))
    for level, kept in judged if len(judged) <= MOST_KEPT else [judged[0], judged[-1]]:
        rows.append(("kept", f"at {100 * level:g} %: {_kept_words(kept)}"))
    if s["rules"]:
        rows.append(("loss", _verdict(s["rules"])))
    if found.by_model:
        rows.append(
            ("model", "no held-out day judged " + ", ".join(f"{c:g}" for c in found.by_model))
        )
    return console_summary.lines(rows, (("alone", "common"), ("busiest", "firm")))


def _kept_words(kept: Mapping[str, Any]) -> str:
    """Both coverages: of the promises above zero, and of all."""
    above = kept["above_zero"]
    every = f"{100 * kept['share']:.2f} % of all {kept['judged']:,} held-out promises"
    if above["share"] is None:
        return f"none above zero; {every}"
    return (
        f"{100 * above['share']:.2f} % of {above['judged']:,} above zero ({_interval(above)}); "
        f"{every}"
    )


def _interval(kept: Mapping[str, Any]) -> str:
    return f"{100 * kept['low']:.1f} to {100 * kept['high']:.1f}"


def _verdict(rules: Sequence[Mapping[str, Any]]) -> str:
    """Whether the promises were worth making, beside silence and the best simple rule."""
    ours, *simple, silence = rules
    best = min(simple, key=lambda rule: rule["equal_pinball_kw"])
    share, other = (
        of / silence["pinball_kw"] if silence["pinball_kw"] > 0 else 1.0
        for of in (ours["pinball_kw"], best["equal_pinball_kw"])
    )
    worth = "worth making" if share < 1 else "not worth making"
    return (
        f"at {100 * ours['confidence']:g} % {share:.2f} of what promising nothing loses: {worth}; "
        f"best simple rule at equal coverage {other:.2f} ({best['rule']})"
    )


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found = result.findings
    made: FigureMakers = {
        "offer_fan": partial(_fan, result),
        "offer_curve": partial(_curve, found),
        "promises_kept": partial(_kept, found),
    }
    if found.quarters:
        made["promises_by_quarter"] = partial(_promises_by_quarter, found)
    made["reliability_diagram"] = partial(_reliability, found)
    if found.rules:
        made["sharpness_bars"] = partial(_sharpness, found)
    return made | {"diversity_curve": partial(_growth, found)}


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    return Page(
        cards=_headline(result),
        sections=[*drawn.sections(READING), *_held_out(result), _methods(result)],
    )


def _headline(result: StudyResult) -> list[Headline]:
    s, found = result.summary, result.findings
    cards = [
        Headline(
            f"Firm at {100 * level:g} %",
            f"{floor(power):,}",
            "kW",
            f"at {_local(result, s['busiest_utc'])}",
        )
        for level, power in zip(s["confidence"], s["busiest_firm_kw"], strict=True)
    ]
    cards.append(Headline("Expected", f"{s['busiest_expected_kw']:,.0f}", "kW", "at that time"))
    cards.append(
        Headline("If independent", f"{s['independence_kw']:,.0f}", "kW", "99 %, the naive claim")
    )
    if s["coverage"]:
        above = s["coverage"][-1]["above_zero"]
        asked = s["confidence"][found.top]
        cards.append(
            Headline(
                "Promises kept",
                "none" if above["share"] is None else f"{100 * above['share']:.2f}",
                "" if above["share"] is None else "%",
                f"of those above zero; asked: {100 * asked:g} %",
            )
        )
    cards.append(Headline("Correlation", f"{s['correlation']:.3f}", "", "of two vehicles"))
    cards.append(
        Headline(
            "Effective fleet", f"{s['effective_vehicles']:,.0f}", "vehicles", f"of {s['assets']:,}"
        )
    )
    return cards


def _held_out(result: StudyResult) -> list[Section]:
    """Coverage of steps and blocks, the rules, and the quarters, as tables."""
    s = result.summary
    made = [_coverage(s)]
    if s["rules"]:
        made.append(_against_rules(s["rules"]))
    if s["quarters"]:
        made.append(_by_quarter(s["quarters"]))
    if s["ahead"]:
        made.append(_ahead(s["ahead"]))
    return made


def _coverage(s: Mapping[str, Any]) -> Section:
    rows = []
    for level, steps, blocks in zip(
        s["confidence"], s["coverage"], s["block_coverage"], strict=False
    ):
        for name, kept in (("steps", steps), ("blocks", blocks)):
            above = kept["above_zero"]
            rows.append(
                (
                    f"{100 * level:g} %",
                    name,
                    _percent(above["share"]),
                    _interval(above),
                    f"{above['broken']:,} of {above['judged']:,}",
                    _percent(kept["share"]),
                    f"{kept['broken']:,} of {kept['judged']:,}",
                )
            )
    columns = ("asked", "of", "kept above zero", "95 % interval", "broken", "kept of all", "broken")
    text = (
        f"On the last {s['judged_days']} usual days, each promised from the days before it. A "
        "promise of nothing is always kept, so those above zero count by themselves. Intervals "
        "resample days, because promises of one day fail together."
    )
    return Section("Promises on held-out days", text, Table(columns, rows))


def _against_rules(rules: Sequence[Mapping[str, Any]]) -> Section:
    columns = (
        "rule",
        "kept above zero",
        "kept of all",
        "mean promise (kW)",
        "at equal coverage (kW)",
        "pinball loss (kW)",
        "at equal coverage (kW)",
    )
    rows = [
        (
            rule["rule"],
            _percent(rule["kept_above_zero"]),
            _percent(rule["kept"]),
            f"{rule['mean_kw']:,.1f}",
            f"{rule['equal_kw']:,.1f}",
            f"{rule['pinball_kw']:.3f}",
            f"{rule['equal_pinball_kw']:.3f}",
        )
        for rule in rules
    ]
    text = (
        f"Pinball loss {_verdict(rules)}. On average {rules[0]['came_kw']:,.1f} kW could have "
        "been delivered."
    )
    return Section("Against simpler rules", text, Table(columns, rows))


def _by_quarter(quarters: Sequence[Mapping[str, Any]]) -> Section:
    columns = (
        "quarter",
        "asked",
        "days",
        "kept above zero",
        "95 % interval",
        "kept of all",
        "loss (kW)",
        "nothing (kW)",
        "best simple rule (kW)",
    )
    rows = [
        (
            row["quarter"],
            f"{100 * row['confidence']:g} %",
            f"{row['days']}",
            _percent(row["kept_above_zero"]),
            f"{100 * row['above_zero_low']:.1f} to {100 * row['above_zero_high']:.1f}",
            _percent(row["kept"]),
            f"{row['pinball_kw']:.3f}",
            f"{row['silence_pinball_kw']:.3f}",
            f"{row['best_pinball_kw']:.3f}, {row['best_rule']}",
        )
        for row in quarters
    ]
    worse = sum(row["pinball_kw"] > row["silence_pinball_kw"] for row in quarters)
    text = (
        f"Pinball losses of ours, of promising nothing and of the best simple rule, chosen in "
        f"hindsight. In {worse} of {len(quarters)} rows promising nothing loses less than ours."
    )
    return Section("Quarter by quarter", text, Table(columns, rows))


def _ahead(ahead: Sequence[Mapping[str, Any]]) -> Section:
    columns = ("coming day", "days ahead", "asked", "kept above zero", "95 % interval", "promises")
    rows = [
        (
            row["day"],
            f"{row['lead_days']}",
            f"{100 * row['confidence']:g} %",
            _percent(row["kept_above_zero"]),
            f"{100 * row['above_zero_low']:.1f} to {100 * row['above_zero_high']:.1f}",
            f"{row['made_above_zero']:,}",
        )
        for row in ahead
    ]
    text = (
        "Held-out promises that were made as long after the last known day as those for each "
        "coming day. The further ahead, the more can change in between."
    )
    return Section("As far ahead as the coming days", text, Table(columns, rows))


def _percent(share: float | None) -> str:
    return "none made" if share is None else f"{100 * share:.2f} %"


def _quarters(found: FirmCapacityResults) -> draw.Quarters:
    """The quarters at the highest confidence that days have judged."""
    rows = [row for row in found.quarters if row["confidence"] == found.confidence[found.top]]

    def column(key: str) -> Array:
        return np.array([np.nan if row[key] is None else row[key] for row in rows], dtype=float)

    silence = column("silence_pinball_kw")
    silence = np.where(silence > 0, silence, np.nan)
    return draw.Quarters(
        name=[row["quarter"] for row in rows],
        every=column("kept"),
        kept=column("kept_above_zero"),
        low=column("above_zero_low"),
        high=column("above_zero_high"),
        made=[row["made_above_zero"] for row in rows],
        loss=column("pinball_kw") / silence,
        best_loss=column("best_pinball_kw") / silence,
        best_rule=[row["best_rule"] for row in rows],
    )


def _methods(result: StudyResult) -> Section:
    """What other methods promise of these vehicles, as a table."""
    found = result.findings
    columns = ("method", *(f"{100 * level:g} %" for level in found.confidence))
    rows = [
        (name, *(f"{floor(power):,} kW" for power in firm)) for name, firm in found.methods.items()
    ]
    text = (
        f"Firm at {_local(result, result.summary['busiest_utc'])}. The first five take vehicles to "
        "be independent: their exact sum, the normal approximation, and the bounds of textbooks, "
        "which are careful about chance but leave out what moves all vehicles at once."
    )
    return Section("By other methods", text, Table(columns, rows))


def _fan(result: StudyResult) -> Figure:
    found = result.findings
    offers = dict(zip(found.confidence, found.over_time(found.coming_kw), strict=True))
    expected = found.over_time(found.coming_mean_kw)
    return draw.offer_fan(found.grid, expected, offers, time_zone=result.config.time_zone)


def _promises_by_quarter(found: FirmCapacityResults) -> Figure:
    return draw.promises_by_quarter(_quarters(found), confidence=found.confidence[found.top])


def _reliability(found: FirmCapacityResults) -> Figure:
    of = found.reliability
    shares = {OURS: of.kept, f"{OURS}, all promises": of.every, **of.rules}
    return draw.reliability_diagram(of.asked, shares, of.low, of.high)


def _sharpness(found: FirmCapacityResults) -> Figure:
    rules = found.rules[:-1]  # silence has no bar
    kept, mean_kw, equal_kw = (
        np.array([np.nan if row[key] is None else row[key] for row in rules])
        for key in ("kept_above_zero", "mean_kw", "equal_kw")
    )
    names = [row["rule"] for row in rules]
    return draw.sharpness_bars(names, kept, mean_kw, equal_kw, target=float(kept[0]))


def _growth(found: FirmCapacityResults) -> Figure:
    grown = found.model.growth
    return draw.diversity_curve(
        grown.vehicles.astype(float),
        grown.independent_kw / grown.vehicles,
        grown.common_kw / grown.vehicles,
        floor_kw=grown.floor_kw,
        mean_kw=grown.mean_kw,
        confidence=grown.confidence,
    )


def _curve(found: FirmCapacityResults) -> Figure:
    model_kw = found.model.firm_kw
    steps = model_kw.shape[1]
    busiest = int(np.argmax(model_kw[0]))
    hours = sorted({(busiest + round(k * steps / 6)) % steps for k in range(6)})
    labels = [_hour(hour, steps) for hour in hours]
    return draw.offer_curve(labels, np.array(LEVELS), model_kw[:, hours])


def _kept(found: FirmCapacityResults) -> Figure:
    past, level = found.past, max(found.top, 0)
    judged = past.judged
    step = int(np.argmax(past.power_kw[judged].mean(axis=0)))
    promised = found.promised_kw[level][judged, step]
    return draw.promises_kept(
        found.days[judged],
        past.power_kw[judged, step],
        found.expected_kw[judged, step],
        np.where(promised > 0, promised, np.nan),
        confidence=found.confidence[level],
        hour=_hour(step, past.power_kw.shape[1]),
    )


def _hour(step: int, steps: int) -> str:
    minutes = step * 24 * 60 // steps
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _local(result: StudyResult, instant: str) -> str:
    moment = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return f"{moment.astimezone(ZoneInfo(result.config.time_zone)):%Y-%m-%d %H:%M %Z}"
