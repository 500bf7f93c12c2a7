"""How firm capacity is told to a reader: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor  # a promise is never rounded up
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from plotly.graph_objects import Figure

from evergrid.report import figures as draw
from evergrid.report.page import Headline, Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies.around import around
from evergrid.studies.firm_capacity_model import LEVELS
from evergrid.studies.firm_capacity_offers import OURS, Found

QUESTION = "How much power can the fleet promise for the coming days, and how sure is that?"
READING = {
    "offer_fan": "The line is what is expected, the bands are what can be promised: the surer, the "
    "lower. Days around holidays get no promise.",
    "offer_curve": "What each further nine of confidence costs on the first coming day, by the "
    "model of vehicles that share a common factor.",
    "promises_kept": "Days that had not been seen when their promise was made. Red days broke it.",
    "reliability_diagram": "What each method was asked to keep, and what it kept. On the diagonal "
    "it kept its word; below it promised too much.",
    "sharpness_bars": "A promise of nothing is always kept, so methods are compared at equal "
    "coverage: how much each could have promised, in hindsight, to keep as many promises as ours.",
    "diversity_curve": "Many vehicles are surer than one, until what moves all of them at once is "
    "all that is left.",
}


@dataclass(frozen=True)
class Shown:
    """What a report is made of.

    Attributes:
        title: Heading.
        time_zone: Clock of the figures.
        found: What was found.
        summary: Headline numbers.
    """

    title: str
    time_zone: str
    found: Found
    summary: Mapping[str, Any]


def lines(shown: Shown) -> list[str]:
    """The summary in about ten lines of text."""
    s, found = shown.summary, shown.found
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
            f"{_local(shown, s['busiest_utc'])}: {s['busiest_expected_kw']:,.0f} kW expected",
        ),
        ("firm", firm),
        ("alone", f"{s['independence_kw']:,.0f} kW at 99 % if vehicles were independent"),
        (
            "common",
            f"correlation {s['correlation']:.3f}: worth {s['effective_vehicles']:,.0f} independent "
            "vehicles",
        ),
    ]
    for level, kept in zip(s["confidence"], s["coverage"], strict=False):
        rows.append(
            (
                "kept",
                f"{100 * kept['share']:.2f} % of {kept['judged']:,} held-out promises at "
                f"{100 * level:g} %",
            )
        )
    if s["rules"]:
        best = max(s["rules"][1:], key=lambda rule: rule["equal_kw"])
        ours = s["rules"][0]
        rows.append(
            (
                "sharpness",
                f"{ours['equal_kw']:,.1f} kW mean promise; best simpler rule at equal coverage "
                f"({best['rule']}) {best['equal_kw']:,.1f} kW",
            )
        )
    if found.by_model:
        rows.append(
            ("model", "no held-out day judged " + ", ".join(f"{c:g}" for c in found.by_model))
        )
    return [f"{name:<10}{text}" for name, text in rows]


def figures(shown: Shown) -> dict[str, Figure]:
    """Every figure of the report by name, in reading order."""
    found = shown.found
    made = {"offer_fan": _fan(shown), "offer_curve": _curve(found)}
    made["promises_kept"] = _kept(found)
    reliability = found.reliability
    made["reliability_diagram"] = draw.reliability_diagram(
        reliability.asked,
        {OURS: reliability.kept, **found.rule_kept},
        reliability.low,
        reliability.high,
    )
    if found.rules:
        columns = {key: np.array([row[key] for row in found.rules]) for key in found.rules[0]}
        made["sharpness_bars"] = draw.sharpness_bars(
            [row["rule"] for row in found.rules],
            columns["kept"],
            columns["mean_kw"],
            columns["equal_kw"],
            target=float(columns["kept"][0]),
        )
    grown = found.model.growth
    made["diversity_curve"] = draw.diversity_curve(
        grown.vehicles.astype(float),
        grown.independent_kw / grown.vehicles,
        grown.common_kw / grown.vehicles,
        floor_kw=grown.floor_kw,
        mean_kw=grown.mean_kw,
        confidence=grown.confidence,
    )
    return made


def page(shown: Shown, settings: str) -> str:
    """The report as one HTML page.

    Args:
        shown: What to show.
        settings: The resolved configuration as text.
    """
    sections = [
        Section(name.replace("_", " ").capitalize(), READING[name], figure)
        for name, figure in figures(shown).items()
    ]
    return html_page(
        shown.title,
        headline=_headline(shown),
        notes=list(shown.summary["notes"]),
        sections=[*sections, *_held_out(shown), _methods(shown)],
        about=around(QUESTION, settings, shown.summary),
    )


def _headline(shown: Shown) -> list[Headline]:
    s, found = shown.summary, shown.found
    cards = [
        Headline(
            f"Firm at {100 * level:g} %",
            f"{floor(power):,}",
            "kW",
            f"at {_local(shown, s['busiest_utc'])}",
        )
        for level, power in zip(s["confidence"], s["busiest_firm_kw"], strict=True)
    ]
    cards.append(Headline("Expected", f"{s['busiest_expected_kw']:,.0f}", "kW", "at that time"))
    cards.append(
        Headline("If independent", f"{s['independence_kw']:,.0f}", "kW", "99 %, the naive claim")
    )
    if s["coverage"]:
        kept = s["coverage"][-1]
        asked = s["confidence"][found.top]
        cards.append(
            Headline(
                "Promises kept",
                f"{100 * kept['share']:.2f}",
                "%",
                f"asked {100 * asked:g} %, {s['judged_days']} held-out days",
            )
        )
    cards.append(Headline("Correlation", f"{s['correlation']:.3f}", "", "of two vehicles"))
    cards.append(
        Headline(
            "Effective fleet", f"{s['effective_vehicles']:,.0f}", "vehicles", f"of {s['assets']:,}"
        )
    )
    return cards


def _held_out(shown: Shown) -> list[Section]:
    """Coverage of steps and blocks, and the rules, as tables."""
    s = shown.summary
    rows = []
    for level, kept, block in zip(
        s["confidence"], s["coverage"], s["block_coverage"], strict=False
    ):
        rows.append(
            (
                f"{100 * level:g} %",
                f"{100 * kept['share']:.2f} %",
                f"{kept['broken']:,} of {kept['judged']:,}",
                f"{100 * block['share']:.2f} %",
                f"{block['broken']:,} of {block['judged']:,}",
            )
        )
    columns = ("asked", "steps kept", "steps broken", "blocks kept", "blocks broken")
    text = f"On the last {s['judged_days']} whole days, each promised from the days before it."
    sections = [Section("Promises on held-out days", text, Table(columns, rows))]
    if s["rules"]:
        columns = ("rule", "kept", "mean promise", "at equal coverage", "pinball loss")
        rules = [
            (
                rule["rule"],
                f"{100 * rule['kept']:.2f} %",
                f"{rule['mean_kw']:,.1f} kW",
                f"{rule['equal_kw']:,.1f} kW",
                f"{rule['pinball_kw']:.3f} kW",
            )
            for rule in s["rules"]
        ]
        text = (
            f"At {100 * s['rules'][0]['confidence']:g} %. On average "
            f"{s['rules'][0]['came_kw']:,.1f} kW could have been delivered."
        )
        sections.append(Section("Against simpler rules", text, Table(columns, rules)))
    return sections


def _methods(shown: Shown) -> Section:
    """The same vehicles by other methods, as a table."""
    found = shown.found
    columns = ("method", *(f"{100 * level:g} %" for level in found.confidence))
    rows = [
        (name, *(f"{floor(power):,} kW" for power in firm)) for name, firm in found.methods.items()
    ]
    text = (
        f"Firm at {_local(shown, shown.summary['busiest_utc'])}. The first five take vehicles to be"
        " independent: their exact sum, the normal approximation, and the bounds of textbooks, "
        "which are careful about chance but blind to what moves all vehicles at once."
    )
    return Section("By other methods", text, Table(columns, rows))


def _fan(shown: Shown) -> Figure:
    found = shown.found
    offers = dict(zip(found.confidence, found.over_time(found.coming_kw), strict=True))
    expected = found.over_time(found.coming_mean_kw)
    return draw.offer_fan(found.grid, expected, offers, time_zone=shown.time_zone)


def _curve(found: Found) -> Figure:
    model_kw = found.model.firm_kw
    steps = model_kw.shape[1]
    busiest = int(np.argmax(model_kw[0]))
    hours = sorted({(busiest + round(k * steps / 6)) % steps for k in range(6)})
    labels = [_hour(hour, steps) for hour in hours]
    return draw.offer_curve(labels, np.array(LEVELS), model_kw[:, hours])


def _kept(found: Found) -> Figure:
    past, level = found.past, max(found.top, 0)
    judged = past.judged
    step = int(np.argmax(past.power_kw[judged].mean(axis=0)))
    return draw.promises_kept(
        found.days[judged],
        past.power_kw[judged, step],
        found.expected_kw[judged, step],
        found.promised_kw[level][judged, step],
        confidence=found.confidence[level],
        hour=_hour(step, past.power_kw.shape[1]),
    )


def _hour(step: int, steps: int) -> str:
    minutes = step * 24 * 60 // steps
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _local(shown: Shown, instant: str) -> str:
    moment = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return f"{moment.astimezone(ZoneInfo(shown.time_zone)):%Y-%m-%d %H:%M %Z}"
