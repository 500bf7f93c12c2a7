"""A plan as people read it: ten lines, figures, and a page that needs no network."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.dispatch.accounts import ITEMS
from evergrid.dispatch.plan import Plan
from evergrid.fleet.history.energy_envelope import fleet_envelope
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.plan import carbon as plan_carbon
from evergrid.studies.plan import chargers as plan_chargers
from evergrid.studies.plan import service as plan_service
from evergrid.studies.plan.config import Config
from evergrid.studies.plan.feeder import report as feeder_report
from evergrid.studies.plan.results import PlanResults
from evergrid.studies.plan.wear import losses, pack
from evergrid.studies.plan.wear import report as wear_report
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, PlanResults]
SEEN_KWH = 0.05  # below which one decimal would say 0.0
ALWAYS_SHOWN = ("energy", "wear")  # of the changes that V2G makes to cost items
ROLLING_NAMES = {
    "persistence": "rolling, yesterday's prices",
    "forecast": "rolling, forecast prices",
    "perfect": "rolling, actual prices",
}
JOINED = (  # lines of the summary that share one where there would be too many
    ("energy", "curtailed"),
    ("limits", "budgets"),
    ("fleet", "horizon"),
    ("losses", "warranty"),
    ("energy", "losses"),
    ("status", "violation"),
)
READING = {
    "fleet_power": "Above zero the fleet feeds the grid, below zero it draws. A good plan draws "
    "where the price is low and feeds where it is high.",
    "value_waterfall": "From the cost of charging without a plan to the cost of this one. Blue "
    "steps save, orange steps cost.",
    "generation": "What all sites could generate, what of that is used on the spot, stored or fed, "
    "and what is curtailed because of limits or prices.",
    "energy_band": "The energy in all plugged-in vehicles, between the least that still serves "
    "every departure and the most that full charging could reach.",
    "site_loading": "The site whose limit costs most. Where the power touches a limit, the shadow "
    "price tells what one more MWh of room would save.",
    "level_loading": "How near to their limits the sites at each level of the tree are, from the "
    "top down.",
    "site_heatmap": "How much of its limit each site uses; darker is closer to the limit.",
    "vehicle_day": "The session that feeds most energy.",
    "profit_comparison": "The same fleet planned again and again with only what was known then, "
    "settled on the prices that came. Read the cost with the service: energy not delivered is not "
    "paid for.",
    "forecast_against_actual": "The prices the rolling plan believed, and those that came.",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    cost, money = s["cost"], s["currency"]
    worst = s["max_violation"]
    fleet = [plan_service.counted(s[f"{noun}s"], noun) for noun in ("session", "asset", "site")]
    money_of = plan_service.amount
    rows = [
        (
            "fleet",
            f"{fleet[0]} of {fleet[1]} at {fleet[2]}, "
            f"{plan_service.counted(s['steps'], 'step')} of {s['step_h'] * 60:g} min",
        ),
        ("horizon", f"{_local(result, s['start_utc'])} to {_local(result, s['end_utc'])}"),
        ("status", f"{s['status']}: gap {s['gap']:.1e}, solved in {s['solve_s']:.2f} s"),
        (
            "violation",
            f"power {worst['power_kw']:.0e} kW, energy {worst['energy_kwh']:.0e} kWh, "
            f"sites {worst['site_kw']:.0e} kW",
        ),
        (
            "net cost",
            f"uncontrolled {money_of(cost['uncontrolled'])}, smart {money_of(cost['smart'])}, "
            f"V2G {money_of(cost['v2g'])} {money}{plan_service.split(s)}",
        ),
        ("saving", plan_service.saving_line(s)),
        ("energy", f"{s['energy_drawn_kwh']:,.0f} kWh drawn, {s['energy_fed_kwh']:,.0f} kWh fed"),
        ("service", _service(s)),
        ("limits", _limits(result)),
    ]
    if curtailed := plan_service.curtailment_line(s):
        rows.append(("curtailed", curtailed))
    if result.findings.feeder is not None:
        rows.append(("feeder", feeder_report.line(s, money)))
    if "wear" in s:
        rows.append(("wear", wear_report.line(s, money)))
    if "converter" in s:
        rows.append(("losses", losses.line(s)))
    if "pack" in s:
        rows.append(("packs", pack.line(s)))
    if "warranty" in s:
        rows.append(("warranty", wear_report.warranty_line(s)))
    if "carbon" in s:
        rows.append(("carbon", plan_carbon.line(s)))
    if "chargers" in s:
        rows.append(("chargers", plan_chargers.line(s)))
    if s["budgets"]:
        rows.append(("budgets", _budget_line(s)))
    if s["rolling"]:
        parts = [
            f"{name} {money_of(made['cost'])} ({_rolling_service(s, name)})"
            for name, made in s["rolling"].items()
        ]
        rows.append(("rolling", f"{', '.join(parts)} {money}"))
    return console_summary.lines(rows, JOINED)


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    portfolio, loading = _portfolio(result), result.findings.loading
    made: FigureMakers = {
        "fleet_power": partial(_fleet_power, result),
        "value_waterfall": partial(_value_waterfall, result),
    }
    if portfolio.generation_kw.any():
        made["generation"] = partial(_generation, result)
    made |= {
        "energy_band": partial(_energy_band, result),
        "site_loading": partial(_site_loading, result),
    }
    if len(portfolio.sites) > draw.MOST_SITES:
        made["level_loading"] = partial(_level_loading, result)
    if len(portfolio.sites) > 1 and np.isfinite(loading.loading).any():
        made["site_heatmap"] = partial(_site_heatmap, result)
    if result.findings.feeder is not None:
        made |= feeder_report.drawings(result.findings.feeder, portfolio.grid, _zone(result))
    if result.findings.wear is not None:
        made["wear_by_strategy"] = partial(
            wear_report.figure, result.findings.wear, portfolio.prices.currency
        )
    if portfolio.chargers is not None:
        best = result.findings.plans["v2g"]
        made |= plan_chargers.drawings(portfolio, best, _zone(result))
    made["vehicle_day"] = partial(_vehicle_day, result)
    if result.findings.rolling:
        made["profit_comparison"] = partial(_profit_comparison, result)
    if result.findings.inputs.forecast is not None:
        made["forecast_against_actual"] = partial(
            _forecast, result, result.findings.inputs.forecast
        )
    return made


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    texts = READING | feeder_report.READING | wear_report.READING | plan_chargers.READING
    texts |= {"vehicle_day": f"{READING['vehicle_day']} {_leaves_with(result)}"}
    texts |= {"level_loading": f"{READING['level_loading']} {result.findings.loading.by_level()}"}
    sections = drawn.sections(texts, feeder_report.HEADINGS)
    return Page(
        cards=_headline(result),
        notes=_notes(result),
        sections=[plan_service.strategies(result.summary), *sections, *_tables(result)],
        answer=plan_carbon.answer(result.summary) if "carbon" in result.summary else "",
    )


def _headline(result: StudyResult) -> list[Headline]:
    s = result.summary
    cost, money = s["cost"], s["currency"]
    saving = _money(cost["uncontrolled"] - cost["v2g"])
    peak = s["peak_import_kw"]
    return [
        Headline("Net cost with V2G", _money(cost["v2g"]), money, "negative earns"),
        plan_service.saving_card(s, saving),
        *(plan_carbon.cards(s) if "carbon" in s else []),
        Headline("Net cost, smart", _money(cost["smart"]), money, "without discharging"),
        Headline("Net cost, uncontrolled", _money(cost["uncontrolled"]), money, "as plugged in"),
        Headline("Proven gap", f"{s['gap']:.1e}", "", f"status: {s['status']}"),
        Headline("Energy fed", f"{s['energy_fed_kwh']:,.0f}", "kWh", "into the grid"),
        Headline("Energy drawn", f"{s['energy_drawn_kwh']:,.0f}", "kWh", "at the plugs"),
        Headline("Service", f"{100 * s['served_share']:.1f}", "%", "of the energy owed"),
        Headline(
            "Peak import", f"{peak['v2g']:,.0f}", "kW", f"uncontrolled {peak['uncontrolled']:,.0f}"
        ),
        Headline("Fleet", f"{s['sessions']:,}", "sessions", f"{s['assets']:,} assets"),
    ]


def _money(value: float) -> str:
    """An amount for a card: cents only where they count."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else plan_service.amount(value)


