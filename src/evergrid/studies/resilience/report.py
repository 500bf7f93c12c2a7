"""Resilience as people read it: lines of text, figures, and a page that needs no network."""

from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.inputs import made_up_signals
from evergrid.model.microgrid import TIERS
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.figures.resilience.outages import StepCurve
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.resilience import tables, wording
from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.missing import CAUSES
from evergrid.studies.resilience.results import ResilienceResults
from evergrid.studies.resilience.wording import CAUSE_LABELS, TIER_LABELS
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, ResilienceResults]
READING = {
    "served_over_time": "Only outages that still last then are counted, so that the return of the "
    "grid raises nothing here.",
    "recovery_curve": "T_r is the time after which that share of the demand is served and stays "
    "served, by the site or by the grid that is back.",
    "degradation_curve": "M_D is the energy that was demanded and not served until the grid was "
    "back.",
    "survival_curve": "Followed to the longest outage, whatever the length of each: whoever feeds "
    "the site does not know it either.",
    "energy_by_tier": "Blocks of more weight are fed first, so what is short falls on the others. "
    "All tiers are shown, whether they count for M_D or not.",
    "what_binds": "Of the tiers that count. Power is missing where the ratings of all sources that "
    "are there could not carry the block; energy is used up where the ratings could, but not what "
    "is left in them; it is kept back where it could, too, but is held for blocks of more weight, "
    "or the block is not picked up yet.",
    "worth_of_vehicles": "The same outages with more and with fewer vehicles.",
    "least_fleet": "Proven means that the lower confidence bound of the share of outages that keep "
    "the target is at least what is asked for.",
    "standing_reserve": "Vehicles that keep more energy sell less on usual days, and lose less "
    "load in an outage.",
}
HEADINGS = {
    "served_over_time": "How much is served",
    "recovery_curve": "How soon: T_r",
    "degradation_curve": "How deep: M_D",
    "survival_curve": "How long",
    "energy_by_tier": "Who goes without",
    "what_binds": "What binds",
    "worth_of_vehicles": "What one more vehicle is worth",
    "least_fleet": "How much is enough",
    "standing_reserve": "What readiness costs",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s, asked = result.summary, result.config.recovery
    share = f"{asked.target_share:g}"
    times, without = s["t_r_h"][share], s["t_r_without_h"][share]
    rows = [
        ("answer", wording.answer(s)),
        (
            "T_r",
            f"{wording.percent(asked.target_share)} served again {wording.after(times['p50'])} in "
            f"half of the outages, {wording.after(times['p90'])} in 90 %, in "
            f"{s['recovered_before_grid_share'][share]:.0%} before the grid was back; without "
            f"vehicles {wording.after(without['p50'])} and {wording.after(without['p90'])}",
        ),
        (
            "M_D",
            f"{s['m_d_kwh']:,.0f} kWh on average, {s['m_d_worst_kwh']:,.0f} in the worst 5 %; "
            f"without vehicles {s['m_d_without_kwh']:,.0f} and "
            f"{s['m_d_worst_without_kwh']:,.0f}",
        ),
        ("survival", _survival_line(result)),
        ("binding", wording.binding_tests(s)),
    ]
    if s["m_d_storm_kwh"] is not None:
        rows.append(("storm", f"with a warning {s['m_d_storm_kwh']:,.0f} kWh are lost on average"))
    if (sizes := _size_line(result)) is not None:
        rows.append(("size", sizes))
    if s["standing_best_kwh"] is not None:
        rows.append(("standing", _standing_line(result)))
    if s["policy_gap"] is not None:
        rows.append(("policy", _policy_line(result)))
    return console_summary.lines(rows)


def _survival_line(result: StudyResult) -> str:
    found, s = result.findings, result.summary
    there = {block.tier for block in found.outages.microgrids[0].load_blocks}
    lasting = [
        f"{TIER_LABELS[tier]} {s['survival_h'][tier]:.1f} h" for tier in TIERS if tier in there
    ]
    return "served without a break in half of the outages: " + ", ".join(lasting)


def _size_line(result: StudyResult) -> str | None:
    s, found = result.summary, result.findings
    if found.least is None:
        return None
    worth = s["worth_of_last_vehicle_kwh"]
    said = "" if worth is None else f"the last vehicle saves {worth:,.0f} kWh an outage; "
    most = result.config.sizing.vehicles[1] if result.config.sizing is not None else 0
    least = s["least_vehicles"]
    enough = f"{least} vehicles" if least is not None else f"more than {most} vehicles"
    return f"{said}the target needs {enough} of about this kind{_of_own(s)}"


def _of_own(s: dict[str, Any]) -> str:
    """What as many vehicles as there are would need."""
    energy, power = s["least_energy_arrival_kwh"], s["least_charger_kw"]
    if energy is None and power is None:
        return f"; {s['vehicles']} are not enough with any energy or charger that was tried"
    needs = [
        f"{value:g} {unit}"
        for value, unit in ((energy, "kWh in each"), (power, "kW at each charger"))
        if value is not None
    ]
    return f"; with {s['vehicles']} it takes {' or '.join(needs)}"


def _standing_line(result: StudyResult) -> str:
    found, s = result.findings.standing, result.summary
    assert found is not None
    place = found.days.reserve_kwh.tolist().index(s["standing_best_kwh"])
    return (
        f"{s['standing_best_kwh']:g} kWh kept in each vehicle leave most: "
        f"{found.given_up[place]:,.0f} a year given up, {found.avoided[place]:,.0f} of lost load "
        "avoided"
    )


def _policy_line(result: StudyResult) -> str:
    check = result.findings.check
    assert check is not None
    return (
        f"of what the policy loses, at most {check.mean_gap:.1%} could be saved by who knows no "
        f"more of its length than it does, and {check.gap:.1%} by who knows it, on "
        f"{len(check.policy_kwh)} outages (weighted energy)"
    )


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found = result.findings
    made = {
        "served_over_time": partial(_served, result),
        "recovery_curve": partial(_recovery, result),
        "degradation_curve": partial(_degradation, result),
        "survival_curve": partial(_survival, result),
        "energy_by_tier": partial(_tiers, result),
        "what_binds": partial(_binds, result),
    }
    if found.sizes is not None:
        made["worth_of_vehicles"] = partial(_sizes, result)
    if found.least is not None:
        made["least_fleet"] = partial(_least, result)
    if found.standing is not None:
        made["standing_reserve"] = partial(_standing, result)
    return made


def _served(result: StudyResult) -> Figure:
    bands = {name: tables.served_band(one) for name, one in result.findings.cases.items()}
    steps = min(len(mean) for mean, _, _, _ in bands.values())
    mean, low, high = (
        {name: band[place][:steps] for name, band in bands.items()} for place in range(3)
    )
    hours = result.config.outage.step_h * np.arange(steps)
    return draw.served_over_time(hours, mean, low, high, band=tables.BAND)


def _recovery(result: StudyResult) -> Figure:
    asked = result.config.recovery
    curves = {}
    for name, case in result.findings.cases.items():
        band = tables.recovery_band(result.config, case)
        curves[name] = StepCurve(band.time_h, 1 - band.not_back, 1 - band.high, 1 - band.low)
    return draw.recovery_curve(
        curves,
        target_h=asked.target_t_r_h,
        probability=asked.probability,
        last_h=result.config.outage.most_h,
        share=asked.target_share,
    )


def _degradation(result: StudyResult) -> Figure:
    return draw.degradation_curve(
        {name: case.m_d_kwh for name, case in result.findings.cases.items()},
        target_kwh=result.config.recovery.target_m_d_kwh,
        worst_kwh={name: tables.worst_kwh(case) for name, case in result.findings.cases.items()},
        tail=tables.TAIL,
    )


def _survival(result: StudyResult) -> Figure:
    found = result.findings
    there = [block.tier for block in found.outages.microgrids[0].load_blocks]
    first = next(tier for tier in TIERS if tier in there)
    hours, place = tables.survival_hours(found), TIERS.index(first)
    curves = {name: tables.survived(one, place, hours) for name, one in found.cases.items()}
    return draw.survival_curve(hours, curves, load=TIER_LABELS[TIERS[place]])


def _tiers(result: StudyResult) -> Figure:
    return draw.energy_by_tier(
        [TIER_LABELS[tier] for tier in TIERS],
        {name: case.lost_kwh.mean(axis=0) for name, case in result.findings.cases.items()},
    )


def _binds(result: StudyResult) -> Figure:
    missing = tables.missing_kwh(result.findings.fleet)
    return draw.what_binds([CAUSE_LABELS[cause] for cause in CAUSES], missing)


def _sizes(result: StudyResult) -> Figure:
    sizes = result.findings.sizes
    assert sizes is not None
    return draw.worth_of_vehicles(
        sizes.vehicles,
        sizes.m_d_kwh,
        sizes.kept_share,
        probability=result.config.recovery.probability,
        owned=result.config.microgrid.vehicles[0].count,
    )


def _least(result: StudyResult) -> Figure:
    least, sizing = result.findings.least, result.config.sizing
    assert least is not None
    assert sizing is not None
    return draw.least_fleet(
        least.energy_kwh.tolist(),
        least.charger_kw.tolist(),
        least.vehicles,
        most=sizing.vehicles[1],
    )


def _standing(result: StudyResult) -> Figure:
    standing, entry = result.findings.standing, result.config.standing
    assert standing is not None
    assert entry is not None
    return draw.standing_reserve(
        standing.days.reserve_kwh, standing.given_up, standing.avoided, currency=entry.currency
    )


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s, asked = result.summary, result.config.recovery
    times = s["t_r_h"][f"{asked.target_share:g}"]
    without = s["t_r_without_h"][f"{asked.target_share:g}"]
    cards = [
        Headline(
            f"T_r, {wording.percent(asked.target_share)} of the demand",
            wording.hours(times["p50"]),
            "",
            f"in half of the outages; {wording.hours(without['p50'])} without vehicles",
        ),
        Headline(
            "M_D",
            f"{s['m_d_kwh']:,.0f}",
            "kWh",
            f"on average; {s['m_d_without_kwh']:,.0f} without vehicles",
        ),
        Headline(
            "Worst 5 % of outages",
            f"{s['m_d_worst_kwh']:,.0f}",
            "kWh",
            f"mean; {s['m_d_worst_without_kwh']:,.0f} without vehicles",
        ),
        Headline(
            "Target kept",
            f"{s['target_kept_share']:.1%}",
            "",
            f"of outages; at least {s['target_kept_proven']:.1%} proven, "
            f"{asked.probability:.0%} asked for",
        ),
    ]
    first = Section("What binds", wording.binding_tests(s))
    sections = [first, *drawn.sections(READING, HEADINGS), _times_table(result)]
    if result.findings.check is not None:
        sections.append(_policy_table(result))
    return Page(cards=cards, sections=sections, answer=wording.answer(s))


def _times_table(result: StudyResult) -> Section:
    """Recovery times by share of the demand."""
    s = result.summary
    rows = [
        (
            wording.percent(float(share)),
            wording.hours(s["t_r_h"][share]["p50"]),
            wording.hours(s["t_r_h"][share]["p90"]),
            wording.hours(s["first_t_r_h"][share]["p50"]),
            f"{s['recovered_before_grid_share'][share]:.1%}",
            wording.hours(s["t_r_without_h"][share]["p50"]),
        )
        for share in s["t_r_h"]
    ]
    columns = (
        "share of the demand",
        "T_r, half of outages",
        "T_r, 90 %",
        "first reached, half",
        "before the grid is back",
        "without vehicles, half",
    )
    text = (
        "For good means until the end of the outage, or for the hold that is asked for; first "
        "reached may be followed by another collapse."
    )
    return Section("Recovery times", text, Table(columns, rows))


def _policy_table(result: StudyResult) -> Section:
    """The policy beside the best restoration with all known, outage by outage."""
    found = result.findings
    check = found.check
    assert check is not None
    rows = [
        (
            str(number + 1),
            f"{found.outages.length_h[number]:.1f}",
            f"{check.policy_kwh[number]:,.0f}",
            f"{check.best_kwh[number]:,.0f}",
            f"{check.bound_kwh[number]:,.0f}",
            f"{check.policy_mean_kwh[number]:,.0f}",
            f"{check.bound_mean_kwh[number]:,.0f}",
        )
        for number in range(len(check.policy_kwh))
    ]
    text = (
        f"{_policy_line(result).capitalize()}. The policy knows neither who will come nor how long "
        "the outage lasts, but how likely each length is; the first bound is of a restoration that "
        "knows both, which nobody can. The last two columns are means over all lengths: the bound "
        "knows who comes, but not the length, and is what a policy is to be measured by. "
        "Energies are weighted, interruptions included."
    )
    columns = (
        "outage",
        "length, h",
        "policy, kWh",
        "all known, kWh",
        "bound, kWh",
        "policy, mean of lengths",
        "bound, length unknown",
    )
    return Section("How good the policy is", text, Table(columns, rows))


def notes(config: Config, found: ResilienceResults) -> list[str]:
    """What a reader must know."""
    told = [
        *config.microgrid.assumed(transformer=False),
        "Outages, arrivals and energies are drawn from the distributions of the settings, not "
        "measured. Restoration goes by steps of "
        f"{config.outage.step_min:g} min and by energy and power; what happens within seconds is "
        "the question of the study black_start.",
        f"Sources may pick up {config.restoration.pickup_share:.0%} of the power that is on in one "
        "step.",
    ]
    blocks = found.outages.microgrids[0].load_blocks
    if any(block.bridge_h > 0 for block in blocks):
        told.append(
            "What batteries of blocks' own carry (bridge_h) counts for how long a load survives, "
            "not for T_r and M_D."
        )
    if any(block.motor_share > 0 or block.phases != "abc" for block in blocks):
        told.append(
            "motor_share and phases of load blocks are not modelled here: blocks count as three "
            "balanced phases, and motors as other loads. The study black_start starts motors."
        )
    if found.storm is not None:
        told.append(
            "On a storm warning all vehicles that are plugged in charge at once at full power; "
            "what the connection of the site allows is not modelled."
        )
    if found.signal_made_up:
        told.append(made_up_signals.FORMULAS[0])
    if config.regulation is not None:
        told.append(
            "Vehicles that were plugged in had followed a signal of regulation for "
            f"{config.regulation.hours:g} h when the grid was lost."
        )
    if found.standing is not None:
        told.append(
            "Usual days are all alike, as [standing] gives them; all vehicles are plugged in then, "
            "and an outage in those hours finds all of them there. Prices are of [standing]."
        )
    tiers = [TIER_LABELS[tier] for tier in config.recovery.tiers]
    if len(tiers) < len(TIERS):
        told.append(f"T_r, M_D, what binds and the target count the demand of: {', '.join(tiers)}.")
    return told
