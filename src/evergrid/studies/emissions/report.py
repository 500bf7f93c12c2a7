"""Emissions as people read them: lines of text, figures, and a page that needs no network."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.units import KG_PER_TONNE
from evergrid.dispatch.assessment import Overload
from evergrid.impact.emissions.blend import LeadForecasts
from evergrid.model.time_series.emission_factors import SMALLEST_KG_PER_MWH
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.labels import amount
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.emissions import streamed_report
from evergrid.studies.emissions.config import Config
from evergrid.studies.emissions.results import BASELINE, EmissionsResults
from evergrid.studies.emissions.streamed import StreamedResults
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, EmissionsResults]
AnyResult = Result[Config, Any]  # of plans of every session, or of a streamed fleet
LABELS = {
    BASELINE: "no control",
    "smart": "smart charging by price",
    "price": "V2G by price",
    "average": "V2G by average factors",
    "carbon": "V2G by marginal factors",
    "carbon_forecast": "the same on forecasts",
    "cap_cheaper": "the cheaper plan of the cap",
    "cap_cleaner": "the cleaner plan of the cap",
}
TOLD_OWN_STEP = 1.1  # times the error of a forecast at its own step, above which that is told
TOLD_MEAN = 0.2  # of the spread of errors, beyond which their mean is told
NOTHING_T = 0.0005  # tonnes below which 0.000 is printed
READING = {
    "carbon_bars": "What each strategy emits more than the same vehicles without control, at equal "
    "energy in the end: the consequential ledger, by marginal factors.",
    "carbon_frontier": "Each point is the cheapest plan where a tonne costs so much. At the knee, "
    "larger and orange, further tonnes begin to cost much more; fewer than three plans that differ "
    "have none.",
    "carbon_over_time": "Factors of the grid, what is in batteries, and what the fleet does.",
}
HEADINGS = {
    "carbon_bars": "Who emits less",
    "carbon_frontier": "What less carbon costs",
    "carbon_over_time": "When",
}


def console_lines(result: AnyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    if isinstance(result.findings, StreamedResults):
        return streamed_report.console_lines(result)
    s = result.summary
    tonnes = "; ".join(
        f"{LABELS[name]} {value:+,.3f} t" for name, value in s["tonnes"].items() if name != BASELINE
    )
    rows = [
        ("answer", answer(s)),
        ("fleet", f"{s['sessions']:,} sessions of {s['assets']:,} assets"),
        ("emissions", f"against no control: {tonnes}"),
        ("sure", _sure(s)),
        ("ledgers", _ledgers(s)),
        ("proof", f"{s['status']}, within {s['gap']:.2%} of the least that meters could emit"),
    ]
    if exceeded := _exceeded(s):
        rows.append(("limits", exceeded))
    if s["knee_price_per_tonne"] is not None:
        rows.append(("knee", f"at {s['knee_price_per_tonne']:,.0f} {s['currency']} a tonne"))
    elif result.findings.frontier:
        rows.append(("knee", "too few points: fewer than three plans of the frontier differ"))
    if s["foresight_share"] is not None:
        share = f"{s['foresight_share']:.0%} of what foresight saves"
        rows.append(("forecasts", f"{share}; not knowing costs {s['regret_tonnes']:,.3f} t"))
    if s["cap_price_per_tonne"] is not None:
        cap = f"{s['cap_tonnes']:,.3f} t for {s['cap_net_cost']:,.2f} {s['currency']}"
        rows.append(("cap", f"{cap}, where a tonne costs {s['cap_price_per_tonne']:,.2f}"))
    return console_summary.lines(rows, (("proof", "limits"),))


def _exceeded(s: Mapping[str, Any]) -> str:
    """The limit that is exceeded most, and by which plans, in one line; empty where none is."""
    if not s["overloads"]:
        return ""
    worst = max(s["overloads"], key=lambda item: item["worst_kw"])
    same = [item for item in s["overloads"] if _of_one_limit(item) == _of_one_limit(worst)]
    others = len({_of_one_limit(item) for item in s["overloads"]}) - 1
    more = f", and {others} more" if others else ""
    return (
        f"{worst['limit']} limit of {worst['site_id']} exceeded by up to "
        f"{worst['worst_kw']:,.2f} kW in {worst['steps']} steps, by {worst['cause']}, in "
        f"{_plans(same)}{more}"
    )


def _of_one_limit(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["site_id"], item["limit"]


def _plans(items: Sequence[Mapping[str, Any]]) -> str:
    """Names of the plans that exceed a limit."""
    return ", ".join(f'"{LABELS.get(item["plan"], item["plan"])}"' for item in items)


def answer(s: Mapping[str, Any]) -> str:
    """What V2G did to carbon, as a sentence."""
    by_price, by_carbon = s["tonnes"]["price"], s["tonnes"]["carbon"]
    low, high = s["tonnes_low"]["price"], s["tonnes_high"]["price"]
    if abs(by_price) < NOTHING_T:
        text = "V2G led by price changes emissions by less than 0.001 t"
        if max(-low, high) >= NOTHING_T:
            text += f" ({low:+,.3f} to {high:+,.3f} t)"
    else:
        text = f"V2G led by price {_verb(by_price)} emissions by {_span(by_price, low, high)}"
    if by_carbon <= -NOTHING_T:
        text += f"; led by marginal factors it lowers them by {-by_carbon:,.3f} t"
        on_forecasts = s["tonnes"].get("carbon_forecast")
        if on_forecasts is not None:
            text += f" (on forecasts it {_verb(on_forecasts)} them by {abs(on_forecasts):,.3f} t)"
        cost = s["net_cost"]["carbon"] - s["net_cost"]["price"]
        less = by_price - by_carbon
        if less > 0 and cost > 0:
            text += f", for {cost / less:,.0f} {s['currency']} a tonne more saved"
    if "average" in s["tonnes"]:
        led = s["tonnes"]["average"]
        located = s["location_tonnes"]
        claimed = located["average"] - located[s["baseline"]]
        if led > 0 > claimed:
            text += f"; led by average factors, by which it seems to save {-claimed:,.3f} t, it "
            text += f"raises them by {led:,.3f} t"
    return text


def _verb(tonnes: float) -> str:
    return "lowers" if tonnes < 0 else "raises"


def _span(tonnes: float, low: float, high: float) -> str:
    if low < 0 < high:
        span = f"{low:+,.3f} to {high:+,.3f} t"
        return f"{abs(tonnes):,.3f} t, which may as well be the other way ({span})"
    ends = sorted((abs(low), abs(high)))
    return f"{abs(tonnes):,.3f} t ({ends[0]:,.3f} to {ends[1]:,.3f} t)"


def _sure(s: Mapping[str, Any]) -> str:
    chance = s["reduction_probability"]
    price, carbon = chance["price"], chance["carbon"]
    return f"less than no control with {price:.0%} by price, {carbon:.0%} by carbon"


def _ledgers(s: Mapping[str, Any]) -> str:
    parts = [f"consequential {s['tonnes']['price']:+,.3f} t against no control"]
    for key, label in (("location_tonnes", "location-based"), ("market_tonnes", "market-based")):
        entry = s[key]
        parts.append(
            f"{label} not counted: no factors"
            if entry is None
            else f"{label} {entry['price']:,.3f} t"
        )
    return "V2G by price: " + "; ".join(parts) + ". They are never added"


def notes(config: Config, found: EmissionsResults) -> list[str]:
    """What a reader must know."""
    factors = found.factors
    told = [
        "The baseline is the same vehicles without control, which charge at once and feed "
        f"nothing. Marginal factors: {factors.names['marginal']}.",
        "Emissions count what all sites exchange with the grid: vehicles, load and generation. "
        "What vehicles that stay hold more or less in the end counts at the median factor.",
    ]
    if config.uncertainty.errors_file is None:
        told.append(
            f"The band assumes that factors of charging and of feeding are each wrong by up to "
            f"{config.uncertainty.factor_share:.0%}, independently: errors of these factors are "
            "not known."
        )
    if factors.average is not None and factors.residual is None:
        told.append("No residual mix is given: nothing is told on the market-based ledger.")
    if factors.average is None:
        told.append(
            "No average factors are given: nothing is told on the location-based ledger, and the "
            "carbon of stored energy is not counted."
        )
    else:
        told.append(
            "The ledgers differ because they answer other questions: the location-based one what "
            "the mix of each hour emitted, less what energy fed carries away; the consequential "
            "one what would not have been emitted without V2G."
        )
        if np.array_equal(factors.average, factors.marginal):
            told.append(
                "Average and marginal factors are the same in every step: one of the two ledgers "
                "is counted with factors of the other, unless every MWh emits alike."
            )
    told += _of_errors(found) + _of_limits(found) + _of_plans(found)
    if found.frontier and found.knee is None:
        told.append(
            "Too few points for a knee of the frontier: fewer than three plans at prices_per_tonne "
            "differ. Give more prices, or higher ones."
        )
    tiny = int(((factors.marginal != 0) & (np.abs(factors.marginal) < SMALLEST_KG_PER_MWH)).sum())
    if tiny:
        told.append(
            f"{tiny:,} steps have a marginal factor that is not 0 but below "
            f"{SMALLEST_KG_PER_MWH:g} kg/MWh: see whether rows of the file are in another unit."
        )
    if factors.estimated is not None and factors.average is not None:
        none = int((factors.average == 0).sum())
        if none:
            told.append(
                f"In {none:,} steps nothing that emits generates: their average factor is 0, and "
                "their marginal one is still that of their group."
            )
    for name, values in (
        ("a marginal", factors.marginal),
        ("an average", factors.average),
        ("a residual mix", factors.residual),
    ):
        below = 0 if values is None else int((values < 0).sum())
        if below:
            told.append(
                f"{below:,} steps have {name} factor below 0, as its source has it: more use of "
                "energy then counts as fewer emissions."
            )
    zero = int((factors.marginal == 0).sum())
    if zero:
        share = zero / len(factors.marginal)
        told.append(
            f"{share:.1%} of the steps have a marginal factor of 0: generation is curtailed."
        )
    if config.embodied is not None:
        told.append(
            "Carbon of making batteries is unverified: "
            f"{config.embodied.pack_kg_per_kwh:g} kg/kWh and {config.embodied.life_full_cycles:g} "
            "full cycles are taken. It is told on its own line, and counts in the plan by carbon."
        )
    if found.forecasts is not None:
        told.append(
            "On forecasts nothing is known but the factor of the step that begins, the forecasts "
            "made by then, and the days before. Sessions to come are not known either."
        )
        told += _of_stamps(found.forecasts)
    return told


def _of_stamps(forecasts: LeadForecasts) -> list[str]:
    """Forecasts that fit another time than the one they are for."""
    ahead, own = forecasts.own_step_error
    if ahead <= TOLD_OWN_STEP * own or ahead <= 0:
        return []
    return [
        f"Forecasts {forecasts.leads} steps ahead miss what came then by {ahead:,.1f} kg/MWh on "
        f"the mean, and the factor of the step in which they were made by {own:,.1f}: rows may be "
        "stamped by the time that they are for. A row is stamped by when its forecasts were made."
    ]


def _of_errors(found: EmissionsResults) -> list[str]:
    """What is strange about past errors of factors, where there are some."""
    error = found.past_errors_kg_per_mwh
    if error is None:
        return []
    mean, spread = float(error.mean()), float(error.std())
    told = []
    if spread <= 1e-9 * max(abs(mean), 1.0):
        told.append(
            "All errors in errors_file are the same: the band has no width, and says nothing of "
            "how sure tonnes are."
        )
    if abs(mean) > max(TOLD_MEAN * spread, 1e-9):
        told.append(
            f"Errors in errors_file are {mean:+,.1f} kg/MWh on the mean. The band leaves that out: "
            "it is of errors around their mean. Correct the factors by it."
        )
    return told


def _of_limits(found: EmissionsResults) -> list[str]:
    """Limits that plans exceed, each once, by the plan that exceeds it most."""
    made = list(found.every_plan())
    worst: dict[tuple[str, str], list[tuple[str, Overload]]] = {}
    for name, one in made:
        for item in one.overloads:
            worst.setdefault((item.site_id, item.limit), []).append((name, item))
    told = []
    for (site, limit), items in worst.items():
        most = max((item for _, item in items), key=lambda item: item.excess_kwh)
        names = ", ".join(f'"{LABELS.get(name, name)}"' for name, _ in items)
        who = "every plan" if len(items) == len(made) else names
        text = (
            f"The {most.cause} at site {site} exceeds its {limit} limit by up to "
            f"{most.worst_kw:,.2f} kW in {most.steps} steps, {most.excess_kwh:,.1f} kWh in all, "
            f"in {who}."
        )
        if limit == "export":
            text += " What is fed beyond a limit is not paid for and displaces nothing."
        told.append(text)
    overdrawn = {item.site_id: item for _, one in made for item in one.overdrafts}
    told += [
        f"The load at site {site} exceeds its energy budget by {item.excess_kwh:,.1f} kWh."
        for site, item in overdrawn.items()
    ]
    return told


def _of_plans(found: EmissionsResults) -> list[str]:
    """What a mix of two plans is."""
    portfolio, cap, told = found.inputs.portfolio, found.capped, list[str]()
    if cap is not None and 0.0 < cap.cleaner_share < 1.0:
        whole, money = cap.cleaner, portfolio.prices.currency
        told.append(
            f"The plan within the cap is a mix: {cap.cleaner_share:.1%} of a plan of "
            f"{whole.tonnes:,.6g} t for {whole.net_cost:,.2f} {money}, the rest of one of "
            f"{cap.cheaper.tonnes:,.6g} t for {cap.cheaper.net_cost:,.2f} {money}. Where vehicles "
            "are paid to waste energy, at prices or factors below 0, no single schedule need lie "
            "between both; the first of them keeps the cap by itself. Both are in "
            "schedule.parquet."
        )
    return told


def figures(result: AnyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    if isinstance(result.findings, StreamedResults):
        return streamed_report.figures(result)
    makers: FigureMakers = {"carbon_bars": partial(_bars, result)}
    if len(result.findings.frontier) > 1:
        makers["carbon_frontier"] = partial(_frontier, result)
    makers["carbon_over_time"] = partial(_over_time, result)
    return makers


def _bars(result: StudyResult) -> Figure:
    bars = [
        draw.CarbonBar(
            LABELS[name],
            one.tonnes,
            one.band.low_kg / KG_PER_TONNE,
            one.band.high_kg / KG_PER_TONNE,
        )
        for name, one in result.findings.strategies.items()
        if name != BASELINE
    ]
    level = result.config.uncertainty.level
    return draw.carbon_bars(bars, baseline=LABELS[BASELINE], level=level)


def _frontier(result: StudyResult) -> Figure:
    points = result.findings.frontier
    knee = result.findings.knee
    prices = [one.price_per_tonne for one in points]
    return draw.carbon_frontier(
        np.array([one.tonnes for one in points]),
        np.array([one.net_cost for one in points]),
        np.array(prices),
        knee=-1 if knee is None else prices.index(knee.price_per_tonne),
        currency=result.summary["currency"],
    )


def _over_time(result: StudyResult) -> Figure:
    found = result.findings
    factors = {"marginal": found.factors.marginal}
    stored = None
    if found.factors.average is not None:
        factors["average"] = found.factors.average
        stored = result.tables["stored_carbon"]["stored_kg_per_mwh"].to_numpy()
    power = {
        LABELS[name]: found.strategies[name].assessment.schedule.power_kw.sum(axis=0)
        for name in (BASELINE, "price", "carbon")
    }
    return draw.carbon_over_time(
        found.inputs.portfolio.grid,
        factors,
        power,
        stored,
        time_zone=result.config.horizon.time_zone,
    )


def page(result: AnyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    if isinstance(result.findings, StreamedResults):
        return streamed_report.page(result, drawn)
    s = result.summary
    money = s["currency"]
    cards = [
        Headline("V2G by price", _change(s["tonnes"]["price"]), "t", "against no control"),
        Headline("V2G by carbon", _change(s["tonnes"]["carbon"]), "t", "by marginal factors"),
        Headline(
            "Sure",
            f"{s['reduction_probability']['price']:.0%}",
            "",
            "that V2G by price lowers them",
        ),
    ]
    if s["knee_price_per_tonne"] is not None:
        knee = f"{s['knee_price_per_tonne']:,.0f}"
        cards.append(Headline("Knee", knee, f"{money}/t", "further tonnes cost more"))
    if s["foresight_share"] is not None:
        share = f"{s['foresight_share']:.0%}"
        cards.append(Headline("On forecasts", share, "", "of what foresight saves"))
    sections = drawn.sections(READING, HEADINGS)
    exceeded = _exceeded(s)
    told = f"{answer(s)}{f'; {exceeded}' if exceeded else ''}."
    tables = [_side_by_side(result), *_sensitivity(result)]
    return Page(cards=cards, sections=[*sections, *tables], answer=told)


def _side_by_side(result: StudyResult) -> Section:
    """Every strategy on every ledger."""
    money = result.summary["currency"]
    columns = (
        "strategy",
        "consequential, t",
        "band, t",
        "location-based, t",
        "market-based, t",
        f"net cost, {money}",
        "beyond limits, kW",
        "status",
    )
    rows = [
        (
            LABELS[row["strategy"]],
            _change(row["consequential_tonnes"]),
            f"{_change(row['low_tonnes'])} to {_change(row['high_tonnes'])}",
            _or_none(row["location_tonnes"]),
            _or_none(row["market_tonnes"]),
            amount(row["net_cost"], decimals=2),
            f"{row['violation_kw']:,.2f}",
            row["status"],
        )
        for row in result.tables["ledgers"].to_dicts()
    ]
    text = (
        "The consequential ledger is against no control, the other two are what the energy used "
        "carries. They answer other questions and are never added."
    )
    return Section("Three ledgers side by side", text, Table(columns, rows))


def _sensitivity(result: StudyResult) -> list[Section]:
    """What follows from other factors of fuels; nothing where factors were given."""
    found = result.findings.sensitivity
    if not found:
        return []
    names = [name for name in found[0].tonnes if name != BASELINE]
    columns = ("fuel", "its factor", "marginal, kg/MWh", *(f"{LABELS[name]}, t" for name in names))
    rows = [
        (
            one.fuel.replace("_", " "),
            f"{one.change:+.0%}",
            f"{one.marginal_kg_per_mwh:,.1f}",
            *(_change(one.tonnes[name]) for name in names),
        )
        for one in found
    ]
    text = "The same schedules, counted by factors in which one fuel emits more or less."
    return [Section("If a fuel's factor is another", text, Table(columns, rows))]


def _change(tonnes: float) -> str:
    """Tonnes more or less, as a reader expects them."""
    return amount(tonnes, signed=True, decimals=3)


def _or_none(tonnes: float | None) -> str:
    return "no factors" if tonnes is None else amount(tonnes, decimals=3)
