"""Carbon in a plan: its price or a cap on it, and what each strategy emits on each ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from evergrid.core.errors import ConfigError
from evergrid.core.progress import Progress
from evergrid.core.status import Status
from evergrid.core.units import KG_PER_TONNE
from evergrid.data.tables import NoteCallback
from evergrid.dispatch.accounts import Costs
from evergrid.dispatch.carbon.account import ScheduleCarbon
from evergrid.dispatch.carbon.cap import PlanWithinCap
from evergrid.dispatch.carbon.cap import within_cap as plan_within_cap
from evergrid.dispatch.carbon.frontier import CarbonProblem
from evergrid.dispatch.carbon.prices import with_carbon_price
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.inputs.emissions import Factors, ledger_factors
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.report.page import Headline, Section, Table
from evergrid.studies.plan import service
from evergrid.studies.plan.config import Carbon, Config

BASELINE = "uncontrolled"
LEDGERS = ("consequential_kg", "location_kg", "market_kg")
LEDGERS_TOLD = (
    "The consequential ledger is against no control, at equal energy in the end. Ledgers answer "
    "other questions and are never added."
)


@dataclass(frozen=True)
class PlanCarbon:
    """A price of carbon or a cap on it, and what is emitted by it.

    Attributes:
        config: The price or the cap, and where factors come from.
        factors: Of every step.
    """

    config: Carbon
    factors: Factors

    def on(self, portfolio: Portfolio) -> Portfolio:
        """The portfolio with the price of carbon; as it is where a cap stands in its place.

        Raises:
            InputError: Its prices hold one already.
        """
        price, losses = self.config.price_per_tonne, self.config.losses
        if price is None:
            return portfolio
        return with_carbon_price(portfolio, self.factors.marginal, price, losses)

    def problem(self, portfolio: Portfolio, options: Options) -> CarbonProblem:
        """What is planned or counted by marginal factors."""
        return CarbonProblem(portfolio, self.factors.marginal, options, self.config.losses)


def read(config: Config, folder: Path, *, tell: NoteCallback) -> PlanCarbon | None:
    """The price of carbon and the factors of a plan; None where it has none.

    Raises:
        ConfigError: Factors that are given twice, a price and a cap, formats or options that there
            are not.
        InputError: Factors that break rules or do not cover the horizon.
    """
    if config.carbon is None:
        return None
    if faults := config.carbon.faults():
        raise ConfigError("carbon", faults)
    zone = config.horizon.time_zone
    grid = config.horizon.grid()
    return PlanCarbon(
        config.carbon, ledger_factors(config.carbon, grid, folder, time_zone=zone, tell=tell)
    )


def within_cap(
    given: PlanCarbon, portfolio: Portfolio, options: Options, progress: Progress
) -> PlanWithinCap:
    """The plan with V2G within the cap.

    Raises:
        InfeasibleError: The cap cannot be kept.
        InputError: Prices that hold carbon already; limits that are exceeded, or energy owed that
            cannot be served, even without a cap.
        SolveError: No plan within the time limit.
    """
    assert given.config.cap_tonnes is not None
    progress("planning V2G without the cap", 0.05)

    def tell(price: float) -> None:
        progress(f"planning V2G where a tonne costs {price:,.2f}", 0.1)

    return plan_within_cap(given.problem(portfolio, options), given.config.cap_tonnes, tell)


@dataclass(frozen=True)
class StrategyEmissions:
    """What a strategy pays for carbon, and emits.

    Attributes:
        cost: Carbon among its cost items.
        tonnes: CO2 by marginal factors, load and generation included, at equal energy in the end.
        consequential_kg: CO2 more than without control, at equal energy in the end.
        location_kg: Of energy drawn by sessions less what energy fed carries away; None without
            average factors.
        market_kg: Of energy drawn that no certificate covers; None without a residual mix.
    """

    cost: float
    tonnes: float
    consequential_kg: float
    location_kg: float | None
    market_kg: float | None


def emissions(
    given: PlanCarbon,
    portfolio: Portfolio,
    options: Options,
    plans: Mapping[str, Plan],
    rolled: Mapping[str, RollingResult],
) -> dict[str, StrategyEmissions]:
    """What every strategy pays for carbon and emits, rolling ones among them."""
    done: dict[str, tuple[Schedule, Costs]] = {
        name: (made.schedule, made.costs) for name, made in plans.items()
    }
    done |= {f"rolling_{name}": (made.schedule, made.costs) for name, made in rolled.items()}
    counting = given.problem(portfolio, options)
    base = counting.tonnes(done[BASELINE][0])
    return {
        name: StrategyEmissions(
            paid.amounts["carbon"],
            counting.tonnes(schedule),
            KG_PER_TONNE * (counting.tonnes(schedule) - base),
            _location_kg(given, ScheduleCarbon(portfolio, schedule)),
            _market_kg(given, ScheduleCarbon(portfolio, schedule)),
        )
        for name, (schedule, paid) in done.items()
    }


def _location_kg(given: PlanCarbon, own: ScheduleCarbon) -> float | None:
    average = given.factors.average
    if average is None:
        return None
    stored = own.stored(average, elsewhere_kg_per_mwh=float(average.mean()))
    return float(stored.charged_kg.sum() - stored.fed_kg.sum())


def _market_kg(given: PlanCarbon, own: ScheduleCarbon) -> float | None:
    residual, mix = given.factors.residual, given.config.residual_mix
    if residual is None or mix is None:
        return None
    return (1.0 - mix.matched_share) * own.charged_kg(residual)


def summary(
    given: PlanCarbon, found: Mapping[str, StrategyEmissions], capped: PlanWithinCap | None
) -> dict[str, Any]:
    """Carbon in ``summary.json``."""
    made: dict[str, Any] = {
        "price_per_tonne": given.config.price_per_tonne,
        "cap_tonnes": given.config.cap_tonnes,
        "cap_binds": None if capped is None else capped.binds,
        "cap_price_per_tonne": None if capped is None else capped.price_per_tonne,
        "cap_cost": None if capped is None else capped.cost,
        "tonnes_without_cap": None if capped is None else capped.found.free.tonnes,
        "source": given.factors.names["marginal"],
        "baseline": BASELINE,
        "cost": {name: one.cost for name, one in found.items()},
        "tonnes": {name: one.tonnes for name, one in found.items()},
    }
    for ledger in LEDGERS:
        values = {name: getattr(one, ledger) for name, one in found.items()}
        made[ledger] = None if None in values.values() else values
    return made


def table(found: Mapping[str, StrategyEmissions]) -> pl.DataFrame:
    """Each strategy's cost of carbon and emissions, side by side and never added."""
    columns: dict[str, Any] = {"strategy": list(found)}
    columns |= {
        name: pl.Series([getattr(one, name) for one in found.values()], dtype=pl.Float64)
        for name in ("cost", "tonnes", *LEDGERS)
    }
    return pl.DataFrame(columns)