def _notes(result: StudyResult) -> list[str]:
    notes: list[str] = []
    if "chargers" in result.summary:
        notes += plan_chargers.notes(_portfolio(result))
    if result.findings.feeder is not None:
        notes += feeder_report.of_feeder(result.findings.feeder.feeder_sites.feeder)
    if result.findings.wear is not None:
        notes += wear_report.notes(result.summary)
    for meta in result.findings.inputs.sources:
        quality = meta.quality
        notes.append(
            f"{meta.title}: {quality.rows_kept:,} of {quality.rows_read:,} rows used, "
            f"{quality.rows_repaired:,} of them repaired, {quality.rows_rejected:,} rejected."
        )
    for item in result.summary["overloads"]:
        notes.append(
            f"The {item['cause']} at site {item['site_id']} exceeds its {item['limit']} limit by "
            f"up to {item['worst_kw']:.1f} kW in {item['steps']} steps, {item['excess_kwh']:.1f} "
            "kWh in all, more than the fleet can make up. What is fed beyond a limit is not paid "
            "for."
        )
    for item in result.summary["overdrafts"]:
        notes.append(
            f"The load at site {item['site_id']} exceeds its energy budget by "
            f"{item['excess_kwh']:.1f} kWh, more than the fleet can make up."
        )
    if result.summary["shortfalls"]:
        notes.append(
            f"{result.summary['shortfall_kwh']:.1f} kWh owed to "
            f"{plan_service.counted(len(result.summary['shortfalls']), 'session')} cannot be "
            "served; each is listed below with the limit that is the cause."
        )
    return notes


