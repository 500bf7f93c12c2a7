"""Strategies of a plan side by side: what each costs, what it leaves undone, what compares."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from evergrid.report.page import Headline, Section, Table

NAMES = {
    "uncontrolled": "uncontrolled",
    "smart": "smart",
    "v2g": "V2G",
    "rolling_perfect": "rolling, actual prices",
    "rolling_forecast": "rolling, forecast prices",
    "rolling_persistence": "rolling, yesterday's prices",
}
LEAST_MONEY = 0.005  # below which an amount is none
LEAST_KWH = 1e-3  # of excess, below which it is not spelt out


def saving_line(summary: Mapping[str, Any]) -> str:
    """What V2G saves against no control, as a share where that pays, or why it is no saving."""
    base = summary["cost"]["uncontrolled"]
    saving = base - summary["cost"]["v2g"]
    text = f"{amount(saving)} {summary['currency']}"
    if not _comparable(summary):
        return f"no like service: {text} against uncontrolled, which {undone(summary)}"
    return f"{text} ({100 * saving / base:.1f} %)" if base >= LEAST_MONEY else text


def amount(money: float) -> str:
    """Money with two digits; what rounds to nothing has no sign."""
    return f"{money:z,.2f}"


def saving_card(summary: Mapping[str, Any], money: str) -> Headline:
    """The saving as a card, which is called so only where the service is alike."""
    unit = summary["currency"]
    if _comparable(summary):
        return Headline("Saving", money, unit, "against uncontrolled charging")
    return Headline("Cost difference", money, unit, f"no like service: {undone(summary)}")


def undone(summary: Mapping[str, Any]) -> str:
    """What the strategies that are compared leave undone, as the end of a sentence on the first."""
    base, best = (summary["strategies"][name] for name in ("uncontrolled", "v2g"))
    parts = []
    if abs(base["shortfall_kwh"] - best["shortfall_kwh"]) > LEAST_KWH:
        parts.append(
            f"leaves {base['shortfall_kwh']:,.1f} kWh unserved where V2G leaves "
            f"{best['shortfall_kwh']:,.1f}"
        )
    over, less = beyond_kwh(base), beyond_kwh(best)
    if abs(over - less) > LEAST_KWH:
        parts.append(f"exceeds limits by {over:,.1f} kWh where V2G does by {less:,.1f}")
    carbon = summary.get("carbon", {"cap_tonnes": None})
    if carbon["cap_tonnes"] is not None and carbon["tonnes"]["uncontrolled"] > carbon["cap_tonnes"]:
        parts.append(
            f"emits {carbon['tonnes']['uncontrolled']:,.4g} t where the cap for V2G is "
            f"{carbon['cap_tonnes']:,.4g} t"
        )
    if _violates_feeder(summary):
        steps = summary["feeder"]["steps_violated"]
        parts.append(
            f"violates limits of the feeder in {counted(steps['uncontrolled'], 'step')} where V2G "
            f"does in {steps['v2g']:,}"
        )
    return " and ".join(parts)


def beyond_kwh(strategy: Mapping[str, Any]) -> float:
    """Energy beyond all limits and budgets."""
    items = (*strategy["overloads"], *strategy["overdrafts"])
    return sum((item["excess_kwh"] for item in items), start=0.0)


def split(summary: Mapping[str, Any]) -> str:
    """The net cost of V2G as cash, wear and energy left, in brackets; empty where all is cash."""
    best = summary["strategies"]["v2g"]
    if abs(best["wear"]) + abs(best["energy_left"]) < LEAST_MONEY:
        return ""
    parts = (amount(best[key]) for key in ("cash", "wear", "energy_left"))
    return " (cash {}, wear {}, energy left {})".format(*parts)


def limits_line(summary: Mapping[str, Any]) -> str:
    """Limits that had to be exceeded, in one line; empty where all are kept."""
    overloads, overdrafts = summary["overloads"], summary["overdrafts"]
    if not (overloads or overdrafts):
        return ""
    parts = []
    if overloads:
        worst = max(overloads, key=lambda item: item["worst_kw"])
        parts.append(
            f"{worst['limit']} limit of {worst['site_id']} exceeded by up to "
            f"{worst['worst_kw']:,.2f} kW in {worst['steps']} steps"
        )
    if overdrafts:
        worst = max(overdrafts, key=lambda item: item["excess_kwh"])
        parts.append(f"budget of {worst['site_id']} by {worst['excess_kwh']:,.1f} kWh")
    more = len(overloads) + len(overdrafts) - len(parts)
    return f"{', '.join(parts)}{f', and {more} more' if more else ''}, by load or generation alone"


def short_line(summary: Mapping[str, Any]) -> str:
    """Which limits of sites leave sessions short, in one line; empty where none does."""
    causes = (item["limit"] for item in summary["shortfalls"])
    limits = Counter(cause for cause in causes if " of site " in cause)
    if not limits:
        return ""
    (most, sessions), *others = limits.most_common()
    more = f", others by {counted(len(others), 'more limit')}" if others else ""
    return f"{counted(sessions, 'session')} short by {most}{more}"


def counted(count: int, noun: str) -> str:
    """So many of them, such as ``1 site`` and ``2 sites``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def curtailment_line(summary: Mapping[str, Any]) -> str:
    """How much of the generation is curtailed, in one line; empty without generation."""
    if not summary["curtailment"]:
        return ""
    made = sum(item["generation_kwh"] for item in summary["curtailment"])
    share = 100 * summary["curtailed_kwh"] / made if made > 0 else 0.0
    return f"{summary['curtailed_kwh']:,.1f} of {made:,.1f} kWh generated ({share:.1f} %)"


