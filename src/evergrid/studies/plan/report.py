"""A plan as people read it: ten lines, figures, and a page that needs no network."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import Rolled
from evergrid.fleet.history.energy_envelope import fleet_envelope
from evergrid.inputs.assembly import Loaded
from evergrid.model.prices import Prices
from evergrid.report import figures as draw
from evergrid.report.drawing import Drawings, Drawn
from evergrid.report.page import Headline, Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies import ten_lines
from evergrid.studies.plan import feeder_report
from evergrid.studies.plan import service as plan_service
from evergrid.studies.plan.feeder import FeederResults
from evergrid.studies.plan.site_loading import Wires
from evergrid.studies.provenance_page import around

QUESTION = "What should every vehicle and battery do, what is it worth, and how good is the plan?"
ROLLING_NAMES = {
    "persistence": "rolling, yesterday's prices",
    "forecast": "rolling, forecast prices",
    "perfect": "rolling, actual prices",
}
JOINED = (  # lines of the summary that share one where there would be too many
    ("energy", "curtailed"),
    ("limits", "budgets"),
    ("fleet", "horizon"),
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


@dataclass(frozen=True)
class Shown:
    """What a report is made of.

    Attributes:
        title: Heading.
        time_zone: Clock of the figures.
        loaded: What the plan was computed from.
        plans: The plan by strategy.
        rolled: Rolling plans by view of prices.
        summary: Headline numbers.
        feeder: What the feeder makes of the plans; None without one.
    """

    title: str
    time_zone: str
    loaded: Loaded
    plans: Mapping[str, Plan]
    rolled: Mapping[str, Rolled]
    summary: Mapping[str, Any]
    feeder: FeederResults | None = None

    @cached_property
    def wires(self) -> Wires:
        """The sites under the V2G plan."""
        return Wires(self.loaded.portfolio, self.plans["v2g"])


def lines(shown: Shown) -> list[str]:
    """The summary in at most ten lines of text."""
    s = shown.summary
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
        ("horizon", f"{_local(shown, s['start_utc'])} to {_local(shown, s['end_utc'])}"),
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
        ("limits", _limits(shown)),
    ]
    if curtailed := plan_service.curtailment_line(s):
        rows.append(("curtailed", curtailed))
    if shown.feeder is not None:
        rows.append(("feeder", feeder_report.line(s, money)))
    if s["budgets"]:
        rows.append(("budgets", _budget_line(s)))
    if s["rolling"]:
        parts = [
            f"{name} {money_of(made['cost'])} ({_rolling_service(s, name)})"
            for name, made in s["rolling"].items()
        ]
        rows.append(("rolling", f"{', '.join(parts)} {money}"))
    return ten_lines.written(rows, JOINED)


def drawings(shown: Shown) -> Drawings:
    """What draws each figure of the report, by name in reading order."""
    book, wires = shown.loaded.portfolio, shown.wires
    made: Drawings = {
        "fleet_power": partial(_fleet_power, shown),
        "value_waterfall": partial(_value_waterfall, shown),
    }
    if book.generation_kw.any():
        made["generation"] = partial(_generation, shown)
    made |= {
        "energy_band": partial(_energy_band, shown),
        "site_loading": partial(_site_loading, shown),
    }
    if len(book.sites) > draw.MOST_SITES:
        made["level_loading"] = partial(_level_loading, shown)
    if len(book.sites) > 1 and np.isfinite(wires.loading).any():
        made["site_heatmap"] = partial(_site_heatmap, shown)
    if shown.feeder is not None:
        made |= feeder_report.drawings(shown.feeder, book.grid, shown.time_zone)
    made["vehicle_day"] = partial(_vehicle_day, shown)
    if shown.rolled:
        made["profit_comparison"] = partial(_profit_comparison, shown)
    if shown.loaded.forecast is not None:
        made["forecast_against_actual"] = partial(_forecast, shown, shown.loaded.forecast)
    return made


def page(shown: Shown, settings: str, drawn: Drawn) -> str:
    """The report as one HTML page.

    Args:
        shown: What to show.
        settings: The resolved configuration as text.
        drawn: Its figures.
    """
    texts = READING | feeder_report.READING
    texts |= {"vehicle_day": f"{READING['vehicle_day']} {_leaves_with(shown)}"}
    texts |= {"level_loading": f"{READING['level_loading']} {shown.wires.by_level()}"}
    sections = drawn.sections(texts, feeder_report.HEADINGS)
    return html_page(
        shown.title,
        headline=_headline(shown),
        notes=[*_notes(shown), *drawn.notes],
        sections=[plan_service.strategies(shown.summary), *sections, *_tables(shown)],
        about=around(QUESTION, settings, shown.summary),
    )


def _headline(shown: Shown) -> list[Headline]:
    s = shown.summary
    cost, money = s["cost"], s["currency"]
    saving = _money(cost["uncontrolled"] - cost["v2g"])
    peak = s["peak_import_kw"]
    return [
        Headline("Net cost with V2G", _money(cost["v2g"]), money, "negative earns"),
        plan_service.saving_card(s, saving),
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


def _notes(shown: Shown) -> list[str]:
    notes = list(shown.summary["notes"])
    if shown.feeder is not None:
        notes += feeder_report.notes(shown.summary, shown.feeder.feeder_sites.feeder)
    for meta in shown.loaded.sources:
        quality = meta.quality
        notes.append(
            f"{meta.title}: {quality.rows_kept:,} of {quality.rows_read:,} rows used, "
            f"{quality.rows_repaired:,} of them repaired, {quality.rows_rejected:,} rejected."
        )
    for item in shown.summary["overloads"]:
        cause = "load" if item["limit"] == "import" else "generation that cannot be curtailed"
        notes.append(
            f"The {cause} at site {item['site_id']} exceeds its {item['limit']} limit by up to "
            f"{item['worst_kw']:.1f} kW in {item['steps']} steps, {item['excess_kwh']:.1f} kWh in "
            "all, more than the fleet can make up. What is fed beyond a limit is not paid for."
        )
    for item in shown.summary["overdrafts"]:
        notes.append(
            f"The load at site {item['site_id']} exceeds its energy budget by "
            f"{item['excess_kwh']:.1f} kWh, more than the fleet can make up."
        )
    if shown.summary["shortfalls"]:
        notes.append(
            f"{shown.summary['shortfall_kwh']:.1f} kWh owed to "
            f"{plan_service.counted(len(shown.summary['shortfalls']), 'session')} cannot be "
            "served; each is listed below with the limit that is the cause."
        )
    return notes


def _tables(shown: Shown) -> list[Section]:
    feeder = []
    if shown.feeder is not None:
        feeder = [feeder_report.section(shown.feeder)]
        feeder += feeder_report.places(shown.feeder)
    curtailed = plan_service.curtailment(shown.summary)
    return [*curtailed, *feeder, *_dear_sites(shown), *_budgets(shown), *_unserved(shown)]


def _dear_sites(shown: Shown) -> list[Section]:
    table = shown.wires.dear_sites()
    if len(table.rows) < 2:
        return []
    count = int(shown.wires.binding.any(axis=1).sum())
    text = f"Limits of {plan_service.counted(count, 'site')} bind; the dearest come first"
    text += f", and {len(table.rows)} are shown." if count > len(table.rows) else "."
    return [Section("Sites whose limits cost most", text, table)]


def _budgets(shown: Shown) -> list[Section]:
    items = shown.summary["budgets"]
    if not items:
        return []
    price = f"shadow price, {shown.summary['currency']}/MWh"
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
    text += " The dearest 200 are shown." if len(items) > 200 else ""
    table = Table(("site", "budget, kWh", "drawn, kWh", price), rows)
    return [Section("Energy budgets", text, table)]


def _unserved(shown: Shown) -> list[Section]:
    items = shown.summary["shortfalls"]
    if not items:
        return []
    rows = [(i["session_id"], f"{i['shortfall_kwh']:.2f}", i["limit"]) for i in items[:200]]
    text = f"Sessions that leave with less than they are owed: {len(items):,}"
    text += "; the first 200 are shown." if len(items) > 200 else "."
    table = Table(("session_id", "shortfall_kwh", "because of"), rows)
    return [Section("Energy that cannot be served", text, table)]


def _waterfall(shown: Shown) -> list[tuple[str, float]]:
    """Uncontrolled cost, what smart charging and then V2G change item by item, V2G cost."""
    items = shown.summary["cost_items"]
    start, middle, end = items["uncontrolled"], items["smart"], items["v2g"]
    cost = shown.summary["cost"]
    labels = {
        "energy": "V2G trading",
        "wear": "battery wear",
        "demand_charge": "demand charge",
        "carbon": "carbon",
        "energy_left": "energy left",
    }
    steps = [("uncontrolled", cost["uncontrolled"])]
    steps.append(("smart charging", sum(middle.values()) - sum(start.values())))
    for name, label in labels.items():
        change = end[name] - middle[name]
        if name in ("energy", "wear") or abs(change) > 1e-9:
            steps.append((label, change))
    return [*steps, ("V2G", cost["v2g"])]


def _fleet_power(shown: Shown) -> Figure:
    book = shown.loaded.portfolio
    names = {"uncontrolled": "uncontrolled", "smart": "smart", "v2g": "V2G"}
    power = {names[key]: made.schedule.power_kw.sum(axis=0) for key, made in shown.plans.items()}
    return draw.fleet_power(
        book.grid,
        power,
        book.prices.import_price_per_mwh,
        currency=book.prices.currency,
        time_zone=shown.time_zone,
    )


def _value_waterfall(shown: Shown) -> Figure:
    currency = shown.loaded.portfolio.prices.currency
    return draw.value_waterfall(_waterfall(shown), currency=currency)


def _site_loading(shown: Shown) -> Figure:
    """The site whose limits cost most."""
    book, wires = shown.loaded.portfolio, shown.wires
    run, currency = wires.run(wires.dearest), book.prices.currency
    return draw.site_loading(book.grid, run, currency=currency, time_zone=shown.time_zone)


def _level_loading(shown: Shown) -> Figure:
    book, loading = shown.loaded.portfolio, shown.wires.loading
    return draw.level_loading(book.grid, book.sites.depth, loading, time_zone=shown.time_zone)


def _site_heatmap(shown: Shown) -> Figure:
    book, loading = shown.loaded.portfolio, shown.wires.loading
    return draw.site_heatmap(book.grid, book.sites.site_id, loading, time_zone=shown.time_zone)


def _profit_comparison(shown: Shown) -> Figure:
    currency = shown.loaded.portfolio.prices.currency
    return draw.profit_comparison(_ways(shown), currency=currency)


def _forecast(shown: Shown, forecast: Prices) -> Figure:
    """What the rolling plan believed against the prices that came."""
    book = shown.loaded.portfolio
    return draw.forecast_against_actual(
        book.grid,
        book.prices.import_price_per_mwh,
        forecast.import_price_per_mwh,
        currency=book.prices.currency,
        time_zone=shown.time_zone,
    )


def _generation(shown: Shown) -> Figure:
    """Generation over time."""
    book, curtailed = shown.loaded.portfolio, shown.plans["v2g"].schedule.curtailed_kw
    made = book.generation_kw
    less = np.zeros(made.shape) if curtailed is None else curtailed
    sums = (values.sum(axis=0) for values in (made, less, book.load_kw))
    return draw.generation(book.grid, *sums, time_zone=shown.time_zone)


def _energy_band(shown: Shown) -> Figure:
    book, best = shown.loaded.portfolio, shown.plans["v2g"]
    plugged, energy = best.schedule.plugged, best.schedule.energy_kwh
    each = np.broadcast_to(book.sessions.capacity_kwh[:, None], plugged.shape)
    capacity = each.sum(axis=0, where=plugged)
    held = energy.sum(axis=0, where=plugged)
    band = (*fleet_envelope(book.sessions, book.grid), capacity)
    return draw.energy_band(book.grid, held, *band, time_zone=shown.time_zone)


def _leaves_with(shown: Shown) -> str:
    """What the session of the figure holds in the end, against what it is owed."""
    book, best = shown.loaded.portfolio, shown.plans["v2g"]
    row = _shown_session(shown, best)
    short = float(best.assessment.shortfall_kwh[row])
    held = float(best.schedule.energy_kwh[row, -1])
    if book.sessions.departure_utc[row] > datetime64(book.grid.end_utc):
        return f"It stays beyond the horizon, and then holds {held:.1f} kWh."
    owed = float(book.sessions.energy_departure_kwh[row])
    if short > plan_service.LEAST_KWH:
        return f"It leaves with {held:.1f} kWh, {short:.1f} kWh short of what it is owed."
    return f"It leaves with {held:.1f} kWh and is owed {owed:.1f}."


def _shown_session(shown: Shown, best: Plan) -> int:
    """The session that feeds most of those that end within the horizon, cars before batteries."""
    book = shown.loaded.portfolio
    fed = np.maximum(best.schedule.power_kw, 0).sum(axis=1)
    whole = best.schedule.plugged.all(axis=1)
    ends = book.sessions.departure_utc <= datetime64(book.grid.end_utc)
    shown_best = (ends & ~whole, ends, np.ones_like(ends))  # the first kind there is any of
    kind = next(rows for rows in shown_best if rows.any())
    return int(np.argmax(np.where(kind, fed, -1.0)))


def _vehicle_day(shown: Shown) -> Figure:
    """One session over its stay."""
    best = shown.plans["v2g"]
    book, row = shown.loaded.portfolio, _shown_session(shown, best)
    first, stop = _around(best.schedule.plugged[row], book.grid)
    sessions = book.sessions
    run = draw.VehicleRun(
        power_kw=best.schedule.power_kw[row, first:stop],
        energy_kwh=best.schedule.energy_kwh[row, first:stop],
        plugged=best.schedule.plugged[row, first:stop],
        price_per_mwh=book.prices.import_price_per_mwh[first:stop],
        energy_departure_kwh=float(sessions.energy_departure_kwh[row]),
        energy_reserve_kwh=float(sessions.energy_reserve_kwh[row]),
        capacity_kwh=float(sessions.capacity_kwh[row]),
    )
    return draw.vehicle_day(
        book.grid.part(first, stop),
        run,
        name=str(sessions.session_id[row]),
        currency=book.prices.currency,
        time_zone=shown.time_zone,
    )


def _around(plugged: Array, grid: TimeGrid) -> tuple[int, int]:
    """Steps from two hours before a connection to two hours after it, at most three days."""
    steps = np.nonzero(plugged)[0]
    margin = round(2 / grid.step_h)
    first = max(0, int(steps[0]) - margin)
    stop = min(grid.steps, int(steps[-1]) + 1 + margin)
    return first, min(stop, first + round(72 / grid.step_h))


def _ways(shown: Shown) -> dict[str, float]:
    cost = shown.summary["cost"]
    ways = {"uncontrolled": cost["uncontrolled"], "smart, perfect foresight": cost["smart"]}
    for name, label in ROLLING_NAMES.items():
        if name in shown.rolled:
            ways[label] = shown.rolled[name].costs.net
    return ways | {"perfect foresight": cost["v2g"]}


def _limits(shown: Shown) -> str:
    """What limits do: exceeded ones first, then those that leave sessions short, then the dear."""
    service = (plan_service.limits_line(shown.summary), plan_service.short_line(shown.summary))
    told = [part for part in service if part]
    if shown.wires.binding.any() or not told:
        told.append(shown.wires.line())
    return "; ".join(told)


def _service(s: Mapping[str, Any]) -> str:
    text = f"{100 * s['served_share']:.2f} % of the energy owed"
    if not s["shortfalls"]:
        return text
    short = plan_service.counted(len(s["shortfalls"]), "session")
    worst = max(s["shortfalls"], key=lambda item: item["shortfall_kwh"])
    return (
        f"{text}; {short} short of {s['shortfall_kwh']:.1f} kWh, worst "
        f"{worst['session_id']} by {worst['shortfall_kwh']:.1f} kWh: {worst['limit']}"
    )


def _budget_line(s: Mapping[str, Any]) -> str:
    """The energy budget that costs most, in one line."""
    dearest = max(s["budgets"], key=lambda item: item["shadow_price_per_mwh"])
    return (
        f"{dearest['site_id']} draws {dearest['drawn_kwh']:,.1f} of "
        f"{dearest['energy_budget_kwh']:,.1f} kWh, "
        f"at {dearest['shadow_price_per_mwh']:,.1f} per MWh"
    )


def _rolling_service(s: Mapping[str, Any], name: str) -> str:
    """What a rolling plan leaves undone, in a few words."""
    made = s["strategies"][f"rolling_{name}"]
    beyond = plan_service.beyond_kwh(made)
    over = f", limits exceeded by {beyond:,.1f} kWh" if beyond > plan_service.LEAST_KWH else ""
    return f"{100 * made['served_share']:.1f} % served{over}"


def _local(shown: Shown, instant: str) -> str:
    moment = datetime.fromisoformat(instant).astimezone(ZoneInfo(shown.time_zone))
    return f"{moment:%Y-%m-%d %H:%M %Z}"
