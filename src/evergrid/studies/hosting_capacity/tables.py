"""The tables of a hosting capacity study."""

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from evergrid.grid.feeder import geojson
from evergrid.grid.hosting import hosting_curve
from evergrid.grid.hosting.hosting_capacity import KINDS
from evergrid.grid.limits.places import at_branches, at_windings
from evergrid.studies.hosting_capacity.compute import CaseFound, Found, place_name

QUANTILES = (0.05, 0.5, 0.95)


def results(found: Found) -> dict[str, pl.DataFrame]:
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


def _curve(found: Found, case: CaseFound) -> list[dict[str, Any]]:
    counts, curve = found.deployments.counts, case.curve
    rows = []
    for level, vehicles in enumerate(counts.tolist()):
        row = {
            "case": case.name,
            "vehicles": vehicles,
            "share": vehicles / counts[-1],
            "probability": curve.probability[level],
            "low": curve.low[level],
            "high": curve.high[level],
            "violated_customer_hours": float(case.judged.violated[level].mean()) * found.step_h,
            "curtailed_kwh": float(case.judged.curtailed_kwh[level].mean()),
            "ageing": float(case.judged.ageing[level].mean()),
        }
        rows.append(row | {_key(k): curve.by_kind[level, i] for i, k in enumerate(KINDS)})
    return rows


def _key(kind: str) -> str:
    return "p_" + kind.replace(" ", "_")


def capacity_rows(found: Found) -> list[dict[str, Any]]:
    """Vehicles that fit in 5, 50 and 95 % of the draws, with bands."""
    rows = []
    everybody = int(found.deployments.counts[-1])
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


def _draws(found: Found, case: CaseFound) -> list[dict[str, Any]]:
    fits = case.capacity
    return [
        {
            "case": case.name,
            "draw": draw,
            "vehicles": int(fits.vehicles[draw]),
            "limit": KINDS[fits.kind[draw]] if fits.kind[draw] >= 0 else "",
            "element": place_name(found, int(fits.kind[draw]), int(fits.where[draw])),
            "hour": float(fits.when[draw]) * found.step_h,
        }
        for draw in range(len(fits.vehicles))
    ]


STOPPERS = {"case": pl.String, "limit": pl.String, "element": pl.String, "share": pl.Float64}


def stopper_rows(found: Found) -> list[dict[str, Any]]:
    """What stops the next vehicles, and in what share of the draws; the most frequent first."""
    rows = []
    for case in found.cases.values():
        fits = case.capacity
        pairs = zip(fits.kind.tolist(), fits.where.tolist(), strict=True)
        counted = Counter(
            (KINDS[k], place_name(found, k, w, phase=False)) for k, w in pairs if k >= 0
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


def places(found: Found) -> pl.DataFrame:
    """Room at each place alone, in both directions, and what stops more."""
    branches, feeder = found.judge.case.branches, found.judge.case.feeder
    columns: dict[str, Any] = {
        "load": branches.name.astype(str),
        "bus": feeder.buses.name[feeder.nodes.bus[branches.node]].astype(str),
        "phase": [name.split(".", 1)[1] for name in at_branches(feeder, branches)],
    }
    for way, room in found.place.items():
        pairs = list(zip(room.kind.tolist(), room.where.tolist(), strict=True))
        columns[f"{way}_kw"] = room.power_kw
        columns[f"{way}_limit"] = [KINDS[k] if k >= 0 else "" for k, _ in pairs]
        columns[f"{way}_element"] = [place_name(found, k, w) for k, w in pairs]
    return pl.DataFrame(columns)


def _envelope(found: Found) -> pl.DataFrame:
    steps = found.judge.case.base_kw.shape[1]
    columns: dict[str, Any] = {"hour": np.arange(steps) * found.step_h}
    for way, room in found.envelope.items():
        pairs = list(zip(room.kind.tolist(), room.where.tolist(), strict=True))
        columns[f"{way}_kw"] = room.power_kw
        columns[f"{way}_limit"] = [KINDS[k] if k >= 0 else "" for k, _ in pairs]
        columns[f"{way}_element"] = [place_name(found, k, w) for k, w in pairs]
    return pl.DataFrame(columns)


BASE = {"limit": pl.String, "element": pl.String, "value": pl.Float64, "allowed": pl.Float64}


def base_rows(found: Found) -> list[dict[str, Any]]:
    """Limits that the feeder passes without any vehicle."""
    limits, base = found.judge.case.limits, found.judge.base
    passed = (
        (0, base.low_pu, limits.low_pu, -1.0),
        (1, base.high_pu, limits.high_pu, 1.0),
        (2, base.line, limits.line, 1.0),
        (3, base.instant, limits.transformer, 1.0),
        (4, base.mean, limits.transformer_mean, 1.0),
        (5, base.hot_c, limits.hot_spot_c, 1.0),
        (6, base.unbalance, limits.unbalance, 1.0),
    )
    return [
        {
            "limit": KINDS[kind],
            "element": place_name(found, kind, int(row)),
            "value": float(values[row]),
            "allowed": allowed,
        }
        for kind, values, allowed, sign in passed
        for row in np.flatnonzero(sign * (values - allowed) > 0)
    ]


def _transformers(found: Found) -> pl.DataFrame:
    """What transformers carry over the day without any vehicle: in their fullest phase, in all."""
    feeder, base, watched = found.judge.case.feeder, found.judge.base, found.judge.watched[0]
    owner = feeder.transformers.currents.element[watched.winding]
    order = np.lexsort((base.phase, owner))
    fullest = order[np.searchsorted(owner[order], np.arange(watched.totals), side="right") - 1]
    return pl.DataFrame(
        {
            "transformer": feeder.transformers.name.astype(str),
            "rating_kva": feeder.transformers.rating_kva,
            "fullest_phase": base.phase[fullest],
            "fullest_place": at_windings(feeder, watched.winding[fullest]).astype(str),
            "total": base.total,
        }
    )


def of_buses(found: Found, way: str) -> np.ndarray:
    """Least room of the places at each bus, kW; NaN at buses without any."""
    feeder = found.judge.case.feeder
    bus = feeder.nodes.bus[found.judge.case.branches.node]
    least = np.full(len(feeder.buses.name), np.inf)
    np.minimum.at(least, bus, found.place[way].power_kw)
    return np.where(np.isfinite(least), least, np.nan)


def map_text(found: Found) -> str:
    """The feeder as GeoJSON, with the room at each bus."""
    feeder = found.judge.case.feeder
    rooms = {f"{way}_kw": of_buses(found, way) for way in found.place}
    return geojson.text(feeder, rooms, {"rating_a": feeder.lines.rating_a})
