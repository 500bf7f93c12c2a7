"""The tables of volt/VAR: what every device did under every way of control, and the voltages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.grid.devices.time_series import Series
from evergrid.grid.feeder import geojson as geo
from evergrid.grid.feeder.feeder import Feeder
from evergrid.studies.volt_var.results import VoltVarResults

UNCONTROLLED = ("none", "unity")


def results(found: VoltVarResults, modes: Sequence[str], step_h: float) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    feeder, series = found.feeder, found.series
    hour = np.arange(1, len(found.fleet_kw) + 1) * step_h
    return {
        "operations": operations(feeder, modes, series),
        "voltages": voltages(modes, hour, series, found.fleet_kw),
        "taps": taps(feeder, modes, hour, series),
    }


def operations(feeder: Feeder, modes: Sequence[str], series: Series) -> pl.DataFrame:
    """Operations of each device under each mode."""
    rows = []
    for m, mode in enumerate(modes):
        for g, regulator in enumerate(feeder.regulators):
            path = series.tap[m, g]
            count = int(series.tap_operations[m, g])
            rows.append((mode, regulator.name, "tap", count, int(path.min()), int(path.max())))
        for b, bank in enumerate(feeder.capacitors):
            path = series.connected[m, b]
            count = int(series.bank_operations[m, b])
            rows.append((mode, bank.name, "bank", count, int(path.min()), int(path.max())))
    columns = ["mode", "device", "kind", "operations", "lowest", "highest"]
    kinds = [pl.String, pl.String, pl.String, pl.Int64, pl.Int64, pl.Int64]
    return pl.DataFrame(rows, schema=list(zip(columns, kinds, strict=True)), orient="row")


def voltages(
    modes: Sequence[str],
    hour: Float[Array, " step"],
    series: Series,
    fleet_kw: Float[Array, " step"],
) -> pl.DataFrame:
    """Voltages, losses and powers of each step under each mode."""
    count = len(modes)
    present = np.repeat([mode != "none" for mode in modes], len(hour))
    return pl.DataFrame(
        {
            "mode": np.repeat(list(modes), len(hour)),
            "hour": np.tile(hour, count),
            "low_pu": series.low_pu.ravel(),
            "high_pu": series.high_pu.ravel(),
            "loss_kw": series.loss_kw.ravel(),
            "source_kw": series.source_kw.ravel(),
            "fleet_kw": np.where(present, np.tile(fleet_kw, count), 0.0),
            "fleet_kvar": series.inverter_kvar.ravel(),
            "curtailed_kw": series.curtailed_kw.ravel(),
            "settled": series.settled.ravel(),
        }
    )


def taps(
    feeder: Feeder, modes: Sequence[str], hour: Float[Array, " step"], series: Series
) -> pl.DataFrame:
    """Position of each device at the beginning and from each change on; a bank's is 0 or 1."""
    taps_at_first = zip(feeder.regulators, series.start.tap, strict=True)
    begin = [(regulator.name, round(tap)) for regulator, tap in taps_at_first]
    begin += [
        (bank.name, int(on))
        for bank, on in zip(feeder.capacitors, series.start.connected, strict=True)
    ]
    parts: list[tuple[str, str, Array, Array]] = []
    for m, mode in enumerate(modes):
        paths = np.concatenate([series.tap[m], series.connected[m].astype(np.int8)])
        for (name, first), path in zip(begin, paths, strict=True):
            whole = np.concatenate([[first], path])
            changed = np.flatnonzero(np.diff(whole, prepend=first - 1))
            parts.append((mode, name, np.concatenate([[0.0], hour])[changed], whole[changed]))
    repeat = [len(part[2]) for part in parts]
    return pl.DataFrame(
        {
            "mode": np.repeat([part[0] for part in parts], repeat),
            "device": np.repeat([part[1] for part in parts], repeat),
            "hour": np.concatenate([part[2] for part in parts] or [np.zeros(0)]),
            "position": np.concatenate([part[3] for part in parts] or [np.zeros(0, np.int64)]),
        }
    )