def _tables(result: StudyResult) -> list[Section]:
    feeder = []
    if result.findings.feeder is not None:
        feeder = [feeder_report.section(result.findings.feeder)]
        feeder += feeder_report.places(result.findings.feeder)
    curtailed = plan_service.curtailment(result.summary)
    more = []
    if result.findings.wear is not None:
        more.append(wear_report.section(result.summary, result.summary["currency"]))
    if "converter" in result.summary:
        more.append(losses.section(result.summary, plan_service.NAMES))
    if "pack" in result.summary:
        more.append(pack.section(result.summary, plan_service.NAMES))
    if "carbon" in result.summary:
        more.append(plan_carbon.section(result.summary, plan_service.NAMES))
    if "chargers" in result.summary:
        more.append(plan_chargers.section(result.summary, plan_service.NAMES))
    return [
        *more,
        *curtailed,
        *feeder,
        *_congested_sites(result),
        *_budgets(result),
        *_unserved(result),
    ]


def _congested_sites(result: StudyResult) -> list[Section]:
    table = result.findings.loading.congested_sites()
    if len(table.rows) < 2:
        return []
    count = int(result.findings.loading.binding.any(axis=1).sum())
    text = f"Limits of {plan_service.counted(count, 'site')} bind; those that cost most come first"
    text += f", and {len(table.rows)} are shown." if count > len(table.rows) else "."
    return [Section("Sites whose limits cost most", text, table)]


def _budgets(result: StudyResult) -> list[Section]:
    items = result.summary["budgets"]
    if not items:
        return []
    price = f"shadow price, {result.summary['currency']}/MWh"
    rows = [
        (
            item["site_id"],
            f"{item['energy_budget_kwh']:,.1f}",
            f"{item['drawn_kwh']:,.1f}",
            f"{item['shadow_price_per_mwh']:,.1f}",
        )
        for item in sorted(items, key=lambda item: -item["shadow_price_per_mwh"])[:200]
    ]
    text = "What sites may draw over the horizon, with their load and less what is fed, and what "
    text += "they do. The shadow price tells what one more MWh would save."
    text += " The 200 that cost most are shown." if len(items) > 200 else ""
    table = Table(("site", "budget, kWh", "drawn, kWh", price), rows)
    return [Section("Energy budgets", text, table)]


def _unserved(result: StudyResult) -> list[Section]:
    items = result.summary["shortfalls"]
    if not items:
        return []
    rows = [(i["session_id"], f"{i['shortfall_kwh']:.2f}", i["limit"]) for i in items[:200]]
    text = f"Sessions that leave with less than they are owed: {len(items):,}"
    text += "; the first 200 are shown." if len(items) > 200 else "."
    table = Table(("session_id", "shortfall_kwh", "because of"), rows)
    return [Section("Energy that cannot be served", text, table)]


def _waterfall(result: StudyResult) -> list[tuple[str, float]]:
    """Uncontrolled cost, what smart charging and then V2G change item by item, V2G cost."""
    items = result.summary["cost_items"]
    start, middle, end = items["uncontrolled"], items["smart"], items["v2g"]
    cost = result.summary["cost"]
    steps = [("uncontrolled", cost["uncontrolled"])]
    steps.append(("smart charging", sum(middle.values()) - sum(start.values())))
    for item in ITEMS:
        change = end[item.key] - middle[item.key]
        if item.key in ALWAYS_SHOWN or abs(change) > 1e-9:
            steps.append((item.label, change))
    return [*steps, ("V2G", cost["v2g"])]


