"""The tables of a hosting capacity study."""

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from evergrid.grid.feeder import geojson
from evergrid.grid.hosting import hosting_curve
from evergrid.grid.limits.kinds import Kind
from evergrid.grid.limits.places import at_branches, at_windings
from evergrid.studies.hosting_capacity.compute import CaseResults, HostingResults, place_name

QUANTILES = (0.05, 0.5, 0.95)


def results(found: HostingResults) -> dict[str, pl.DataFrame]:
    """Every table by file name without ending."""
    return {
        "curve": pl.DataFrame(
            [row for case in found.cases.values() for row in _curve(found, case)]
        ),
        "capacity": pl.DataFrame(capacity_rows(found)),
        "draws": pl.DataFrame(
            [row for case in found.cases.values() for row in _draws(found, case)]
        ),
        "stoppers": pl.DataFrame(stopper_rows(found), schema=STOPPERS),
        "places": places(found),
        "envelope": _envelope(found),
        "base_case": pl.DataFrame(base_rows(found), schema=BASE),
        "transformers": _transformers(found),
    }


def _curve(found: HostingResults, case: CaseResults) -> list[dict[str, Any]]:
    counts, curve = found.deployments.vehicles, case.curve
    rows = []
    for count, vehicles in enumerate(counts.tolist()):
        row = {
            "case": case.name,
            "vehicles": vehicles,
            "share": vehicles / counts[-1],
            "probability": curve.probability[count],
            "low": curve.low[count],
            "high": curve.high[count],
            "violated_customer_hours": float(case.results.voltage_violations[count].mean())
            * found.step_h,
            "curtailed_kwh": float(case.results.curtailed_kwh[count].mean()),
            "ageing": float(case.results.ageing[count].mean()),
        }
        rows.append(row | {_key(kind): curve.by_kind[count, kind] for kind in Kind})
    return rows


def _key(kind: Kind) -> str:
    return "p_" + kind.label.replace(" ", "_")


def capacity_rows(found: HostingResults) -> list[dict[str, Any]]:
    """Vehicles that fit in 5, 50 and 95 % of the draws, with bands."""
    rows = []
    everybody = int(found.deployments.vehicles[-1])
    for case in found.cases.values():
        for share in QUANTILES:
            middle, low, high = hosting_curve.quantile(case.capacity.vehicles, share)
            rows.append(
                {
                    "case": case.name,
                    "quantile": share,
                    "vehicles": middle,
                    "low": low,
                    "high": high,
                    "share": middle / everybody,
                }
            )
    return rows


def _draws(found: HostingResults, case: CaseResults) -> list[dict[str, Any]]:
    fits = case.capacity
    return [
        {
            "case": case.name,
            "draw": draw,
            "vehicles": int(fits.vehicles[draw]),
            "limit": _label(int(fits.kind[draw])),
            "element": place_name(found, int(fits.kind[draw]), int(fits.where[draw])),
            "hour": float(fits.when[draw]) * found.step_h,
        }
        for draw in range(len(fits.vehicles))
    ]


STOPPERS = {"case": pl.String, "limit": pl.String, "element": pl.String, "share": pl.Float64}


def stopper_rows(found: HostingResults) -> list[dict[str, Any]]:
    """What stops the next vehicles, and in what share of the draws; the most frequent first."""
    rows = []
    for case in found.cases.values():
        fits = case.capacity
        pairs = zip(fits.kind.tolist(), fits.where.tolist(), strict=True)
        counted = Counter(
            (_label(k), place_name(found, k, w, phase=False)) for k, w in pairs if k >= 0
        )
        for (limit, element), count in counted.most_common():
            rows.append(
                {
                    "case": case.name,
                    "limit": limit,
                    "element": element,
                    "share": count / len(fits.vehicles),
                }
            )
    return rows