def by_mode(
    feeder: Feeder,
    modes: Sequence[str],
    series: Series,
    limits_pu: tuple[float, float],
    step_h: float,
) -> list[dict[str, Any]]:
    """Headline numbers of each mode."""
    names = [regulator.name for regulator in feeder.regulators]
    rows = []
    for m, mode in enumerate(modes):
        fine = series.settled[m]
        per_tap = series.tap_operations[m]
        out = (series.low_pu[m] < limits_pu[0]) | (series.high_pu[m] > limits_pu[1])
        rows.append(
            {
                "mode": mode,
                "tap_operations": int(per_tap.sum()),
                "bank_operations": int(series.bank_operations[m].sum()),
                "busiest": names[int(np.argmax(per_tap))] if names else "",
                "busiest_operations": int(per_tap.max()) if names else 0,
                "low_pu": _number(series.low_pu[m][fine], np.min),
                "high_pu": _number(series.high_pu[m][fine], np.max),
                "outside_share": _number(out[fine].astype(float), np.mean),
                "loss_kwh": _number(series.loss_kw[m][fine] * step_h, np.sum),
                "fleet_kvarh": float(np.abs(series.inverter_kvar[m]).sum() * step_h),
                "curtailed_kwh": float(np.abs(series.curtailed_kw[m]).sum() * step_h),
                "unsettled_steps": int((~fine).sum()),
            }
        )
    return rows


def _number(values: Array, of: Any) -> float | None:
    """A number of some values; None where there is none."""
    found = float(of(values)) if len(values) else np.nan
    return found if np.isfinite(found) else None


def answer(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What decides the study's question: operations without V2G, as usual, and at best.

    As usual is unity power factor. The best control is the one with reactive power that moves
    taps the least, then switches banks the least, then leaves the voltage limits the least.
    Counts of a mode with steps in which no voltages were found are too low, as its controls stood
    still there: it is the best only where all modes with reactive power have such steps.
    Changes are shares of the count they are compared with; None where that is zero or missing.
    """
    by_mode = {row["mode"]: row for row in rows}
    tried = [row for row in rows if row["mode"] not in UNCONTROLLED]
    tried = [row for row in tried if not row["unsettled_steps"]] or tried
    best = min(tried, key=_wear, default=None)
    without, usual = by_mode.get("none"), by_mode.get("unity")
    return {
        "best_mode": None if best is None else best["mode"],
        "usual_against_none": _change(usual, without),
        "best_against_none": _change(best, without),
        "best_against_usual": _change(best, usual),
    }


def _wear(row: dict[str, Any]) -> tuple[int, int, float]:
    return row["tap_operations"], row["bank_operations"], row["outside_share"] or 0.0


def _change(row: dict[str, Any] | None, of: dict[str, Any] | None) -> float | None:
    """How many more taps a mode moves than another one, as a share of that."""
    if row is None or of is None or of["tap_operations"] == 0:
        return None
    return row["tap_operations"] / of["tap_operations"] - 1.0


def of_bus(feeder: Feeder, values: Float[Array, " branch"], highest: bool) -> Float[Array, " bus"]:
    """The highest or lowest value of the branches at each bus; NaN at buses without any."""
    bus = feeder.nodes.bus[feeder.branches.node]
    found = np.full(len(feeder.buses.name), -np.inf if highest else np.inf)
    (np.maximum if highest else np.minimum).at(found, bus, values)
    return np.where(np.isfinite(found), found, np.nan)


def geojson(feeder: Feeder, modes: Sequence[str], series: Series) -> str:
    """Buses with their lowest and highest voltage under each mode, as GeoJSON."""
    columns = {}
    for m, mode in enumerate(modes):
        columns[f"{mode}_low_pu"] = of_bus(feeder, series.lowest_pu[m], False)
        columns[f"{mode}_high_pu"] = of_bus(feeder, series.highest_pu[m], True)
    return geo.text(feeder, columns)
