"""What a large fleet does to carbon over a long time, planned a week of arrivals at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import KG_PER_TONNE, KWH_PER_MWH
from evergrid.dispatch.carbon.stream import FleetCarbon, least_carbon
from evergrid.impact.emissions.consequence import GridLosses, caused_kg
from evergrid.impact.emissions.uncertainty import Band
from evergrid.inputs import fleet_memory
from evergrid.inputs.assembly import all_sessions, read_prices
from evergrid.inputs.emissions import Factors, ledger_factors
from evergrid.studies.emissions import bands
from evergrid.studies.emissions.config import Config
from evergrid.studies.emissions.results import BASELINE
from evergrid.studies.study import Context, Output

CARBON = "carbon"


@dataclass(frozen=True)
class StreamedResults:
    """What the whole fleet does, step by step, without control and by carbon.

    Attributes:
        grid: Steps of the horizon.
        made: Energies of the fleet, tonnes and the bound.
        factors: Emission factors.
        band: How sure what is saved is.
        net_cost: By strategy, of energy at the prices of each step.
        currency: Of that.
        assets: How many vehicles and batteries there are.
        months: Each month of the local clock.
    """

    grid: TimeGrid
    made: FleetCarbon
    factors: Factors
    band: Band
    net_cost: dict[str, float]
    currency: str
    assets: int
    months: pl.DataFrame

    @property
    def gap(self) -> float:
        """Of the plan to the least that there could be, as a share."""
        return (self.made.tonnes - self.made.bound_tonnes) / max(abs(self.made.tonnes), 1e-12)


def compute(config: Config, context: Context) -> Output[StreamedResults]:
    """Plan by marginal factors, some sessions at a time; only tables of the fleet are kept.

    Raises:
        ConfigError: Formats or options that there are not, no vehicle.
        InputError: Data or settings that break rules, sessions that cannot be served.
    """
    tell, grid = context.progress, config.horizon.grid()
    tell("reading the inputs", 0.0)
    fleet_memory.must_hold_sessions(config.fleet, grid)
    notes = list[str]()
    prices, price_sources = read_prices(config.prices, grid, context.folder, tell=notes.append)
    factors = ledger_factors(
        config.factor_sources,
        grid,
        context.folder,
        time_zone=config.horizon.time_zone,
        tell=notes.append,
    )
    given, sources, told = all_sessions(config, config.fleet, grid, context.folder, context.seed)
    inside = grid.position(given.departure_utc) <= grid.steps
    if not inside.any():
        fix = "Give a longer horizon: sessions that last beyond it are left out."
        raise InputError("sessions", [Fault("horizon", "hold at least one session", fix=fix)])
    if not inside.all():
        notes.append(
            f"{int((~inside).sum()):,} sessions that last beyond the horizon are left out."
        )
    sessions = given.select(inside)
    losses = config.factor_sources.losses
    made = least_carbon(
        sessions,
        grid,
        factors.marginal,
        losses=losses,
        tell=lambda share: tell("planning by marginal factors", 0.1 + 0.8 * share),
    )
    priced, none = prices.on(grid), np.zeros(grid.steps)
    buy, sell = (
        one / KWH_PER_MWH for one in (priced.import_price_per_mwh, priced.export_price_per_mwh)
    )
    error = bands.past_errors(config, context, grid.step_h)
    more_kwh = made.drawn_kwh - made.fed_kwh - made.usual_kwh
    caused = KG_PER_TONNE * (made.tonnes - made.usual_tonnes)
    found = StreamedResults(
        grid=grid,
        made=made,
        factors=factors,
        band=bands.of_difference(config, context, more_kwh, factors.marginal, caused, error),
        net_cost={
            BASELINE: float(buy @ made.usual_kwh),
            CARBON: float(buy @ made.drawn_kwh - sell @ made.fed_kwh),
        },
        currency=prices.currency,
        assets=len(np.unique(sessions.asset_id.astype(str))),
        months=_months(config, grid, made, factors.marginal, losses, none),
    )
    return Output(
        found,
        _headline(found),
        {"months": found.months, "fleet": _fleet(found)},
        inputs={"factors": factors.frame(grid)},
        notes=(*told, *notes, *_notes(config, found)),
        sources=(*sources, *price_sources, *factors.sources),
    )


def _headline(found: StreamedResults) -> dict[str, Any]:
    """What is computed, by its key in ``summary.json``."""
    made, t = found.made, KG_PER_TONNE
    return {
        "status": Status.OPTIMAL.value,  # of every week, else none would be told
        "currency": found.currency,
        "baseline": BASELINE,
        "tonnes": {BASELINE: 0.0, CARBON: made.tonnes - made.usual_tonnes},
        "tonnes_low": {CARBON: found.band.low_kg / t},
        "tonnes_high": {CARBON: found.band.high_kg / t},
        "reduction_probability": {CARBON: found.band.reduction_probability},
        "net_cost": found.net_cost,
        "fed_mwh": {BASELINE: 0.0, CARBON: float(made.fed_kwh.sum()) / KWH_PER_MWH},
        "emitted_tonnes": {BASELINE: made.usual_tonnes, CARBON: made.tonnes},
        "bound_tonnes": made.bound_tonnes,
        "gap": found.gap,
        "slots": made.slots,
        "assets": found.assets,
        "sessions": made.sessions,
        "start_utc": found.grid.start_utc.isoformat(),
        "end_utc": found.grid.end_utc.isoformat(),
    }


def _fleet(found: StreamedResults) -> pl.DataFrame:
    """Powers of the whole fleet in each step."""
    made, step_h = found.made, found.grid.step_h
    times = pl.Series(found.grid.times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
    return pl.DataFrame(
        {
            "time_utc": times,
            "uncontrolled_kw": -made.usual_kwh / step_h,
            "drawn_kw": -made.drawn_kwh / step_h,
            "fed_kw": made.fed_kwh / step_h,
            "marginal_kg_per_mwh": found.factors.marginal,
        }
    )


def _months(
    config: Config,
    grid: TimeGrid,
    made: FleetCarbon,
    factor: Float[Array, " step"],
    losses: GridLosses,
    none: Float[Array, " step"],
) -> pl.DataFrame:
    """Each month of the local clock: energies, and tonnes of both."""
    local = pl.Series(grid.times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
    month = local.dt.convert_time_zone(config.horizon.time_zone).dt.strftime("%Y-%m")
    columns = {
        "uncontrolled_tonnes": caused_kg(made.usual_kwh, none, factor, losses) / KG_PER_TONNE,
        "tonnes": caused_kg(made.drawn_kwh, made.fed_kwh, factor, losses) / KG_PER_TONNE,
        "uncontrolled_mwh": made.usual_kwh / KWH_PER_MWH,
        "drawn_mwh": made.drawn_kwh / KWH_PER_MWH,
        "fed_mwh": made.fed_kwh / KWH_PER_MWH,
    }
    frame = pl.DataFrame({"month": month, **columns})
    return frame.group_by("month", maintain_order=True).agg(pl.col(name).sum() for name in columns)


def _notes(config: Config, found: StreamedResults) -> list[str]:
    """What a reader must know."""
    told = [
        "The baseline is the same vehicles without control, which charge at once and feed nothing. "
        f"Marginal factors: {found.factors.names['marginal']}.",
        "Vehicles share no limit, and each session is planned by itself with foresight of factors: "
        "only the whole fleet is told, on the consequential ledger. Prices of energy do not move "
        "the plan; net costs are energy at the prices of each step, without wear.",
    ]
    if config.uncertainty.errors_file is None:
        told.append(
            "The band assumes that factors of charging and of feeding are each wrong by up to "
            f"{config.uncertainty.factor_share:.0%}, independently: errors of these factors are "
            "not known."
        )
    return told
