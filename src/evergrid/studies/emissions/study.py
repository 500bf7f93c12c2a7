"""What did the fleet do to carbon, on which ledger, and what does less of it cost?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid, span
from evergrid.core.units import KG_PER_TONNE, KWH_PER_MWH, per_kwh_from_per_mwh
from evergrid.data.emissions import sgip_forecast
from evergrid.data.files.locate import locate
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch import proof, rolling
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.carbon.account import ScheduleCarbon
from evergrid.dispatch.carbon.forecast import FactorView
from evergrid.dispatch.carbon.frontier import (
    CarbonProblem,
    FrontierPoint,
    capped,
    frontier,
    knee,
)
from evergrid.dispatch.carbon.prices import carbon_only
from evergrid.dispatch.options import Options
from evergrid.dispatch.plan import Plan
from evergrid.impact.emissions.blend import LeadForecasts
from evergrid.impact.emissions.consequence import GridLosses
from evergrid.impact.emissions.ledgers import (
    ConsequentialLedger,
    LocationBasedLedger,
    MarketBasedLedger,
)
from evergrid.impact.emissions.uncertainty import Band
from evergrid.inputs.assembly import load
from evergrid.inputs.emissions import (
    Factors,
    estimate_factors,
    in_file,
    ledger_factors,
    read_factors,
)
from evergrid.model.portfolio import Portfolio
from evergrid.studies.emissions import bands, report, streamed, tables
from evergrid.studies.emissions.config import Config, Forecast
from evergrid.studies.emissions.results import (
    BASELINE,
    EmissionsResults,
    FuelSensitivity,
    StrategyCarbon,
)
from evergrid.studies.study import Context, Output, Study

FUEL_CHANGE = 0.1  # share by which the factor of each fuel is tried higher and lower


def compute(config: Config, context: Context) -> Output[Any]:
    """Plan by price and by carbon, and count each on its ledgers.

    Raises:
        ConfigError: Formats or options that there are not.
        InputError: Data or settings that break rules.
        SolveError: No plan within the time limit.
    """
    if config.streamed:
        return streamed.compute(config, context)
    context.progress("reading the inputs", 0.0)
    given = load(config, None, folder=context.folder, seed=context.seed)
    told: list[str] = []
    factors = ledger_factors(
        config.factor_sources,
        given.portfolio.grid,
        context.folder,
        time_zone=config.horizon.time_zone,
        tell=told.append,
    )
    counting = _Counting(config, context, given.portfolio, factors)
    strategies = _strategies(counting)
    points = _frontier(counting)
    cap = None if config.cap_tonnes is None else capped(counting.problem, config.cap_tonnes)
    results = EmissionsResults(
        given,
        factors,
        strategies,
        points,
        knee(points),
        cap,
        counting.past_errors,
        _sensitivity(counting, strategies),
        counting.forecasts,
    )
    return Output(
        results,
        tables.headline(config, results),
        tables.results(results),
        inputs=tables.inputs(results),
        notes=(*given.notes, *told, *report.notes(config, results)),
        sources=(*given.sources, *factors.sources),
    )


@dataclass(frozen=True)
class _Counting:
    """What every strategy is counted with."""

    config: Config
    context: Context
    portfolio: Portfolio
    factors: Factors

    @property
    def losses(self) -> GridLosses:
        return self.config.factor_sources.losses

    @property
    def options(self) -> Options:
        value = energy_plan.end_value_per_kwh(self.portfolio)
        return Options(value, smooth=False, time_limit_s=self.config.time_limit_s)

    @cached_property
    def past_errors(self) -> Float[Array, " past"] | None:
        """What factors missed by in the past; None where that is assumed."""
        return bands.past_errors(self.config, self.context, self.portfolio.grid.step_h)

    @cached_property
    def forecasts(self) -> LeadForecasts | None:
        """Of marginal factors; None where only foresight is asked for."""
        if self.config.forecast is None:
            return None
        path = locate(self.config.forecast.file, self.context.folder)
        try:
            made = sgip_forecast.read(path).on(self.portfolio.grid)
        except InputError as fault:
            raise in_file(path, fault) from fault
        return LeadForecasts(self.factors.marginal, made)

    @property
    def problem(self) -> CarbonProblem:
        return CarbonProblem(self.portfolio, self.factors.marginal, self.options, self.losses)

    @property
    def embodied_kg_per_kwh(self) -> float:
        """Carbon of wear for each kWh fed."""
        embodied = self.config.embodied
        return 0.0 if embodied is None else embodied.pack_kg_per_kwh / embodied.life_full_cycles

    def led_by(self, factor: Float[Array, " step"]) -> Portfolio:
        """The portfolio with kilograms for money, by these factors."""
        return carbon_only(
            self.portfolio, factor, self.losses, embodied_kg_per_kwh=self.embodied_kg_per_kwh
        )

    def kg_options(self, factor: Float[Array, " step"]) -> Options:
        """How to plan where kilograms of these factors stand for money.

        Energy left is worth what tonnes count it at: the median factor, without losses of wires.
        """
        usual = replace(self.problem, factor_kg_per_mwh=factor).usual_kg_per_mwh
        return replace(self.options, end_value_per_kwh=per_kwh_from_per_mwh(usual))

    def counted(
        self,
        name: str,
        assessment: Assessment,
        status: str,
        gap: float | None,
        baseline: ScheduleCarbon | None,
    ) -> StrategyCarbon:
        """A strategy on every ledger."""
        own = ScheduleCarbon(self.portfolio, assessment.schedule)
        base = own if baseline is None else baseline
        caused = self.problem.tonnes(own.schedule) - self.problem.tonnes(base.schedule)
        market = None
        if self.config.residual_mix is not None and self.factors.residual is not None:
            unmatched = 1.0 - self.config.residual_mix.matched_share
            kg = unmatched * own.charged_kg(self.factors.residual)
            market = MarketBasedLedger(kg, self.factors.names["residual_mix"])
        stored, location = None, None
        if self.factors.average is not None:
            given = self.config.elsewhere_kg_per_mwh
            elsewhere = float(self.factors.average.mean()) if given is None else given
            stored = own.stored(self.factors.average, elsewhere_kg_per_mwh=elsewhere)
            kg = float(stored.charged_kg.sum() - stored.fed_kg.sum())
            location = LocationBasedLedger(kg, self.factors.names["average"])
        fed_kwh = float(own.fed_kwh.sum())
        embodied = self.embodied_kg_per_kwh * fed_kwh
        return StrategyCarbon(
            name=name,
            status=status,
            gap=gap,
            net_cost=costs(self.portfolio, assessment.schedule, self.options.end_value_per_kwh).net,
            assessment=assessment,
            energy=own.energy,
            consequential=ConsequentialLedger(
                KG_PER_TONNE * caused, self.factors.names["marginal"]
            ),
            band=self._band(own, base, KG_PER_TONNE * caused),
            location=location,
            market=market,
            stored=stored,
            fed_mwh=fed_kwh / KWH_PER_MWH,
            embodied_kg=None if self.config.embodied is None else embodied,
            driving_kg=self._driving_kg(assessment),
        )

    def _band(self, own: ScheduleCarbon, base: ScheduleCarbon, caused_kg: float) -> Band:
        """How sure a difference to the baseline is."""
        more = own.energy.net_kwh - base.energy.net_kwh
        factor = self.factors.marginal
        return bands.of_difference(
            self.config, self.context, more, factor, caused_kg, self.past_errors
        )

    def _driving_kg(self, assessment: Assessment) -> float | None:
        """What driving with the energy that sessions gain displaces."""
        driving = self.config.driving
        if driving is None:
            return None
        sessions, schedule = self.portfolio.sessions, assessment.schedule
        drives = ~np.isin(
            sessions.asset_id.astype(str), [one.asset_id for one in self.config.battery]
        )
        gained_kwh = schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh
        gained = float(gained_kwh[drives].sum())
        return gained * driving.km_per_kwh * driving.displaced_g_per_km / 1000.0


def _strategies(counting: _Counting) -> dict[str, StrategyCarbon]:
    """Every strategy, the baseline first."""
    portfolio, factors, tell = counting.portfolio, counting.factors, counting.context.progress
    tell("planning by price", 0.1)
    by_price = energy_plan.v2g(portfolio, counting.options)
    smart = energy_plan.smart(portfolio, counting.options)
    usual = energy_plan.uncontrolled(portfolio, counting.options, smart)
    base = ScheduleCarbon(portfolio, usual.schedule)
    plans: dict[str, Plan] = {BASELINE: usual, "smart": smart, "price": by_price}
    if factors.average is not None:
        tell("planning by average factors", 0.2)
        led = counting.led_by(factors.average)
        plans["average"] = energy_plan.v2g(led, counting.kg_options(factors.average))
    tell("planning by marginal factors", 0.3)
    led = counting.led_by(factors.marginal)
    plans["carbon"] = energy_plan.v2g(led, counting.kg_options(factors.marginal))
    found = {}
    for name, made in plans.items():
        gap = None if name == BASELINE else made.certificate.gap
        found[name] = counting.counted(name, made.assessment, str(made.status), gap, base)
    if counting.config.forecast is not None:
        tell("planning on forecasts", 0.4)
        came = _rolling(counting)
        status = str(proof.status(came.assessment, Status.FEASIBLE))
        found["carbon_forecast"] = counting.counted(
            "carbon_forecast", came.assessment, status, None, base
        )
    return found


def _rolling(counting: _Counting) -> rolling.RollingResult:
    """Planning again and again on forecasts of factors, settled on what came."""
    config, grid = counting.config, counting.portfolio.grid
    forecast, leads = config.forecast, counting.forecasts
    assert forecast is not None
    assert leads is not None
    expected = leads.blended_kg_per_mwh if forecast.blend else leads.forecast_kg_per_mwh
    before = _before(grid, forecast.look_back_days)
    past = _known_before(config, counting.context, before)
    led = counting.led_by(counting.factors.marginal)
    day = max(1, round(24.0 / grid.step_h))
    view = FactorView(led.prices, expected, past, day, counting.losses)
    every, window = _cadence(forecast, grid)
    tell = counting.context.progress
    return rolling.simulate(
        led,
        view,
        counting.kg_options(counting.factors.marginal),
        window=window,
        every=every,
        tick=lambda step: tell("planning on forecasts", 0.4 + 0.3 * step / grid.steps),
    )


def _known_before(config: Config, context: Context, before: TimeGrid) -> Float[Array, " past"]:
    """Marginal factors of the days before the horizon.

    Raises:
        InputError: The file of factors does not reach so far back.
    """
    assert config.marginal is not None
    assert config.forecast is not None
    known = read_factors(config.marginal, "marginal", context.folder).factors
    try:
        return known.on(before)
    except InputError as error:
        rule = f"be covered by [marginal], from {span(before.start_utc, before.end_utc)}"
        fix = "Give factors from so many days before the horizon on, or look back less far."
        days = config.forecast.look_back_days
        raise InputError("forecast", [Fault("look_back_days", rule, (days,), fix=fix)]) from error


def _cadence(forecast: Forecast, grid: TimeGrid) -> tuple[int, int]:
    """Steps after which it is planned anew, and steps that each plan looks ahead.

    Raises:
        InputError: Times that are no steps, or plans that end before the next one.
    """
    every, window = (
        hours / grid.step_h for hours in (forecast.every_min / 60.0, forecast.window_h)
    )
    faults = []
    if abs(every - round(every)) > 1e-9 or every < 1 - 1e-9:
        rule = f"be a whole number of steps of {60.0 * grid.step_h:g} min"
        fix = "Give a multiple of horizon.step_min, or shorter steps."
        faults.append(Fault("every_min", rule, (forecast.every_min,), fix=fix))
    elif round(window) < round(every):
        rule = f"be at least the {forecast.every_min / 60.0:g} h after which it is planned anew"
        fix = "Look further ahead, or plan more often."
        faults.append(Fault("window_h", rule, (forecast.window_h,), fix=fix))
    raise_if_any("forecast", faults)
    return round(every), round(window)


def _sensitivity(
    counting: _Counting, strategies: Mapping[str, StrategyCarbon]
) -> tuple[FuelSensitivity, ...]:
    """The same schedules by factors in which one fuel emits more or less."""
    source, grid = counting.config.generation, counting.portfolio.grid
    if source is None:
        return ()
    found = []
    for fuel, factor in source.fuel_t_per_mwh.items():
        for change in (-FUEL_CHANGE, FUEL_CHANGE):
            fuels = {**source.fuel_t_per_mwh, fuel: factor * (1.0 + change)}
            other = source.model_copy(update={"fuel_t_per_mwh": fuels})
            zone = counting.config.horizon.time_zone
            made = estimate_factors(other, counting.context.folder, time_zone=zone)
            marginal = made.marginal.on(grid)
            problem = replace(counting.problem, factor_kg_per_mwh=marginal)
            base = problem.tonnes(strategies[BASELINE].assessment.schedule)
            tonnes = {
                name: problem.tonnes(one.assessment.schedule) - base
                for name, one in strategies.items()
            }
            found.append(FuelSensitivity(fuel, change, float(marginal.mean()), tonnes))
    return tuple(found)


def _before(grid: TimeGrid, days: int) -> TimeGrid:
    """The days before a grid, in its steps."""
    steps = round(24.0 * days / grid.step_h)
    return TimeGrid(grid.start_utc - timedelta(hours=steps * grid.step_h), grid.step_h, steps)


def _frontier(counting: _Counting) -> tuple[FrontierPoint, ...]:
    """Plans at rising prices of carbon."""
    wanted = counting.config.prices_per_tonne
    tell = counting.context.progress

    def number(k: int) -> None:
        tell(f"planning at {wanted[k]:g} per tonne", 0.7 + 0.25 * k / max(len(wanted), 1))

    return tuple(frontier(counting.problem, wanted, number))


STUDY: Study[Config, Any] = Study(
    name="emissions",
    question="What did the fleet do to carbon, on which ledger, and what does less of it cost?",
    config=Config,
    own_files=tables.FILES,
    compute=compute,
    report=report,
)