def places(found: HostingResults) -> pl.DataFrame:
    """Headroom of each place alone, in both directions, and what stops more."""
    branches, feeder = found.limits.case.branches, found.limits.case.feeder
    columns: dict[str, Any] = {
        "load": branches.name.astype(str),
        "bus": feeder.buses.name[feeder.nodes.bus[branches.node]].astype(str),
        "phase": [name.split(".", 1)[1] for name in at_branches(feeder, branches)],
    }
    for way, headroom in found.place.items():
        pairs = list(zip(headroom.kind.tolist(), headroom.where.tolist(), strict=True))
        columns[f"{way}_kw"] = headroom.power_kw
        columns[f"{way}_limit"] = [_label(k) for k, _ in pairs]
        columns[f"{way}_element"] = [place_name(found, k, w) for k, w in pairs]
    return pl.DataFrame(columns)


def _envelope(found: HostingResults) -> pl.DataFrame:
    steps = found.limits.case.base_kw.shape[1]
    columns: dict[str, Any] = {"hour": np.arange(steps) * found.step_h}
    for way, headroom in found.envelope.items():
        pairs = list(zip(headroom.kind.tolist(), headroom.where.tolist(), strict=True))
        columns[f"{way}_kw"] = headroom.power_kw
        columns[f"{way}_limit"] = [_label(k) for k, _ in pairs]
        columns[f"{way}_element"] = [place_name(found, k, w) for k, w in pairs]
    return pl.DataFrame(columns)


BASE = {"limit": pl.String, "element": pl.String, "value": pl.Float64, "allowed": pl.Float64}


def base_rows(found: HostingResults) -> list[dict[str, Any]]:
    """Limits that the feeder violates without any vehicle."""
    rows, base = found.limits.rows, found.limits.base.value
    return [
        {
            "limit": _label(int(rows.kind[row])),
            "element": str(rows.name[row]),
            "value": float(rows.sign[row] * base[row]),
            "allowed": float(rows.sign[row] * rows.limit[row]),
        }
        for row in np.flatnonzero(base > rows.limit)
    ]


def _label(kind: int) -> str:
    """What a kind of limit is called; empty for none."""
    return Kind(kind).label if kind >= 0 else ""


def _transformers(found: HostingResults) -> pl.DataFrame:
    """What transformers carry over the day without any vehicle: in their fullest phase, in all."""
    case, evaluator = found.limits.case, found.limits.evaluator
    power = (case.base_kw.T, case.base_kvar.T)
    loads = evaluator.transformer_loads(found.limits.base_steps, *power)
    phase, total = (load.max(axis=0, initial=0.0) for load in (loads.phase, loads.total))
    feeder, monitored = case.feeder, evaluator.monitored[0]
    owner = feeder.transformers.currents.element[monitored.winding]
    order = np.lexsort((phase, owner))
    fullest = order[np.searchsorted(owner[order], np.arange(monitored.totals), side="right") - 1]
    return pl.DataFrame(
        {
            "transformer": feeder.transformers.name.astype(str),
            "rating_kva": feeder.transformers.rating_kva,
            "fullest_phase": phase[fullest],
            "fullest_place": at_windings(feeder, monitored.winding[fullest]).astype(str),
            "total": total,
        }
    )


def of_buses(found: HostingResults, way: str) -> np.ndarray:
    """Least headroom of the places at each bus, kW; NaN at buses without any."""
    feeder = found.limits.case.feeder
    bus = feeder.nodes.bus[found.limits.case.branches.node]
    least = np.full(len(feeder.buses.name), np.inf)
    np.minimum.at(least, bus, found.place[way].power_kw)
    return np.where(np.isfinite(least), least, np.nan)


def map_text(found: HostingResults) -> str:
    """The feeder as GeoJSON, with the headroom of each bus."""
    feeder = found.limits.case.feeder
    headrooms = {f"{way}_kw": of_buses(found, way) for way in found.place}
    return geojson.text(feeder, headrooms, {"rating_a": feeder.lines.rating_a})
