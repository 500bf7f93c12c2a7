"""Carbon in a plan: its price, and what each strategy pays for it and emits on each ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from evergrid.core.errors import ConfigError
from evergrid.core.units import KG_PER_TONNE
from evergrid.data.tables import NoteCallback
from evergrid.dispatch.accounts import Costs
from evergrid.dispatch.carbon.account import ScheduleCarbon
from evergrid.dispatch.carbon.frontier import CarbonProblem
from evergrid.dispatch.carbon.prices import with_carbon_price
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.inputs.emissions import Factors, ledger_factors
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.report.page import Section, Table
from evergrid.studies.plan import service
from evergrid.studies.plan.config import CarbonPrice, Config

BASELINE = "uncontrolled"
LEDGERS = ("consequential_kg", "location_kg", "market_kg")


@dataclass(frozen=True)
class PlanCarbon:
    """A price of carbon, and what is emitted by it.

    Attributes:
        config: The price, and where factors come from.
        factors: Of every step.
    """

    config: CarbonPrice
    factors: Factors

    def on(self, portfolio: Portfolio) -> Portfolio:
        """The portfolio with the price of carbon.

        Raises:
            InputError: Its prices hold one already.
        """
        price, losses = self.config.price_per_tonne, self.config.losses
        return with_carbon_price(portfolio, self.factors.marginal, price, losses)


def read(config: Config, folder: Path, *, tell: NoteCallback) -> PlanCarbon | None:
    """The price of carbon and the factors of a plan; None where it has none.

    Raises:
        ConfigError: Factors that are given twice, formats or options that there are not.
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


@dataclass(frozen=True)
class StrategyEmissions:
    """What a strategy pays for carbon, and emits.

    Attributes:
        cost: Carbon among its cost items.
        consequential_kg: CO2 more than without control, at equal energy in the end.
        location_kg: Of energy drawn by sessions less what energy fed carries away; None without
            average factors.
        market_kg: Of energy drawn that no certificate covers; None without a residual mix.
    """

    cost: float
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
    counting = CarbonProblem(portfolio, given.factors.marginal, options, given.config.losses)
    base = counting.tonnes(done[BASELINE][0])
    return {
        name: StrategyEmissions(
            paid.amounts["carbon"],
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


def summary(given: PlanCarbon, found: Mapping[str, StrategyEmissions]) -> dict[str, Any]:
    """Carbon in ``summary.json``."""
    made: dict[str, Any] = {
        "price_per_tonne": given.config.price_per_tonne,
        "source": given.factors.names["marginal"],
        "baseline": BASELINE,
        "cost": {name: one.cost for name, one in found.items()},
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
        for name in ("cost", *LEDGERS)
    }
    return pl.DataFrame(columns)


def line(s: Mapping[str, Any]) -> str:
    """What V2G pays for carbon and emits, in one line."""
    made, money = s["carbon"], s["currency"]
    text = (
        f"{service.amount(made['cost']['v2g'])} {money} at {made['price_per_tonne']:g} a tonne; "
        f"{made['consequential_kg']['v2g']:+,.1f} kg against no control"
    )
    for ledger, label in (("location_kg", "location-based"), ("market_kg", "market-based")):
        if made[ledger] is not None:
            text += f"; {label} {made[ledger]['v2g']:,.1f} kg"
    return text


def answer(s: Mapping[str, Any]) -> str:
    """What a price of carbon does to V2G, in a sentence."""
    made, cost, money = s["carbon"], s["cost"], s["currency"]
    kg = made["consequential_kg"]["v2g"]
    word = "more" if kg > 0 else "less"
    dearer = "less" if cost["v2g"] <= cost["uncontrolled"] else "more"
    apart = abs(cost["uncontrolled"] - cost["v2g"])
    return (
        f"With a tonne at {made['price_per_tonne']:g} {money}, V2G emits {abs(kg):,.1f} kg {word} "
        f"than no control and costs {service.amount(apart)} {money} {dearer}, carbon included."
    )


def section(s: Mapping[str, Any], names: Mapping[str, str]) -> Section:
    """Carbon of every strategy as a table."""
    made = s["carbon"]
    columns = ("strategy", f"cost of carbon, {s['currency']}", "consequential, kg")
    columns += ("location-based, kg", "market-based, kg")
    rows = [
        (
            names[name],
            service.amount(cost),
            f"{made['consequential_kg'][name]:+,.1f}",
            *(
                "no factors" if made[ledger] is None else f"{made[ledger][name]:,.1f}"
                for ledger in LEDGERS[1:]
            ),
        )
        for name, cost in made["cost"].items()
    ]
    text = (
        f"A tonne costs {made['price_per_tonne']:g} {s['currency']}. Energy drawn pays for what it "
        f"causes by marginal factors ({made['source']}), energy fed is credited with what it "
        "displaces, and curtailing costs what is not displaced. The consequential ledger is "
        "against no control, at equal energy in the end. Ledgers answer other questions and are "
        "never added."
    )
    return Section("Carbon", text, Table(columns, rows))


def notes(given: PlanCarbon) -> list[str]:
    """What a reader must know."""
    mean = float(given.factors.marginal.mean())
    price = mean * given.config.price_per_tonne / KG_PER_TONNE
    return [
        f"Net costs hold carbon at {given.config.price_per_tonne:g} a tonne: {price:,.2f} per MWh "
        f"at the mean marginal factor of {mean:,.0f} kg/MWh. Rolling plans know factors as long "
        "ahead as prices, and believe those of the day before beyond that."
    ]