def strategies(summary: Mapping[str, Any]) -> Section:
    """All strategies as a table, with what may be compared."""
    money = summary["currency"]
    columns = ("strategy", f"net cost, {money}", f"cash, {money}", f"wear, {money}")
    columns += (f"energy left, {money}", "served, %", "short, kWh", "sessions short")
    columns += ("beyond limits, kWh", "worst, kW", "curtailed, kWh", "peak import, kW")
    rows = [_strategy_row(name, made) for name, made in summary["strategies"].items()]
    alike = [NAMES[n] for n, made in summary["strategies"].items() if not made["same_service"]]
    text = (
        "What each strategy costs and gives. Net cost is cash, wear and the worth of energy left "
        "in vehicles that stay, with a gain below zero."
    )
    if _violates_feeder(summary):
        text += " V2G violates limits of the feeder, so its costs cannot be compared with others."
    elif alike:
        text += (
            f" Costs of {', '.join(alike)} cannot be compared with those of V2G: they leave more "
            "unserved, exceed limits further, or emit more than a cap allows."
        )
    else:
        text += " All give the service that V2G gives, so their costs can be compared."
    return Section("Strategies side by side", text, Table(columns, rows))


def _strategy_row(name: str, made: Mapping[str, Any]) -> tuple[str, ...]:
    worst = max((item["worst_kw"] for item in made["overloads"]), default=0.0)
    return (
        NAMES[name],
        *(amount(made[key]) for key in ("cost", "cash", "wear", "energy_left")),
        f"{100 * made['served_share']:.2f}",
        f"{made['shortfall_kwh']:,.2f}",
        f"{made['sessions_short']:,}",
        f"{beyond_kwh(made):,.2f}",
        f"{worst:,.2f}",
        f"{made['curtailed_kwh']:,.1f}",
        f"{made['peak_import_kw']:,.1f}",
    )


def curtailment(summary: Mapping[str, Any]) -> list[Section]:
    """Curtailment by site as a table, where there is generation."""
    if not summary["curtailment"]:
        return []
    items = sorted(summary["curtailment"], key=lambda item: -item["curtailed_kwh"])
    rows = [
        (
            item["site_id"],
            f"{item['generation_kwh']:,.1f}",
            f"{item['curtailed_kwh']:,.1f}",
            f"{100 * item['curtailed_kwh'] / item['generation_kwh']:.1f}",
        )
        for item in items[:200]
    ]
    text = "What each site could generate, and by how much the V2G plan curtails it."
    text += " The 200 that curtail most are shown." if len(items) > len(rows) else ""
    columns = ("site", "generation, kWh", "curtailed, kWh", "curtailed, %")
    return [Section("Curtailment by site", text, Table(columns, rows))]


def _violates_feeder(summary: Mapping[str, Any]) -> bool:
    """Whether the plan with V2G violates limits of a feeder."""
    return "feeder" in summary and not summary["feeder"]["holds"]


def _comparable(summary: Mapping[str, Any]) -> bool:
    """Whether uncontrolled charging and V2G give the same service."""
    base, best = (summary["strategies"][name] for name in ("uncontrolled", "v2g"))
    less = best["shortfall_kwh"] - base["shortfall_kwh"] > LEAST_KWH
    if _violates_feeder(summary):
        return False
    return base["same_service"] and not less and beyond_kwh(best) - beyond_kwh(base) <= LEAST_KWH