def line(s: Mapping[str, Any]) -> str:
    """What V2G pays for carbon and emits, in one line."""
    made, money = s["carbon"], s["currency"]
    text = _cap_line(made, money)
    if made["cap_tonnes"] is None:
        cost = service.amount(made["cost"]["v2g"])
        text = f"{cost} {money} at {made['price_per_tonne']:g} a tonne"
    text += f"; {made['consequential_kg']['v2g']:+,.1f} kg against no control"
    for ledger, label in (("location_kg", "location-based"), ("market_kg", "market-based")):
        if made[ledger] is not None:
            text += f"; {label} {made[ledger]['v2g']:,.1f} kg"
    return text


def beyond_cap(made: Mapping[str, Any]) -> list[str]:
    """Names of the strategies that emit more than the cap; only the plan with V2G keeps it."""
    return [
        name
        for name, tonnes in made["tonnes"].items()
        if name != "v2g" and tonnes > made["cap_tonnes"]
    ]


def _cap_line(made: Mapping[str, Any], money: str) -> str:
    tonnes, cap = made["tonnes"]["v2g"], made["cap_tonnes"]
    if cap is None:
        return ""
    if not made["cap_binds"]:
        return f"{tonnes:,.4g} t, so that the cap of {cap:,.6g} t does not bind"
    return f"{tonnes:,.6g} t at the cap, where a tonne costs {_price(made, money)}"


def _price(made: Mapping[str, Any], money: str) -> str:
    return f"{service.amount(made['cap_price_per_tonne'])} {money}"


def answer(s: Mapping[str, Any]) -> str:
    """What a price of carbon or a cap does to V2G, in a sentence."""
    made, cost, money = s["carbon"], s["cost"], s["currency"]
    if made["cap_tonnes"] is not None:
        return _cap_answer(made, money)
    kg = made["consequential_kg"]["v2g"]
    word = "more" if kg > 0 else "less"
    dearer = "less" if cost["v2g"] <= cost["uncontrolled"] else "more"
    apart = abs(cost["uncontrolled"] - cost["v2g"])
    return (
        f"With a tonne at {made['price_per_tonne']:g} {money}, V2G emits {abs(kg):,.1f} kg {word} "
        f"than no control and costs {service.amount(apart)} {money} {dearer}, carbon included."
    )