def _portfolio(result: StudyResult) -> Portfolio:
    return result.findings.inputs.portfolio


def _zone(result: StudyResult) -> str:
    """Clock of the figures."""
    return result.config.horizon.time_zone


def _fleet_power(result: StudyResult) -> Figure:
    portfolio = _portfolio(result)
    names = {"uncontrolled": "uncontrolled", "smart": "smart", "v2g": "V2G"}
    power = {
        names[key]: made.schedule.power_kw.sum(axis=0)
        for key, made in result.findings.plans.items()
    }
    return draw.fleet_power(
        portfolio.grid,
        power,
        portfolio.prices.import_price_per_mwh,
        currency=portfolio.prices.currency,
        time_zone=_zone(result),
    )


def _value_waterfall(result: StudyResult) -> Figure:
    currency = _portfolio(result).prices.currency
    return draw.value_waterfall(_waterfall(result), currency=currency)


def _site_loading(result: StudyResult) -> Figure:
    """The site whose limits cost most."""
    portfolio, loading = _portfolio(result), result.findings.loading
    run, currency = loading.run(loading.most_congested), portfolio.prices.currency
    return draw.site_loading(portfolio.grid, run, currency=currency, time_zone=_zone(result))


def _level_loading(result: StudyResult) -> Figure:
    portfolio, loading = _portfolio(result), result.findings.loading.loading
    return draw.level_loading(
        portfolio.grid, portfolio.sites.depth, loading, time_zone=_zone(result)
    )


def _site_heatmap(result: StudyResult) -> Figure:
    portfolio, loading = _portfolio(result), result.findings.loading.loading
    return draw.site_heatmap(
        portfolio.grid, portfolio.sites.site_id, loading, time_zone=_zone(result)
    )


def _profit_comparison(result: StudyResult) -> Figure:
    currency = _portfolio(result).prices.currency
    return draw.profit_comparison(_ways(result), currency=currency)


def _forecast(result: StudyResult, forecast: Prices) -> Figure:
    """What the rolling plan believed against the prices that came."""
    portfolio = _portfolio(result)
    return draw.forecast_against_actual(
        portfolio.grid,
        portfolio.prices.import_price_per_mwh,
        forecast.import_price_per_mwh,
        currency=portfolio.prices.currency,
        time_zone=_zone(result),
    )


def _generation(result: StudyResult) -> Figure:
    """Generation over time."""
    portfolio, curtailed = _portfolio(result), result.findings.plans["v2g"].schedule.curtailed_kw
    made = portfolio.generation_kw
    less = np.zeros(made.shape) if curtailed is None else curtailed
    sums = (values.sum(axis=0) for values in (made, less, portfolio.load_kw))
    return draw.generation(portfolio.grid, *sums, time_zone=_zone(result))


def _energy_band(result: StudyResult) -> Figure:
    portfolio, best = _portfolio(result), result.findings.plans["v2g"]
    plugged, energy = best.schedule.plugged, best.schedule.energy_kwh
    each = np.broadcast_to(portfolio.sessions.capacity_kwh[:, None], plugged.shape)
    capacity = each.sum(axis=0, where=plugged)
    held = energy.sum(axis=0, where=plugged)
    band = (*fleet_envelope(portfolio.sessions, portfolio.grid), capacity)
    return draw.energy_band(portfolio.grid, held, *band, time_zone=_zone(result))


def _leaves_with(result: StudyResult) -> str:
    """What the session of the figure holds in the end, against what it is owed."""
    portfolio, best = _portfolio(result), result.findings.plans["v2g"]
    row = _session_of_figure(result, best)
    short = float(best.assessment.shortfall_kwh[row])
    held = float(best.schedule.energy_kwh[row, -1])
    if portfolio.sessions.departure_utc[row] > datetime64(portfolio.grid.end_utc):
        return f"It stays beyond the horizon, and then holds {held:.1f} kWh."
    owed = float(portfolio.sessions.energy_departure_kwh[row])
    if short > plan_service.LEAST_KWH:
        return f"It leaves with {held:.1f} kWh, {short:.1f} kWh short of what it is owed."
    return f"It leaves with {held:.1f} kWh and is owed {owed:.1f}."


