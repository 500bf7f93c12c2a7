"""Forecasts of California's marginal rates, made every five minutes for the three hours after."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault, broken
from evergrid.core.timegrid import TimeGrid, span, stamp
from evergrid.core.units import KWH_PER_MWH
from evergrid.data.emissions.unit import kg_per_mwh
from evergrid.data.files.frames import Kind, load, source_columns
from evergrid.model.time_series.emission_factors import LARGEST_KG_PER_MWH, SMALLEST_KG_PER_MWH

LEADS = 36
LISTED = 3  # steps without a forecast that are named
STEP = np.timedelta64(5, "m")
SOURCE = "sgip_forecast"


@dataclass(frozen=True)
class ForecastFile:
    """Forecasts by when they were made.

    Attributes:
        made_utc: When each row was made, every five minutes.
        forecast_kg_per_mwh: For the first, second, ... five minutes after those that begin then.
    """

    made_utc: Shaped[Array, " row"]
    forecast_kg_per_mwh: Float[Array, "row lead"]

    def on(self, grid: TimeGrid) -> Float[Array, "step lead"]:
        """Forecasts made as each step begins, of the steps after it.

        Of longer steps the mean is taken of the five minutes in each that a forecast reaches.

        Raises:
            InputError: Steps that are no multiple of five minutes, or forecasts that do not cover
                the grid.
        """
        each = round(grid.step_h * 12.0)
        if abs(each - grid.step_h * 12.0) > 1e-9 or each < 1:
            rule = "be a whole number of times 5 min"
            raise InputError(SOURCE, [Fault("step_min", rule, (60.0 * grid.step_h,))])
        row = np.searchsorted(self.made_utc, grid.times)
        there = row < len(self.made_utc)
        there[there] = self.made_utc[row[there]] == grid.times[there]
        if not there.all():
            rule = f"cover the horizon {span(grid.start_utc, grid.end_utc)}"
            missing = grid.times[~there]
            rule += ": a forecast is made as each step begins"
            fix = (
                f"Give forecasts from the first step on, or a shorter horizon: {len(missing):,} of "
                f"{grid.steps:,} steps have none."
            )
            got = tuple(stamp(time) for time in missing[:LISTED])
            raise InputError(SOURCE, [Fault("time_utc", rule, got, fix=fix)])
        leads = (LEADS + 1) // each - 1  # whole steps after the one that begins
        # Lead 0 is the five minutes that begin; the step after them begins at lead ``each``.
        columns = [
            self.forecast_kg_per_mwh[row, each * (k + 1) - 1 : each * (k + 2) - 1].mean(axis=1)
            for k in range(leads)
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((grid.steps, 0))


def read(path: Path) -> ForecastFile:
    """The forecasts of a file with columns ``time_utc`` and ``f1`` to ``f36`` in kg/kWh.

    A row is stamped by when it was made: ``f12`` is of an hour later.

    Raises:
        InputError: Columns that are not there, cells that cannot be read, rows out of order.
    """
    names = [f"f{k}" for k in range(1, LEADS + 1)]
    kinds = {"time_utc": Kind.INSTANT} | dict.fromkeys(names, Kind.NUMBER)
    _check_leads(path, names)
    table = source_columns(path, kinds, source=SOURCE)
    made = table["time_utc"].values.astype("datetime64[us]")
    values = np.stack([table[name].values for name in names], axis=1)
    faults = []
    if not (np.diff(made) > np.timedelta64(0, "us")).all():
        faults.append(Fault("time_utc", "rise from row to row: when each forecast was made"))
    known = np.asarray(np.isfinite(values).all(axis=1))
    rule, fix = "be numbers", "Leave out rows of forecasts that were not made."
    faults += broken("f1 to f36", known, rule, values=made.astype(str), fix=fix)
    forecast = kg_per_mwh(values, "kg_per_kwh")
    most = float(np.nanmax(np.abs(forecast), initial=0.0))
    if most > LARGEST_KG_PER_MWH or 0.0 < most < SMALLEST_KG_PER_MWH:
        low, high = (kg / KWH_PER_MWH for kg in (SMALLEST_KG_PER_MWH, LARGEST_KG_PER_MWH))
        rule = f"be in kg/kWh: reach {low:g}, and at most {high:g} up or down"
        fix = "Values in kg/MWh are to be divided by 1000."
        faults.append(Fault("f1 to f36", rule, (most / KWH_PER_MWH,), fix=fix))
    if faults:
        raise InputError(SOURCE, faults)
    return ForecastFile(made, forecast)


def _check_leads(path: Path, names: list[str]) -> None:
    """Refuse a file without a column for every lead, in one sentence."""
    frame = load(path, ["time_utc"], source=SOURCE)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        rule = f"be columns, one for each five minutes of the next {LEADS // 12} hours"
        got = f"none of {missing[0]} to {missing[-1]}" if len(missing) > 1 else f"no {missing[0]}"
        fix = "Factors that came are no forecasts; those stand in [marginal]."
        raise InputError(SOURCE, [Fault("f1 to f36", rule, (got,), fix=fix)])