def _cap_answer(made: Mapping[str, Any], money: str) -> str:
    cap, without = made["cap_tonnes"], made["tonnes_without_cap"]
    if not made["cap_binds"]:
        return (
            f"The cap of {cap:,.6g} t does not bind: the cheapest plan with V2G emits "
            f"{without:,.4g} t, so the cap costs nothing."
        )
    return (
        f"V2G keeps the cap of {cap:,.6g} t where the cheapest plan would emit {without:,.4g} t; "
        f"that costs {service.amount(made['cap_cost'])} {money} more, and at the cap a tonne less "
        f"costs {_price(made, money)}."
    )


def cards(s: Mapping[str, Any]) -> list[Headline]:
    """What a tonne costs, and what is emitted."""
    made, money = s["carbon"], s["currency"]
    if made["cap_tonnes"] is None:
        kg = made["consequential_kg"]["v2g"]
        return [Headline("Carbon with V2G", f"{kg:+,.1f}", "kg CO2", "against no control")]
    hint = "what one less costs at the cap" if made["cap_binds"] else "the cap does not bind"
    return [
        Headline("Cost of a tonne", service.amount(made["cap_price_per_tonne"]), money, hint),
        Headline(
            "Emitted", f"{made['tonnes']['v2g']:,.4g}", "t CO2", f"cap {made['cap_tonnes']:,.4g} t"
        ),
    ]


def section(s: Mapping[str, Any], names: Mapping[str, str]) -> Section:
    """Carbon of every strategy as a table."""
    made = s["carbon"]
    columns = ("strategy", f"cost of carbon, {s['currency']}", "emitted, t", "consequential, kg")
    columns += ("location-based, kg", "market-based, kg")
    rows = [
        (
            names[name],
            service.amount(cost),
            f"{made['tonnes'][name]:,.4f}",
            f"{made['consequential_kg'][name]:+,.1f}",
            *(
                "no factors" if made[ledger] is None else f"{made[ledger][name]:,.1f}"
                for ledger in LEDGERS[1:]
            ),
        )
        for name, cost in made["cost"].items()
    ]
    return Section("Carbon", f"{_rule(made, s['currency'])} {LEDGERS_TOLD}", Table(columns, rows))


def _rule(made: Mapping[str, Any], money: str) -> str:
    """What carbon costs, and by which factors."""
    by = f"by marginal factors ({made['source']})"
    if made["cap_tonnes"] is None:
        return (
            f"A tonne costs {made['price_per_tonne']:g} {money}. Energy drawn pays for what it "
            f"causes {by}, energy fed is credited with what it displaces, and curtailing costs "
            "what is not displaced."
        )
    return (
        f"The plan with V2G may cause {made['cap_tonnes']:,.6g} t {by}, less what it displaces, "
        "with load and generation. The other strategies are as they would be without a cap, and "
        "nobody pays for carbon."
    )


def notes(given: PlanCarbon, capped: PlanWithinCap | None) -> list[str]:
    """What a reader must know."""
    if capped is not None:
        return _cap_notes(capped)
    assert given.config.price_per_tonne is not None
    mean = float(given.factors.marginal.mean())
    price = mean * given.config.price_per_tonne / KG_PER_TONNE
    return [
        f"Net costs hold carbon at {given.config.price_per_tonne:g} a tonne: {price:,.2f} per MWh "
        f"at the mean marginal factor of {mean:,.0f} kg/MWh. Rolling plans know factors as long "
        "ahead as prices, and believe those of the day before beyond that."
    ]


def _cap_notes(capped: PlanWithinCap) -> list[str]:
    gap = capped.plan.certificate.gap
    text = (
        "The cap counts energy drawn less energy fed at marginal factors over the whole horizon, "
        "and energy left in vehicles that stay at the median factor."
    )
    if not capped.binds:
        text += f" It does not bind: the cheapest plan emits {capped.found.free.tonnes:,.6g} t."
    text += f" No plan within it costs less than this one by more than {gap:.1e} of it."
    if capped.plan.status is not Status.OPTIMAL:
        text += (
            " That is wider than the gap asked for: prices of carbon may leave one where a plan "
            "holds decisions, such as to draw or to feed, or where time ran out."
        )
    return [text]