def _session_of_figure(result: StudyResult, best: Plan) -> int:
    """The session that feeds most of those that end within the horizon, cars before batteries."""
    portfolio = _portfolio(result)
    fed = np.maximum(best.schedule.power_kw, 0).sum(axis=1)
    whole = best.schedule.plugged.all(axis=1)
    ends = portfolio.sessions.departure_utc <= datetime64(portfolio.grid.end_utc)
    shown_best = (ends & ~whole, ends, np.ones_like(ends))  # the first kind there is any of
    kind = next(rows for rows in shown_best if rows.any())
    return int(np.argmax(np.where(kind, fed, -1.0)))


def _vehicle_day(result: StudyResult) -> Figure:
    """One session over its stay."""
    best = result.findings.plans["v2g"]
    portfolio, row = _portfolio(result), _session_of_figure(result, best)
    first, stop = _around(best.schedule.plugged[row], portfolio.grid)
    sessions = portfolio.sessions
    run = draw.VehicleRun(
        power_kw=best.schedule.power_kw[row, first:stop],
        energy_kwh=best.schedule.energy_kwh[row, first:stop],
        plugged=best.schedule.plugged[row, first:stop],
        price_per_mwh=portfolio.prices.import_price_per_mwh[first:stop],
        energy_departure_kwh=float(sessions.energy_departure_kwh[row]),
        energy_reserve_kwh=float(sessions.energy_reserve_kwh[row]),
        capacity_kwh=float(sessions.capacity_kwh[row]),
    )
    return draw.vehicle_day(
        portfolio.grid.part(first, stop),
        run,
        name=str(sessions.session_id[row]),
        currency=portfolio.prices.currency,
        time_zone=_zone(result),
    )


def _around(plugged: Array, grid: TimeGrid) -> tuple[int, int]:
    """Steps from two hours before a connection to two hours after it, at most three days."""
    steps = np.nonzero(plugged)[0]
    margin = round(2 / grid.step_h)
    first = max(0, int(steps[0]) - margin)
    stop = min(grid.steps, int(steps[-1]) + 1 + margin)
    return first, min(stop, first + round(72 / grid.step_h))


def _ways(result: StudyResult) -> dict[str, float]:
    cost = result.summary["cost"]
    ways = {"uncontrolled": cost["uncontrolled"], "smart, perfect foresight": cost["smart"]}
    for name, label in ROLLING_NAMES.items():
        if name in result.findings.rolling:
            ways[label] = result.findings.rolling[name].costs.net
    return ways | {"perfect foresight": cost["v2g"]}


def _limits(result: StudyResult) -> str:
    """What limits do: those exceeded, those that leave sessions short, those that cost most."""
    service = (plan_service.limits_line(result.summary), plan_service.short_line(result.summary))
    parts = [part for part in service if part]
    if result.findings.loading.binding.any() or not parts:
        parts.append(result.findings.loading.line())
    return "; ".join(parts)


def _service(s: Mapping[str, Any]) -> str:
    text = f"{100 * s['served_share']:.2f} % of the energy owed"
    if not s["shortfalls"]:
        return text
    short = plan_service.counted(len(s["shortfalls"]), "session")
    worst = max(s["shortfalls"], key=lambda item: item["shortfall_kwh"])
    return (
        f"{text}; {short} short of {_missing(s['shortfall_kwh'])} kWh, worst "
        f"{worst['session_id']} by {_missing(worst['shortfall_kwh'])} kWh: {worst['limit']}"
    )


def _missing(energy_kwh: float) -> str:
    """Energy that is missing, which is never shown as none."""
    return f"{energy_kwh:.1f}" if energy_kwh >= SEEN_KWH else f"{energy_kwh:.1g}"


def _budget_line(s: Mapping[str, Any]) -> str:
    """The energy budget that costs most, in one line."""
    costliest = max(s["budgets"], key=lambda item: item["shadow_price_per_mwh"])
    return (
        f"{costliest['site_id']} draws {costliest['drawn_kwh']:,.1f} of "
        f"{costliest['energy_budget_kwh']:,.1f} kWh, "
        f"at {costliest['shadow_price_per_mwh']:,.1f} per MWh"
    )


def _rolling_service(s: Mapping[str, Any], name: str) -> str:
    """What a rolling plan leaves undone, in a few words."""
    made = s["strategies"][f"rolling_{name}"]
    beyond = plan_service.beyond_kwh(made)
    over = f", limits exceeded by {beyond:,.1f} kWh" if beyond > plan_service.LEAST_KWH else ""
    return f"{100 * made['served_share']:.1f} % served{over}"


def _local(result: StudyResult, instant: str) -> str:
    moment = datetime.fromisoformat(instant).astimezone(ZoneInfo(_zone(result)))
    return f"{moment:%Y-%m-%d %H:%M %Z}"
